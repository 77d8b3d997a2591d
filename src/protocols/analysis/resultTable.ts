/**
 * Results as tables: plain JSON on the wire.
 * @module
 */
import { z } from 'zod';
import { KonsilError, printable } from '../../base/index.ts';

const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export const ResultTableSchema = z.strictObject({
  columns: z.array(z.string().max(1_000)).max(10_000),
  rows: z.array(z.array(Cell)).max(1_000_000),
  /** Groups of too few rows, which the site does not show. */
  suppressed: z.int().min(0),
  /** Deviation of the noise of a column, where a site has added some. */
  noise: z.record(z.string(), z.number().min(0)).optional(),
});

/** A result: each row has a cell a column. */
export type ResultTable = z.output<typeof ResultTableSchema>;

/** Whether all rows of a table are whole. */
export function isWhole({ columns, rows }: Pick<ResultTable, 'columns' | 'rows'>): boolean {
  return rows.every((row) => row.length === columns.length);
}

/** A table of another party, with nothing in its text that steers a terminal. */
export function printableTable(table: ResultTable): ResultTable {
  return {
    ...table,
    columns: table.columns.map(printable),
    rows: table.rows.map((row) => row.map((cell) => (typeof cell === 'string' ? printable(cell) : cell))),
  };
}

/** The table in bytes of another party. @throws KonsilError AGG_BAD_MESSAGE when it is none. */
export function readTable(bytes: Uint8Array, pod: string): ResultTable {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its result is not JSON`, { pod }, { cause });
  }
  const read = ResultTableSchema.safeParse(value);
  if (!read.success || !isWhole(read.data))
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its result is not a table`, { pod });
  return printableTable(read.data);
}
