/**
 * The section that puts hospitals side by side: forests of the metrics with a mean over hospitals, and tables.
 * @module
 */
import type { Estimate, MetaAnalysis } from '../../metrics/groupEvaluation.ts';
import { type DotRow, dotKey, dotPlot } from '../forest.ts';
import { type Content, html, type Markup } from '../markup.ts';
import { lowerIsBetter } from '../metric.ts';
import { listOf, NOTHING, significant, whole } from '../numbers.ts';
import { DIFFER_BELOW, mainMetricOf, metaOf, metricNames, shownFigures } from './facts.ts';
import { estimateCells, inline, percent, pText, reasonOf, shown, stackedCell, withheldCell } from './figures.ts';
import { byModel } from './layout.ts';
import type { EvaluationResult, ModelFindings } from './record.ts';
import { predicted } from './verdict.ts';

/** Forests of a model, the main metric's first; all metrics are in the tables. */
const MOST_FORESTS = 4;

export function renderHospitals(result: EvaluationResult): Content {
  const main = mainMetricOf(result);
  return byModel(result, (model, index) => {
    if (model.sites.length === 0 || main === null)
      return html`<p>No hospital gives figures of its own: their policies allow sums over all of them alone.</p>`;
    const metas = [...model.metaAnalyses].sort((a, b) => Number(b.metric === main) - Number(a.metric === main));
    const drawn = metas.length > 0 ? metas.slice(0, MOST_FORESTS).map(({ metric }) => metric) : [main];
    return html`${drawn.map((metric, i) => forest(model, metric, `forest-${index}-${i}`, i === 0))}
${withoutEach(model, main, `without-${index}`)}
${siteTable(model, main)}
${metas.length > 0 && metaTable(metas)}
${allMetrics(model)}`;
  });
}

/** @param isFirst - Of its model: says what marks mean, and why hospitals are in this order. */
function forest(model: ModelFindings, metric: string, id: string, isFirst: boolean): Content {
  const meta = metaOf(model, metric);
  const weights = new Map(meta?.sites.map(({ site, weight }) => [site, weight]));
  const rows: DotRow[] = model.sites.map(({ site, found }) => {
    const estimate = shownFigures(found)?.metrics[metric];
    if (!estimate || estimate.value === null)
      return {
        label: site,
        dots: [],
        note: '',
        instead: estimate
          ? `not defined${estimate.note ? `: ${estimate.note}` : ''}`
          : `withheld: ${reasonOf(found) ?? 'not given'}`,
      };
    const weight = weights.get(site);
    return {
      ...{ label: site, dots: [{ kind: 'site', value: estimate.value, ...(weight !== undefined && { weight }) }] },
      ...interval(estimate),
      note: [inline(metric, estimate), weight === undefined ? '' : percent(weight)],
    };
  });
  if (meta) {
    rows.push({
      label: 'Mean over hospitals',
      dots: [{ kind: 'mean', value: meta.mean.value }],
      ...interval(meta.mean),
      note: [inline(metric, meta.mean), '100 %'],
      isMain: true,
    });
    if (meta.prediction)
      rows.push({
        label: 'A further hospital',
        dots: [{ kind: 'prediction', value: meta.mean.value }],
        interval: meta.prediction,
        note: [predicted(metric, meta.prediction).replace('–', ' to ')],
      });
  }
  const drawing = dotPlot({
    ...{ id, title: `${metric} of ${model.model} by hospital`, metric, rows, reference: meta?.mean.value },
    ...{ headings: ['value (95 % interval)', ...(meta ? ['weight'] : [])], description: inWords(rows, meta) },
  });
  return (
    drawing &&
    html`<figure>${drawing}<figcaption>${isFirst && dotKey(['site', ...(meta ? (['mean'] as const) : []), ...(meta?.prediction ? (['prediction'] as const) : [])])}<b>${metric}.</b>
${meta && spread(meta)}${meta && notInMean(meta)}${isFirst && ' Hospitals are in the order of the cohort, not of their values: chance has a large part in an order by value, and a list by rank would hide it.'}</figcaption></figure>`
  );
}

/** The mean over the other hospitals, without each in turn. */
function withoutEach(model: ModelFindings, metric: string, id: string): Content {
  const meta = metaOf(model, metric);
  if (!meta || meta.leaveOneOut.length === 0) return null;
  const rows = meta.leaveOneOut.map(
    ({ site, mean }): DotRow => ({
      ...{ label: `without ${site}`, dots: mean.value === null ? [] : [{ kind: 'mean', value: mean.value }] },
      ...interval(mean),
      note: inline(metric, mean),
    }),
  );
  const drawing = dotPlot({
    ...{ id, title: `${metric} of ${model.model} without each hospital`, metric, rows, reference: meta.mean.value },
    ...{ headings: ['mean (95 % interval)'], description: inWords(rows, undefined) },
  });
  return (
    drawing &&
    html`<figure>${drawing}<figcaption><b>Without each hospital.</b> The mean ${metric} over all others; dashed: over all. Where it moves, the mean hangs on that hospital.</figcaption></figure>`
  );
}

const interval = ({ low, high }: Estimate): { interval?: readonly [number, number] } =>
  low === null || high === null ? {} : { interval: [low, high] };

