import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import type { SimulatedRound } from '../result.ts';
import { checkExpectations } from './expectations.ts';
import { checkInvariants, type RunTraces } from './invariants.ts';

const round = (number: number, survivors: readonly string[]): SimulatedRound => ({
  ...{ round: number, survivors, dropped: [], attempts: 1, trainingLoss: 0.5, validationLoss: null },
  ...{ validationAccuracy: null, clipped: 0, seconds: 1 },
});
const failedOf = (checks: readonly { name: string; passed: boolean; detail: string }[]): string[] =>
  checks.filter(({ passed }) => !passed).map(({ name, detail }) => `${name}: ${detail}`);

describe('expectations', () => {
  const ended = {
    ...({ status: 'aborted', code: 'COHORT_TOO_SMALL', reason: 'COHORT_TOO_SMALL: two left', roundsLost: 2 } as const),
    rounds: [round(1, ['a', 'b', 'c'])],
    metrics: { Accuracy: { value: 0.75, low: null, high: null }, AUC: { value: null, low: null, high: null } },
  };
  it('hold when they do', () => {
    const metrics = { Accuracy: { at_least: 0.75, at_most: 0.75 }, 'training loss': { at_most: 0.5 } };
    const expected = { status: 'aborted', code: 'COHORT_TOO_SMALL', rounds_lost_at_most: 2, metrics } as const;
    expect(failedOf(checkExpectations(expected, ended))).toEqual([]);
  });

  it('fail one by one, with what was found', () => {
    const metrics = {
      Accuracy: { at_least: 0.8 },
      AUC: { at_least: 0 },
      Sharpness: { at_most: 1 },
      'training loss': { at_most: 0.4 },
    };
    const expected = { status: 'complete', code: 'CANCELLED', rounds_lost_at_most: 1, metrics } as const;
    expect(failedOf(checkExpectations(expected, ended))).toEqual([
      'status is complete: aborted: COHORT_TOO_SMALL: two left',
      'code is CANCELLED: COHORT_TOO_SMALL',
      'rounds lost at most 1: 2 lost, 1 completed',
      'Accuracy is at least 0.8: 0.75',
      'AUC is at least 0: undefined',
      'Sharpness is at most 1: no such metric; there are Accuracy, AUC',
      'training loss is at most 0.4: 0.5',
    ]);
  });
});

describe('invariants', () => {
  const pods = ['a', 'b', 'c', 'd'];
  const traces = (folder: string): RunTraces => ({
    ...{ pods, minimum: 3, rounds: 5, folder, parameters: Float32Array.of(1, 2) },
  });
  const journal = (folder: string, pod: string, lines: readonly object[]): void => {
    mkdirSync(join(folder, 'state', pod), { recursive: true });
    const text = lines.map((line) => `${JSON.stringify({ fact: 'sum', run: 'r', round: 1, attempt: 0, ...line })}\n`);
    writeFileSync(join(folder, 'state', pod, 'sums.jsonl'), text.join(''));
  };

  it('hold in an ordinary run, also for a pod that never took part', () => {
    const folder = tempFolder();
    for (const pod of ['a', 'b', 'c'])
      journal(folder, pod, [
        { stage: 'opened', survivors: [] },
        { stage: 'signed', survivors: ['a', 'b', 'c'] },
        { stage: 'released', survivors: ['a', 'b', 'c'] },
        { stage: 'signed', round: 2, survivors: ['a', 'b', 'c', 'd'] },
      ]);
    expect(failedOf(checkInvariants({ rounds: [round(1, ['a', 'b', 'c'])], secure: true }, traces(folder)))).toEqual(
      [],
    );
  });

  it('fail for rounds that cannot be', () => {
    const rounds = [round(2, ['a', 'b']), round(2, ['a', 'b', 'x']), round(6, ['a', 'a', 'b'])];
    const parameters = Float32Array.of(1, Number.NaN);
    const checks = checkInvariants({ rounds, secure: false }, { ...traces(''), parameters });
    expect(failedOf(checks)).toEqual([
      'every sum is over at least the minimum and at most the cohort: round 2 has 2 survivors, minimum 3; round 2 has x, which is not in the cohort; round 6 counts a pod twice',
      'every completed round is counted once: round 2 after round 2; round 6 of 5',
      'final parameters are finite: they are not',
    ]);
  });

  it('fail for what the pods’ own journals say', () => {
    const folder = tempFolder();
    journal(folder, 'a', [
      { stage: 'signed', survivors: ['a', 'b', 'c'] },
      { stage: 'signed', survivors: ['a', 'b', 'd'] },
      { stage: 'released', survivors: ['a', 'b', 'd'] },
      { stage: 'released', attempt: 1, survivors: ['a', 'b', 'd'] },
    ]);
    journal(folder, 'b', [{ stage: 'released', survivors: ['a', 'b'] }]);
    expect(failedOf(checkInvariants({ rounds: [], secure: true }, traces(folder)))).toEqual([
      'no pod signed two survivor sets in one attempt: a in sum 1, attempt 0',
      'no pod released shares twice in a round: a in sum 1',
      'no two pods released shares for different survivors of one round: a and b in sum 1',
      'no pod signed or released for fewer than the minimum: b released for 2 in round 1',
    ]);
  });
});
