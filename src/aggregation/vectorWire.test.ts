import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../base/index.ts';
import { addVectors, applyMasks, shapeBytes } from '../crypto/index.ts';
import { quantisationBound } from './quantise.ts';
import { type PodInput, packLanes, unpackLanes } from './vector.ts';
import { hashSpec, shapeOf, type VectorSpec, wireBytes } from './vectorSpec.ts';
import { fromWire, toWire } from './vectorWire.ts';

const spec: VectorSpec = {
  ...{ cohort: 3, updateLength: 4, clip: 1, maxWeight: 500, extras: ['loss', 'bias'], counts: ['correct'] },
};
const coded = (code: string) => expect.objectContaining({ code });

const inputs: PodInput[] = [
  { update: Float32Array.of(0.5, -1, 2, 0), weight: 500, extras: { loss: 12.25, bias: -3 }, counts: { correct: 7 } },
  {
    update: Float32Array.of(-0.5, 1, -2, 9),
    weight: 100,
    extras: { loss: 0.5, bias: 2 ** 63 },
    counts: { correct: 0 },
  },
];
const MEAN = [(0.5 * 500 - 0.5 * 100) / 600, -400 / 600, 400 / 600, 100 / 600];

function addUp(all: readonly Uint8Array[], own: VectorSpec): Uint8Array {
  const sum = new Uint8Array(shapeBytes(shapeOf(own)));
  for (const vector of all) addVectors(sum, vector, shapeOf(own));
  return sum;
}

