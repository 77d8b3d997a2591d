import { describe, expect, it } from 'vitest';
import { normal, seededRng } from '../base/index.ts';
import { rotate, rotatedStretches, unrotate } from './rotation.ts';

const seed = new Uint8Array(32).fill(5);

function drawn(length: number, label = ''): Float64Array {
  const rng = seededRng(length, label);
  return Float64Array.from({ length }, () => normal(rng));
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const LENGTHS = [0, 1, 2, 3, 5, 64, 100, 1023, 65_536, 65_537, 150_000];

describe('rotation', () => {
  it('is undone by its inverse, at every length', () => {
    for (const length of LENGTHS) {
      const update = drawn(length);
      const back = rotate(update, seed);
      unrotate(back, seed);
      const worst = back.reduce((most, x, i) => Math.max(most, Math.abs(x - update[i]!)), 0);
      expect(worst).toBeLessThan(1e-13);
    }
  });

  it('is orthogonal: inner products stay', () => {
    for (const length of LENGTHS) {
      const [a, b] = [drawn(length, 'a'), drawn(length, 'b')];
      const [rotatedA, rotatedB] = [rotate(a, seed), rotate(b, seed)];
      expect(Math.abs(dot(rotatedA, rotatedB) - dot(a, b))).toBeLessThan(1e-9);
      expect(Math.abs(dot(rotatedA, rotatedA) - dot(a, a))).toBeLessThan(1e-9 * (1 + length));
    }
  });

  it('is linear, so that a mean of rotated updates is the rotated mean', () => {
    const [a, b] = [drawn(100, 'a'), drawn(100, 'b')];
    const [rotatedA, rotatedB] = [rotate(a, seed), rotate(b, seed)];
    rotate(
      a.map((x, i) => (x + b[i]!) / 2),
      seed,
    ).forEach((x, i) => expect(x).toBeCloseTo((rotatedA[i]! + rotatedB[i]!) / 2, 12));
  });

  it('flattens a single spike', () => {
    for (const length of [65_536, 100_000]) {
      const spike = new Float32Array(length);
      spike[length - 7] = 1;
      const largest = rotate(spike, seed).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      expect(largest).toBeLessThan(0.02);
    }
  });

  it('depends on the seed, and keeps the update and its type', () => {
    const update = Float32Array.from(drawn(64));
    const before = update.slice();
    const one = rotate(update, seed);
    expect(one).toBeInstanceOf(Float32Array);
    expect(update).toEqual(before);
    expect(rotate(update, seed)).toEqual(one);
    expect(rotate(update, new Uint8Array(32))).not.toEqual(one);
    expect(() => rotate(update, new Uint8Array(8))).toThrow(RangeError);
  });

  it('cuts a vector into blocks and what remains', () => {
    expect(LENGTHS.map((length) => rotatedStretches(length).length)).toEqual([0, 1, 1, 2, 2, 1, 2, 2, 1, 2, 3]);
    for (const length of LENGTHS)
      expect(rotatedStretches(length).reduce((sum, stretch) => sum + stretch, 0)).toBe(length);
    expect(rotatedStretches(150_000)).toEqual([65_536, 65_536, 18_928]);
  });
});
