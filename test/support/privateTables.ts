/** Tables for attacks on private queries, and the exact figures behind their answers. */
import {
  BoundedTable,
  type DataSource,
  type ExactGroup,
  type ExactHistogram,
  type Value,
} from '../../src/datasources/index.ts';
import {
  type PrivateQueryOptions,
  type PrivateQueryPlan,
  planPrivateQuery,
} from '../../src/protocols/privateQuery/index.ts';
import type { ExactFigures } from '../../src/protocols/privateQuery/noisyGroups.ts';
import { boundedQuery } from '../../src/protocols/privateQuery/runPrivateQuery.ts';
import { memorySource } from './memorySource.ts';

/** A row of `who` (no column: the source's own knowledge), age, site and note. */
export interface Row {
  readonly who: string;
  readonly age: number;
  readonly site?: string;
  readonly note?: string;
}

export function sourceOf(rows: readonly Row[]): DataSource {
  const types = { age: 'number', site: 'text', note: 'text' } as const;
  const cells = rows.map(({ age, site, note }): Record<string, Value> => {
    return { age, site: site ?? 'a', note: note ?? 'free' };
  });
  return memorySource({ types, rows: cells, patientOf: (key) => rows[key]!.who });
}
export const crowd = (size: number, of: Partial<Row> = {}): Row[] =>
  Array.from({ length: size }, (_, i) => ({ who: `w${i}`, age: 20 + (i % 60), ...of }));
export const plan = (sql: string, options: Partial<PrivateQueryOptions> = {}): Promise<PrivateQueryPlan> =>
  planPrivateQuery(sql, {
    ...{ tableName: 't', schema: sourceOf([]).schema, epsilon: 1, delta: 0, ranges: { age: { lower: 0, upper: 100 } } },
    ...options,
  });

/** What noise is put on, kept: so that a query can be answered a thousand times. */
export async function exactFigures(planned: PrivateQueryPlan, rows: readonly Row[]): Promise<ExactFigures> {
  const table = await BoundedTable.open(sourceOf(rows), boundedQuery(planned), { drawTag: () => 7 });
  const groups: ExactGroup[] = [];
  for await (const group of table.groups()) groups.push(group);
  const histograms = new Map<string, ExactHistogram[]>();
  for (const one of planned.releases)
    if ('place' in one)
      histograms.set(
        `${one.release.column}`,
        await collect(table.histograms(one.release.column, one.place.bins.width)),
      );
  table.close();
  return {
    async *groups() {
      yield* groups;
    },
    async *histograms(column) {
      yield* histograms.get(`${column}`)!;
    },
  };
}
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
export const exactGroups = async (planned: PrivateQueryPlan, rows: readonly Row[]): Promise<ExactGroup[]> =>
  collect((await exactFigures(planned, rows)).groups());
