import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../base/index.ts';
import { encodeKey, type KeyCell, type KeyColumn, type KeyRule } from './keyRule.ts';

const key = (rule: KeyRule, ...cells: readonly KeyCell[]): string | null => {
  const encoded = encodeKey(rule, cells);
  return encoded && toHex(encoded);
};
const same = (column: KeyColumn, ...cells: readonly KeyCell[]): boolean =>
  new Set(cells.map((cell) => key([column], cell))).size === 1 && key([column], cells[0]) !== null;
const differ = (column: KeyColumn, ...cells: readonly KeyCell[]): boolean =>
  new Set(cells.map((cell) => key([column], cell))).size === cells.length;

describe('a key', () => {
  it('has these bytes: length and UTF-8 of each canonical text', () => {
    expect(key([{}, { digits: true }], ' Zoë ', 'nr 0042')).toBe('000000045a6fc3ab000000023432');
  });

  it('does not depend on the composition of letters, nor on white space around', () => {
    expect(same({}, 'é', 'é', ' é\t', '\u{a0}é\u{feff}')).toBe(true);
    expect(differ({ trim: false }, 'é', ' é')).toBe(true);
  });

  it('keeps case unless it is folded', () => {
    expect(differ({}, 'a', 'A')).toBe(true);
    expect(same({ case: 'fold' }, 'Straße', 'STRASSE', 'strasse', 'STRAẞE')).toBe(true);
    expect(same({ case: 'fold' }, 'ΟΔΟΣ', 'οδος', 'οδοσ')).toBe(true);
  });

  it('is the same for a number and its text', () => {
    expect(same({}, 42, '42', 42n, 42.0)).toBe(true);
    expect(same({}, 0, -0, '0')).toBe(true);
    expect(same({}, 2 ** 53 - 1, '9007199254740991')).toBe(true);
    expect(differ({}, '042', '42')).toBe(true);
  });

  it('of a record number is its digits without leading zeros', () => {
    expect(same({ digits: true }, 'NHS 943-476 5919', 9434765919, '0009434765919')).toBe(true);
    expect(key([{ digits: true }], 'unknown')).toBeNull();
    expect(key([{ digits: true }], '000')).toBeNull();
  });

  it('is none when a part is missing, empty or no text', () => {
    for (const cell of [null, undefined, '', '  ', Number.NaN, Number.POSITIVE_INFINITY, 'a\ud800b', '\udc00'])
      expect(key([{}, {}], 'x', cell)).toBeNull();
  });

  it('is refused for numbers that may have been rounded, without their value', () => {
    const attempt = (cell: number): void => void encodeKey([{}, {}], ['x', cell]);
    expect(() => attempt(2 ** 53)).toThrow(/column 2 of the key holds a whole number of 2\^53 or more/);
    expect(() => attempt(123456789012345680000)).not.toThrow(/123456/);
    expect(() => encodeKey([{}], ['secret-name', 'x'])).toThrow(/^a key of 1 columns needs as many cells, got 2$/);
    expect(() => encodeKey([], [])).toThrow(expect.objectContaining({ code: 'DATA_INVALID' }));
  });

  it('is unambiguous: equal keys mean equal canonical cells, however they are cut', () => {
    const rule = [{ trim: false }, { trim: false }];
    expect(key(rule, 'ab', 'c')).not.toBe(key(rule, 'a', 'bc'));
    const text = fc.string({ unit: fc.constantFrom('a', '\u0000', '\u0001', '0'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        expect(key(rule, a, b) === key(rule, c, d)).toBe(a === c && b === d);
      }),
    );
  });

  it('is canonical: bringing its text to canonical form again changes nothing', () => {
    const column: KeyColumn = { case: 'fold' };
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), (text) => {
        const once = encodeKey([column], [text]);
        if (once === null) return;
        expect(encodeKey([column], [new TextDecoder().decode(once.subarray(4))])).toEqual(once);
      }),
      { numRuns: 2000 },
    );
  });
});
