/**
 * The report's sections, each from a result to HTML. A section that has nothing to say says so.
 * @module
 */
import type { Metrics } from '../metrics/index.ts';
import { forestPlot } from './forest.ts';
import { bytesText, durationText, escapeHtml, intervalText, metricText, numberWord } from './format.ts';
import type { RunResult } from './result.ts';
import { MAIN_METRIC } from './text.ts';

/** What the run comes to, in one or two sentences without jargon. */
export function verdict(result: RunResult): string {
  const { status, reason, mode, cohort, pooled, problem } = result;
  if (status === 'aborted') return `The run ended early: ${escapeHtml(reason ?? 'no reason was recorded')}.`;
  const took = cohort.filter(({ state }) => state === 'finished').length;
  const who = `${numberWord(took)} ${took === 1 ? 'hospital' : 'hospitals'} trained one model together without sharing a row`;
  const metric = MAIN_METRIC[problem.kind];
  const main = pooled?.[metric];
  const value = main && main.value !== null ? main : null;
  const how = mode === 'plain' ? ', each showing its updates to the coordinator' : '';
  if (!value) return `${who}${how}.`;
  const interval = intervalText(value.low, value.high);
  return `${who}${how}. On held-out patients of all sites it reaches a ${escapeHtml(metric)} of ${metricText(value.value)}${interval ? ` (95 % interval ${interval})` : ''}.`;
}

/** The figures people look for first. */
export function tiles(result: RunResult): string {
  const { rounds, cohort, model, seconds, pooled, problem } = result;
  const metric = MAIN_METRIC[problem.kind];
  const main = pooled?.[metric];
  const last = rounds.at(-1);
  const sent = cohort.reduce((n, pod) => n + pod.sentBytes, 0);
  const tile = (name: string, value: string, more = ''): string =>
    `<div class="tile"><dt>${name}</dt><dd>${value}${more ? `<small>${more}</small>` : ''}</dd></div>`;
  return `<dl class="tiles">
${tile(escapeHtml(metric), metricText(main?.value), main ? intervalText(main.low, main.high) : 'not measured')}
${tile('Hospitals', `${cohort.filter(({ state }) => state === 'finished').length} of ${cohort.length}`, 'took part to the end')}
${tile('Rounds', String(rounds.length), `in ${durationText(seconds)}`)}
${tile('Training rows', last ? String(last.trainingRows) : '–', 'in the last round')}
${tile('Model', `${model.parameters}`, `parameters, ${bytesText(model.float32Bytes)}`)}
${tile('Sent by the sites', bytesText(sent), 'in all, encrypted')}
</dl>`;
}

