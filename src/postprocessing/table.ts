/**
 * A table of predictions, and how its cells are reached.
 * @module
 */
import { KonsilError, linearPattern } from '../base/index.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Every row has one cell a column. */
export interface PredictionTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Json[])[];
}

/** Deepest nesting of a cell that is worked on. */
export const MOST_DEPTH = 100;

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** An object whose keys may be any, `__proto__` too. */
export function objectOf(entries: Iterable<readonly [string, Json]>): { readonly [key: string]: Json } {
  return Object.fromEntries(entries);
}

/** Places of the named columns. @throws KonsilError DATA_COLUMN_MISSING. */
export function placesOf({ columns }: PredictionTable, names: readonly string[]): number[] {
  return names.map((name) => {
    const at = columns.indexOf(name);
    if (at < 0) throw missing(`predictions have no column ${name}`, columns);
    return at;
  });
}

/** Places of the columns in whose name a pattern has a match. @throws KonsilError DATA_COLUMN_MISSING when there is none. */
export function placesMatching({ columns }: PredictionTable, patterns: readonly string[]): number[] {
  const tests = patterns.map(linearPattern);
  const places = columns.flatMap((name, at) => (tests.some((pattern) => pattern.test(name)) ? [at] : []));
  if (places.length === 0) throw missing(`no column of the predictions matches ${patterns.join(' or ')}`, columns);
  return places;
}

function missing(what: string, columns: readonly string[]): KonsilError {
  const shown = columns.slice(0, 20).join(', ');
  return new KonsilError('DATA_COLUMN_MISSING', `${what}; there are ${shown}${columns.length > 20 ? ', …' : ''}`);
}

/** What a cell becomes; a RangeError it throws is told with the cell's place. */
export type CellRule = (cell: Json) => Json;

/** The table with `rule` applied to the cells at `places`; null stays. @throws KonsilError DATA_INVALID. */
export function mapCells(table: PredictionTable, places: readonly number[], rule: CellRule): PredictionTable {
  const chosen = new Set(places);
  const rows = table.rows.map((row, i) =>
    row.map((cell, at) => (chosen.has(at) && cell !== null ? placed(table, i, at, () => unwrapped(cell, rule)) : cell)),
  );
  return { columns: table.columns, rows };
}

function unwrapped(cell: Json, rule: CellRule): Json {
  return isList(cell) && cell.length === 1 ? [rule(cell[0]!)] : rule(cell);
}

function placed(table: PredictionTable, row: number, at: number, work: () => Json): Json {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new KonsilError('DATA_INVALID', `predictions, column ${table.columns[at]}, row ${row + 1}: ${error.message}`);
  }
}
