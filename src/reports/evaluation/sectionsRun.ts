/**
 * Sections on the run: the rows of each hospital, who was asked, what left, and how to check the page.
 * @module
 */
import { type Content, html, type Markup, shorten } from '../markup.ts';
import { countOf, duration, NOTHING, size, whole } from '../numbers.ts';
import { renderWhatLeft, STATES } from '../sectionsExchange.ts';
import type { EvaluatedPod, EvaluationResult, SiteData } from './record.ts';

const withheld: Markup = html`<span class="withheld">withheld</span>`;

/** Rows of each split and missing values, as far as guards let them be shown. */
export function renderData({ data }: EvaluationResult): Content {
  if (data.length === 0) return html`<p>No hospital described its rows.</p>`;
  return html`<div class="scroll"><table><caption>Rows of each hospital before the evaluation, as it describes them. The models were tested on one of these parts alone.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col" class="number">Training</th><th scope="col" class="number">Validation</th><th scope="col" class="number">Test</th>
<th scope="col" class="number">Without target</th><th scope="col">Missing values, by column</th></tr></thead>
<tbody>${data.map(
    ({ site, splits, missingTarget, missing }) => html`<tr><th scope="row">${site}</th>
${splits ? [splits.train, splits.validation, splits.test].map((rows) => html`<td class="number">${whole(rows)}</td>`) : html`<td colspan="3" class="number">${withheld} by its policy</td>`}
<td class="number">${missingTarget === undefined || missingTarget === null ? withheld : whole(missingTarget)}</td><td>${missingText(missing)}</td></tr>\n`,
  )}</tbody></table></div>`;
}

function missingText(missing: SiteData['missing']): Content {
  if (missing === undefined) return html`${withheld} by its policy`;
  const columns = Object.entries(missing);
  if (columns.length === 0) return 'none';
  return columns.map(
    ([name, rows], i) => html`${i > 0 && ', '}${name} ${rows === null ? html`${withheld} (too few)` : whole(rows)}`,
  );
}

/** Everybody that was asked, with what its policy allowed or why it did not answer. */
export function renderAsked({ cohort }: EvaluationResult): Content {
  if (cohort.length === 0) return html`<p>Nobody was asked.</p>`;
  return html`<div class="scroll"><table><caption>Each hospital decides by its own policy; a task can narrow what it allows, never widen it.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">Dataset</th><th scope="col">To the end?</th><th scope="col">What it allowed, or its reason</th></tr></thead>
<tbody>${cohort.map(
    (pod) =>
      html`<tr><th scope="row">${pod.name}</th><td>${pod.dataset || NOTHING}</td><td>${STATES[pod.state]}</td><td>${decision(pod)}</td></tr>\n`,
  )}</tbody></table></div>`;
}

function decision({ policy, reason }: EvaluatedPod): string {
  const allowed =
    policy &&
    `${policy.results === 'site' ? 'its own figures, and its part of the sum' : 'its part of the sum alone'}; nothing of fewer than ${countOf(policy.minimumRows, 'row')}, or ${countOf(policy.minimumClassRows, 'row')} of a class`;
  return [allowed, reason].filter((part) => part !== undefined).join('; ') || 'no reason given';
}

/** What each hospital sent, as in the report of a training. */
export function renderLeft({ whatLeft, cohort, status }: EvaluationResult): Content {
  if (whatLeft.length === 0 && cohort.every(({ sentBytes }) => sentBytes === 0))
    return html`<p>Nothing left any hospital.</p>`;
  return renderWhatLeft({ privacy: { whatLeft }, model: { float32Bytes: 0 }, cohort, status });
}

/** Hashes, signatures, and how anybody can check them. */
export function renderIntegrity(result: EvaluationResult): Content {
  const { models, taskSha256, answers, cohort, machine, konsil, run, startedAt, seconds } = result;
  const facts: readonly (readonly [string, Content])[] = [
    ['Run', html`<code>${run}</code>`],
    ['Started', html`<code>${startedAt}</code>, took ${duration(seconds)}`],
    ['Task SHA-256', html`<code>${taskSha256}</code>`],
    ...models.map(
      ({ name, reference, kind, bytes, sha256 }) =>
        [
          name,
          html`<code>${reference}</code>, ${kind === 'onnx' ? 'ONNX' : 'TensorFlow.js'}, ${size(bytes)}, SHA-256 <code>${sha256}</code>`,
        ] as const,
    ),
    ['Software', html`Konsil ${konsil}, Node ${machine.node}, on ${machine.platform} with ${machine.cores} CPU cores`],
  ];
  return html`<p>The record that this page shows is inside it, and in <code>evaluation.json</code> next to it. <code>konsil verify report FILE</code>
checks either: that the record is whole, that each answer is what its hospital signed, and that the figures are those of the answers. Compare
the fingerprints below with what the hospitals say by another way.</p>
<div class="scroll"><table><caption>What was evaluated. A hash tells whether a file is the very one that the hospitals got.</caption>
<tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`)}</tbody></table></div>
<div class="scroll"><table><caption>Fingerprints of the hospitals’ keys.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">Fingerprint</th></tr></thead>
<tbody>${cohort.map(({ name, fingerprint }) => html`<tr><th scope="row">${name}</th><td><code>${fingerprint}</code></td></tr>\n`)}</tbody></table></div>
${answers.length === 0 ? html`<p>No hospital signed an answer.</p>` : signatures(result)}`;
}

function signatures({ answers, models }: EvaluationResult): Markup {
  return html`<div class="scroll"><table><caption>Signed answers. Where an answer went into a sum only, its hash was signed but its text is not in the record.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">Model</th><th scope="col">Answer</th><th scope="col">Signature</th></tr></thead>
<tbody>${answers.map(
    ({ pod, model, answer, signature }) =>
      html`<tr><th scope="row">${pod}</th><td>${models[model]?.name ?? NOTHING}</td><td>${answer === undefined ? 'in the sum only' : 'in the record'}</td><td><code>${shorten(signature, 24)}</code></td></tr>\n`,
  )}</tbody></table></div>`;
}
