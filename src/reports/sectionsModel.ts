/**
 * Sections on the model: how training went, how good it is, and hospital by hospital.
 * @module
 */
import { convergenceChart } from './chart.ts';
import { mainMetricOf, testRowsOf } from './facts.ts';
import { type DotRow, dotKey, dotPlot } from './forest.ts';
import { type Content, html } from './markup.ts';
import { lowerIsBetter, meaningOf, shownMetric } from './metric.ts';
import { countOf, duration, listOf, NOTHING, ranges, whole } from './numbers.ts';
import type { Comparison, RunResult } from './result.ts';

/** Loss by round, as a drawing. */
export function renderTraining({ rounds, mode, interruptions = 0 }: RunResult): Content {
  if (rounds.length === 0) return html`<p>No round was completed, so there is nothing to plot.</p>`;
  const chart = convergenceChart(rounds);
  const slowest = rounds.reduce((a, b) => (b.seconds > a.seconds ? b : a));
  const total = rounds.reduce((sum, { seconds }) => sum + seconds, 0);
  const repeated = rounds.filter(({ attempts }) => attempts > 1).map(({ round }) => round);
  const hasValidation = rounds.some(({ validationLoss }) => validationLoss !== null);
  const dropped = rounds.filter((round) => round.dropped.length > 0).map(({ round }) => round);
  const accuracies = rounds.flatMap(({ validationAccuracy }) => validationAccuracy ?? []);
  const [first, last] = [accuracies[0], accuracies.at(-1)];
  return html`<p>${mode === 'local' ? 'In each round the model was trained on the rows of this site.' : 'In each round every hospital improves the model on its own rows, and the improvements are averaged.'} The
loss says how wrong the model is; it should fall and then level off.</p>
${
  chart
    ? html`<figure>${chart}<figcaption>Mean loss over the rows of ${mode === 'local' ? 'the site' : 'all hospitals'} in a round. The training loss is taken while
a round runs${hasValidation && ', the validation loss on rows that are not trained on'}.${
        dropped.length > 0 && ` ▲ with a dotted line: a hospital dropped out (round ${ranges(dropped)}).`
      }</figcaption></figure>`
    : html`<p>The hospitals reported no losses.</p>`
}
<p>${countOf(rounds.length, 'round')} on ${countOf(rounds.at(-1)!.trainingRows, 'training row')} in the last one; a round took
${duration(total / rounds.length)} on average, ${duration(slowest.seconds)} at most (round ${slowest.round}).
${repeated.length > 0 && `Round ${ranges(repeated)} needed more than one attempt. `}${
  interruptions > 0 && `The coordinator was stopped ${countOf(interruptions, 'time')} and went on where it was. `
}${
  first !== undefined &&
  last !== undefined &&
  accuracies.length > 1 &&
  `Validation accuracy went from ${shownMetric('Accuracy', first)} to ${shownMetric('Accuracy', last)}.`
}</p>`;
}

/** Metrics over the test rows of all hospitals. */
export function renderQuality(result: RunResult): Content {
  const { pooled, problem } = result;
  if (pooled === null) return html`<p>The run ended before the model was tested.</p>`;
  const rows = testRowsOf(result);
  const main = mainMetricOf(result);
  return html`<div class="scroll"><table>
<caption>${result.mode === 'local' ? 'The model on the test rows of this site' : 'The federated model on the test rows of all hospitals'}${rows !== null && ` (${whole(rows)})`}, which were not trained on.
The interval says how far chance in the choice of test rows could move a value.</caption>
<thead><tr><th scope="col">Metric</th><th scope="col" class="number">Value</th><th scope="col" class="number">95&nbsp;%&nbsp;interval</th><th scope="col">Note</th></tr></thead>
<tbody>${Object.entries(pooled).map(([name, { value, low, high, note }]) => {
    const interval = low === null || high === null ? NOTHING : `${shownMetric(name, low)} – ${shownMetric(name, high)}`;
    return html`<tr${name === main && html` class="main"`}><th scope="row">${name}<span class="hint">${meaningOf(name, problem.kind)}</span></th>
<td class="number">${shownMetric(name, value)}</td><td class="number">${interval}</td>
<td class="muted">${lowerIsBetter(name) && 'Lower is better. '}${note && `${note[0]!.toUpperCase()}${note.slice(1)}.`}</td></tr>\n`;
  })}</tbody></table></div>`;
}

/** What each hospital has of the model; against training alone where that is known. */
export function renderHospitals(result: RunResult): Content {
  const { comparison, sites } = result;
  if (!comparison && sites.length === 0)
    return result.pooled === null
      ? html`<p>The run ended before any hospital tested the model.</p>`
      : html`<p>No hospital shares metrics of its own: their policies allow only sums over all hospitals.</p>`;
  return html`${comparison && renderComparison(result, comparison)}${sites.length > 0 && renderSites(result)}`;
}

