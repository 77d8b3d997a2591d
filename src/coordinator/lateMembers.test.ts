/**
 * Pods that take part later, or have to begin anew: queued, and without the run they were in.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, hastyClock, type PodName, withDeadlines } from '../../sim/federation.ts';
import { HostilePod } from '../../test/support/hostilePod.ts';
import type { Clock } from '../transport/index.ts';
import type { Context } from '../wire/index.ts';

const TRIO: readonly PodName[] = ['hospital-a', 'hospital-b', 'hospital-c'];
const D: PodName = 'hospital-d';
let federation: Federation;
let pod: HostilePod;
afterEach(async () => {
  await pod.close();
  await federation.close();
});

/** What became of pod d, in order. */
const statesOf = (): string[] =>
  federation.events.flatMap((event) =>
    event.type === 'member' && event.pod === D ? [`${event.state} ${event.reason}`.trim()] : [],
  );

describe('a pod that puts a run in its queue', () => {
  it('is not waited for beyond the deadline, is asked once, and joins when it is ready', async () => {
    // the deadline passes when the others take part, not before on a busy machine
    const JOIN_MS = 77_000;
    const overdue: (() => void)[] = [];
    const modellers: Clock = {
      now: hastyClock.now,
      after: (delayMs, callback) => {
        if (delayMs !== JOIN_MS) return hastyClock.after(delayMs, callback);
        overdue.push(callback);
        return () => overdue.splice(overdue.indexOf(callback), 1);
      },
    };
    federation = await Federation.open({
      ...{ pods: TRIO, task: withDeadlines(`join: ${JOIN_MS / 1_000}`) },
      clock: (name) => (name === 'modeller' ? modellers : hastyClock),
    });
    const asked: Context[] = [];
    pod = await HostilePod.open(federation, D, {
      onRequest: (context) => {
        asked.push(context);
        pod.send(context, { type: 'JOB_QUEUED', position: 2 });
      },
      onRound: (context) => pod.send(context, { type: 'TASK_ABORT', reason: 'CANCELLED', message: 'seen enough' }),
    });
    const active = new Set<string>();
    federation.onEvent = (event) => {
      if (event.type === 'member' && event.state === 'active') active.add(event.pod);
      if (active.size === 3 && asked.length > 0) for (const callback of overdue.splice(0)) callback();
      if (event.type === 'round' && event.round === 1) pod.send(asked[0]!, { type: 'JOB_ACCEPT' });
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(statesOf()).toEqual(['invited queued, position 2', 'active', 'left CANCELLED: seen enough']);
    expect(asked.length).toBe(1);
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([3, 3, 3]);
  });
});

describe('a pod that does not have the run any more', () => {
  it('is lost, not gone: it is asked to begin anew', async () => {
    federation = await Federation.open({ pods: TRIO });
    let rounds = 0;
    pod = await HostilePod.open(federation, D, {
      onRound: (context) => {
        rounds++;
        pod.send(context, { type: 'TASK_ABORT', reason: 'UNKNOWN_RUN', message: 'what run?' });
      },
    });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(statesOf().slice(0, 4)).toEqual([
      'active',
      'lost UNKNOWN_RUN: what run?',
      'invited invited again',
      'active',
    ]);
    expect(rounds).toBeGreaterThan(1);
  });
});
