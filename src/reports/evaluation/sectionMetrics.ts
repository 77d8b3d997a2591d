/**
 * Sections on figures of all hospitals together: metrics, classes, and who was called what.
 * @module
 */
import type { Estimate, GroupEvaluation } from '../../metrics/groupEvaluation.ts';
import { type Content, html, type Markup } from '../markup.ts';
import { lowerIsBetter, meaningOf, shownMetric } from '../metric.ts';
import { NOTHING, significant, whole } from '../numbers.ts';
import { mainMetricOf, shownFigures } from './facts.ts';
import { estimateCells, percent, reasonOf } from './figures.ts';
import { byModel, heatMap } from './layout.ts';
import type { EvaluationResult, Findings, ModelFindings } from './record.ts';

/** Classes of a matrix that a reader will still look at. */
const MOST_CLASSES = 12;
/** Hospitals whose matrices are shown. */
const MOST_SITES = 12;

/** Metrics over the rows of all hospitals, with how each interval was made. */
export function renderMetrics(result: EvaluationResult): Content {
  const main = mainMetricOf(result);
  return byModel(result, (model) => {
    const reason = reasonOf(model.pooled);
    const all = shownFigures(model.pooled);
    if (all === null)
      return result.mode === 'separate'
        ? html`<p>Each hospital answered for itself: nothing was summed. Means over hospitals are in the next section.</p>`
        : html`<p><span class="withheld">withheld</span> ${reason}</p>`;
    return html`${metricTable(result, model, all, main)}${exactText(model)}`;
  });
}

function metricTable(
  result: EvaluationResult,
  { model }: ModelFindings,
  all: GroupEvaluation,
  main: string | null,
): Markup {
  const { classes, kind } = result.problem;
  const names = kind === 'survival' ? ['censored', 'with the event'] : classes;
  const rows = all.classRows?.map((count, i) => `${whole(count)} ${names[i] ?? `class ${i + 1}`}`).join(', ');
  return html`<div class="scroll"><table>
<caption>${model} on the rows of all hospitals together: ${whole(all.rows)} rows${rows && ` (${rows})`}. Values have the digits that
their 95&nbsp;% interval bears; it says how far chance in who came to these hospitals could move a value.</caption>
<thead><tr><th scope="col">Metric</th><th scope="col" class="number">Value</th><th scope="col" class="number">95&nbsp;%&nbsp;interval</th><th scope="col">How</th></tr></thead>
<tbody>${Object.entries(all.metrics).map(
    ([
      name,
      estimate,
    ]) => html`<tr${name === main && html` class="main"`}><th scope="row">${name}<span class="hint">${meaningOf(name, kind)}</span></th>
${estimateCells(name, estimate)}<td class="muted">${how(name, estimate)}</td></tr>\n`,
  )}</tbody></table></div>
${all.perClass && classTable(all.perClass)}`;
}

/** Of an evaluation that asked for scores of single rows. */
function exactText({ exact, sites }: ModelFindings): Content {
  if (exact === undefined) return '';
  if (exact.pooled)
    return html`<p>These figures are exact: every hospital in the sum (${exact.sites.join(', ')}) gave the score of each of its rows. Those of subgroups are from score bins.</p>`;
  const others = sites.map(({ site }) => site).filter((site) => !exact.sites.includes(site));
  return html`<p>These figures are from score bins, since not every row of the sum has its score beside it. Scores of single rows came from ${exact.sites.join(', ') || 'no hospital'}${others.length > 0 && html`, none from ${others.join(', ')}`}.</p>`;
}

