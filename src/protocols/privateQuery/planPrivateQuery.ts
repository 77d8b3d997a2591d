/**
 * A private query before it runs: what is released, how noisy, and what it costs. Nothing here has seen a row.
 * @module
 */
import type { PrivacyEvent } from '../../aggregation/index.ts';
import {
  type Bounds,
  type ColumnSchema,
  type Grid,
  gridOf,
  type PreparedQuery,
  preparePrivateQuery,
  type Schema,
  sqlRefused,
} from '../../datasources/index.ts';
import { type Noise, splitBudget, thresholdOf } from './noise.ts';
import { type PlacePlan, planPlace } from './places.ts';
import { type Figure, type Release, releasesOf, sensitivityOf } from './releases.ts';

/** What a modeller declares of a column; public, so never computed from the rows. Text columns have `{}`. */
export interface ColumnRange extends Partial<Bounds> {
  /** Groups that are shown, with or without anybody in them; others are not. */
  readonly values?: readonly (number | string)[];
}

export interface PrivateQueryOptions {
  /** `dataset`, `pod/dataset` or `pod.dataset`. */
  readonly tableName: string;
  readonly schema: Schema;
  /** In [1e-6, 100]. */
  readonly epsilon: number;
  /** In [0, 0.1]; above 0 where groups are not declared. Should be far below 1/patients. */
  readonly delta: number;
  /** By column. Only one site's: ranges per pod are chosen before. */
  readonly ranges: Readonly<Record<string, ColumnRange>>;
  /** Groups in which one patient is counted at most, in [1, 1000]; more of them cost more noise. @default 1 */
  readonly maxGroups?: number;
}

/** Plain data; `cost` has the form that a pod's `PrivacyAccount` takes, for the account of rows. */
export interface PrivateQueryPlan {
  readonly query: PreparedQuery;
  readonly epsilon: number;
  /** What of the δ is used: 0 when pure ε-privacy was quieter and all groups are declared. */
  readonly delta: number;
  /** To be charged before the query runs, each time that it does. */
  readonly cost: { readonly events: readonly PrivacyEvent[]; readonly times: 1 };
  readonly maxGroups: number;
  /** Of each aggregated column; null where values are only counted. */
  readonly grids: readonly (Grid | null)[];
  /** Declared values of each column of GROUP BY; null when groups are those that pass the threshold. */
  readonly declared: readonly (readonly (number | string)[])[] | null;
  readonly releases: readonly PlannedRelease[];
  /** Of each aggregate of the query. */
  readonly figures: readonly Figure[];
  /** Noisy people of the smallest group that is shown; null when all are declared. */
  readonly threshold: number | null;
}

export type PlannedRelease =
  | { readonly release: Exclude<Release, { kind: 'place' }>; readonly noise: Noise }
  | { readonly release: Extract<Release, { kind: 'place' }>; readonly place: PlacePlan };

/** Groups of a result. */
export const MOST_GROUPS = 10_000;
/** Below the smallest, noise is beyond all use; above the largest, there is none to speak of. */
const EPSILONS = { smallest: 1e-6, largest: 100 };
const LARGEST_DELTA = 0.1;
const MOST_GROUPS_EACH = 1_000;
/** Each takes its part of ε. */
const MOST_RELEASES = 100;

/**
 * @throws KonsilError SQL_REFUSED for a query, a range or a budget that cannot be answered, with what could be; DATA_EMPTY or
 *   DATA_UNSUPPORTED for a schema without names that SQL could use.
 */
