/**
 * How cells of a row become the one byte string that two sites compare: the key. Both sites must write the same patient
 * alike, so a rule says per column what does not count, and it is part of what a session agrees on.
 * @module
 */
import { frame, KonsilError } from '../base/index.ts';

/** A cell of an identifying column; `null` and `undefined` are missing. */
export type KeyCell = string | number | bigint | null | undefined;

/** What does not count in one column of the key. Unicode is always brought to NFC. */
export interface KeyColumn {
  /** Drop white space at both ends. @default true */
  readonly trim?: boolean;
  /** `fold`: upper and lower case are the same. @default 'keep' */
  readonly case?: 'keep' | 'fold';
  /** Only ASCII digits count, and leading zeros do not: one site reads record numbers as text, another as numbers. @default false */
  readonly digits?: boolean;
}

/** The columns of a key, in order; at least one. */
export type KeyRule = readonly KeyColumn[];

/**
 * The key of a row: injective in the canonical texts of its cells, so that `ab, c` and `a, bc` differ.
 * @param cells one for each column of `rule`.
 * @returns null when a cell is missing, empty once brought to its canonical form, or no text (unpaired surrogates).
 * @throws KonsilError DATA_INVALID when the number of cells differs or a number is too large to be exact.
 */
export function encodeKey(rule: KeyRule, cells: readonly KeyCell[]): Uint8Array | null {
  if (rule.length === 0 || cells.length !== rule.length)
    throw new KonsilError('DATA_INVALID', `a key of ${rule.length} columns needs as many cells, got ${cells.length}`);
  const texts: string[] = [];
  for (const [i, column] of rule.entries()) {
    const text = canonicalText(column, cells[i], i);
    if (text === '') return null;
    texts.push(text);
  }
  return frame(...texts);
}

/** A rule as fields of what a session agrees on. */
export function ruleFields(rule: KeyRule): string[] {
  return rule.map(({ trim = true, case: letters = 'keep', digits = false }) => `${trim} ${letters} ${digits}`);
}

function canonicalText(column: KeyColumn, cell: KeyCell, index: number): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell === 'number') {
    if (!Number.isFinite(cell)) return '';
    if (Number.isInteger(cell) && !Number.isSafeInteger(cell))
      throw new KonsilError(
        'DATA_INVALID',
        `column ${index + 1} of the key holds a whole number of 2^53 or more, which may have been rounded: read it as text`,
      );
  }
  let text = String(cell);
  // would become U+FFFD in UTF-8, and two different texts the same key
  if (/\p{Surrogate}/u.test(text)) return '';
  text = text.normalize('NFC');
  // there and back: ß, ẞ and ss, and all forms of sigma, meet. Changing case can undo NFC
  if (column.case === 'fold') text = text.toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
  if (column.trim ?? true) text = text.trim();
  return column.digits ? text.replace(/[^0-9]/g, '').replace(/^0+/, '') : text;
}
