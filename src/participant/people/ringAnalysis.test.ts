/**
 * A pod in a ring whose coordinator wants more than the number: every way to have it blind, or compare, something else.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, u32be } from '../../base/index.ts';
import { generateIdentity, groupReady, type Identity, randomBytes, sealEnvelope } from '../../crypto/index.ts';
import { BlindingPool, collectKeys, openRing, RingComparator, RingPod } from '../../intersection/index.ts';
import { joinChunks, type RingPlan, splitChunks, writeRingPlan } from '../../protocols/index.ts';
import type { IntersectionAlgorithm } from '../../tasks/index.ts';
import { RingAnalysis } from './ringAnalysis.ts';

beforeAll(async () => groupReady);
const pool = new BlindingPool({ threads: 1 });
afterAll(() => pool.close());

const RULE = [{}];
const ALGORITHM: IntersectionAlgorithm = {
  ...{ name: 'PrivateSetIntersection', columns: ['id'], rule: RULE, kind: 'row_filter', saveAs: 's', amongPods: true },
};
const [anna, bert, eve]: readonly Identity[] = [generateIdentity(), generateIdentity(), generateIdentity()];
const known = new Map([anna!, bert!].map((one) => [one.public.id, one.public]));
const keysOf = (...names: string[]) =>
  collectKeys(
    RULE,
    names.map((name) => [name]),
  );
const COORDINATOR = 'coordinator';
const partiesOf = (identity: Identity) => ({
  ...{ runId: 'run', modeller: COORDINATOR, pod: identity.public.id, context: new Uint8Array(32) },
});
const idle = new AbortController().signal;

let seats: RingAnalysis[] = [];
afterEach(async () => {
  await Promise.all(seats.splice(0).map((seat) => seat.close()));
});

/** A pod, how it is asked, and what it has kept and recorded. */
function podOf(identity: Identity, names: readonly string[], keeps = true) {
  const kept: Uint8Array[] = [];
  const recorded: string[] = [];
  const seat = new RingAnalysis(ALGORITHM, {
    ...{ keys: keysOf(...names), size: 4, maximumList: 8, identity, pods: known, pool },
    record: (detail) => void recorded.push(detail),
    ...(keeps && { keep: (matches: Uint8Array) => void kept.push(matches) }),
  });
  seats.push(seat);
  const ask = (step: number, sent: Uint8Array = new Uint8Array(0)) =>
    seat.exchange.answer(step, sent, partiesOf(identity), idle);
  return { ask, kept, recorded };
}
const PLAN: RingPlan = [anna!, bert!].map(({ public: { id } }) => ({ id, size: 4 }));
const sessionOf = (plan: RingPlan) =>
  openRing({ ...partiesOf(anna!), kind: 'intersection', rule: RULE, comparator: COORDINATOR, pods: plan });
/** The opening and the list for the next pod. */
function begun(bytes: Uint8Array): { opening: Uint8Array; list: Uint8Array } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { opening: bytes.slice(4, 4 + length), list: bytes.subarray(4 + length) };
}
const violation = { code: 'PROTOCOL_VIOLATION' };

it('finds with an honest coordinator who is at both, and tells it no more than how many', async () => {
  const [one, other] = [podOf(anna!, ['x', 'y', 'z']), podOf(bert!, ['y', 'q', 'z'])];
  await one.ask(0);
  await other.ask(0);
  const [first, second] = [
    begun(await one.ask(1, writeRingPlan(PLAN))),
    begun(await other.ask(1, writeRingPlan(PLAN))),
  ];
  const comparator = new RingComparator(sessionOf(PLAN), pool);
  comparator.open(anna!.public.id, first.opening);
  comparator.open(bert!.public.id, second.opening);
  for (const chunk of splitChunks(await other.ask(2, first.list))) await comparator.take(anna!.public.id, chunk);
  for (const chunk of splitChunks(await one.ask(2, second.list))) await comparator.take(bert!.public.id, chunk);
  const { count, places } = comparator.finish();
  expect(count).toBe(2);
  await one.ask(3, places.get(anna!.public.id));
  await other.ask(3, places.get(bert!.public.id));
  expect([one.kept, other.kept]).toEqual([[Uint8Array.of(0, 1, 1)], [Uint8Array.of(1, 0, 1)]]);
  expect(one.recorded).toEqual(['row_filter among 2 pods']);
});

