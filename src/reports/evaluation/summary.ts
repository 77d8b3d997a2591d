/**
 * An evaluation in a few lines for a terminal.
 * @module
 */
import { shorten, visible } from '../markup.ts';
import { NOTHING, whole } from '../numbers.ts';
import { finishedOf, mainMetricOf, metaOf, shownFigures } from './facts.ts';
import { inline, percent, pText, reasonOf } from './figures.ts';
import type { EvaluationResult, ModelFindings } from './record.ts';

/** Hospitals of a table that are listed, and models with a table of their own. */
const MOST_SITES = 12;
const MOST_MODELS = 4;
const NAME = 34;

/** One table a model. Names and reasons come from other hospitals: nothing in them can steer the terminal. */
export function evaluationSummary(result: EvaluationResult): string {
  const { status, reason, seconds, cohort, findings } = result;
  const ended = status === 'complete' ? 'complete' : `aborted (${reason ?? 'no reason given'})`;
  const metric = mainMetricOf(result);
  const lines = [
    `${ended} in ${seconds.toFixed(1)} s: ${finishedOf(result).length} of ${cohort.length} pods answered, ${HOW[result.mode]}`,
    ...(metric === null ? [] : findings.slice(0, MOST_MODELS).flatMap((model) => tableOf(model, metric))),
  ];
  if (findings.length > MOST_MODELS) lines.push('', `and ${findings.length - MOST_MODELS} more models in the report`);
  const gone = cohort.filter(({ state }) => state !== 'finished');
  if (gone.length > 0)
    lines.push(
      '',
      ...gone
        .slice(0, MOST_SITES)
        .map(
          (pod) =>
            `${shorten(pod.name, NAME)}: ${pod.state}${pod.reason === undefined ? '' : `, ${shorten(pod.reason, 120)}`}`,
        ),
    );
  return lines.map(visible).join('\n');
}

const HOW = { secure: 'summed under masks', plain: 'summed in the open', separate: 'each for itself' } as const;

function tableOf(model: ModelFindings, metric: string): string[] {
  const meta = metaOf(model, metric);
  const weights = new Map(meta?.sites.map(({ site, weight }) => [site, percent(weight)]));
  const line = (name: string, rows: string, value: string, weight = ''): string =>
    `  ${shorten(name, NAME).padEnd(NAME)} ${rows.padStart(9)}  ${value.padEnd(26)} ${weight.padStart(6)}`.trimEnd();
  const row = (name: string, found: ModelFindings['pooled']): string => {
    const group = shownFigures(found);
    if (!group) return line(name, NOTHING, `withheld: ${shorten(reasonOf(found) ?? '', 60)}`);
    const estimate = group.metrics[metric];
    const value = estimate === undefined || estimate.value === null ? 'not defined' : inline(metric, estimate);
    return line(name, whole(group.rows), value, weights.get(name));
  };
  const left = model.sites.length - MOST_SITES;
  return [
    ...['', shorten(model.model, 80)],
    line('', 'rows', `${shorten(metric, 20)} (95 %)`, weights.size > 0 ? 'weight' : ''),
    ...(model.pooled ? [row('all hospitals', model.pooled)] : []),
    ...model.sites.slice(0, MOST_SITES).map(({ site, found }) => row(site, found)),
    ...(left > 0 ? [`  and ${left} more`] : []),
    ...(meta
      ? [
          line('mean over hospitals', '', inline(metric, meta.mean), '100 %'),
          `  between hospitals: I² ${percent(meta.i2)}, ${pText(meta.qPValue)}`,
        ]
      : []),
  ];
}
