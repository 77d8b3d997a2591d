/**
 * Masked vectors look like nothing at all: uniform in every lane, and unrelated between pods, rounds and places. The same
 * tests tell vectors that are not masked, masked with bounded noise, or masked twice with one key. Seeds are fixed.
 */
import { describe, expect, it } from 'vitest';
import type { VectorShape } from '../../src/crypto/index.ts';
import { makeCohort, runPhases, seededBytes, testSession } from '../support/secaggCohort.ts';
import { Scene } from './support/scene.ts';
import { chiSquare, correlation, kolmogorov, lookRandom, rankOf } from './support/statistics.ts';
import * as code from './support/surface.ts';

const LENGTH = 1 << 14;
const SHAPE: VectorShape = [
  { bits: 8, length: LENGTH },
  { bits: 16, length: LENGTH },
  { bits: 32, length: LENGTH },
];
const WIRE_BYTES = 7 * LENGTH;

/** A quantised update as it might be: small numbers around zero. */
function smallUpdate(name: string): Uint32Array {
  const noise = seededBytes(name);
  const bytes = new Uint8Array(WIRE_BYTES);
  for (let at = 0; at < bytes.length; at += 8000) bytes.set(noise(Math.min(8000, bytes.length - at)), at);
  return new Uint32Array(bytes.map((byte, i) => (i < LENGTH ? byte & 7 : i % 4 === 0 ? byte & 15 : 0)).buffer);
}

interface Lanes {
  readonly bits: 8 | 16 | 32;
  readonly values: Uint8Array | Uint16Array | Uint32Array;
}

function lanesOf(vector: Uint8Array): Lanes[] {
  const { buffer } = vector.slice();
  return [
    { bits: 8, values: new Uint8Array(buffer, 0, LENGTH) },
    { bits: 16, values: new Uint16Array(buffer, LENGTH, LENGTH) },
    { bits: 32, values: new Uint32Array(buffer, 3 * LENGTH, LENGTH) },
  ];
}

/** The worst of all tests of uniformity, as a fraction of its limit. */
function unevenness(vector: Uint8Array): number {
  const statistics = lanesOf(vector).flatMap(({ bits, values }) => {
    const bytes = new Uint8Array(values.slice().buffer);
    const places = Array.from({ length: bits / 8 }, (_, place) => bytes.filter((_, i) => i % (bits / 8) === place));
    return [
      ...places.map((place) => chiSquare(place, 256)),
      kolmogorov(values, bits),
      // neighbours, and lanes a block of AES apart
      ...[1, 2, 16 / (bits / 8)].map((lag) => correlation(values.subarray(lag), values.subarray(0, -lag))),
    ];
  });
  return Math.max(...statistics);
}

/** The worst correlation of lanes, and the unevenness of the difference, of two vectors. */
function kinship(a: Uint8Array, b: Uint8Array): number {
  const [first, second] = [lanesOf(a), lanesOf(b)];
  const together = first.map(({ values }, i) => correlation(values, second[i]!.values));
  return Math.max(...together, unevenness(difference(a, b)));
}

function difference(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [first, second] = [lanesOf(a), lanesOf(b)];
  return code.concatBytes(
    ...first.map(({ values }, i) => {
      const copy = values.slice();
      second[i]!.values.forEach((value, at) => (copy[at] = copy[at]! - value));
      return new Uint8Array(copy.buffer);
    }),
  );
}

/** Masked vectors of three pods, the same small update in each round. @param isRolledBack pods draw alike in all rounds. */
function round(round: number, isRolledBack = false): { masked: Uint8Array[]; plain: Uint8Array[] } {
  const { pods } = new Scene(code, {
    ...{ n: 3, session: { round, shape: SHAPE, wireBytes: WIRE_BYTES }, input: smallUpdate },
    random: (name) => seededBytes(isRolledBack ? name : `${name} in round ${round}`),
  }).run('uploads');
  return { masked: pods.map(({ masked }) => masked!), plain: pods.map(({ input }) => code.bytesOf(input)) };
}

