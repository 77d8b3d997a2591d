/**
 * A simulation's report as one HTML file that needs nothing else, in the design of the training report.
 * @module
 */
import {
  type Content,
  countOf,
  duration,
  html,
  lowerIsBetter,
  type Markup,
  renderPage,
  shownMetric,
  size,
  whole,
} from '../../src/reports/index.ts';
import { renderPrivacy } from '../privacy/report/section.ts';
import type { SimulationResult } from '../result.ts';
import { CURVE_STYLES } from './lines.ts';
import { renderChecks, renderConvergence, renderFaults, renderRepeat, renderSites, renderTime } from './sections.ts';

/** A further section: rows are cells, text or markup that is safe already. */
export interface ExtraSection {
  readonly title: string;
  readonly rows: readonly (readonly Content[])[];
}

/** Colours and dashes of curves; bars of faults. */
const MORE_STYLE = `
:root{--c0:#0a6b68;--c1:#b0501a;--c2:#5348a8;--c3:#7d5800;--c4:#a32020;--c5:#3d5a80}
@media screen and (prefers-color-scheme:dark){:root{--c0:#54c7bf;--c1:#f2a56c;--c2:#b3abf5;--c3:#ecc46a;--c4:#ff9a90;--c5:#98c1f0}}
${Array.from({ length: CURVE_STYLES }, (_, i) => `svg .line.c${i}{stroke:var(--c${i})}svg .end.c${i}{fill:var(--c${i})}svg .only.c${i}{fill:var(--c${i})}`).join('\n')}
svg .line.c1{stroke-dasharray:8 4}svg .line.c2{stroke-dasharray:2 4}svg .line.c3{stroke-dasharray:10 3 2 3}svg .line.c4{stroke-dasharray:5 3}svg .line.c5{stroke-dasharray:1 3}
svg .level{stroke:var(--strong);stroke-dasharray:3 5}svg text.end.level{stroke:none;fill:var(--muted);font-weight:400}
svg rect.fault{fill:var(--warn)}svg rect.fault.final{fill:var(--bad)}svg text.fault{fill:var(--muted);font-size:12px}
.failed>*,td.failed{background:var(--bad-soft)}
`;

/** report.html. All text of the scenario is escaped. @param extra - Shown before the last section. */
export function renderSimulation(result: SimulationResult, extra: readonly ExtraSection[] = []): string {
  const sections: readonly (readonly [id: string, title: string, content: Content])[] = [
    ['checks', 'What had to hold', renderChecks(result)],
    ...(result.privacy ? [['privacy', 'What attackers can tell', renderPrivacy(result.privacy)] as const] : []),
    ['convergence', 'How training went', renderConvergence(result)],
    ['sites', 'Site by site', renderSites(result)],
    ['faults', 'What went wrong on purpose', renderFaults(result)],
    ['time', 'Time and traffic', renderTime(result)],
    ...extra.map(({ title, rows }, i) => [`extra-${i}`, title, renderRows(rows)] as const),
    ['repeat', 'To do it again', renderRepeat(result)],
  ];
  return renderPage({
    title: `${result.scenario} – simulation report`,
    header: renderHead(result),
    sections,
    footer: html`<p>A simulation: made-up sites on one machine. Nothing in it says how a model does on patients.</p>`,
    style: MORE_STYLE,
  });
}

function renderHead(result: SimulationResult): Markup {
  const { scenario, seed, transport, training, metric, variants, baselines, privacy, passed } = result;
  const checks = [...variants, ...(privacy ? [privacy] : [])].flatMap((one) => one.checks);
  const failed = checks.filter((check) => !check.passed).length;
  const pods = variants[0]?.pods.length ?? 0;
  const lost = variants.reduce((sum, { roundsLost }) => sum + roundsLost, 0);
  const faults = variants.flatMap((variant) => variant.faults.filter(({ what }) => what === 'begins')).length;
  const best = variants
    .flatMap(({ name, metrics }) =>
      metrics[metric]?.value === undefined ? [] : [{ name, value: metrics[metric].value }],
    )
    .sort((a, b) => ((b.value ?? 0) - (a.value ?? 0)) * (lowerIsBetter(metric) ? -1 : 1))[0];
  const tile = (label: string, figure: string, more: string): Markup =>
    html`<li><span class="name">${label}</span><span class="figure">${figure}</span><span class="more">${more}</span></li>\n`;
  const real = variants.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  const simulated = variants.reduce((sum, { seconds }) => sum + seconds, 0);
  const sent = variants.reduce((sum, one) => sum + one.pods.reduce((n, pod) => n + pod.sentBytes, 0), 0);
  return html`<header>
<p class="eyebrow"><b>${scenario}</b><span>Simulation report</span><span>seed ${seed}</span>
<span class="badge ${passed ? 'good' : 'bad'}">${passed ? '✓ As expected' : `✕ ${countOf(failed, 'check')} failed`}</span></p>
<h1>${passed ? 'Everything went as the scenario says it must.' : `${countOf(failed, 'check')} of ${whole(checks.length)} did not hold.`}</h1>
<p class="lede">${countOf(pods, 'simulated site')}, ${countOf(variants.length, 'variant')}${faults > 0 && `, ${countOf(faults, 'fault')}`}. ${
    transport === 'memory'
      ? 'All parties were the real programs in one process, on a clock that does not wait.'
      : 'All parties were processes of their own, over a real broker.'
  }</p>
${training === 'synthetic' && html`<p class="note"><strong>Nothing was trained.</strong> Sites sent seeded pseudo-updates; losses and metrics mean nothing here. Messages, sums, time and traffic are real.</p>`}
<ul class="tiles" aria-label="Key figures">
${tile('Checks passed', `${checks.length - failed} of ${checks.length}`, 'over all variants')}${tile(
  `Best ${metric}`,
  shownMetric(metric, best?.value),
  best ? best.name : 'not measured',
)}${
  baselines
    ? tile('All rows in one place', shownMetric(metric, baselines.pooled[metric]), `${metric}, without a federation`)
    : tile('Rounds lost', whole(lost), 'shares released, no sum')
}${tile(
  transport === 'memory' ? 'Simulated time' : 'Time',
  duration(simulated),
  `${duration(real)} on this machine`,
)}${tile('Sent by sites', size(sent), `in ${countOf(variants.length, 'run')}`)}</ul>
</header>`;
}

function renderRows(rows: ExtraSection['rows']): Content {
  if (rows.length === 0) return html`<p>Nothing to show.</p>`;
  const [head, ...body] = rows;
  return html`<div class="scroll"><table><thead><tr>${head!.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${body.map((cells) => html`<tr>${cells.map((cell, i) => (i === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}</tr>\n`)}</tbody></table></div>`;
}
