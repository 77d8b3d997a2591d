import { ctr } from '@noble/ciphers/aes.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededBytes } from '../../test/support/secaggCohort.ts';
import { toHex } from '../base/index.ts';
import { allocateVector, type LaneRun, type MaskKey, runBytes, shapeBytes, type VectorShape } from './lanes.ts';
import { openLaneKernel } from './lanesKernel/laneKernel.ts';
import { addVectors, applyMasks, Masking } from './maskStream.ts';

it('a mask is AES-256-CTR from a zero counter', () => {
  const vector = new Uint8Array(16);
  applyMasks(vector, [{ bits: 32, length: 4 }], [{ key: new Uint8Array(32), sign: 1 }]);
  // AES-256 of the zero block under the zero key (NIST CAVP, ECBVarKey family)
  expect(toHex(vector)).toBe('dc95c078a2408989ad48a21492842087');
});

/** What {@link applyMasks} should give: AES from another library, sums with whole numbers. */
function referenceApply(vector: Uint8Array, shape: VectorShape, masks: readonly MaskKey[]): Uint8Array {
  const out = vector.slice();
  const view = new DataView(out.buffer);
  for (const { key, sign } of masks) {
    const stream = new DataView(ctr(key, new Uint8Array(16)).encrypt(new Uint8Array(vector.length)).buffer);
    let at = 0;
    for (const run of shape)
      for (const end = at + runBytes(run); at < end; at += run.bits / 8) {
        if (run.bits === 8) view.setUint8(at, view.getUint8(at) + sign * stream.getUint8(at));
        else if (run.bits === 16)
          view.setUint16(at, view.getUint16(at, true) + sign * stream.getUint16(at, true), true);
        else view.setUint32(at, view.getUint32(at, true) + sign * stream.getUint32(at, true), true);
      }
  }
  return out;
}

const run: fc.Arbitrary<LaneRun> = fc.record({
  bits: fc.constantFrom(8, 16, 32),
  length: fc.integer({ min: 1, max: 600 }),
});
const shapes: fc.Arbitrary<VectorShape> = fc.array(run, { minLength: 1, maxLength: 4 });
const signs = fc.array(fc.constantFrom<1 | -1>(1, -1), { maxLength: 4 });
const masksOf = (signs: readonly (1 | -1)[]): MaskKey[] =>
  signs.map((sign, i) => ({ key: seededBytes(`mask ${i}`)(32), sign }));
/** Two runs, one longer than a stretch of the kernel. */
const LONG: VectorShape = [
  { bits: 16, length: 20_001 },
  { bits: 32, length: 9000 },
];
const vectorOf = (shape: VectorShape, label = 'vector'): Uint8Array =>
  ctr(seededBytes(label)(32), new Uint8Array(16)).encrypt(new Uint8Array(shapeBytes(shape)));

describe('masks over lanes', () => {
  it('equal the reference for any runs, widths and signs, in own and in shared memory', () => {
    fc.assert(
      fc.property(shapes, signs, (shape, signs) => {
        const masks = masksOf(signs);
        const vector = vectorOf(shape);
        const expected = referenceApply(vector, shape, masks);
        const inShared = allocateVector(shape);
        inShared.set(vector);
        for (const taken of [vector, inShared]) {
          applyMasks(taken, shape, masks);
          expect(new Uint8Array(taken)).toEqual(expected);
        }
      }),
    );
  });

  it('equal the reference beyond a stretch, with and without WebAssembly', () => {
    const masks = masksOf([1, -1, 1]);
    const expected = referenceApply(vectorOf(LONG), LONG, masks);
    for (const kernel of [openLaneKernel(), openLaneKernel(null)]) {
      const vector = vectorOf(LONG);
      new Masking(LONG, masks, { kernel }).apply(vector);
      expect(vector).toEqual(expected);
    }
  });

  it('are the same piece by piece, and from any block on', () => {
    const masks = masksOf([1, -1]);
    const expected = referenceApply(vectorOf(LONG), LONG, masks);
    for (const size of [16, 48, 32_768, 40_016]) {
      const vector = vectorOf(LONG);
      const masking = new Masking(LONG, masks);
      for (let at = 0; at < vector.length; at += size) masking.apply(vector.subarray(at, at + size));
      expect(vector).toEqual(expected);
    }
    const from = 39_984;
    const tail = vectorOf(LONG).subarray(from);
    new Masking(LONG, masks, { from }).apply(tail);
    expect(tail).toEqual(expected.subarray(from));
  });

  it('cancel in a sum of vectors, lane by lane', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const [key] = masksOf([1]);
        const [a, b] = [vectorOf(shape, 'a'), vectorOf(shape, 'b')];
        const plain = a.slice();
        addVectors(plain, b, shape);
        applyMasks(a, shape, [{ ...key!, sign: 1 }]);
        applyMasks(b, shape, [{ ...key!, sign: -1 }]);
        addVectors(a, b, shape);
        expect(a).toEqual(plain);
      }),
    );
  });

  it('stop between stretches when told to, leaving the rest', () => {
    const vector = vectorOf(LONG);
    let asked = 0;
    new Masking(LONG, masksOf([1]), { isCancelled: () => asked++ > 0 }).apply(vector);
    expect(vector.subarray(32_768)).toEqual(vectorOf(LONG).subarray(32_768));
    expect(vector.subarray(0, 32_768)).not.toEqual(vectorOf(LONG).subarray(0, 32_768));
  });

  it('refuse vectors and pieces that do not fit the shape', () => {
    const shape: VectorShape = [{ bits: 8, length: 17 }];
    expect(() => applyMasks(new Uint8Array(17), shape, masksOf([1]))).toThrow(RangeError);
    expect(() => addVectors(new Uint8Array(32), new Uint8Array(16), shape)).toThrow(RangeError);
    const masking = new Masking(shape, masksOf([1]));
    expect(() => masking.apply(new Uint8Array(15))).toThrow(RangeError);
    masking.apply(new Uint8Array(32));
    expect(() => masking.apply(new Uint8Array(16))).toThrow(RangeError);
  });
});
