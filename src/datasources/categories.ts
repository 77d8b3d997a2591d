/**
 * Which values a column has, and which of them enough rows have to be shown to others.
 * @module
 */
import { printable, throwIfCancelled } from '../base/index.ts';
import { type DataSource, isImage } from './dataSource.ts';
import { LONGEST_RELEASED, MOST_RELEASED } from './schema.ts';

/** Rows, or patients where they are known, that a value needs to be shown: fewer could be somebody. */
export const LEAST_ROWS = 10;
/** Columns with more different values are no categories: what is kept of them is bounded. */
const MOST_DISTINCT = 10_000;

/** Values of a column, without those that too few rows have. */
export interface ColumnCategories {
  /** With the number of their rows, by value. */
  readonly shown: readonly { readonly value: string; readonly rows: number }[];
  /** How many more there are. */
  readonly suppressed: number;
}

/** Rows of a value, and as many of its patients as are asked about. */
interface Tally {
  rows: number;
  loose: number;
  readonly patients: Set<string>;
}

/**
 * The values of `columns`; null for one with more than 10,000 different ones.
 * @throws KonsilError CANCELLED, or as reading does.
 */
export async function countCategories(
  source: Pick<DataSource, 'yieldData' | 'groupOf'>,
  columns: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ColumnCategories | null>> {
  const tallies = new Map<string, Map<string, Tally> | null>(columns.map((column) => [column, new Map()]));
  for await (const batch of source.yieldData(1_000, signal)) {
    throwIfCancelled(signal);
    for (const column of columns) {
      const values = tallies.get(column)!;
      if (values === null) continue;
      for (const [i, cell] of batch.columns[column]!.entries())
        if (cell !== null && !isImage(cell)) count(values, String(cell), source.groupOf(batch.keys[i]!));
      if (values.size > MOST_DISTINCT) tallies.set(column, null);
    }
  }
  return new Map([...tallies].map(([column, values]) => [column, values && shownOf(values)]));
}

function count(values: Map<string, Tally>, value: string, patient: string | null): void {
  const tally = values.get(value) ?? { rows: 0, loose: 0, patients: new Set<string>() };
  values.set(value, tally);
  tally.rows++;
  if (patient === null) tally.loose++;
  else if (tally.patients.size < LEAST_ROWS) tally.patients.add(patient);
}

function shownOf(values: ReadonlyMap<string, Tally>): ColumnCategories {
  const large = [...values].filter(([, { loose, patients }]) => loose + patients.size >= LEAST_ROWS);
  const shown = large.map(([value, { rows }]) => ({ value, rows }));
  return { shown: shown.sort((a, b) => (a.value < b.value ? -1 : 1)), suppressed: values.size - shown.length };
}

/** Characters of all released values of a dataset: its schema is in every answer to a modeller. */
const MOST_CHARACTERS = 100_000;

/**
 * What a site releases: of each column the values that enough rows have, without long ones and those that cannot be printed.
 * A column is not in it when it has too many, or the columns before it left no room.
 */
export async function releasedCategories(
  source: Pick<DataSource, 'yieldData' | 'groupOf'>,
  columns: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const released = new Map<string, readonly string[]>();
  let room = MOST_CHARACTERS;
  for (const [column, found] of await countCategories(source, columns, signal)) {
    const values = (found?.shown ?? [])
      .map(({ value }) => value)
      .filter((value) => value !== '' && value.length <= LONGEST_RELEASED && printable(value) === value);
    const characters = values.reduce((sum, value) => sum + value.length, 0);
    if (values.length === 0 || values.length > MOST_RELEASED || characters > room) continue;
    room -= characters;
    released.set(column, values);
  }
  return released;
}
