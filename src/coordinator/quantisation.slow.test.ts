/**
 * Whole federations with fewer bits, other roundings and agreed scales, against the plain average of the same updates.
 * @module
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allowPlain, Federation, plainTask, reasons, shortTask } from '../../sim/federation.ts';
import type { RunOutcome } from './runOutcome.ts';

let federation: Federation | undefined;
afterEach(async () => {
  await federation?.close();
  federation = undefined;
});

const oneRound = (yaml: string): string => yaml.replace(/epochs: 3/, 'epochs: 1');

/** The short task, one round unless told otherwise, with these lines in its aggregator. */
async function run(lines: readonly string[], edit: (yaml: string) => string = oneRound): Promise<RunOutcome> {
  const own = lines.map((line) => `\n    ${line}`).join('');
  federation = await Federation.open({
    task: (yaml) => edit(shortTask(yaml)).replace('secure: true', `secure: true${own}`),
  });
  return federation.run();
}

let plain: Float32Array;
beforeAll(async () => {
  const world = await Federation.open({ task: (yaml) => oneRound(plainTask(yaml)), pod: allowPlain });
  plain = (await world.run()).parameters!;
  await world.close();
});

/** Bytes of the masked vector beside the update: weight, two wide sums, two counts, clipped. */
const TAIL = 4 * (1 + 2 * 8 + 2 + 1);
const PARAMETERS = 31 * 16 + 17;

describe('a federated round', () => {
  it.each([
    ['24 bits and one scale for all', ['bits: 24', 'scale: global'], 24, 1e-8],
    ['16 bits, a clip a tensor', ['bits: 16'], 16, 2e-6],
    ['16 bits, rotated, rounded stochastically', ['bits: 16', 'rotation: true', 'rounding: stochastic'], 16, 4e-4],
  ] as const)('with %s stays within its stated bound of the plain average', async (_, lines, bits, limit) => {
    const outcome = await run(lines);
    expect(outcome.status, outcome.reason).toBe('complete');
    const { bound } = outcome.secure!;
    expect(bound).toBeLessThan(limit);
    // float32 parameters near 1 have a half step of 6e-8 of their own, twice
    const worst = outcome.parameters!.reduce((most, value, i) => Math.max(most, Math.abs(value - plain[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(bound + 2 * 6e-8);
    expect(worst).toBeLessThan(4e-5); // rotated errors do not add up as the bound has to assume; about 1e-5 as a rule
    expect(outcome.rounds[0]).toMatchObject({ clipped: 0, vectorBytes: Math.ceil((PARAMETERS * bits) / 8) + TAIL });
  });

  it('counts what is clipped, in the round and in the record', async () => {
    const outcome = await run(['bits: 16', 'clip: 1.0e-4']);
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds[0]!.clipped).toBeGreaterThan(PARAMETERS);
    expect(outcome.secure!.clip).toBeLessThanOrEqual(1e-4);
  });
});

describe('a run', () => {
  it('agrees on scales before every update without training twice, and goes on without a pod lost in between', async () => {
    federation = await Federation.open({
      task: (yaml) => shortTask(yaml).replace('secure: true', 'secure: true\n    bits: 16'),
    });
    federation.onEvent = (event) => {
      if (event.type === 'scale' && event.completed === 1) federation!.kill('hospital-c');
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 3, 3]);
    expect(reasons(outcome)['hospital-c']).toContain('lost');
    const scales = federation.events.filter((event) => event.type === 'scale');
    expect(scales.map(({ completed }) => completed)).toEqual([0, 1, 2]);
    for (const { least, most } of scales) {
      expect(Number.isInteger(Math.log2(least)) && Number.isInteger(Math.log2(most))).toBe(true);
      expect(most).toBeLessThan(1);
    }
    const rounds = federation.noticesOf('hospital-a', 'round').map(({ purpose }) => purpose);
    expect(rounds).toEqual(['statistics', 'range', 'update', 'range', 'update', 'range', 'update', 'evaluation']);
    // the end of each training is told once: an update that followed its range was not trained again
    const ends = federation.noticesOf('hospital-a', 'progress').filter(({ done, total }) => done === total);
    expect(ends).toHaveLength(3);
  });
});