const rounds = [round(1), round(2), round(3)];
const vectors = rounds.flatMap(({ masked }) => masked);

describe('masked vectors', () => {
  it('are uniform in every lane and every byte of it, and uncorrelated along the vector', () => {
    for (const vector of vectors) expect(unevenness(vector)).toBeLessThan(1);
  });

  it('are uncorrelated between pods and between rounds, and so are their differences', () => {
    for (const [i, a] of vectors.entries()) for (const b of vectors.slice(i + 1)) expect(kinship(a, b)).toBeLessThan(1);
  });

  it('are so in rounds that a pod begins with the same secrets', () => {
    const [first, second] = [round(4, true), round(5, true)];
    first.masked.forEach((vector, pod) => expect(kinship(vector, second.masked[pod]!)).toBeLessThan(1));
  });

  it('are so among neighbours', () => {
    const assumptions = { colluding: 0.05, dropouts: 0.05 };
    const session = testSession(36, LENGTH / 4, { assumptions, shape: [{ bits: 32, length: LENGTH / 4 }] });
    const cohort = makeCohort(session);
    runPhases(cohort, {}, 0, 2);
    const masked = [...cohort.masked.values()].map((bytes) => new Uint32Array(bytes.slice().buffer));
    expect(masked.length).toBe(36);
    for (const [i, words] of masked.entries()) {
      expect(chiSquare(code.bytesOf(words), 256)).toBeLessThan(1);
      expect(kolmogorov(words, 32)).toBeLessThan(1);
      for (const other of masked.slice(i + 1, i + 4)) expect(correlation(words, other)).toBeLessThan(1);
    }
  });
});

describe('the same tests tell', () => {
  const plain = rounds[0]!.plain[0]!;
  const [one, another] = [rounds[0]!.masked[0]!, rounds[1]!.masked[0]!];

  it('a vector that is not masked', () => {
    expect(unevenness(plain)).toBeGreaterThan(1);
  });

  it('each by itself', () => {
    const ramp = Uint32Array.from({ length: LENGTH }, (_, i) => (i * 2 ** 32) / LENGTH);
    expect(kolmogorov(ramp, 32)).toBeLessThan(1);
    expect(correlation(ramp.subarray(1), ramp.subarray(0, -1))).toBeGreaterThan(1);
    expect(
      kolmogorov(
        ramp.map((x) => x >>> 1),
        32,
      ),
    ).toBeGreaterThan(1);
    expect(chiSquare(new Uint8Array(LENGTH).fill(3), 256)).toBeGreaterThan(1);
    expect(correlation(new Uint8Array(LENGTH), new Uint8Array(LENGTH))).toBe(Number.POSITIVE_INFINITY);
    expect(rankOf([1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)))).toBe(2);
    expect(lookRandom(Array.from({ length: 400 }, (_, i) => seededBytes(`seed ${i}`)(32)))).toBe(true);
    expect(lookRandom(Array.from({ length: 400 }, (_, i) => seededBytes(`seed ${i % 399}`)(32)))).toBe(false);
    const fewBits = (i: number): Uint8Array =>
      new Uint8Array(32).map((_, at) => seededBytes(`few ${i}`)(8)[at % 8]! ^ at);
    expect(lookRandom(Array.from({ length: 300 }, (_, i) => fewBits(i)))).toBe(false);
  });

  it('a vector masked with noise that is bounded', () => {
    const bounded = one.map((byte, i) => (plain[i]! + (byte >> 1)) & 0xff);
    expect(unevenness(bounded)).toBeGreaterThan(1);
  });

  it('two vectors under one mask, and one that is nearly another', () => {
    const mask = difference(one, plain);
    const second = difference(rounds[0]!.plain[1]!, difference(new Uint8Array(WIRE_BYTES), mask));
    expect(kinship(one, second)).toBeGreaterThan(1);
    expect(unevenness(second)).toBeLessThan(1); // by itself it looks like the others
    expect(
      kinship(
        one,
        another.map((byte, i) => (i % 8 === 0 ? one[i]! : byte)),
      ),
    ).toBeGreaterThan(1);
  });
});
