/**
 * The distinct keys of a site's rows, and which rows have them: what goes into an intersection, and how its result
 * becomes a row filter. None of it leaves the site.
 * @module
 */
import { encodeKey, type KeyCell, type KeyRule } from './keyRule.ts';

/** The row has no key, and matches nothing. */
export const NO_KEY = -1;

/** A site's keys; secret. */
export interface KeySet {
  /** Canonical keys, each once, in the order of their first rows. */
  readonly keys: readonly Uint8Array[];
  /** For each row the index of its key in `keys`, or {@link NO_KEY}. */
  readonly keyOfRow: Int32Array;
}

/**
 * Keys of rows. Rows of one key collapse; rows without a key stay out.
 * @param rows for each row the cells of the key's columns.
 * @throws KonsilError as `encodeKey`.
 */
export function collectKeys(rule: KeyRule, rows: Iterable<readonly KeyCell[]>): KeySet {
  const indexOf = new Map<string, number>();
  const keys: Uint8Array[] = [];
  const keyOfRow: number[] = [];
  for (const cells of rows) {
    const key = encodeKey(rule, cells);
    if (key === null) {
      keyOfRow.push(NO_KEY);
      continue;
    }
    const text = Buffer.from(key).toString('latin1');
    const known = indexOf.get(text);
    keyOfRow.push(known ?? keys.length);
    if (known !== undefined) continue;
    indexOf.set(text, keys.length);
    keys.push(key);
  }
  return { keys, keyOfRow: Int32Array.from(keyOfRow) };
}

/**
 * Rows whose key matched, ascending: a local filter for what comes next.
 * @param matches for each key of the set 1 when it is in the intersection, else 0.
 */
export function rowsOf({ keys, keyOfRow }: KeySet, matches: Uint8Array): Int32Array {
  if (matches.length !== keys.length)
    throw new RangeError(`matches are of ${matches.length} keys, expected ${keys.length}`);
  const rows: number[] = [];
  keyOfRow.forEach((key, row) => {
    if (key !== NO_KEY && matches[key] === 1) rows.push(row);
  });
  return Int32Array.from(rows);
}
