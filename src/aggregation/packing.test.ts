import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { laneFor, lanesAt, packBits, packedBytes, unpackBits } from './packing.ts';

function lanesOf(values: readonly number[], bits: number) {
  const lane = laneFor(bits);
  const lanes = lanesAt(new Uint8Array((values.length * lane) / 8), lane, values.length);
  lanes.set(values);
  return lanes;
}

/** The same stream from one big number. */
function packSlowly(values: readonly number[], bits: number): Uint8Array {
  let whole = values.reduceRight((sum, value) => (sum << BigInt(bits)) | BigInt.asUintN(bits, BigInt(value)), 0n);
  return Uint8Array.from({ length: packedBytes(values.length, bits) }, () => {
    const byte = Number(whole & 0xffn);
    whole >>= 8n;
    return byte;
  });
}

describe('packed bits', () => {
  it('are those of the reference, and come back, at every width and length', () => {
    const values = fc.array(fc.nat(0xffffffff), { maxLength: 40 });
    fc.assert(
      fc.property(values, fc.integer({ min: 8, max: 32 }), (drawn, bits) => {
        const lanes = lanesOf(drawn, bits);
        const packed = new Uint8Array(packedBytes(drawn.length, bits));
        packBits(lanes, bits, packed);
        expect(packed).toEqual(packSlowly([...lanes], bits));
        const back = lanesOf(
          drawn.map(() => 0),
          bits,
        );
        unpackBits(packed, bits, back);
        expect([...back]).toEqual(drawn.map((value) => Number(BigInt.asUintN(bits, BigInt(value)))));
      }),
    );
  });

  it('must end in zeros', () => {
    for (const [bits, length] of [
      [9, 3],
      [15, 1],
      [31, 7],
    ] as const) {
      const packed = new Uint8Array(packedBytes(length, bits));
      packed[packed.length - 1] = 0x80;
      const lanes = lanesOf(Array<number>(length).fill(0), bits);
      expect(() => unpackBits(packed, bits, lanes)).toThrow(expect.objectContaining({ code: 'AGG_BAD_MESSAGE' }));
    }
  });
});