function inWords(rows: readonly DotRow[], meta: MetaAnalysis | undefined): string {
  const lines = rows.map(({ label, note, instead }) => {
    const [value = '', weight = ''] = typeof note === 'string' ? [note] : note;
    return `${label}: ${instead ?? `${value}${weight === '' || weight === '100 %' ? '' : `, weight ${weight}`}`}.`;
  });
  return `${lines.join(' ')} ${meta ? spread(meta) : ''}`;
}

/** Hospitals that the mean cannot take, and why. */
const notInMean = ({ leftOut }: MetaAnalysis): string =>
  leftOut.length === 0 ? '' : ` Not in the mean: ${listOf(leftOut.map(({ site, reason }) => `${site} (${reason})`))}.`;

/** How far hospitals differ, in the terms of a meta-analysis. */
function spread({ i2, tau2, q, qPValue, method, scale, sites }: MetaAnalysis): string {
  const on = scale === 'identity' ? '' : `, combined on the ${scale} scale`;
  return `Random effects (${method}${on}): I² ${percent(i2)}, τ² ${significant(tau2, 2)}, Q ${significant(q, 3)} on ${sites.length - 1} degrees of freedom, ${pText(qPValue)}.`;
}

function siteTable(model: ModelFindings, metric: string): Markup {
  const meta = metaOf(model, metric);
  const without = new Map(meta?.leaveOneOut.map(({ site, mean }) => [site, mean]));
  const weights = new Map(meta?.sites.map(({ site, weight }) => [site, weight]));
  const all = shownFigures(model.pooled);
  return html`<div class="scroll"><table><caption>${metric} hospital by hospital. The last column is the mean over the others: where it moves, the mean hangs on that hospital.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Value</th><th scope="col" class="number">95&nbsp;%&nbsp;interval</th>
<th scope="col" class="number">Weight</th><th scope="col" class="number">Mean without it</th></tr></thead>
<tbody>${model.sites.map(({ site, found }) => {
    const group = shownFigures(found);
    if (!group) return html`<tr><th scope="row">${site}</th>${withheldCell(reasonOf(found) ?? 'not given', 5)}</tr>\n`;
    const [weight, left] = [weights.get(site), without.get(site)];
    return html`<tr><th scope="row">${site}</th><td class="number">${whole(group.rows)}</td>${estimateCells(metric, group.metrics[metric])}
<td class="number">${weight === undefined ? NOTHING : percent(weight)}</td><td class="number">${left ? inline(metric, left) : NOTHING}</td></tr>\n`;
  })}
${meta && html`<tr class="main"><th scope="row">Mean over hospitals</th><td class="number">${NOTHING}</td>${estimateCells(metric, meta.mean)}<td class="number">100 %</td><td class="number">${NOTHING}</td></tr>`}
${all && html`<tr><th scope="row">All rows in one</th><td class="number">${whole(all.rows)}</td>${estimateCells(metric, all.metrics[metric])}<td class="number">${NOTHING}</td><td class="number">${NOTHING}</td></tr>`}
</tbody></table></div>`;
}

function metaTable(metas: readonly MetaAnalysis[]): Markup {
  return html`<div class="scroll"><table><caption>Means over hospitals and how far these differ: the prediction interval is where a further hospital is expected; I² is the share of the
variation that is between hospitals; a p-value of Cochran’s Q below ${DIFFER_BELOW} is taken to say that they differ by more than chance.</caption>
<thead><tr><th scope="col">Metric</th><th scope="col" class="number">Mean</th><th scope="col" class="number">95&nbsp;%&nbsp;interval</th><th scope="col" class="number">Prediction interval</th>
<th scope="col" class="number">I²</th><th scope="col" class="number">τ²</th><th scope="col" class="number">Q</th><th scope="col" class="number">p</th></tr></thead>
<tbody>${metas.map(
    ({
      metric,
      mean,
      prediction,
      i2,
      tau2,
      q,
      qPValue,
      method,
      scale,
    }) => html`<tr><th scope="row">${metric}<span class="hint">${method}${scale !== 'identity' && `, ${scale} scale`}${lowerIsBetter(metric) && '; lower is better'}</span></th>
${estimateCells(metric, mean)}<td class="number">${prediction ? shown(metric, { value: null, low: prediction[0], high: prediction[1] }).interval : 'too few'}</td><td class="number">${percent(i2)}</td>
<td class="number">${significant(tau2, 2)}</td><td class="number">${significant(q, 3)}</td><td class="number">${pText(qPValue).replace('p = ', '').replace('p ', '')}</td></tr>\n`,
  )}</tbody></table></div>`;
}

/** Every metric of every hospital; the values with their intervals below them. */
function allMetrics(model: ModelFindings): Content {
  const metrics = metricNames({ pooled: null, sites: model.sites });
  const told = model.sites.filter(({ found }) => shownFigures(found) !== null);
  const silent = model.sites.filter(({ found }) => shownFigures(found) === null).map(({ site }) => site);
  if (told.length === 0) return null;
  return html`<div class="scroll"><table class="dense"><caption>Every metric at every hospital that gives its own figures.${silent.length > 0 && ` Withheld: ${listOf(silent)}.`}</caption>
<thead><tr><th scope="col">Hospital</th>${metrics.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${told.map(
    ({ site, found }) =>
      html`<tr><th scope="row">${site}</th>${metrics.map((metric) => stackedCell(metric, shownFigures(found)!.metrics[metric]))}</tr>\n`,
  )}</tbody></table></div>`;
}
