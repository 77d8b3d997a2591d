/**
 * Models evaluated over all sites: a sum a model, of the statistics of all rows and of each subgroup's, from which the figures
 * of all rows in one place follow exactly or within stated bounds.
 * @module
 */
import { problemOf } from '../../datasources/index.ts';
import { type SiteStatistics, statisticsLayout } from '../../metrics/index.ts';
import type { EvaluationSettings, Subgroup } from '../../tasks/index.ts';
import type { AnalysisPlan, StepLayout, StepSum } from './plan.ts';
import type { SummedGroup } from './summedGroup.ts';

/** A group of rows. Without a column: all of them. */
export interface EvaluatedGroup {
  readonly column?: string;
  readonly value: string;
}

/** All rows first, then the groups of each subgroup column in order. */
export function evaluatedGroups({ subgroups }: EvaluationSettings): readonly EvaluatedGroup[] {
  const ofColumn = (subgroup: Subgroup): EvaluatedGroup[] =>
    namesOf(subgroup).map((value) => ({ column: subgroup.column, value }));
  return [{ value: 'all' }, ...subgroups.flatMap(ofColumn)];
}

/** Names of a column's groups, in the order of their index. */
function namesOf(subgroup: Subgroup): readonly string[] {
  if ('values' in subgroup) return subgroup.values;
  const { edges } = subgroup;
  const between = edges.slice(1).map((edge, i) => `${edges[i]} to ${edge}`);
  return [`below ${edges[0]}`, ...between, `${edges.at(-1)} and above`];
}

/** Index of the group of a cell among {@link namesOf}; -1 for none. */
export function groupIndex(subgroup: Subgroup, cell: string | number | boolean | null): number {
  if (cell === null) return -1;
  if ('values' in subgroup) return subgroup.values.indexOf(String(cell));
  const number = typeof cell === 'number' ? cell : Number(cell);
  return Number.isNaN(number) || cell === '' ? -1 : subgroup.edges.filter((edge) => number >= edge).length;
}

const slotsOf = (algorithm: EvaluationSettings): ReturnType<typeof statisticsLayout> => {
  const { kind, classes } = problemOf(algorithm.dataStructure);
  return statisticsLayout(kind, classes.length);
};

export function evaluationPlan(algorithm: EvaluationSettings): AnalysisPlan {
  const { counts, sums } = slotsOf(algorithm);
  const groups = evaluatedGroups(algorithm);
  const layout: StepLayout = {
    extras: groups.flatMap((_, g) => sums.map((name) => `${g}.${name}`)),
    counts: groups.flatMap((_, g) => [`${g}.pods`, `${g}.withheld`, ...counts.map((name) => `${g}.${name}`)]),
  };
  return {
    steps: algorithm.models.length,
    layout: () => layout,
    // the facts of a step are the model itself
    given: () => null,
    answer: (steps) => ({
      kind: 'evaluation',
      models: steps.map((sum) => groups.map((_, g) => summedGroup(algorithm, sum, g))),
    }),
  };
}

function summedGroup(algorithm: EvaluationSettings, { counts, extras }: StepSum, g: number): SummedGroup {
  const slots = slotsOf(algorithm);
  return {
    pods: counts[`${g}.pods`]!,
    withheld: counts[`${g}.withheld`]!,
    statistics: {
      counts: Uint32Array.from(slots.counts, (name) => counts[`${g}.${name}`]!),
      sums: Object.fromEntries(slots.sums.map((name) => [name, extras[`${g}.${name}`]!])),
    },
  };
}

/** One pod's part: the statistics of each group; null for a group it has too few rows of, or none. */
export function evaluationInput(algorithm: EvaluationSettings, groups: readonly (SiteStatistics | null)[]): StepSum {
  const slots = slotsOf(algorithm);
  const [extras, counts]: [Record<string, number>, Record<string, number>] = [{}, {}];
  for (const [g, given] of groups.entries()) {
    counts[`${g}.pods`] = Number(given !== null);
    counts[`${g}.withheld`] = Number(given === null);
    for (const [i, name] of slots.counts.entries()) counts[`${g}.${name}`] = given?.counts[i] ?? 0;
    for (const name of slots.sums) extras[`${g}.${name}`] = given?.sums[name] ?? 0;
  }
  return { extras, counts };
}
