import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../base/index.ts';
import { randomBytes } from '../crypto/index.ts';
import { CHUNK_ITEMS, ListReader, type ListShape, split } from './chunks.ts';
import { permuted, secretPermutation } from './shuffle.ts';

const shape: ListShape = { binding: randomBytes(32), name: 'list of pod', count: 2 * CHUNK_ITEMS + 5, width: 10 };
const items = Uint8Array.from({ length: shape.count * shape.width }, (_, i) =>
  i % 10 < 4 ? Math.floor(i / 10) >>> (8 * (i % 10)) : 0,
);
const violation = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }) as Error;

describe('a list in chunks', () => {
  it('comes whole and in order, in chunks of at most 4096 items', () => {
    const chunks = [...split(shape, items)];
    expect(chunks.map((chunk) => chunk.length)).toEqual([36 + 40_960, 36 + 40_960, 36 + 50]);
    const reader = new ListReader(shape);
    const taken = chunks.map((chunk) => reader.take(chunk));
    expect(taken.map(({ first }) => first)).toEqual([0, 4096, 8192]);
    expect(concatBytes(...taken.map((part) => part.items))).toEqual(items);
    expect(reader.isComplete).toBe(true);
    expect(() => reader.take(chunks[2]!)).toThrow(violation);
  });

  const [first, second, third] = [...split(shape, items)] as [Uint8Array, Uint8Array, Uint8Array];
  const refused: Record<string, readonly Uint8Array[]> = {
    'in another order': [second],
    twice: [first, first],
    'with one left out': [first, third],
    'of another list': [...split({ ...shape, binding: randomBytes(32) }, items)].slice(0, 1),
    'with an item too few': [first.subarray(0, -10)],
    'with an item too many': [concatBytes(first, new Uint8Array(10))],
    'with a part of an item too many': [first, second, concatBytes(third, new Uint8Array(1))],
    'that are empty': [new Uint8Array(0)],
    'without items': [first.subarray(0, 36)],
    'that repeat an item within a chunk': [first.with(36 + 10, 0)],
    'that repeat an item of an earlier chunk': [first, second.with(37, first[37]!).with(36, first[36]!)],
  };
  for (const [what, chunks] of Object.entries(refused))
    it(`is refused ${what}`, () => {
      const reader = new ListReader(shape);
      for (const chunk of chunks.slice(0, -1)) reader.take(chunk);
      expect(() => {
        reader.take(chunks.at(-1)!);
      }).toThrow(violation);
    });
});

describe('a secret permutation', () => {
  it('is one, of any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9000 }), (length) => {
        const order = secretPermutation(length, randomBytes);
        expect(order.toSorted()).toEqual(Uint32Array.from({ length }, (_, i) => i));
      }),
      { numRuns: 20 },
    );
  });

  it('puts every item everywhere equally often', () => {
    const [n, runs] = [8, 16_000];
    const counts = new Float64Array(n * n);
    for (let run = 0; run < runs; run++)
      for (const [to, from] of secretPermutation(n, randomBytes).entries()) counts[from * n + to]!++;
    const expected = runs / n;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // (n − 1)² = 49 degrees of freedom: above 120 with probability 7e-8; without the shuffle it would be 112 000
    expect(chiSquare).toBeLessThan(120);
  });

  it('draws again above the largest multiple of its bound, so that no place is favoured', () => {
    // bound 3: 2^32 − 1 is beyond the last multiple and is drawn again; then 1 (below 3) and 0 (below 2)
    const words = new Uint32Array(4096);
    words.set([0xffffffff, 1, 0]);
    const order = secretPermutation(3, () => new Uint8Array(words.buffer.slice(0)));
    expect(order).toEqual(Uint32Array.of(2, 0, 1));
    expect(permuted(Uint8Array.of(10, 11, 20, 21, 30, 31), 2, order)).toEqual(Uint8Array.of(30, 31, 10, 11, 20, 21));
  });
});
