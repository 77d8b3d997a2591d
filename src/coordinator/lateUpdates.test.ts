/**
 * Updates that come after their round, in the open.
 * @module
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { allowPlain, Federation, hastyClock, initialOf, plainTask, withDeadlines } from '../../sim/federation.ts';
import type { PodInput } from '../aggregation/index.ts';
import { PodWork } from '../protocols/index.ts';
import type { Clock } from '../transport/index.ts';
import type { RunEvent } from './events.ts';
import { LateUpdates } from './lateUpdates.ts';
import type { Member, Members } from './members.ts';

let federation: Federation | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await federation?.close();
  federation = undefined;
});

const TRAIN_SECONDS = 777;

type Waiter = Parameters<Members['listen']>[0];

/** Late updates of pods a, b, c, and what their messages are told to. */
function setUp(maxRounds: number) {
  let waiter: Waiter | undefined;
  const events: RunEvent[] = [];
  const input: PodInput = { update: Float32Array.of(1), weight: 4, extras: {}, counts: {} };
  const late = new LateUpdates({
    settings: { maxRounds, exponent: 1 },
    members: {
      listen: (given) => {
        waiter = given;
        return () => undefined;
      },
    },
    fetch: (_member, ref) => (ref.bytes === 0 ? Promise.reject(new Error('gone')) : Promise.resolve(input)),
    emit: (event) => events.push(event),
  });
  const members = ['a', 'b', 'c'].map((name) => ({ name }) as Member);
  const contextOf = (round: number) => ({ run: 'r', round, phase: 'update' });
  /** The update of a pod arrives, for a round of the protocol. */
  const arrive = async (member: Member, round: number, bytes = 4): Promise<void> => {
    const message = { type: 'TRAINING_UPDATE', purpose: 'update', input: { id: '', bytes } } as const;
    waiter!.onMessage(member, contextOf(round), message);
    await Promise.resolve();
    await Promise.resolve();
  };
  const freeAt = (completed: number, minimum = 1): string[] =>
    late.free(members, completed, minimum).map(({ name }) => name);
  return { late, members, arrive, events, input, contextOf, freeAt, lose: (member: Member) => waiter!.onLost(member) };
}

describe('late updates', () => {
  it('count in the next sum for (1 + s)^−a, once', async () => {
    const { late, members, arrive, input, contextOf, freeAt, events } = setUp(2);
    const [a] = members as [Member];
    late.expect(a, contextOf(7), 0);
    expect(freeAt(1)).toEqual(['b', 'c']);
    await arrive(a, 7);
    expect(events).toEqual([{ type: 'late', pod: 'a', completed: 0 }]);
    expect(freeAt(2)).toEqual(['a', 'b', 'c']);
    expect(late.take(2)).toEqual([{ pod: 'a', input, rounds: 2, discount: 1 / 3 }]);
    expect(late.take(2)).toEqual([]);
  });

  it('are dropped when they are too old, and not waited for so long', async () => {
    const { late, members, arrive, contextOf, freeAt } = setUp(1);
    const [a, b] = members as [Member, Member];
    late.expect(a, contextOf(7), 0);
    late.expect(b, contextOf(7), 0);
    await arrive(a, 7);
    expect(late.take(2)).toEqual([]);
    expect(freeAt(1)).toEqual(['a', 'c']);
    expect(freeAt(2)).toEqual(['a', 'b', 'c']);
    await arrive(b, 7);
    expect(late.take(2)).toEqual([]);
  });

  it('are those of the round they were asked for, from pods that are there', async () => {
    const { late, members, arrive, contextOf, freeAt, lose, events } = setUp(3);
    const [a, b, c] = members as [Member, Member, Member];
    for (const member of [a, b]) late.expect(member, contextOf(7), 0);
    await arrive(a, 6);
    await arrive(c, 7);
    lose(b);
    await arrive(b, 7);
    expect(late.take(1)).toEqual([]);
    expect(freeAt(1)).toEqual(['b', 'c']);
    await arrive(a, 7, 0);
    expect(events).toEqual([{ type: 'dropped', pod: 'a', phase: 'late update', reason: 'gone' }]);
    expect(freeAt(1)).toEqual(['a', 'b', 'c']);
  });

  it('are given up when too few pods would be left', async () => {
    const { late, members, arrive, contextOf, freeAt } = setUp(3);
    const [a] = members as [Member];
    late.expect(a, contextOf(7), 0);
    expect(freeAt(1, 2)).toEqual(['b', 'c']);
    expect(freeAt(1, 3)).toEqual(['a', 'b', 'c']);
    await arrive(a, 7);
    expect(late.take(1)).toEqual([]);
  });
});

describe('a federation with staleness', () => {
  it('lets a slow pod finish, and adds its update to the round in which it comes', async () => {
    const sent: PodInput[][] = [[], [], []];
    let calls = 0;
    let roundOver = (): void => undefined;
    let lateIn = (): void => undefined;
    const [firstRound, arrival] = [
      new Promise<void>((done) => (roundOver = done)),
      new Promise<void>((done) => (lateIn = done)),
    ];
    const honest = PodWork.prototype.update;
    vi.spyOn(PodWork.prototype, 'update').mockImplementation(async function (this: PodWork, given, completed, how) {
      const isSlow = calls++ === 0;
      const input = await honest.call(this, given, completed, how);
      if (isSlow) await firstRound;
      // nobody is done with the second round before the late update is there
      if (completed === 1) await arrival;
      sent[completed]!.push(input);
      return input;
    });
    const task = withDeadlines(`train: ${TRAIN_SECONDS}`, plainTask);
    // the deadline of the first round passes when it is told to, all others never do
    let passDeadline = (): void => undefined;
    const clock: Clock = {
      now: hastyClock.now,
      after: (delayMs, callback) => {
        if (delayMs === 1_000 * TRAIN_SECONDS) passDeadline = callback;
        return delayMs < 10_000 ? hastyClock.after(delayMs, callback) : () => undefined;
      },
    };
    const staleness = '  aggregator:\n    staleness: { max_rounds: 2, exponent: 2 }';
    federation = await Federation.open({
      task: (yaml) => task(yaml).replace('  aggregator:', staleness),
      pod: allowPlain,
      clock: () => clock,
    });
    federation.onEvent = (event) => {
      const isFirst = event.type === 'phase' && event.purpose === 'update' && event.completed === 0;
      if (isFirst && event.awaiting.length === 1) queueMicrotask(passDeadline);
      if (event.type === 'round' && event.round === 1) roundOver();
      if (event.type === 'late') lateIn();
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    const pods = outcome.rounds.map(({ survivors }) => survivors.length);
    expect(pods).toEqual([3, 3, 4]);
    const { pod: name } = outcome.rounds[0]!.dropped[0]!;
    expect(outcome.rounds.map(({ late }) => late)).toEqual([undefined, [{ pod: name, rounds: 1 }], undefined]);
    const late = sent[0]!.pop()!; // it is the last one to come
    const model = initialOf(outcome).map((start, i) => {
      const meanOf = (inputs: readonly (PodInput & { factor?: number })[]): number => {
        const weights = inputs.map(({ weight, factor = 1 }) => weight * factor);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        return inputs.reduce((sum, { update }, pod) => sum + weights[pod]! * update![i]!, 0) / total;
      };
      return start + meanOf(sent[0]!) + meanOf([...sent[1]!, { ...late, factor: 1 / 4 }]) + meanOf(sent[2]!);
    });
    for (const [i, value] of outcome.parameters!.entries()) expect(Math.abs(value - model[i]!)).toBeLessThan(1e-6);
  });
});
