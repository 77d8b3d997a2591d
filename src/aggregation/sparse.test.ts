import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addVectors, shapeBytes } from '../crypto/index.ts';
import {
  blockCount,
  blocksToSend,
  blockVotes,
  checkChoice,
  choiceOf,
  chooseBlocks,
  chosenClips,
  chosenLength,
  clearChosen,
  gatherChosen,
  SPARSE_BLOCK,
  scatterChosen,
  voteBits,
} from './sparse.ts';
import { type PodInput, packLanes, unpackLanes } from './vector.ts';
import { hashSpec, shapeOf, type VectorSpec, wireBytes } from './vectorSpec.ts';

const seedOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const chosenOf = (choice: Uint8Array, blocks: number): number[] =>
  Array.from({ length: blocks }, (_, block) => block).filter((block) => (choice[block >> 3]! >> (block & 7)) & 1);
/** An update whose blocks are one number each. */
const inBlocks = (values: readonly number[], length = values.length * SPARSE_BLOCK): Float32Array =>
  Float32Array.from({ length }, (_, i) => values[Math.floor(i / SPARSE_BLOCK)]!);
const shapes = fc.record({
  length: fc.integer({ min: 1, max: 700 }),
  share: fc.double({ min: 1e-4, max: 0.9999, noNaN: true }),
});

describe('blocks', () => {
  it('cover parameters whose number is no multiple of 64, and at least one is sent', () => {
    expect([1, 64, 65, 513].map(blockCount)).toEqual([1, 1, 2, 9]);
    expect(blocksToSend(513, 0.25)).toBe(3);
    expect(blocksToSend(513, 1e-9)).toBe(1);
    expect(blocksToSend(30 * 64, 0.1)).toBe(3); // 0.1·30 is above 3 in floats
    expect(blocksToSend(64, 0.99)).toBe(1);
    for (const share of [0, 1.01, Number.NaN]) expect(() => blocksToSend(64, share)).toThrow(RangeError);
  });
});

describe('a vote', () => {
  it('goes to the blocks of largest norm, the short last one as it is', () => {
    expect([...blockVotes(inBlocks([1, -3, 0, 2]), 2)]).toEqual([0, 1, 0, 1]);
    expect([...blockVotes(inBlocks([1, 7.9], 65), 1)]).toEqual([1, 0]); // 64 · 1² > 7.9²
    expect([...blockVotes(inBlocks([1, 8.1], 65), 1)]).toEqual([0, 1]);
    expect([...blockVotes(inBlocks([1, 1, 1]), 2)]).toEqual([1, 1, 0]);
  });

  it('is not given to what has not changed', () => {
    expect([...blockVotes(inBlocks([0, 0, 2, 0]), 3)]).toEqual([0, 0, 1, 0]);
  });

  it('is refused for an update that is not finite', () => {
    const overflow = expect.objectContaining({ code: 'AGG_OVERFLOW' });
    expect(() => blockVotes(inBlocks([1, Number.NaN]), 1)).toThrow(overflow);
    expect(() => blockVotes(inBlocks([Number.NEGATIVE_INFINITY]), 1)).toThrow(overflow);
  });
});

describe('a choice', () => {
  const mean = (counts: readonly number[], pods: number): number[] => counts.map((count) => count / pods);

  it('is the blocks with most votes', () => {
    expect(chosenOf(chooseBlocks(mean([3, 0, 2, 1, 4], 5), 2, 5, seedOf(1)), 5)).toEqual([0, 4]);
  });

  it('breaks ties by the seed, not by position', () => {
    const tied = mean([...Array<number>(20).fill(1), 4], 8);
    const seen = new Set<number>();
    for (let round = 0; round < 40; round++) {
      const choice = chosenOf(chooseBlocks(tied, 3, 8, seedOf(round)), 21);
      expect(choice).toHaveLength(3);
      expect(choice).toContain(20);
      expect(chosenOf(chooseBlocks(tied, 3, 8, seedOf(round)), 21)).toEqual(choice);
      for (const block of choice) seen.add(block);
    }
    expect(seen.size).toBeGreaterThan(15);
  });

  it('is complete even when fewer blocks have votes', () => {
    for (const take of [1, 5, 9])
      expect(chosenOf(chooseBlocks(mean([0, 0, 0, 0, 3, 0, 0, 0, 0], 3), take, 3, seedOf(2)), 9)).toHaveLength(take);
  });

  it.each([
    ['half a vote', [0.5, 2], 4],
    ['less than none', [-1, 2], 4],
    ['more than there are pods', [5, 0], 4],
    ['more in all than pods have', [3, 3], 4],
    ['not a number', [Number.NaN, 2], 4],
  ])('is not made from %s', (_, counts, pods) => {
    expect(() => chooseBlocks(mean(counts, pods), 1, pods, seedOf(0))).toThrow(
      expect.objectContaining({ code: 'AGG_OVERFLOW' }),
    );
  });

  it('is refused when it is too long, too short or names a block that is not there', () => {
    const good = choiceOf([0, 8], 9);
    expect(() => checkChoice(good, 513, 2)).not.toThrow();
    const violation = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });
    expect(() => checkChoice(good, 513, 3)).toThrow(violation);
    expect(() => checkChoice(good, 513, 1)).toThrow(violation);
    expect(() => checkChoice(choiceOf([0, 9], 10), 513, 2)).toThrow(violation);
    expect(() => checkChoice(good.subarray(0, 1), 513, 1)).toThrow(violation);
    expect(() => checkChoice(new Uint8Array([1, 1, 0]), 513, 2)).toThrow(violation);
    expect(() => checkChoice(new Uint8Array(0), 513, 0)).toThrow(violation);
  });

  it('with what it leaves is the whole update, exactly', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 255 }), ({ length, share }, byte) => {
        const take = blocksToSend(length, share);
        const choice = chooseBlocks(new Float64Array(blockCount(length)), take, 3, seedOf(byte));
        checkChoice(choice, length, take);
        const update = Float32Array.from({ length }, (_, i) => Math.sin(i + byte));
        const rest = update.slice();
        clearChosen(rest, choice);
        const sent = gatherChosen(update, choice);
        expect(sent).toHaveLength(chosenLength(choice, length));
        const back = scatterChosen(Float64Array.from(sent), choice, length);
        expect(back.map((value, i) => value + rest[i]!)).toEqual(Float64Array.from(update));
        expect(back.every((value, i) => value === 0 || rest[i] === 0)).toBe(true);
      }),
    );
  });

  it('takes the clips of its parameters along', () => {
    const clips = [
      { length: 100, clip: 1 },
      { length: 28, clip: 2 },
      { length: 72, clip: 1 },
    ];
    expect(chosenClips(clips, choiceOf([1, 2], 4), 200)).toEqual([
      { length: 36, clip: 1 },
      { length: 28, clip: 2 },
      { length: 64, clip: 1 },
    ]);
    expect(chosenClips(clips, choiceOf([0, 3], 4), 200)).toEqual([{ length: 72, clip: 1 }]);
    expect(() => chosenClips(clips, choiceOf([0], 4), 201)).toThrow(/cover the 201/);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 6 }),
        fc.nat(255),
        (runs, byte) => {
          const length = runs.reduce((a, b) => a + b, 0);
          const choice = chooseBlocks(new Float64Array(blockCount(length)), blocksToSend(length, 0.4), 3, seedOf(byte));
          const each = (of: readonly { length: number; clip: number }[]): number[] =>
            of.flatMap((run) => Array<number>(run.length).fill(run.clip));
          const all = runs.map((run, i) => ({ length: run, clip: 2 ** (i % 3) }));
          const expected = [...gatherChosen(Float32Array.from(each(all)), choice)];
          expect(each(chosenClips(all, choice, length))).toEqual(expected);
        },
      ),
    );
  });
});

