import { describe, expect, it } from 'vitest';
import { seededBytes } from '../../test/support/secaggCohort.ts';
import { referenceMask } from '../../test/support/secaggReference.ts';
import { toHex } from '../base/index.ts';
import { addMask, subtractMask } from './maskStream.ts';

describe('mask stream', () => {
  it('is AES-256-CTR from a zero counter, little-endian', () => {
    const words = new Uint32Array(4);
    addMask(words, new Uint8Array(32));
    // AES-256 of the zero block under the zero key (NIST CAVP, ECBVarKey family): dc95c078a2408989ad48a21492842087
    expect(toHex(new Uint8Array(words.buffer))).toBe('dc95c078a2408989ad48a21492842087');
  });

  for (const length of [0, 1, 3, 4095, 4096, 4097, 10_001])
    it(`of ${length} words equals the reference and is undone by subtraction`, () => {
      const key = seededBytes('mask')(32);
      const words = new Uint32Array(length).fill(0xfffffff0);
      addMask(words, key);
      expect(words).toEqual(Uint32Array.from(referenceMask(key, length), (word) => (word + 0xfffffff0) >>> 0));
      subtractMask(words, key);
      expect(words).toEqual(new Uint32Array(length).fill(0xfffffff0));
    });
});