describe('vector in lanes', () => {
  it('sums every slot at every width, over the wire and under masks', () => {
    for (let bits = 8; bits <= 32; bits++)
      for (const rounding of ['nearest', 'stochastic'] as const) {
        const own: VectorSpec = { ...spec, bits, rounding };
        const shape = shapeOf(own);
        const vectors = inputs.map((input, i) => {
          const vector = packLanes(input, own, { seed: new Uint8Array(32).fill(i) });
          applyMasks(vector, shape, [{ key: new Uint8Array(32).fill(9), sign: i === 0 ? 1 : -1 }]);
          const wire = toWire(vector, own);
          expect(wire.length).toBe(wireBytes(own));
          return fromWire(wire, own);
        });
        const summed = unpackLanes(addUp(vectors, own), own, 2);
        expect(summed).toMatchObject({ totalWeight: 600, counts: { correct: 7 }, clipped: 3 });
        expect(summed.extras).toEqual({ loss: 12.75, bias: 2 ** 63 - 3 });
        const bound = quantisationBound(own, 600, 2);
        summed.mean.forEach((x, i) => expect(Math.abs(x - MEAN[i]!)).toBeLessThanOrEqual(bound));
      }
  });

  it('takes as many bytes as the width says, plus exact words', () => {
    const tail = 4 * (1 + 2 * 8 + 1 + 1);
    const bytes = (bits: number, updateLength: number) => wireBytes({ ...spec, bits, updateLength }) - tail;
    expect([8, 12, 16, 24, 32].map((bits) => bytes(bits, 1000))).toEqual([1000, 1500, 2000, 3000, 4000]);
    expect(bytes(13, 3)).toBe(5);
    expect(shapeOf({ ...spec, bits: 13 }).map(({ bits }) => bits)).toEqual([16, 32]);
    expect(wireBytes({ ...spec, updateLength: 0 })).toBe(tail);
  });

  it('carries pure statistics without an update, even of a pod with no samples', () => {
    const own = { ...spec, updateLength: 0 };
    const vector = packLanes({ weight: 0, extras: { loss: 1, bias: 2 }, counts: { correct: 3 } }, own);
    const back = fromWire(toWire(vector, own), own);
    expect(back).toEqual(vector);
    expect(unpackLanes(back, own, 1)).toMatchObject({ totalWeight: 0, extras: { loss: 1, bias: 2 } });
  });

  it('gives every stretch its own clip', () => {
    const own: VectorSpec = {
      ...spec,
      bits: 12,
      clips: [
        { length: 1, clip: 8 },
        { length: 3, clip: 2 ** -10 },
      ],
    };
    const update = Float32Array.of(7.5, 2 ** -11, -(2 ** -9), 3e-5);
    const summed = unpackLanes(packLanes({ ...inputs[0]!, update, weight: 500 }, own), own, 1);
    expect(summed.clipped).toBe(1);
    const expected = [7.5, 2 ** -11, -(2 ** -10), 3e-5];
    summed.mean.forEach((x, i) => {
      const clip = i === 0 ? 8 : 2 ** -10;
      expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(quantisationBound({ ...own, clip }, 500, 1));
    });
    for (const clips of [
      [],
      [{ length: 5, clip: 1 }],
      [{ length: 4, clip: 0 }],
      [
        { length: 0, clip: 1 },
        { length: 4, clip: 1 },
      ],
    ])
      expect(() => shapeOf({ ...own, clips })).toThrow(coded('CONFIG_INVALID'));
  });

  it('leaves room for noise, added to signed words before they become lanes', () => {
    const own: VectorSpec = { ...spec, bits: 12, headroom: 100, updateLength: 5000 };
    const input = { ...inputs[0]!, update: new Float32Array(5000).fill(-1) };
    const seen: number[] = [];
    const noisy = packLanes(input, own, {
      addNoise: (words, at) => {
        for (let i = 0; i < words.length; i++) words[i]! -= 50;
        seen.push(at, words.length);
      },
    });
    expect(seen).toEqual([0, 4096, 4096, 904]);
    const [with_, without] = [noisy, packLanes(input, own)].map((bytes) => unpackLanes(bytes, own, 1).mean);
    const unit = (own.clip / Math.floor((2047 - 100 - 3) / 3)) * 1;
    expect(with_!.every((x, i) => Math.abs(x + 50 * unit - without![i]!) < 1e-9)).toBe(true);
  });

  it('packs into given memory, shared too', () => {
    const own = { ...spec, bits: 16 };
    const into = new Uint8Array(new SharedArrayBuffer(shapeBytes(shapeOf(own))));
    expect(packLanes(inputs[0]!, own, { into })).toBe(into);
    expect([...into]).toEqual([...packLanes(inputs[0]!, own)]);
    expect(() => packLanes(inputs[0]!, own, { into: into.subarray(16) })).toThrow(RangeError);
  });

  it('needs a seed to round stochastically, and packs the same again with it', () => {
    const own: VectorSpec = { ...spec, bits: 8, updateLength: 100, rounding: 'stochastic' };
    const input = { ...inputs[0]!, update: Float32Array.from({ length: 100 }, (_, i) => i / 130) };
    const seed = new Uint8Array(32).fill(4);
    expect(packLanes(input, own, { seed })).toEqual(packLanes(input, own, { seed }));
    expect(() => packLanes(input, own)).toThrow(TypeError);
  });

  it('hashes every part of the layout', () => {
    const clips = [
      { length: 1, clip: 1 },
      { length: 3, clip: 1 },
    ];
    const variants: Partial<VectorSpec>[] = [
      ...[{}, { cohort: 4 }, { updateLength: 5 }, { clip: 1 + 2 ** -52 }, { maxWeight: 501 }, { counts: [] }],
      ...[{ extras: ['bias', 'loss'] }, { extras: ['loss'], counts: ['bias', 'correct'] }],
      ...[{ bits: 31 }, { rounding: 'stochastic' as const }, { maxTotalWeight: 501 }, { headroom: 1 }],
      ...[{ rotation: new Uint8Array(32) }, { rotation: new Uint8Array(32).fill(1) }],
      ...[{ clips }, { clips: clips.toReversed() }, { clips: [clips[0]!, { length: 3, clip: 2 }] }],
    ];
    expect(new Set(variants.map((variant) => toHex(hashSpec({ ...spec, ...variant })))).size).toBe(variants.length);
    const defaults: Partial<VectorSpec> = { bits: 32, rounding: 'nearest', maxTotalWeight: 1500, headroom: 0 };
    expect(hashSpec({ ...spec, ...defaults })).toEqual(hashSpec(spec));
  });

  it('refuses slots that do not fit the spec', () => {
    const [input] = inputs;
    const bad: Partial<PodInput>[] = [
      ...[
        { update: new Float32Array(3) },
        { extras: { loss: 1 } },
        { extras: { loss: 1, bias: 1, more: 1 } },
        { counts: {} },
      ],
    ];
    for (const change of bad) expect(() => packLanes({ ...input!, ...change }, spec)).toThrow(coded('CONFIG_INVALID'));
    for (const change of [{ weight: 501 }, { counts: { correct: -1 } }, { extras: { loss: Number.NaN, bias: 0 } }])
      expect(() => packLanes({ ...input!, ...change }, spec)).toThrow(coded('AGG_OVERFLOW'));
    for (const change of [{ extras: ['a', 'a'] }, { updateLength: -1 }, { rotation: new Uint8Array(31) }])
      expect(() => shapeOf({ ...spec, ...change })).toThrow(coded('CONFIG_INVALID'));
  });

  it('refuses a sum that honest pods cannot have', () => {
    const own: VectorSpec = { ...spec, bits: 16, maxTotalWeight: 900 };
    const sum = addUp(
      inputs.map((input) => packLanes(input, own)),
      own,
    );
    const changed = (at: number, ...bytes: number[]): Uint8Array => {
      const copy = sum.slice();
      copy.set(bytes, at);
      return copy;
    };
    expect(() => unpackLanes(changed(2, 0xff, 0x7f), own, 2)).toThrow(
      expect.objectContaining({ code: 'AGG_OVERFLOW', facts: { index: 1 } }),
    );
    expect(() => unpackLanes(changed(16, 0x85, 0x03), own, 2)).toThrow(coded('AGG_OVERFLOW')); // 901, of at most 900
    expect(() => unpackLanes(sum, own, 1)).toThrow(coded('AGG_OVERFLOW')); // 600, of at most 500
    expect(() => unpackLanes(changed(16, 0, 0), own, 2)).toThrow(coded('DATA_EMPTY'));
    expect(() => unpackLanes(sum.slice(4), own, 2)).toThrow(RangeError);
    for (const survivors of [0, 4, 1.5]) expect(() => unpackLanes(sum, own, survivors)).toThrow(RangeError);
  });

  it('refuses wire bytes of another length or with bits where none belong', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 32 }), fc.integer({ min: 0, max: 200 }), (bits, length) => {
        const own = { ...spec, bits };
        if (length !== wireBytes(own))
          expect(() => fromWire(new Uint8Array(length), own)).toThrow(coded('AGG_BAD_MESSAGE'));
      }),
    );
    const own = { ...spec, bits: 9 };
    const wire = new Uint8Array(wireBytes(own));
    wire[4] = 0x10; // 36 bits of update
    expect(() => fromWire(wire, own)).toThrow(coded('AGG_BAD_MESSAGE'));
    expect(() => toWire(new Uint8Array(3), own)).toThrow(RangeError);
  });
});
