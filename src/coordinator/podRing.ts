/**
 * An intersection among pods, at the modeller: carries their sealed lists round the ring and compares what comes out. It has
 * no keys, and learns how many people all pods share.
 * @module
 */
import { KonsilError, utf8 } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import { BlindingPool, openRing, RingComparator, type RingSession } from '../intersection/index.ts';
import { type RingPlan, splitChunks, writeRingPlan } from '../protocols/index.ts';
import type { IntersectionAlgorithm } from '../tasks/index.ts';
import { sizeIn } from './intersect.ts';

/** Bytes to pods, and what they answer, all by peer id: a pod that is sent nothing is sent undefined. */
export type AskRing = (step: number, sent: ReadonlyMap<string, Uint8Array>) => Promise<ReadonlyMap<string, Uint8Array>>;

export interface RingRun {
  readonly runId: string;
  readonly taskJson: string;
  /** Peer id. */
  readonly modeller: string;
  /** Peer ids, in the order in which lists travel. */
  readonly pods: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Runs the ring to its end.
 * @returns people whom all pods share. @throws KonsilError PROTOCOL_VIOLATION, COHORT_TOO_SMALL when a pod is lost: it takes all of them.
 */
export async function compareAmong(algorithm: IntersectionAlgorithm, run: RingRun, ask: AskRing): Promise<number> {
  const { runId, taskJson, modeller, pods: ids, signal } = run;
  const asked = async (
    step: number,
    sent: ReadonlyMap<string, Uint8Array>,
  ): Promise<ReadonlyMap<string, Uint8Array>> => {
    const answers = await ask(step, sent);
    if (ids.some((id) => !answers.has(id)))
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        'an intersection among pods takes all of them, and one has not answered',
      );
    return answers;
  };
  const sizes = await asked(0, new Map());
  const plan: RingPlan = ids.map((id) => ({ id, size: sizeIn(sizes.get(id)!) }));
  const session = openRing({
    ...{ runId, context: sha256(utf8(taskJson)), rule: algorithm.rule, comparator: modeller, pods: plan },
    kind: algorithm.kind === 'row_filter' ? 'intersection' : 'cardinality',
  });
  const pool = new BlindingPool();
  const comparator = new RingComparator(session, pool, signal);
  try {
    const begun = await asked(1, new Map(ids.map((id) => [id, writeRingPlan(plan)])));
    let lists = new Map<string, Uint8Array>();
    for (const [id, bytes] of begun) {
      const length = sizeIn(bytes);
      comparator.open(id, bytes.slice(4, 4 + length));
      lists.set(id, bytes.subarray(4 + length));
    }
    for (let step = 2; step <= ids.length; step++) lists = new Map(await asked(step, toNext(session, lists)));
    for (const [last, list] of lists)
      for (const chunk of splitChunks(list)) await comparator.take(ownerAtEnd(session, last), chunk);
    const { count, places } = comparator.finish();
    if (algorithm.kind === 'row_filter') await asked(ids.length + 1, places);
    return count;
  } finally {
    comparator.close();
    await pool.close();
  }
}

/** What each pod was given goes on to the pod after it. */
function toNext({ pods }: RingSession, lists: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map(pods.map(({ id }, i) => [pods[(i + 1) % pods.length]!.id, lists.get(id)!]));
}

/** A list ends at the pod before its owner. */
function ownerAtEnd({ pods }: RingSession, last: string): string {
  return pods[(pods.findIndex(({ id }) => id === last) + 1) % pods.length]!.id;
}
