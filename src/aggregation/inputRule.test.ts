import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanBound } from './errorBound.ts';
import { checkRule, keepRule } from './inputRule.ts';
import { normOf } from './privacy/clipping.ts';
import { packLanes, unpackLanes } from './vector.ts';
import type { VectorSpec } from './vectorSpec.ts';

const anUpdate = fc.float32Array({ minLength: 1, maxLength: 50, noNaN: true, min: -4, max: 4 });

describe('the rule for updates', () => {
  it('shortens what is longer and nothing else, in the same direction', () => {
    fc.assert(
      fc.property(anUpdate, fc.double({ min: 0.01, max: 50, noNaN: true }), (update, clipNorm) => {
        const kept = keepRule(update, { clipNorm });
        const before = normOf(update);
        expect(kept.shortened).toBe(before > clipNorm);
        if (!kept.shortened) {
          expect(kept.update).toBe(update);
          return;
        }
        const factor = clipNorm / before;
        kept.update.forEach((value, i) => expect(value).toBe(Math.fround(update[i]! * factor)));
        checkRule(kept.update, { clipNorm });
      }),
    );
  });

  it('holds of every sum of updates that keep it, rounding included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.float32Array({ minLength: 8, maxLength: 8, noNaN: true, min: -4, max: 4 }), fc.nat(400)), {
          minLength: 3,
          maxLength: 6,
        }),
        fc.constantFrom(8, 16, 32),
        fc.constantFrom(0.1, 1, 3),
        (pods, bits, clipNorm) => {
          const spec: VectorSpec = {
            ...{ cohort: pods.length, updateLength: 8, clip: 4, maxWeight: 500, bits, extras: [], counts: [] },
          };
          const inputs = pods.map(([update, weight]) => ({
            ...{ update: keepRule(update, { clipNorm }).update, weight: weight + 1, extras: {}, counts: {} },
          }));
          const lanes = inputs.map((input) => packLanes(input, spec));
          const sum = sumLanes(lanes, bits);
          const { mean, totalWeight } = unpackLanes(sum, spec, pods.length);
          checkRule(mean, { clipNorm }, Math.sqrt(8) * meanBound(spec, totalWeight, pods.length));
        },
      ),
    );
  });

  it('is seen to be broken by a pod that pulls the mean out of it, or sends what is no number', () => {
    expect(() => checkRule(Float64Array.of(3, 4), { clipNorm: 4.9 })).toThrow(
      expect.objectContaining({
        code: 'AGG_OVERFLOW',
        message: expect.stringMatching(/length 5\.000, longer than the task's clip_norm 4\.9/),
      }),
    );
    expect(() => checkRule(Float64Array.of(Number.NaN), { clipNorm: 1 })).toThrow(/longer/);
    expect(() => checkRule(Float64Array.of(3, 4), { clipNorm: 5 })).not.toThrow();
  });
});

/** Lane-wise sum; the update's lanes are the first 8, the rest are words. */
function sumLanes(vectors: readonly Uint8Array[], bits: number): Uint8Array {
  const total = Uint8Array.from(vectors[0]!);
  const split = 16 * Math.ceil(bits / 16);
  const add = (Lanes: typeof Uint8Array | typeof Uint16Array | typeof Uint32Array, from: number, to: number): void => {
    const size = (to - from) / Lanes.BYTES_PER_ELEMENT;
    const into = new Lanes(total.buffer, from, size);
    for (const vector of vectors.slice(1))
      new Lanes(vector.buffer as ArrayBuffer, vector.byteOffset + from, size).forEach((value, i) => {
        into[i] = into[i]! + value;
      });
  };
  const lane = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[bits as 8 | 16 | 32];
  add(lane, 0, split);
  add(Uint32Array, split, total.length);
  return total;
}
