/** Pods that come when the run is under way. @module */
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type PodName, reasons, shortTask } from '../../sim/federation.ts';
import { RunControl } from './runControl.ts';

const D: PodName = 'hospital-d';
let federation: Federation;
afterEach(() => federation.close());

/** Rounds with hospital d after which nothing more is to be seen. */
const ROUNDS_WITH_D = 3;

/** A run that begins without hospital d, which comes after round 1. It ends when d has taken part in a few rounds. */
async function runWithLate(pods: string, epochs: number): Promise<Awaited<ReturnType<Federation['run']>>> {
  federation = await Federation.open({
    pods: ['hospital-a', 'hospital-b', 'hospital-c'],
    task: (yaml) =>
      shortTask(yaml)
        .replace(/\n( +)epochs: \d+/, `\n$1epochs: ${epochs}`)
        .replace('  identifiers:', `  ${pods}\n  identifiers:`),
  });
  const coming: Promise<void>[] = [];
  const control = new RunControl();
  const isSeen = new AbortController();
  let together = 0;
  federation.onEvent = (event) => {
    if (event.type !== 'round') return;
    if (event.survivors.includes(D) && ++together === ROUNDS_WITH_D) isSeen.abort();
    if (event.round !== 1) return;
    // on a busy machine the rounds may be faster than a pod starts
    control.pause('a pod is coming');
    coming.push(federation.startPod(D).then(() => control.resume()));
  };
  const outcome = await federation.run(isSeen.signal, { control });
  await Promise.all(coming);
  return outcome;
}

describe('a pod that was not there when the run began', () => {
  it('joins at a later round when the task allows it, and its rows count from then on', async () => {
    // more rounds than a pod takes to be heard of and invited
    const { rounds } = await runWithLate('late_join: true', 600);
    const joined = rounds.findIndex(({ survivors }) => survivors.includes(D));
    expect(joined).toBeGreaterThan(0);
    expect(rounds.slice(joined).every(({ survivors }) => survivors.length === 4)).toBe(true);
    expect(rounds[joined]!.trainingRows).toBeGreaterThan(rounds[0]!.trainingRows);
  });

  it('is not asked when the task does not say so', async () => {
    const outcome = await runWithLate('late_join: false', 20);
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.every(({ survivors }) => survivors.length === 3)).toBe(true);
    expect(reasons(outcome)[D]).toContain('not online');
  });
});
