/**
 * Whole intersections in one process, with hooks where an adversary stands.
 * @module
 */
import { randomBytes } from '../../src/crypto/index.ts';
import {
  type BlindingPool,
  collectKeys,
  type IntersectionKind,
  type IntersectionResult,
  type KeyRule,
  type KeySet,
  nextHop,
  openPair,
  openRing,
  type PairParameters,
  PairReceiver,
  PairSender,
  RingComparator,
  RingPod,
  type RingResult,
  type RingSession,
} from '../../src/intersection/index.ts';

/** One column, as it is. */
export const PLAIN: KeyRule = [{}];

/** A site's keys from the texts of one column. */
export function keysOf(texts: readonly string[], rule: KeyRule = PLAIN): KeySet {
  return collectKeys(
    rule,
    texts.map((text) => [text]),
  );
}

export function pairParameters(changes: Partial<PairParameters> = {}): PairParameters {
  const agreed = { runId: 'run-1', context: new Uint8Array(32), kind: 'intersection', rule: PLAIN } as const;
  return { ...agreed, receiver: 'modeller', sender: 'pod', receiverSize: 8, senderSize: 8, ...changes };
}

/** All of an async iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

/** What went over the wire, and its result. */
export interface PairRun {
  readonly result: IntersectionResult;
  readonly requests: readonly Uint8Array[];
  readonly answers: readonly Uint8Array[];
}

/** Two parties, honest but for `tamper`, which sees the sender's chunks. */
export async function runPair(
  pool: BlindingPool,
  parameters: PairParameters,
  [receiving, sending]: readonly [KeySet, KeySet],
): Promise<PairRun> {
  const receiver = new PairReceiver(openPair(parameters), { keys: receiving, pool, random: randomBytes });
  const sender = new PairSender(openPair(parameters), { keys: sending, pool, random: randomBytes });
  const requests = await all(receiver.blinded());
  await Promise.all(requests.map(async (chunk) => sender.take(chunk)));
  const answers = await all(sender.answer());
  await Promise.all(answers.map(async (chunk) => receiver.take(chunk)));
  return { result: await receiver.finish(), requests, answers };
}

export function ringSession(sizes: readonly number[], kind: IntersectionKind = 'intersection'): RingSession {
  const pods = sizes.map((size, i) => ({ id: `pod-${i}`, size }));
  return openRing({ runId: 'run-1', context: new Uint8Array(32), kind, rule: PLAIN, comparator: 'coordinator', pods });
}

/** A ring of honest parties; `seen`: every chunk by the one it went to. */
export async function runRing(
  pool: BlindingPool,
  session: RingSession,
  keys: readonly KeySet[],
): Promise<{ result: RingResult; pods: readonly RingPod[]; seen: ReadonlyMap<string, Uint8Array[]> }> {
  const pods = session.pods.map(({ id }, i) => new RingPod(session, id, { keys: keys[i]!, pool, random: randomBytes }));
  const comparator = new RingComparator(session, pool);
  for (const [i, { id }] of session.pods.entries()) comparator.open(id, await pods[i]!.opening());
  const seen = new Map<string, Uint8Array[]>();
  await Promise.all(
    session.pods.map(async ({ id: owner }, index) => {
      for (let [chunk, hop] of (await all(pods[index]!.blinded())).map((chunk) => [chunk, 1] as [Uint8Array, number]))
        for (; ; hop++) {
          const to = nextHop(session, owner, hop);
          seen.set(to, [...(seen.get(to) ?? []), chunk]);
          if (to === session.comparator) {
            await comparator.take(owner, chunk);
            break;
          }
          chunk = await pods[session.pods.findIndex(({ id }) => id === to)]!.pass(owner, chunk);
        }
    }),
  );
  return { result: comparator.finish(), pods, seen };
}