/** Pooled metrics with intervals. */
export function pooledTable({ pooled }: RunResult): string {
  if (!pooled) return '<p>The model was not evaluated.</p>';
  const rows = Object.entries(pooled).map(
    ([name, { value, low, high, note }]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th><td class="n">${metricText(value)}</td><td class="n">${intervalText(low, high) || '–'}</td><td class="note">${escapeHtml(note ?? '')}</td></tr>`,
  );
  return `<div class="scroll"><table><caption>The final model on the test rows of all sites together</caption>
<thead><tr><th scope="col">Metric</th><th scope="col" class="n">Value</th><th scope="col" class="n">95 % interval</th><th scope="col">Note</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

/** Each hospital, next to what it would have had alone. */
export function siteSection(result: RunResult): string {
  const { sites, comparison, problem } = result;
  const metric = MAIN_METRIC[problem.kind];
  if (sites.length === 0 && !comparison)
    return "<p>No site's policy shows its own metrics, so there are only the pooled ones.</p>";
  const alone = new Map(comparison?.sitesAlone.map((site) => [site.name, site]));
  const bySite = new Map<string, Metrics>(comparison?.federatedBySite.map((site) => [site.name, site.metrics]));
  for (const site of sites) bySite.set(site.name, site.metrics);
  const rowsOf = new Map(sites.map(({ name, rows }) => [name, rows]));
  const names = [...bySite.keys()].sort();
  const plot = comparison
    ? forestPlot(
        metric,
        names.map((label) => ({
          label,
          federated: comparison.federatedAllTest[metric] ?? null,
          alone: alone.get(label)?.allTest[metric] ?? null,
        })),
        comparison.pooledTraining.metrics[metric] ?? null,
      )
    : '';
  const seen = Object.keys(bySite.get(names[0] ?? '') ?? {});
  const metrics = [
    ...Object.keys(result.pooled ?? {}).filter((name) => seen.includes(name)),
    ...seen.filter((name) => !(name in (result.pooled ?? {}))),
  ];
  const table = `<div class="scroll"><table><caption>The federated model on each hospital's own test rows</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col" class="n">Test rows</th>${metrics.map((name) => `<th scope="col" class="n">${escapeHtml(name)}</th>`).join('')}${comparison ? `<th scope="col" class="n">Alone, ${escapeHtml(metric)}</th>` : ''}</tr></thead>
<tbody>${names
    .map(
      (name) =>
        `<tr><th scope="row">${escapeHtml(name)}</th><td class="n">${rowsOf.get(name) ?? '–'}</td>${metrics.map((m) => `<td class="n">${metricText(bySite.get(name)?.[m])}</td>`).join('')}${comparison ? `<td class="n">${metricText(alone.get(name)?.ownTest[metric])}</td>` : ''}</tr>`,
    )
    .join('\n')}</tbody></table></div>
<p class="note">A small site's own figure moves a lot by chance: compare hospitals by the rows behind them.</p>`;
  if (!comparison) return table;
  const line = (label: string, value: number | null | undefined): string =>
    `<tr><th scope="row">${label}</th><td class="n">${metricText(value)}</td></tr>`;
  return `<p>${escapeHtml(metric)} on the test rows of <em>all</em> hospitals, for the federated model, for the model each hospital would have trained alone, and for one trained on all rows pooled.</p>
${plot}
<div class="scroll"><table><caption>${escapeHtml(metric)} on the test rows of all hospitals</caption><tbody>
${line('Federated', comparison.federatedAllTest[metric])}
${line('All data pooled', comparison.pooledTraining.metrics[metric])}
${comparison.sitesAlone.map(({ name, allTest }) => line(`${escapeHtml(name)} alone`, allTest[metric])).join('\n')}
</tbody></table></div>
<p class="note">${escapeHtml(comparison.note)}</p>
${table}`;
}

/** What went out of each hospital. */
export function trafficSection({ privacy, cohort, model }: RunResult): string {
  return `<p>No row of data left any site. The whole model as plain numbers is ${bytesText(model.float32Bytes)}; for comparison:</p>
<div class="scroll"><table><caption>What each hospital sent, besides small protocol messages</caption>
<thead><tr><th scope="col">What</th><th scope="col" class="n">Size</th><th scope="col">Who can read it</th></tr></thead>
<tbody>${privacy.whatLeft.map(({ what, bytes, visibleTo }) => `<tr><td>${escapeHtml(what)}</td><td class="n">${bytes > 0 ? bytesText(bytes) : '–'}</td><td>${escapeHtml(visibleTo)}</td></tr>`).join('\n')}</tbody></table></div>
<div class="scroll"><table><caption>All bytes over the broker, encryption and receipts included</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col" class="n">Sent</th><th scope="col" class="n">Received</th></tr></thead>
<tbody>${cohort.map(({ name, sentBytes, receivedBytes }) => `<tr><th scope="row">${escapeHtml(name)}</th><td class="n">${bytesText(sentBytes)}</td><td class="n">${bytesText(receivedBytes)}</td></tr>`).join('\n')}</tbody></table></div>`;
}

/** Who was lost, when and why. */
export function dropoutSection({ rounds, cohort }: RunResult): string {
  const drops = rounds.flatMap(({ round, dropped }) => dropped.map((drop) => ({ round, ...drop })));
  const out = cohort.filter(({ state }) => state !== 'finished');
  if (drops.length === 0 && out.length === 0) return '<p>Nobody: every hospital took part in every round.</p>';
  const dropRows = drops.map(
    ({ round, pod, phase, reason }) =>
      `<tr><th scope="row">${escapeHtml(pod)}</th><td class="n">${round}</td><td>${escapeHtml(phase)}</td><td>${escapeHtml(reason)}</td></tr>`,
  );
  const table =
    drops.length === 0
      ? ''
      : `<div class="scroll"><table><caption>Drop-outs by round; the sum of a round is over the hospitals that stayed</caption><thead><tr><th scope="col">Hospital</th><th scope="col" class="n">Round</th><th scope="col">During</th><th scope="col">Why</th></tr></thead><tbody>${dropRows.join('\n')}</tbody></table></div>`;
  const rest = out.map(
    ({ name, state, reason }) => `<li>${escapeHtml(name)}: ${state}${reason ? `, ${escapeHtml(reason)}` : ''}</li>`,
  );
  return `${table}${rest.length > 0 ? `<p>Not there at the end:</p><ul>${rest.join('')}</ul>` : ''}`;
}

/** How updates were protected, true to the mode. */
export function protectionSection({ mode, secure, rounds }: RunResult): string {
  const clipped = rounds.reduce((n, round) => n + round.clipped, 0);
  if (mode === 'plain')
    return '<p>This run did <strong>not</strong> use secure aggregation: updates travelled encrypted, but the coordinator saw the update and the sample count of every hospital. An update can reveal something about the rows it was trained on.</p>';
  const numbers = secure
    ? `<p>Secrets are shared so that any ${secure.threshold} hospitals can replace one that is lost; no sum is made of fewer than ${secure.minimum}. Numbers are rounded so finely that the average is off by at most ${secure.bound.toExponential(1)} per parameter. ${clipped === 0 ? 'No value had to be clipped' : `${clipped} values were clipped`} at ±${secure.clip}.</p>`
    : '';
  return `<p>Each hospital added random masks to its update that cancel only in the sum over all hospitals of the round. The coordinator saw masked numbers and their sum; the broker saw encrypted envelopes. Sample counts and metrics travelled under the same masks.</p>${numbers}`;
}

/** What somebody needs to repeat or audit the run. */
export function settingsSection(result: RunResult): string {
  const { run, model, training, cohort, machine, konsil, startedAt, problem, features } = result;
  const row = (name: string, value: string): string => `<tr><th scope="row">${name}</th><td>${value}</td></tr>`;
  const settings = Object.entries(training).map(([name, value]) => `${escapeHtml(name)} ${escapeHtml(String(value))}`);
  return `<div class="scroll"><table><caption>Settings and fingerprints</caption><tbody>
${row('Run', `<code>${escapeHtml(run)}</code>, started ${escapeHtml(startedAt)}`)}
${row('Target', `${escapeHtml(problem.target)}${problem.classes.length > 0 ? `: ${problem.classes.map(escapeHtml).join(', ')}` : ''}; ${features} features`)}
${row('Model', `${escapeHtml(model.source)}${model.file ? `, written to <code>${escapeHtml(model.file)}</code>` : ''}`)}
${row('SHA-256 of the model', model.sha256 ? `<code>${escapeHtml(model.sha256)}</code>` : 'no model was written')}
${row('Training', settings.join(', '))}
${cohort.map(({ name, dataset, fingerprint }) => row(escapeHtml(name), `${escapeHtml(dataset)}, key <code>${escapeHtml(fingerprint)}</code>`)).join('\n')}
${row('Software', `Konsil ${escapeHtml(konsil)}, Node ${escapeHtml(machine.node)}, ${escapeHtml(machine.platform)}, ${machine.cores} cores`)}
</tbody></table></div>`;
}
