import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockCount, type PodInput, packLanes, quantisationBound, unpackLanes } from '../../aggregation/index.ts';
import { exactSums, rangeInput, updateParameters } from './quantisation.ts';
import { choiceFrom, Residual } from './sparse.ts';
import { type SumFacts, sumSpec } from './sums.ts';

const factsOf = (parameters: number, share: number): SumFacts => ({
  ...{ features: 1, parameters, kind: 'binary', classes: 2, stretches: [], share },
});
const BESIDE = {
  extras: { trainingLoss: 0, validationLoss: 0 },
  counts: { validationRows: 0, validationHits: 0 },
} as const;
const inputOf = (update: Float32Array): PodInput => ({ update, weight: 10, ...BESIDE });
const seed = new Uint8Array(32).fill(9);
const bitmap = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe('a sum of votes', () => {
  const facts = factsOf(300, 0.4); // 2 of 5 blocks
  const vote = (update: Float32Array) => {
    const secure = exactSums(3);
    const spec = sumSpec('range', facts, secure);
    return unpackLanes(packLanes(rangeInput(update, facts, undefined), spec), spec, 1);
  };

  it('says which blocks, with weight one for each pod and no range where nobody needs one', () => {
    const update = Float32Array.from({ length: 300 }, (_, i) => (i >= 256 ? 5 : i / 300));
    expect(rangeInput(update, facts, undefined)).toMatchObject({ weight: 1, extras: {}, counts: {} });
    expect(choiceFrom(vote(update), facts, 1, seed)).toEqual(bitmap(0b11000));
    expect(choiceFrom(vote(update), { parameters: 300 }, 1, seed)).toBeUndefined();
  });

  it('is a lost round when some pod sent garbage', () => {
    const sum = vote(new Float32Array(300).fill(1));
    const spent = expect.objectContaining({ code: 'AGG_ROUND_SPENT' });
    expect(() => choiceFrom({ ...sum, mean: sum.mean.fill(1) }, facts, 1, seed)).toThrow(spent);
    expect(() => choiceFrom({ ...sum, totalWeight: 0 }, facts, 1, seed)).toThrow(spent);
  });

  it('is of one block where the share is that small, and the layout is refused with any other choice', () => {
    const one = factsOf(300, 1e-6);
    const secure = {
      ...updateParameters(
        { aggregator: { secure: true, minimumCohort: 3 }, pods: ['a', 'b', 'c'] },
        { rows: 30, absent: 0 },
      ),
    };
    expect(sumSpec('update', one, { ...secure, blocks: bitmap(16) }).updateLength).toBe(44);
    for (const blocks of [bitmap(3), bitmap(32), bitmap(0), bitmap(1, 0), bitmap()])
      expect(() => sumSpec('update', one, { ...secure, blocks })).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }),
      );
  });
});

describe('what is not sent', () => {
  const first = bitmap(1);
  const second = bitmap(2);

  it('waits at the pod, is trained from in the next round and is sent once', () => {
    const residual = new Residual();
    const start = new Float32Array(100);
    const step = (from: Float32Array): Float32Array => from.map((value) => value + 1);
    const sent0 = residual.split(inputOf(step(residual.startFrom(start, 0))), { clip: 8, blocks: first }, 0);
    expect(sent0.update).toEqual(new Float32Array(64).fill(1));
    residual.settle();
    const moved = start.map((_, i) => (i < 64 ? 1 : 0));
    const from = residual.startFrom(moved, 1);
    expect(from).toEqual(new Float32Array(100).fill(1));
    const update = step(from).map((value, i) => value - moved[i]!);
    const sent1 = residual.split(inputOf(update), { clip: 8, blocks: second }, 1);
    expect(sent1.update).toEqual(new Float32Array(36).fill(2));
    expect(sent1).toMatchObject({ weight: 10, ...BESIDE });
  });

  it('is what it was before when the update never came into a sum and is asked for again', () => {
    const residual = new Residual();
    const ones = new Float32Array(100).fill(1);
    residual.split(inputOf(ones), { clip: 8, blocks: first }, 0);
    expect(residual.startFrom(ones, 0)).toBe(ones);
    residual.split(inputOf(ones), { clip: 8, blocks: second }, 0);
    residual.settle();
    residual.settle();
    expect(residual.startFrom(ones, 1)).toEqual(Float32Array.from({ length: 100 }, (_, i) => (i < 64 ? 2 : 1)));
  });

  it('is forgotten by a pod that missed a round', () => {
    const residual = new Residual();
    const ones = new Float32Array(100).fill(1);
    residual.split(inputOf(ones), { clip: 8, blocks: first }, 0);
    residual.settle();
    expect(residual.startFrom(ones, 2)).toBe(ones);
    expect(residual.startFrom(ones, 1)).toBe(ones);
  });

  it('obeys the clip of its parameter, and is finite', () => {
    const residual = new Residual();
    const update = new Float32Array(192).fill(-5);
    const clips = [
      { length: 100, clip: 4 },
      { length: 92, clip: 0.5 },
    ];
    residual.split(inputOf(update), { clip: 8, clips, blocks: bitmap(4) }, 0);
    residual.settle();
    const kept = residual.startFrom(new Float32Array(192), 1);
    expect([kept[0], kept[99], kept[100], kept[127], kept[128]]).toEqual([-4, -4, -0.5, -0.5, 0]);
    update[0] = Number.POSITIVE_INFINITY;
    expect(() => residual.split(inputOf(update), { clip: 8, blocks: bitmap(4) }, 1)).toThrow(
      expect.objectContaining({ code: 'AGG_OVERFLOW' }),
    );
  });

  it('and what is sent are the whole update, but for what quantising adds', () => {
    const shape = fc.record({
      parameters: fc.integer({ min: 1, max: 500 }),
      share: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      bits: fc.constantFrom(8, 12, 16, 32),
      phase: fc.double({ min: 0, max: 6, noNaN: true }),
    });
    fc.assert(
      fc.property(shape, ({ parameters, share, bits, phase }) => {
        const facts = factsOf(parameters, share);
        const update = Float32Array.from({ length: parameters }, (_, i) => Math.sin(phase + 3 * i));
        const votes = sumSpec('range', facts, exactSums(3));
        const told = unpackLanes(packLanes(rangeInput(update, facts, undefined), votes), votes, 1);
        const blocks = choiceFrom(told, facts, 1, seed)!;
        expect(blocks).toHaveLength(Math.ceil(blockCount(parameters) / 8));
        const secure = { clip: 1, maxWeight: 10, cohort: 3, bits, blocks };
        const residual = new Residual();
        const spec = sumSpec('update', facts, secure);
        const { mean } = unpackLanes(packLanes(residual.split(inputOf(update), secure, 0), spec), spec, 1);
        residual.settle();
        const rest = residual.startFrom(new Float32Array(parameters), 1);
        const bound = quantisationBound(spec, 10, 1);
        let at = 0;
        for (let i = 0; i < parameters; i++) {
          const isSent = ((blocks[i >> 9]! >> ((i >> 6) & 7)) & 1) === 1;
          if (isSent) expect(Math.abs(mean[at++]! - update[i]!)).toBeLessThanOrEqual(bound);
          expect(rest[i]).toBe(isSent ? 0 : update[i]);
        }
        expect(at).toBe(spec.updateLength);
      }),
    );
  });
});
