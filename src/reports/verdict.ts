/**
 * The top of the page: what happened, in sentences, and the figures people ask for first.
 * @module
 */
import { contributorsOf, dropOutsOf, mainMetricOf, testRowsOf } from './facts.ts';
import { type Content, html, type Markup } from './markup.ts';
import { lowerIsBetter, shownMetric } from './metric.ts';
import { countOf, duration, inWords, listOf, moment, NOTHING, size, whole } from './numbers.ts';
import type { RunResult } from './result.ts';

/** Title, verdict and tiles. */
export function renderVerdict(result: RunResult): Markup {
  const isComplete = result.status === 'complete';
  return html`<header>
<p class="eyebrow"><b>${result.title}</b><span>${result.mode === 'local' ? 'Local training report' : 'Federated learning report'}</span><span>${moment(result.startedAt)}</span>
<span class="badge ${isComplete ? 'good' : 'bad'}">${isComplete ? '✓ Complete' : '✕ Stopped early'}</span></p>
<h1>${headline(result)}</h1>
${isComplete ? null : html`<p class="note bad"><strong>Reason given:</strong> ${result.reason ?? 'none'}</p>`}
<p class="lede">${[quality(result), alternatives(result), interruptions(result), confidentiality(result)].map((part) => part && html`${part} `)}</p>
${about(result)}
${tiles(result)}
</header>`;
}

function headline(result: RunResult): string {
  const trained = contributorsOf(result).length;
  if (result.mode === 'local' && trained > 0)
    return result.status === 'aborted'
      ? `A local run of one site stopped early, after ${countOf(result.rounds.length, 'round')}.`
      : 'One site trained the model by itself: a local run, not a federated one.';
  if (result.status === 'aborted')
    return trained === 0
      ? 'The run stopped before a model was trained.'
      : `The run stopped early, after ${countOf(result.rounds.length, 'round')} of training.`;
  if (trained === 0) return 'The run finished without a round of training.';
  if (trained === 1) return 'One hospital trained the model, without sharing a row.';
  return `${inWords(trained)} hospitals trained one model together without sharing a row.`;
}

function quality(result: RunResult): Content {
  const { pooled, status, rounds } = result;
  const name = mainMetricOf(result);
  const metric = pooled?.[name];
  if (!metric)
    return status === 'aborted' && rounds.length === 0
      ? 'There is no result to judge.'
      : 'How good the model is was never measured, so it should not be relied on.';
  const rows = testRowsOf(result);
  const where = rows === null ? 'On records that were kept out of training' : `On ${countOf(rows, 'held-out record')}`;
  const { value, low, high, note } = metric;
  if (value === null) return `${where} its ${name} could not be computed${note ? ` (${note})` : ''}.`;
  const interval =
    low === null || high === null ? '' : ` (95 % interval ${shownMetric(name, low)} to ${shownMetric(name, high)})`;
  return html`${where} it reaches a ${name} of <strong>${shownMetric(name, value)}</strong>${interval}${lowerIsBetter(name) && '; lower is better'}.`;
}

function alternatives(result: RunResult): string | null {
  const { comparison } = result;
  if (!comparison) return null;
  const name = mainMetricOf(result);
  const alone = comparison.sitesAlone.flatMap(({ allTest }) => allTest[name] ?? []);
  const together = comparison.pooledTraining.metrics[name];
  const parts: string[] = [];
  if (alone.length > 0) {
    const [low, high] = [Math.min(...alone), Math.max(...alone)].map((value) => shownMetric(name, value));
    parts.push(`a hospital training alone would have reached ${low === high ? low! : `${low!} to ${high!}`}`);
  }
  if (typeof together === 'number') parts.push(`all data in one place ${shownMetric(name, together)}`);
  return parts.length === 0 ? null : `On the same records, ${parts.join(', and ')}.`;
}

function interruptions(result: RunResult): string | null {
  const pods = [...new Set(dropOutsOf(result).map(({ pod }) => pod))];
  if (pods.length === 0 || result.status === 'aborted') return null;
  return pods.length === 1
    ? `One hospital, ${pods[0]!}, dropped out on the way; the training went on.`
    : `${inWords(pods.length)} hospitals dropped out on the way; the training went on.`;
}

function confidentiality({ mode, rounds }: RunResult): string | null {
  if (rounds.length === 0) return null;
  if (mode === 'local') return 'Nothing left this machine, and no other site took part.';
  return mode === 'secure'
    ? 'No hospital’s own update was visible to anyone else: only sums over hospitals were opened.'
    : 'The coordinator could see the update of each hospital.';
}

function about(result: RunResult): Markup {
  const { problem, features, model } = result;
  const { kind, target, classes } = problem;
  // labels are the names of their columns already
  const what = kind === 'multilabel' || classes.length === 0 ? '' : ` (${listOf(classes, { most: 8, last: 'or' })})`;
  const from = features > 0 ? ` from ${countOf(features, 'feature')}` : '';
  const how = model.parameters > 0 ? `, with ${countOf(model.parameters, 'parameter')}` : '';
  return html`<p class="about">The model ${contributorsOf(result).length > 0 ? 'predicts' : 'was to predict'} <b>${target}</b>${what}${from}${how}.</p>`;
}

function tiles(result: RunResult): Markup {
  const { cohort, rounds, pooled, seconds } = result;
  const name = mainMetricOf(result);
  const metric = pooled?.[name];
  const contributors = contributorsOf(result).length;
  const finished = cohort.filter(({ state }) => state === 'finished').length;
  const sent = cohort.filter(({ sentBytes }) => sentBytes > 0).map(({ sentBytes }) => sentBytes);
  const mean = sent.reduce((sum, bytes) => sum + bytes, 0) / sent.length;
  const interval =
    metric && metric.low !== null && metric.high !== null
      ? `95 % interval ${shownMetric(name, metric.low)} to ${shownMetric(name, metric.high)}`
      : 'no interval';
  const tile = (label: string, figure: string, more: string): Markup =>
    html`<li><span class="name">${label}</span><span class="figure">${figure}</span><span class="more">${more}</span></li>\n`;
  return html`<ul class="tiles" aria-label="Key figures">
${tile(name, shownMetric(name, metric?.value), metric ? interval : 'not measured')}${
  result.mode === 'local'
    ? tile('Rounds completed', whole(rounds.length), `in ${duration(seconds)}`)
    : [
        tile('Hospitals in the model', `${contributors} of ${cohort.length}`, `${finished} stayed to the end`),
        tile('Rounds completed', whole(rounds.length), `in ${duration(seconds)}`),
        tile('Sent by a hospital', sent.length > 0 ? size(mean) : NOTHING, 'on average, over the whole run'),
        tile('Rows of data sent', '0', 'rows stay in their hospital'),
      ]
}</ul>`;
}