describe('masked votes', () => {
  const sum = (inputs: readonly PodInput[], spec: VectorSpec) => {
    const shape = shapeOf(spec);
    const total = new Uint8Array(shapeBytes(shape));
    for (const input of inputs) addVectors(total, packLanes(input, spec), shape);
    return unpackLanes(total, spec, inputs.length);
  };
  const votesSpec = (cohort: number, blocks: number): VectorSpec => ({
    ...{ cohort, clip: 1, maxWeight: 1, bits: voteBits(cohort), updateLength: blocks, extras: [], counts: [] },
  });

  it('take one byte a block up to 63 pods, nine bits up to 127', () => {
    expect([3, 63, 64, 127, 128, 1000].map(voteBits)).toEqual([8, 8, 9, 9, 10, 12]);
    expect(wireBytes(votesSpec(63, 900))).toBe(900 + 8);
    for (const cohort of [3, 63, 64, 127, 128, 255, 1000]) expect(() => shapeOf(votesSpec(cohort, 9))).not.toThrow();
  });

  it.each([3, 63, 64, 300])('of %i pods add up to exact counts', (pods) => {
    const blocks = 21;
    const votes = Array.from({ length: pods }, (_, pod) =>
      Float32Array.from({ length: blocks }, (_value, block) => Number((pod * 7 + block * 3) % (block + 1) === 0)),
    );
    const inputs = votes.map((update) => ({ update, weight: 1, extras: {}, counts: {} }));
    const { mean } = sum(inputs, votesSpec(pods, blocks));
    const counts = [...mean].map((share) => Math.round(share * pods));
    expect(counts).toEqual(Array.from({ length: blocks }, (_, i) => votes.reduce((n, vote) => n + vote[i]!, 0)));
    // all that were voted for are a choice that these pods can have made
    expect(chosenOf(chooseBlocks(mean, blocks, pods, seedOf(3)), blocks)).toHaveLength(blocks);
  });

  it('of equal updates choose what the dense mean has there, to the bit', () => {
    const length = 200;
    const update = Float32Array.from({ length }, (_, i) => Math.sin(7 * i) * (i < 128 ? 1 : 3));
    const clips = [
      { length: 90, clip: 1 },
      { length: 110, clip: 4 },
    ];
    const choice = choiceOf([1, 3], 4);
    const dense: VectorSpec = {
      ...{ cohort: 4, clip: 8, maxWeight: 50, bits: 16, updateLength: length, clips, extras: [], counts: [] },
    };
    const sparse = { ...dense, updateLength: 72, clips: chosenClips(clips, choice, length), blocks: choice };
    const input = (vector: Float32Array): PodInput => ({ update: vector, weight: 50, extras: {}, counts: {} });
    const all = sum(
      [1, 2, 3, 4].map(() => input(update)),
      dense,
    ).mean;
    const some = sum(
      [1, 2, 3, 4].map(() => input(gatherChosen(update, choice))),
      sparse,
    ).mean;
    const expected = Float64Array.of(...all.subarray(64, 128), ...all.subarray(192));
    expect(some).toEqual(expected);
    expect(hashSpec(sparse)).not.toEqual(hashSpec({ ...sparse, blocks: choiceOf([0, 3], 4) }));
    expect(hashSpec(sparse)).not.toEqual(hashSpec({ ...sparse, blocks: undefined }));
  });
});
