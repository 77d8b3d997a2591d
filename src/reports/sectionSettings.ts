/**
 * The section that lets somebody else check and repeat the run.
 * @module
 */
import { type Content, html } from './markup.ts';
import { duration, NOTHING, size, whole } from './numbers.ts';
import type { RunResult } from './result.ts';

/** Settings, hashes, versions and the hospitals' fingerprints. */
export function renderSettings(result: RunResult): Content {
  const { model, machine, training } = result;
  const rows: readonly (readonly [string, Content])[] = [
    ['Run', html`<code>${result.run}</code>`],
    ['Started', html`<code>${result.startedAt}</code>, took ${duration(result.seconds)}`],
    ['Model', html`${model.source || NOTHING}, ${whole(model.parameters)} parameters, ${size(model.float32Bytes)}`],
    ['Model file', model.file === null ? 'none' : html`<code>${model.file}</code>`],
    ['Model SHA-256', model.sha256 === null ? 'none' : html`<code>${model.sha256}</code>`],
    ...Object.entries(training).map(([name, value]) => [sentenceCase(name), String(value)] as const),
    ['Software', html`Konsil ${result.konsil}, Node ${machine.node}`],
    [
      result.mode === 'local' ? 'Machine' : 'Coordinator’s machine',
      html`${machine.platform}, ${machine.cores} CPU cores`,
    ],
  ];
  return html`<div class="scroll"><table><caption>Settings of the run. With the same data, settings and seed it can be repeated; the hash
tells whether a model file is the one of this run.</caption>
<tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`)}</tbody></table></div>
${result.mode !== 'local' && renderFingerprints(result)}
<p class="muted">The same facts for machines: <code>result.json</code>, next to this file.</p>`;
}

function renderFingerprints(result: RunResult): Content {
  return html`<div class="scroll"><table><caption>Fingerprints of the hospitals’ keys, to be compared with what each hospital says by another way.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">Fingerprint</th></tr></thead>
<tbody>${result.cohort.map(({ name, fingerprint }) => html`<tr><th scope="row">${name}</th><td><code>${fingerprint}</code></td></tr>\n`)}</tbody></table></div>`;
}

function sentenceCase(name: string): string {
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
}