describe('a coordinator that', () => {
  it('puts a list of guesses in the place of a pod’s is not answered: it cannot sign as that pod', async () => {
    const victim = podOf(bert!, ['y']);
    await victim.ask(0);
    await victim.ask(1, writeRingPlan(PLAN));
    const session = sessionOf(PLAN);
    const guesses = new RingPod(session, anna!.public.id, { keys: keysOf('y', 'q'), pool, random: randomBytes });
    const list = await joinChunks(guesses.blinded());
    guesses.close();
    // in the open, as a stranger, and as the receiver itself
    await expect(victim.ask(2, list)).rejects.toMatchObject({ code: 'ENVELOPE_REJECTED' });
    for (const sender of [eve!, bert!]) {
      const again = podOf(bert!, ['y']);
      await again.ask(0);
      await again.ask(1, writeRingPlan(PLAN));
      const sealed = sealEnvelope(sender, bert!.public, new Uint8Array(0), list);
      await expect(again.ask(2, sealed)).rejects.toMatchObject({
        code: sender === eve ? 'PEER_UNKNOWN' : 'PROTOCOL_VIOLATION',
      });
    }
  });

  it('gives a pod the list of another run is refused', async () => {
    const [one, victim] = [podOf(anna!, ['x']), podOf(bert!, ['y'])];
    const longer = PLAN.map((pod, i) => (i === 1 ? { ...pod, size: 5 } : pod));
    for (const pod of [one, victim]) await pod.ask(0);
    const { list } = begun(await one.ask(1, writeRingPlan(longer)));
    await victim.ask(1, writeRingPlan(PLAN));
    await expect(victim.ask(2, list)).rejects.toMatchObject(violation);
  });

  it('cannot open what pods send each other', async () => {
    const one = podOf(anna!, ['x']);
    await one.ask(0);
    const { list } = begun(await one.ask(1, writeRingPlan(PLAN)));
    const session = sessionOf(PLAN);
    const comparator = new RingComparator(session, pool);
    await expect((async () => comparator.take(anna!.public.id, [...splitChunks(list)][0]!))()).rejects.toMatchObject(
      violation,
    );
  });

  it.each<[string, RingPlan]>([
    ['makes a ring of the pod alone', [PLAN[0]!]],
    ['adds a pod of its own', [...PLAN, { id: eve!.public.id, size: 4 }]],
    ['puts a pod of its own in the place of another', [PLAN[0]!, { id: eve!.public.id, size: 4 }]],
    ['shortens the pod’s list', [{ ...PLAN[0]!, size: 1 }, PLAN[1]!]],
    ['has a longer list compared than the site allows', [PLAN[0]!, { ...PLAN[1]!, size: 9 }]],
    ['leaves the pod out', [PLAN[1]!, { id: eve!.public.id, size: 4 }]],
  ])('%s is refused before anything is blinded or recorded', async (_what, plan) => {
    const pod = podOf(anna!, ['x']);
    await pod.ask(0);
    await expect(pod.ask(1, writeRingPlan(plan))).rejects.toMatchObject(violation);
    expect(pod.recorded).toEqual([]);
  });

  it('asks twice, or in another order, is refused', async () => {
    const pod = podOf(anna!, ['x']);
    await expect(pod.ask(1, writeRingPlan(PLAN))).rejects.toMatchObject(violation);
    await pod.ask(0);
    await pod.ask(1, writeRingPlan(PLAN));
    await expect(pod.ask(1, writeRingPlan(PLAN))).rejects.toMatchObject(violation);
    await expect(pod.ask(3, concatBytes(u32be(1), new Uint8Array(1)))).rejects.toMatchObject(violation);
  });
});
