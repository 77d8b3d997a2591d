/**
 * A query's results added up over pods: in which slots, and what their sums say. Groups are listed in the task, so that the
 * layout is public and a group that one site alone has shows in no message.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { SqlAlgorithm } from '../../tasks/index.ts';
import type { AnalysisPlan, StepLayout, StepSum } from './plan.ts';
import type { ResultTable } from './resultTable.ts';

/** A combination of group values, in the order of the task's groups. */
type GroupKey = readonly (string | number)[];

/** What both kinds of queries say about sums. */
type Summed = Pick<SqlAlgorithm, 'aggregate' | 'groups'>;

function groupsOf({ groups = {} }: Summed): GroupKey[] {
  return Object.values(groups).reduce<GroupKey[]>(
    (keys, values) => keys.flatMap((key) => values.map((value) => [...key, value])),
    [[]],
  );
}

/** Rows of a group, over pods; pods with a value in column `c` of group `g`; the sum of what column `c` adds up there. */
const rowsSlot = (group: number): string => `rows.${group}`;
const podsSlot = (group: number, column: number): string => `pods.${group}.${column}`;
const sumSlot = (group: number, column: number): string => `sum.${group}.${column}`;
/** The sum of the weights of that, for a mean that has some. */
const weightSlot = (group: number, column: number): string => `weight.${group}.${column}`;
/** Rows of groups that the task does not list. */
const OTHER = 'other';

export function sqlPlan(algorithm: Summed): AnalysisPlan {
  const { aggregate } = algorithm;
  if (aggregate === undefined)
    throw new KonsilError(
      'CONFIG_INVALID',
      'the query says nothing of how the results of pods are added up (aggregate)',
    );
  const layout: StepLayout = {
    extras: groupsOf(algorithm).flatMap((_, group) =>
      Object.values(aggregate).flatMap((rule, i) =>
        typeof rule === 'object' ? [sumSlot(group, i), weightSlot(group, i)] : [sumSlot(group, i)],
      ),
    ),
    counts: [
      ...groupsOf(algorithm).flatMap((_, group) => [
        rowsSlot(group),
        ...Object.keys(aggregate).map((_name, i) => podsSlot(group, i)),
      ]),
      OTHER,
    ],
  };
  return {
    steps: 1,
    layout: () => layout,
    given: () => null,
    answer: ([sum]) => ({ kind: 'table', table: answerOf(algorithm, sum!) }),
  };
}

/**
 * One pod's part.
 * @throws KonsilError SQL_REFUSED when the result lacks a column that the task names, has two rows of one group, or text where
 *   a number is added up.
 */
export function sqlInput(algorithm: Summed, result: Pick<ResultTable, 'columns' | 'rows'>): StepSum {
  const { aggregate = {}, groups = {} } = algorithm;
  const keys = groupsOf(algorithm);
  const place = new Map(keys.map((key, group) => [keyText(key), group]));
  const at = (column: string): number => {
    const index = result.columns.indexOf(column);
    if (index < 0)
      throw new KonsilError('SQL_REFUSED', `the query's result has no column "${column}", which the task names`);
    return index;
  };
  const groupColumns = Object.keys(groups).map(at);
  const columns = Object.entries(aggregate).map(([name, rule]) => ({ name, rule, index: at(name) }));
  const extras: Record<string, number> = {};
  const counts: Record<string, number> = { [OTHER]: 0 };
  for (const [group] of keys.entries()) {
    counts[rowsSlot(group)] = 0;
    for (const [i, { rule }] of columns.entries()) {
      [extras[sumSlot(group, i)], counts[podsSlot(group, i)]] = [0, 0];
      if (typeof rule === 'object') extras[weightSlot(group, i)] = 0;
    }
  }
  for (const row of result.rows) {
    const group = place.get(keyText(groupColumns.map((index) => row[index] as string | number)));
    if (group === undefined) {
      counts[OTHER]!++;
      continue;
    }
    if (counts[rowsSlot(group)]! > 0)
      throw new KonsilError(
        'SQL_REFUSED',
        groupColumns.length === 0
          ? 'the query gives more than one row, and the task lists no groups to tell them apart'
          : 'the query gives two rows of one group; expected the groups of the task in GROUP BY',
      );
    counts[rowsSlot(group)] = 1;
    const numberAt = (index: number, name: string): number | null => {
      const value = row[index];
      if (value === null || typeof value === 'number') return value;
      if (typeof value === 'boolean') return Number(value);
      throw new KonsilError(
        'SQL_REFUSED',
        `the column "${name}" of the query's result is text; expected numbers to add up`,
      );
    };
    for (const [i, { name, rule, index }] of columns.entries()) {
      const value = rule === 'count' ? (row[index] === null ? null : 1) : numberAt(index, name);
      const weight = typeof rule === 'object' ? numberAt(at(rule.mean), rule.mean) : 1;
      if (value === null || weight === null) continue;
      extras[sumSlot(group, i)] = value * weight;
      if (typeof rule === 'object') extras[weightSlot(group, i)] = weight;
      counts[podsSlot(group, i)] = 1;
    }
  }
  return { extras, counts };
}

/** Numbers and their texts are one: a site may hold codes as either. */
const keyText = (key: readonly (string | number | null | boolean | undefined)[]): string =>
  JSON.stringify(key.map((value) => (value === null || value === undefined ? null : String(value))));

function answerOf(algorithm: Summed, { extras, counts }: StepSum): ResultTable {
  const { aggregate = {}, groups = {} } = algorithm;
  const columns = Object.entries(aggregate);
  const rows = groupsOf(algorithm).flatMap((key, group) => {
    const pods = counts[rowsSlot(group)]!;
    if (pods === 0) return [];
    const values = columns.map(([, rule], i): number | null => {
      const given = counts[podsSlot(group, i)]!;
      if (rule === 'count') return given;
      if (given === 0) return null;
      const sum = extras[sumSlot(group, i)]!;
      if (rule === 'sum') return sum;
      const weight = rule === 'mean' ? given : extras[weightSlot(group, i)]!;
      return weight === 0 ? null : sum / weight;
    });
    return [[...key, ...values, pods]];
  });
  return { columns: [...Object.keys(groups), ...Object.keys(aggregate), 'pods'], rows, suppressed: counts[OTHER]! };
}
