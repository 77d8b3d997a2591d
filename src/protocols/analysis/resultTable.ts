/**
 * Results as tables: plain JSON on the wire.
 * @module
 */
import { z } from 'zod';
import { KonsilError, printable } from '../../base/index.ts';

const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const Table = z.strictObject({
  columns: z.array(z.string().max(1_000)).max(10_000),
  rows: z.array(z.array(Cell)).max(1_000_000),
  /** Groups of too few rows, which the site does not show. */
  suppressed: z.int().min(0),
  /** Deviation of the noise of a column, where a site has added some. */
  noise: z.record(z.string(), z.number().min(0)).optional(),
});

/** A result: each row has a cell a column. */
export type ResultTable = z.output<typeof Table>;

/** Whether a value is a table all of whose rows are whole. */
function isTable(value: unknown): value is ResultTable {
  const read = Table.safeParse(value);
  return read.success && read.data.rows.every((row) => row.length === read.data.columns.length);
}

/** The table in bytes of another party. @throws KonsilError AGG_BAD_MESSAGE when it is none. */
export function readTable(bytes: Uint8Array, pod: string): ResultTable {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its result is not JSON`, { pod }, { cause });
  }
  if (!isTable(value)) throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its result is not a table`, { pod });
  return {
    ...value,
    columns: value.columns.map(printable),
    rows: value.rows.map((row) => row.map((cell) => (typeof cell === 'string' ? printable(cell) : cell))),
  };
}