export async function planPrivateQuery(sql: string, options: PrivateQueryOptions): Promise<PrivateQueryPlan> {
  const { delta, epsilon, maxGroups = 1, schema } = options;
  checkBudget(epsilon, delta, maxGroups);
  const query = await preparePrivateQuery(sql, options.tableName, schema);
  const ranges = rangesByColumn(options.ranges, schema);
  const grids = query.columns.map((column) => gridFor(column, query, ranges));
  const declared = declaredKeys(query.keys, ranges);
  if (declared === null && delta === 0)
    throw sqlRefused('groups that are not declared need delta above 0; or declare their values for every column');
  const { figures, releases } = releasesOf(query, grids, declared === null);
  if (releases.length > MOST_RELEASES) throw sqlRefused(`it needs more than ${MOST_RELEASES} noisy numbers a group`);
  const numbers = releases.flatMap((release) => (release.kind === 'place' ? [] : [sensitivityOf(release, grids)]));
  const split = splitBudget({
    ...{ epsilon, delta, maxGroups, sensitivities: numbers },
    ...{ places: releases.length - numbers.length, hasThreshold: declared === null },
  });
  const noises = [...split.noises];
  const planned = releases.map((release): PlannedRelease => {
    if (release.kind !== 'place') return { release, noise: noises.shift()! };
    return { release, place: planPlace(release.target, grids[release.column]!, split.placeEpsilon) };
  });
  return {
    ...{ query, epsilon, maxGroups, grids, declared, figures, releases: planned },
    delta: split.events.every((event) => event.kind === 'approximate' && event.delta === 0) ? 0 : delta,
    cost: { events: split.events, times: 1 },
    // a patient may be alone in each of `maxGroups` groups
    threshold: declared === null ? thresholdOf(split.noises[0]!, split.thresholdDelta / maxGroups) : null,
  };
}

function checkBudget(epsilon: number, delta: number, maxGroups: number): void {
  if (!(epsilon >= EPSILONS.smallest && epsilon <= EPSILONS.largest))
    throw sqlRefused(`epsilon needs a number in [${EPSILONS.smallest}, ${EPSILONS.largest}], got ${epsilon}`);
  if (!(delta >= 0 && delta <= LARGEST_DELTA))
    throw sqlRefused(`delta needs a number in [0, ${LARGEST_DELTA}], got ${delta}`);
  if (!(Number.isSafeInteger(maxGroups) && maxGroups >= 1 && maxGroups <= MOST_GROUPS_EACH))
    throw sqlRefused(`the groups of one patient need a whole number in [1, ${MOST_GROUPS_EACH}]`);
}

/** By the schema's name; case does not matter. */
function rangesByColumn(ranges: PrivateQueryOptions['ranges'], { columns }: Schema): ReadonlyMap<string, ColumnRange> {
  const names = new Map(columns.map(({ name }) => [name.toLowerCase(), name]));
  const found = new Map<string, ColumnRange>();
  for (const [given, range] of Object.entries(ranges)) {
    const name = names.get(given.toLowerCase());
    if (name === undefined) throw sqlRefused(`there is no column "${given}" to have a range`);
    if (found.has(name)) throw sqlRefused(`the column "${name}" has two ranges`);
    found.set(name, range);
  }
  return found;
}

function gridFor(column: ColumnSchema, query: PreparedQuery, ranges: ReadonlyMap<string, ColumnRange>): Grid | null {
  const kinds = query.select.items.flatMap((item) =>
    'aggregate' in item && 'column' in item.aggregate && item.aggregate.column === column.name
      ? [item.aggregate.kind]
      : [],
  );
  if (kinds.every((kind) => kind === 'count')) return null;
  const { lower, upper } = ranges.get(column.name) ?? {};
  if (lower === undefined || upper === undefined)
    throw sqlRefused(`the column "${column.name}" needs a range of lower and upper: values are clamped to it`);
  const grid = gridOf(column, { lower, upper });
  if (grid.isDate && kinds.includes('sum')) throw sqlRefused(`dates of "${column.name}" have no sum`);
  return grid;
}

/** Null when a column has none. */
function declaredKeys(
  keys: readonly ColumnSchema[],
  ranges: ReadonlyMap<string, ColumnRange>,
): PrivateQueryPlan['declared'] {
  const all = keys.map((key) => {
    const values = ranges.get(key.name)?.values;
    if (values === undefined) return undefined;
    const type = key.dataType === 'integer' || key.dataType === 'number' ? 'number' : 'string';
    const isRight = (value: unknown): boolean => typeof value === type && (type === 'string' || Number.isFinite(value));
    if (values.length === 0 || !values.every(isRight) || new Set(values).size !== values.length)
      throw sqlRefused(`the values of "${key.name}" need to be ${type}s that differ, at least one`);
    return values;
  });
  const declared = all.filter((values) => values !== undefined);
  if (declared.length < keys.length) return null;
  const groups = declared.reduce((product, values) => product * values.length, 1);
  if (groups > MOST_GROUPS) throw sqlRefused(`it declares ${groups} groups; expected at most ${MOST_GROUPS}`);
  return declared;
}