function how(name: string, { method, bound, note, value }: Estimate): string {
  return [
    lowerIsBetter(name) ? 'Lower is better.' : '',
    method === undefined ? '' : `Interval: ${method}.`,
    bound === undefined || bound === 0 ? '' : `Within ${significant(bound, 2)} of exact.`,
    note === undefined || value === null ? '' : `${note.slice(0, 1).toUpperCase()}${note.slice(1)}.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** Figures of each class or label against the rest. */
export function classTable(perClass: NonNullable<GroupEvaluation['perClass']>): Markup {
  const metrics = [...new Set(Object.values(perClass).flatMap((found) => Object.keys(found)))];
  return html`<div class="scroll"><table><caption>Class by class, each against the rest; 95&nbsp;% intervals to the right of values.</caption>
<thead><tr><th scope="col">Class</th>${metrics.map((name) => html`<th scope="colgroup" colspan="2" class="number">${name}</th>`)}</tr></thead>
<tbody>${Object.entries(perClass).map(
    ([name, found]) =>
      html`<tr><th scope="row">${name}</th>${metrics.map((metric) => estimateCells(metric, found[metric]))}</tr>\n`,
  )}</tbody></table></div>`;
}

/** Rows by true and called class: all together, then hospital by hospital. */
export function renderConfusion(result: EvaluationResult): Content {
  return byModel(result, (model) => matricesOfModel(result.problem.classes, model));
}

/** @param all - Whose rows are together. */
export function matricesOfModel(classes: readonly string[], model: Findings, all = 'All hospitals'): Content {
  const matrices = [
    { name: all, group: shownFigures(model.pooled) },
    ...model.sites.map(({ site, found }) => ({ name: site, group: shownFigures(found) })),
  ].flatMap(({ name, group }) => (group?.confusion ? [{ name, confusion: group.confusion }] : []));
  if (matrices.length === 0) return html`<p>No counts of right and wrong calls are known.</p>`;
  const few = classes.length > MOST_CLASSES ? matrices.slice(0, 1) : matrices.slice(0, MOST_SITES + 1);
  return html`<p>Rows say what was true, columns what the model called it. The share of each row is below its count and in
the shade. A count that is too small to show is withheld; then the shares of its row are, too.</p>
<div class="matrices${classes.length > 3 && ' wide'}">${few.map(({ name, confusion }) => matrix(name, confusion, classes))}</div>
${few.length < matrices.length && html`<p class="muted">${matrices.length - few.length} more are in confusion.csv.</p>`}`;
}

function matrix(
  name: string,
  confusion: NonNullable<GroupEvaluation['confusion']>,
  classes: readonly string[],
): Markup {
  const label = (i: number): string => classes[i] ?? `class ${i + 1}`;
  return html`<div class="scroll"><table class="matrix"><caption>${name}</caption>
<thead><tr><th scope="col"><span class="hint">true ↓ called →</span></th>${confusion.map((_, i) => html`<th scope="col" class="number">${label(i)}</th>`)}</tr></thead>
<tbody>${confusion.map((row, i) => {
    const total = row.some((count) => count === null)
      ? null
      : row.reduce<number>((sum, count) => sum + (count ?? 0), 0);
    return html`<tr><th scope="row">${label(i)}</th>${row.map((count, j) => cell(count, total, i === j))}</tr>\n`;
  })}</tbody></table></div>`;
}

function cell(count: number | null, total: number | null, isRight: boolean): Markup {
  if (count === null) return html`<td class="number"><span class="withheld">withheld</span></td>`;
  const share = total === null || total === 0 ? null : count / total;
  const shade = share === null ? null : html` style="--share:${share.toFixed(3)}"`;
  return html`<td class="number shade${isRight ? ' right' : ' wrong'}"${shade}>${whole(count)}<span class="hint">${share === null ? NOTHING : percent(share)}</span></td>`;
}

/** Models against hospitals, as a table; the heat map beside it is a drawing. */
export function renderModels(result: EvaluationResult): Content {
  const metric = mainMetricOf(result);
  if (metric === null) return html`<p>There is nothing to compare.</p>`;
  const { findings } = result;
  const sites = [...new Set(findings.flatMap((model) => model.sites.map(({ site }) => site)))];
  const columns = [
    { name: 'All hospitals', of: (model: ModelFindings) => model.pooled },
    ...sites.map((site) => ({
      name: site,
      of: (model: ModelFindings) => model.sites.find((one) => one.site === site)?.found,
    })),
  ];
  const isTrained = result.models.some(({ trainedAt }) => trainedAt !== undefined);
  return html`${
    isTrained &&
    html`<p>The models were trained at the hospitals, each on rows of one of them alone. A model that is called as a hospital is that
hospital’s; where it meets the hospital itself, it is tested on rows that were held back from its training.</p>`
  }
${heatMap(result, metric, columns)}
<div class="scroll"><table><caption>${metric} of each model at each hospital with its 95&nbsp;% interval, models and hospitals in the order of the task
and of the cohort. All models were tested on the same rows: their intervals are not that of their difference, which needs a paired comparison, so no winner is named.</caption>
<thead><tr><th scope="col">Hospital</th>${findings.map(({ model }) => html`<th scope="colgroup" colspan="2" class="number">${model}</th>`)}</tr></thead>
<tbody>${columns.map(
    ({ name, of }, i) =>
      html`<tr${i === 0 && html` class="main"`}><th scope="row">${name}</th>${findings.map((model) => {
        const group = shownFigures(of(model));
        if (group) return estimateCells(metric, group.metrics[metric]);
        return html`<td colspan="2" class="number"><span class="withheld">${of(model) ? 'withheld' : shownMetric(metric, null)}</span> ${reasonOf(of(model))}</td>`;
      })}</tr>\n`,
  )}</tbody></table></div>`;
}