function renderComparison(result: RunResult, comparison: Comparison): Content {
  const metric = mainMetricOf(result);
  const { sitesAlone, federatedBySite, federatedAllTest, pooledTraining } = comparison;
  const names = [...new Set([...federatedBySite, ...sitesAlone].map(({ name }) => name))];
  const federated = new Map(federatedBySite.map(({ name, metrics }) => [name, metrics[metric]]));
  const alone = new Map(sitesAlone.map((site) => [site.name, site]));
  const onAll = dotPlot({
    ...{ id: 'all-test', title: `${metric} on the test rows of all hospitals`, metric },
    reference: federatedAllTest[metric],
    rows: rowsOnAll(result, comparison),
  });
  const onOwn = dotPlot({
    ...{ id: 'own-test', title: `${metric} on each hospital's own test rows`, metric },
    rows: names.map((name): DotRow => {
      const [together, single] = [federated.get(name), alone.get(name)?.ownTest[metric]];
      return {
        label: name,
        dots: [
          { kind: 'alone', value: single },
          { kind: 'federated', value: together },
        ],
        note: difference(metric, together, single),
      };
    }),
  });
  return html`<p class="note"><strong>Only possible in a study like this one.</strong> ${comparison.note}</p>
<h3>On the test rows of all hospitals</h3>
${onAll && html`<figure>${onAll}<figcaption>${dotKey(['federated', 'pooled', 'alone'])}Bar: 95 % interval. Dashed line: the federated model.</figcaption></figure>`}
<h3>On each hospital’s own test rows</h3>
${
  onOwn &&
  html`<figure>${onOwn}<figcaption>${dotKey(['federated', 'alone'])}Right: what a hospital gains by taking part. Test sets of
one hospital are small, so single differences can be chance.</figcaption></figure>`
}
<div class="scroll"><table><caption>${metric} by hospital${lowerIsBetter(metric) && '; lower is better'}.</caption>
<thead><tr><th scope="col">Model</th><th scope="col" class="number">Federated, on its own test rows</th><th scope="col" class="number">Hospital alone, on its own test rows</th><th scope="col" class="number">Hospital alone, on all test rows</th></tr></thead>
<tbody>${names.map(
    (name) => html`<tr><th scope="row">${name}</th><td class="number">${shownMetric(metric, federated.get(name))}</td>
<td class="number">${shownMetric(metric, alone.get(name)?.ownTest[metric])}</td><td class="number">${shownMetric(metric, alone.get(name)?.allTest[metric])}</td></tr>\n`,
  )}
<tr class="main"><th scope="row" colspan="3">Federated, on all test rows</th><td class="number">${shownMetric(metric, federatedAllTest[metric])}</td></tr>
<tr><th scope="row" colspan="3">All data in one place, on all test rows</th><td class="number">${shownMetric(metric, pooledTraining.metrics[metric])}</td></tr>
</tbody></table></div>`;
}

function rowsOnAll(result: RunResult, { federatedAllTest, pooledTraining, sitesAlone }: Comparison): DotRow[] {
  const metric = mainMetricOf(result);
  const pooled = result.pooled?.[metric];
  const interval = pooled && pooled.low !== null && pooled.high !== null ? ([pooled.low, pooled.high] as const) : null;
  const row = (label: string, kind: 'federated' | 'pooled' | 'alone', value: number | null | undefined): DotRow => ({
    ...{ label, dots: [{ kind, value }], note: shownMetric(metric, value) },
  });
  return [
    {
      ...row('Federated', 'federated', federatedAllTest[metric]),
      isMain: true,
      ...(interval && { interval }),
    },
    row('All data in one place', 'pooled', pooledTraining.metrics[metric]),
    ...sitesAlone.map(({ name, allTest }) => row(`${name} alone`, 'alone', allTest[metric])),
  ];
}

/** Signed so that plus is better for the hospital, whichever way the metric runs. */
function difference(metric: string, federated: number | null | undefined, alone: number | null | undefined): string {
  if (typeof federated !== 'number' || typeof alone !== 'number') return 'not defined';
  const gain = lowerIsBetter(metric) ? alone - federated : federated - alone;
  const shown = shownMetric(metric, Math.abs(gain));
  if (Number(shown) === 0) return 'no change';
  return gain > 0 ? `${shown} better` : `${shown} worse`;
}

function renderSites(result: RunResult): Content {
  const { sites, cohort, comparison } = result;
  const metric = mainMetricOf(result);
  const columns = [...new Set(sites.flatMap(({ metrics }) => Object.keys(metrics)))];
  const shared = new Set(sites.map(({ name }) => name));
  const silent = cohort.filter(({ name, state }) => state === 'finished' && !shared.has(name)).map(({ name }) => name);
  const plot = comparison
    ? null // the same dots are in the comparison above
    : dotPlot({
        ...{ id: 'sites', title: `${metric} of the federated model at each hospital`, metric },
        reference: result.pooled?.[metric]?.value,
        rows: sites.map(({ name, metrics }) => ({
          label: name,
          dots: [{ kind: 'federated' as const, value: metrics[metric] }],
          note: shownMetric(metric, metrics[metric]),
        })),
      });
  return html`<h3>What the hospitals themselves report</h3>
${plot && html`<figure>${plot}<figcaption>${dotKey(['federated'])}Dashed line: over all hospitals.</figcaption></figure>`}
<div class="scroll"><table><caption>The federated model on each hospital’s own test rows, from hospitals whose policy shares
this.${silent.length > 0 && ` Not shared by ${listOf(silent)}.`}</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col" class="number">Test rows</th>${columns.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${sites.map(
    ({ name, rows, metrics }) =>
      html`<tr><th scope="row">${name}</th><td class="number">${whole(rows)}</td>${columns.map((column) => html`<td class="number">${shownMetric(column, metrics[column])}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}
