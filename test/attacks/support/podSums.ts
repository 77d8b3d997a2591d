/**
 * Pods' sums over all their attempts, and the coordinator's side of one, without a network between.
 * @module
 */
import type { PodInput, Session, VectorSpec } from '../../../src/aggregation/index.ts';
import type { KonsilError } from '../../../src/base/index.ts';
import type { PodSum, PodSumOptions, SumOutcome } from '../../../src/protocols/index.ts';
import { identityOf, podNames, seededBytes } from '../../support/secaggCohort.ts';
import type { Code } from './attack.ts';

export const SPEC: VectorSpec = {
  ...{ cohort: 4, updateLength: 5, clip: 1, maxWeight: 100 },
  ...{ extras: ['loss'], counts: ['hits'] },
};

/** What a pod has sent and told. */
interface Told {
  readonly attempt: number;
  readonly body: Uint8Array;
  readonly vector: Uint8Array | undefined;
}

export interface SumPod {
  readonly name: string;
  readonly sum: PodSum;
  readonly input: PodInput;
  readonly sent: Told[];
  readonly events: (readonly [string, KonsilError | undefined])[];
}

/** Four pods, each with some input of its own. @param own options of single pods */
export function sumPods(
  code: Code,
  options: Partial<PodSumOptions> = {},
  own: (name: string) => Partial<PodSumOptions> = () => ({}),
): SumPod[] {
  const members = new Map(podNames(4).map((name) => [name, { name, publicKey: identityOf(name).publicKey }]));
  return podNames(4).map((name, i) => {
    const update = Float32Array.from({ length: 5 }, (_, at) => Math.sin(at + 10 * i));
    const input: PodInput = options.input ?? {
      update,
      weight: 10 + i,
      extras: { loss: i / 4 },
      counts: { hits: 3 * i },
    };
    const sent: Told[] = [];
    const events: SumPod['events'] = [];
    const sum = new code.PodSum({
      ...{ runId: 'run-1', round: 1, purpose: 'update', self: name, identity: identityOf(name), members },
      coordinator: identityOf('coordinator').publicKey,
      ...{ minimumCohort: 3, assumptions: {}, spec: SPEC, publicHash: code.sha256(), input },
      nonces: new code.NonceChain(seededBytes(name)),
      pool: new code.MaskPool({ threads: 1 }), // vectors this small stay on the calling thread
      judge: () => null,
      record: () => undefined,
      ...options,
      ...own(name),
      send: (attempt, body, vector) => sent.push({ attempt, body, vector }),
      onEvent: (event, error) => events.push([event, error]),
    });
    return { name, sum, input, sent, events };
  });
}

/** A vector on its way, which the broker may change. */
type Fetch = (vector: Uint8Array, from: string) => Uint8Array;

/** The session of an attempt with these pods. */
export function sumSession(code: Code, pods: readonly SumPod[], attempt: number, round = 1): Session {
  return code.openSession({
    ...{ runId: 'run-1', round, attempt, purpose: 'update', minimum: 3 },
    roster: pods.map(({ name }) => ({ name, publicKey: identityOf(name).publicKey })),
    coordinator: identityOf('coordinator').publicKey,
    ...{ shape: code.shapeOf(SPEC), wireBytes: code.wireBytes(SPEC), publicHash: code.sha256() },
  });
}

/** One attempt over the wire's two halves; pods must be in it. */
export async function coordinateSum(
  code: Code,
  pods: readonly SumPod[],
  attempt: number,
  fetch: Fetch = (vector) => vector,
  round = 1,
): Promise<SumOutcome> {
  const session = sumSession(code, pods, attempt, round);
  const vectors = new Map<string, Uint8Array>();
  const sum = new code.CoordinatorSum(session, SPEC, identityOf('coordinator'), {
    send: (to, body) => pods.find(({ name }) => name === to)!.sum.receive(attempt, body),
    fetch: (from) => Promise.resolve(fetch(vectors.get(from)!, from)),
    pool: new code.MaskPool({ threads: 1 }),
    deadlineMs: () => 1,
    after: () => () => undefined,
    onPhase: () => undefined,
    onPod: () => undefined,
  });
  for (const { sum: pod } of pods)
    pod.open(
      attempt,
      pods.map(({ name }) => name),
    );
  const status = { isOver: false };
  void sum.outcome.finally(() => (status.isOver = true));
  const seen = new Map(pods.map(({ name }) => [name, 0]));
  for (let idle = 0; !status.isOver && idle < 50; idle++) {
    for (const { name, sent } of pods)
      for (const { attempt: of, body, vector } of sent.slice(seen.get(name))) {
        seen.set(name, seen.get(name)! + 1);
        if (of !== attempt) continue;
        idle = 0;
        if (vector) vectors.set(name, vector);
        sum.receive(name, body, vector && { id: code.toHex(code.sha256(vector)), bytes: vector.length });
      }
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!status.isOver) for (const { name } of pods) sum.gone(name);
  return sum.outcome;
}
