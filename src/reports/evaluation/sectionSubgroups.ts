/**
 * The section on parts of the rows: one table and one forest a column.
 * @module
 */
import type { GroupEvaluation, Withheld } from '../../metrics/groupEvaluation.ts';
import { type DotRow, dotPlot } from '../forest.ts';
import { type Content, html } from '../markup.ts';
import { countOf, listOf, whole } from '../numbers.ts';
import { mainMetricOf, metricNames, overallOf, shownFigures } from './facts.ts';
import { estimateCells, inline, reasonOf, withheldCell } from './figures.ts';
import { byModel } from './layout.ts';
import type { EvaluationResult, ModelFindings, Subgroups } from './record.ts';

/** Metrics in a table of subgroups; the others are in metrics.csv. */
const MOST_METRICS = 4;

export function renderSubgroups(result: EvaluationResult): Content {
  const main = mainMetricOf(result);
  if (main === null || result.findings.every(({ subgroups }) => subgroups.length === 0))
    return html`<p>The task asked for no subgroups.</p>`;
  return byModel(result, (model, index) =>
    model.subgroups.map((split, i) => subgroup(model, split, main, `subgroup-${index}-${i}`)),
  );
}

function subgroup(model: ModelFindings, { column, groups }: Subgroups, main: string, id: string): Content {
  const known = metricNames({
    pooled: null,
    sites: groups.flatMap(({ value, pooled }) => (pooled ? [{ site: value, found: pooled }] : [])),
  });
  const metrics = [main, ...known.filter((name) => name !== main)].slice(0, MOST_METRICS);
  const rows = groups.map(({ value, pooled }): DotRow => rowOf(value, pooled, main));
  const drawing = dotPlot({
    ...{ id, title: `${main} of ${model.model} by ${column}`, metric: main, rows, headings: ['value (95 % interval)'] },
    reference: overallOf(model, main)?.estimate.value,
    description: `${rows.map(({ label, note, instead }) => `${label}: ${instead ?? (typeof note === 'string' ? note : note.join(', '))}.`).join(' ')}`,
  });
  return html`${
    drawing &&
    html`<figure>${drawing}<figcaption><b>${main} by ${column}.</b> Rows of all hospitals; bars: 95 % intervals, dashed: all rows. With many groups one
of them stands out by chance.</figcaption></figure>`
  }
<div class="scroll"><table><caption>Figures by <b>${column}</b>, rows of all hospitals.${perSite(groups)}</caption>
<thead><tr><th scope="col">${column}</th><th scope="col" class="number">Rows</th>${metrics.map((name) => html`<th scope="colgroup" colspan="2" class="number">${name}</th>`)}</tr></thead>
<tbody>${groups.map(({ value, pooled }) => {
    const group = shownFigures(pooled);
    if (!group)
      return html`<tr><th scope="row">${value}</th>${withheldCell(reasonOf(pooled) ?? 'not given', 1 + 2 * metrics.length)}</tr>\n`;
    return html`<tr><th scope="row">${value}</th><td class="number">${whole(group.rows)}</td>${metrics.map((name) => estimateCells(name, group.metrics[name]))}</tr>\n`;
  })}</tbody></table></div>`;
}

function rowOf(label: string, pooled: GroupEvaluation | Withheld | null, metric: string): DotRow {
  const estimate = shownFigures(pooled)?.metrics[metric];
  if (!estimate || estimate.value === null)
    return {
      label,
      dots: [],
      note: '',
      instead: estimate ? 'not defined' : `withheld: ${reasonOf(pooled) ?? 'not given'}`,
    };
  const { low, high, value } = estimate;
  return {
    ...{ label, dots: [{ kind: 'federated', value }], note: inline(metric, estimate) },
    ...(low !== null && high !== null && { interval: [low, high] as const }),
  };
}

function perSite(groups: Subgroups['groups']): string {
  const told = groups.flatMap(({ sites }) => sites).filter(({ found }) => shownFigures(found) !== null);
  const names = [...new Set(told.map(({ site }) => site))];
  return names.length === 0
    ? ''
    : ` Those of ${names.length > 3 ? countOf(names.length, 'hospital') : listOf(names)} alone are in metrics.csv.`;
}
