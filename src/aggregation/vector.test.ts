import { describe, expect, it } from 'vitest';
import { toHex } from '../base/index.ts';
import { quantisationBound } from './quantise.ts';
import { type PodInput, packInput, unpackSum } from './vector.ts';
import { hashSpec, type VectorSpec, vectorLength } from './vectorSpec.ts';

const spec: VectorSpec = {
  cohort: 3,
  updateLength: 4,
  clip: 1,
  maxWeight: 500,
  extras: ['loss', 'bias'],
  counts: ['correct'],
};

function addUp(all: readonly Uint32Array[]): Uint32Array {
  const sum = new Uint32Array(all[0]!.length);
  for (const words of all) words.forEach((word, i) => (sum[i] = (sum[i]! + word) >>> 0));
  return sum;
}

const inputs: PodInput[] = [
  { update: Float32Array.of(0.5, -1, 2, 0), weight: 500, extras: { loss: 12.25, bias: -3 }, counts: { correct: 7 } },
  {
    update: Float32Array.of(-0.5, 1, -2, 9),
    weight: 100,
    extras: { loss: 1 / 1024, bias: 2 ** 63 },
    counts: { correct: 0 },
  },
];

describe('masked vector layout', () => {
  it('sums every slot', () => {
    const summed = unpackSum(addUp(inputs.map((input) => packInput(input, spec))), spec, 2);
    expect(summed.totalWeight).toBe(600);
    expect(summed.extras).toEqual({ loss: 12.25 + 1 / 1024, bias: 2 ** 63 - 3 });
    expect(summed.counts).toEqual({ correct: 7 });
    expect(summed.clipped).toBe(3);
    const expected = [(0.5 * 500 - 0.5 * 100) / 600, -400 / 600, 400 / 600, 100 / 600];
    summed.mean.forEach((x, i) =>
      expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(quantisationBound(spec, 600, 2)),
    );
  });

  it('carries pure statistics without an update, even of a pod with no samples', () => {
    const statistics = { ...spec, updateLength: 0 };
    const words = packInput({ weight: 0, extras: { loss: 1, bias: 2 }, counts: { correct: 3 } }, statistics);
    expect(words.length).toBe(vectorLength(statistics));
    expect(unpackSum(words, statistics, 1)).toMatchObject({ totalWeight: 0, extras: { loss: 1, bias: 2 } });
  });

  it('hashes every part of the layout', () => {
    const variants: Partial<VectorSpec>[] = [
      {},
      { cohort: 4 },
      { updateLength: 5 },
      { clip: 1 + 2 ** -52 },
      { maxWeight: 501 },
      { extras: ['bias', 'loss'] },
      { extras: ['loss'], counts: ['bias', 'correct'] },
      { counts: [] },
    ];
    expect(new Set(variants.map((variant) => toHex(hashSpec({ ...spec, ...variant })))).size).toBe(variants.length);
  });

  it('refuses slots that do not fit the spec', () => {
    const [input] = inputs;
    const bad: Partial<PodInput>[] = [
      { update: new Float32Array(3) },
      { extras: { loss: 1 } },
      { extras: { loss: 1, bias: 1, more: 1 } },
      { counts: {} },
    ];
    for (const change of bad)
      expect(() => packInput({ ...input!, ...change }, spec)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    for (const change of [{ weight: 501 }, { counts: { correct: -1 } }, { extras: { loss: Number.NaN, bias: 0 } }])
      expect(() => packInput({ ...input!, ...change }, spec)).toThrow(
        expect.objectContaining({ code: 'AGG_OVERFLOW' }),
      );
    for (const change of [{ extras: ['a', 'a'] }, { updateLength: -1 }])
      expect(() => vectorLength({ ...spec, ...change })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('refuses a sum that honest pods cannot have', () => {
    const sum = addUp(inputs.map((input) => packInput(input, spec)));
    expect(() => unpackSum(sum.with(0, 0x7fffffff), spec, 2)).toThrow(
      expect.objectContaining({ code: 'AGG_OVERFLOW', facts: { index: 0 } }),
    );
    expect(() => unpackSum(sum.with(4, 1001), spec, 2)).toThrow(expect.objectContaining({ code: 'AGG_OVERFLOW' }));
    expect(() => unpackSum(sum.slice(1), spec, 2)).toThrow(RangeError);
    expect(() => unpackSum(sum, spec, 4)).toThrow(RangeError);
  });
});
