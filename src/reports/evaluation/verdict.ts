/**
 * The top of the page: what was found, in sentences, and the figures people ask for first.
 * @module
 */
import { type Content, html, type Markup } from '../markup.ts';
import { lowerIsBetter } from '../metric.ts';
import { countOf, duration, inWords, listOf, moment, NOTHING, whole } from '../numbers.ts';
import {
  DIFFER_BELOW,
  finishedOf,
  mainMetricOf,
  metaOf,
  overallOf,
  rowsOf,
  shownFigures,
  withheldSites,
} from './facts.ts';
import { percent, pText, shown } from './figures.ts';
import type { EvaluationResult, ModelFindings } from './record.ts';

/** Models that are named one by one in the verdict. */
const MOST_MODELS = 3;

/** Title, verdict and tiles. */
export function renderVerdict(result: EvaluationResult): Markup {
  const isComplete = result.status === 'complete';
  const metric = mainMetricOf(result);
  return html`<header>
<p class="eyebrow"><b>${result.title}</b><span>Evaluation report</span><span>${moment(result.startedAt)}</span>
<span class="badge ${isComplete ? 'good' : 'bad'}">${isComplete ? '✓ Complete' : '✕ Stopped early'}</span></p>
<h1>${headline(result)}</h1>
${isComplete ? null : html`<p class="note bad"><strong>Reason given:</strong> ${result.reason ?? 'none'}</p>`}
<p class="lede">${metric === null ? 'There is no figure to judge by.' : result.findings.slice(0, MOST_MODELS).map((model) => html`${quality(result, model, metric)} `)}${
    result.findings.length > MOST_MODELS && `${countOf(result.findings.length - MOST_MODELS, 'more model')} below. `
  }</p>
${metric !== null && html`<p class="lede">${heterogeneity(result, metric)} ${withheld(result)}</p>`}
${about(result)}
${tiles(result, metric)}
</header>`;
}

function headline(result: EvaluationResult): string {
  const { models, findings, status } = result;
  const hospitals = finishedOf(result).length;
  if (findings.length === 0)
    return status === 'aborted' ? 'The evaluation stopped before anything was found.' : 'The evaluation found nothing.';
  const what = models.length === 1 ? 'a model' : `${inWords(models.length).toLowerCase()} models`;
  const where = `${inWords(hospitals)} ${hospitals === 1 ? 'hospital' : 'hospitals'}`;
  return status === 'aborted'
    ? `The evaluation stopped early; ${where.toLowerCase()} had answered.`
    : `${where} put ${what} to the test on ${hospitals === 1 ? 'its' : 'their'} own records.`;
}

function quality(result: EvaluationResult, model: ModelFindings, metric: string): Content {
  const overall = overallOf(model, metric);
  const who = html`<b>${model.model}</b>`;
  if (overall === null || overall.estimate.value === null)
    return html`The ${metric} of ${who} over all hospitals is not known${overall?.estimate.note && ` (${overall.estimate.note})`}.`;
  const rows = rowsOf(model);
  const { value, interval } = shown(metric, overall.estimate);
  const where = overall.isMean
    ? 'on average over hospitals'
    : rows === null
      ? 'over all hospitals'
      : `on ${countOf(rows, 'record')}`;
  return html`${who} reaches a ${metric} of <strong>${value}</strong>${interval !== '' && ` (95 % interval ${interval})`} ${where}${lowerIsBetter(metric) && '; lower is better'}.`;
}

/** Whether hospitals differ, of each model that is named. */
function heterogeneity(result: EvaluationResult, metric: string): Content {
  const known = result.findings.slice(0, MOST_MODELS).flatMap((model) => {
    const meta = metaOf(model, metric);
    return meta ? [{ name: model.model, meta }] : [];
  });
  if (known.length === 0)
    return 'Whether hospitals differ cannot be told: fewer than two give this figure of their own.';
  const rule = `Hospitals are said to differ where the p-value of Cochran’s Q is below ${DIFFER_BELOW}: with few of them it has little power. `;
  const told = known.map(({ name, meta }) => {
    const of = result.findings.length > 1 ? ` with ${name}` : '';
    const figures = `${pText(meta.qPValue)}; ${percent(meta.i2)} of the variation is between them`;
    return meta.qPValue < DIFFER_BELOW
      ? html`Hospitals <strong class="alert">differ by more than chance</strong>${of} (${figures}), so one number does not speak for each of them. `
      : `The hospitals${of} show no difference beyond chance (${figures}), which with few of them is no proof that there is none. `;
  });
  return html`${told}${rule}`;
}

function withheld(result: EvaluationResult): Content {
  const sites = result.findings.flatMap((model) => [...withheldSites(model)]);
  const reasons = new Map(sites);
  if (reasons.size === 0)
    return result.findings.some((model) => shownFigures(model.pooled) === null && model.pooled !== null)
      ? 'The figures of all hospitals together are withheld.'
      : null;
  return html`Withheld: the own figures of ${listOf([...reasons].map(([reason, names]) => `${listOf(names)} (${reason})`))}.`;
}

const SPLITS = { train: 'training rows', validation: 'validation rows', test: 'test rows', all: 'all rows' } as const;

function about({ problem: { kind, target, classes, split }, mode }: EvaluationResult): Markup {
  // labels are the names of their columns already
  const what = kind === 'multilabel' || classes.length === 0 ? '' : ` (${listOf(classes, { most: 8, last: 'or' })})`;
  const how = { secure: 'summed under masks', plain: 'summed in the open', separate: 'of each hospital for itself' }[
    mode
  ];
  return html`<p class="about">Prediction of <b>${target}</b>${what}, on ${SPLITS[split]}, with figures ${how}. No row left its hospital.</p>`;
}

function tiles(result: EvaluationResult, metric: string | null): Markup {
  const { cohort, findings, models, seconds } = result;
  const first = findings[0];
  const overall = first && metric !== null ? overallOf(first, metric) : null;
  const meta = first && metric !== null ? metaOf(first, metric) : undefined;
  const text = overall && metric !== null ? shown(metric, overall.estimate) : null;
  const rows = first ? rowsOf(first) : null;
  const of = models.length > 1 && first ? `${first.model}, ` : '';
  const tile = (label: string, figure: string, more: string): Markup =>
    html`<li><span class="name">${label}</span><span class="figure">${figure}</span><span class="more">${more}</span></li>\n`;
  return html`<ul class="tiles" aria-label="Key figures">
${tile(metric ?? 'Main figure', text?.value ?? NOTHING, `${of}${text && text.interval !== '' ? `95 % interval ${text.interval}` : 'no interval'}`)}${tile('Hospitals', `${finishedOf(result).length} of ${cohort.length}`, 'answered')}${tile('Between hospitals', meta ? percent(meta.i2) : NOTHING, meta ? `${of}share of variation (I²), ${pText(meta.qPValue)}` : 'too few to compare')}${tile(
  'Expected elsewhere',
  meta?.prediction && metric !== null ? predicted(metric, meta.prediction) : NOTHING,
  meta?.prediction ? `${of}${metric} of a further hospital, 95 %` : 'needs three hospitals',
)}${tile('Records', rows === null ? NOTHING : whole(rows), `in ${duration(seconds)}; none left its hospital`)}</ul>`;
}

/** A prediction interval, rounded as a confidence interval is. */
export function predicted(metric: string, [low, high]: readonly [number, number]): string {
  return shown(metric, { value: null, low, high }).interval.replace(' to ', '–');
}
