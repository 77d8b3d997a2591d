/**
 * One secure sum with everybody's real programs and everything that a coordinator gets to see of it. Honest pods are
 * {@link PodSum}s with the system's randomness; those that collude follow the protocol too, and keep their secrets.
 * @module
 */
import {
  type Member,
  openSession,
  type PodInput,
  type Session,
  shapeOf,
  type VectorSpec,
  wireBytes,
} from '../../../src/aggregation/index.ts';
import { frame, KonsilError, toHex } from '../../../src/base/index.ts';
import { generateIdentity, type Identity, MaskPool, randomBytes, sha256 } from '../../../src/crypto/index.ts';
import { CoordinatorSum, NonceChain, PodSum, type SumRecord } from '../../../src/protocols/index.ts';
import { ColludingPod } from './colludingPod.ts';

/** Identities of a cohort that plays many sums. */
export interface Cohort {
  readonly coordinator: Identity;
  /** By name, in the order of a session's roster. */
  readonly pods: ReadonlyMap<string, Identity>;
}

/** A cohort of `n` pods with fresh identities. */
export function makeCohort(n: number): Cohort {
  const names = Array.from({ length: n }, (_, i) => `pod-${String(i).padStart(2, '0')}`);
  return { coordinator: generateIdentity(), pods: new Map(names.map((name) => [name, generateIdentity()])) };
}

/** What is summed, and by whom. */
export interface SumSetting {
  readonly cohort: Cohort;
  readonly spec: VectorSpec;
  /** Number of the sum: the same number means the same context. */
  readonly round: number;
  /** What each pod puts in. */
  readonly inputs: ReadonlyMap<string, PodInput>;
  /** Names of the pods that keep their secrets for the coordinator. */
  readonly colluding: readonly string[];
  /** Where pods mask. Anything but the default is a broken masking, to see that it is found. @default as programs do */
  readonly podPool?: MaskPool;
}

/** A message between a pod and the coordinator, in the order they were sent. */
export interface Sent {
  readonly pod: string;
  readonly toCoordinator: boolean;
  readonly body: Uint8Array;
  readonly vector?: Uint8Array;
}

/** Everything the coordinator has at the end of a sum, and what colluding pods add. */
export interface SumView {
  readonly session: Session;
  readonly spec: VectorSpec;
  /** Masked vectors as they arrived, by pod. */
  readonly masked: ReadonlyMap<string, Uint8Array>;
  /** What was accepted and sent, in order. */
  readonly records: readonly SumRecord[];
  readonly traffic: readonly Sent[];
  /** Lanes of the sum. */
  readonly lanes: Uint8Array;
  readonly colluders: ReadonlyMap<string, ColludingPod>;
}

/** Vectors of games are masked on the calling thread: threads of a pool of one are never started. */
const inlinePool = new MaskPool({ threads: 1 });

/**
 * Runs a sum to its end.
 * @throws KonsilError as the programs do when the sum does not come about.
 */
export async function runSum(setting: SumSetting): Promise<SumView> {
  const { cohort, spec, round, inputs, colluding, podPool = inlinePool } = setting;
  const members = new Map<string, Member>();
  for (const [name, { signing }] of cohort.pods) members.set(name, { name, publicKey: signing.publicKey });
  const session = openSession({
    ...{ runId: 'privacy game', round, attempt: 0, purpose: 'update', minimum: 3, assumptions: {} },
    ...{ roster: [...members.values()], commitments: new Map(), shape: shapeOf(spec), wireBytes: wireBytes(spec) },
    ...{ coordinator: cohort.coordinator.signing.publicKey, publicHash: sha256(frame('privacy game', round)) },
  });
  const [masked, offered] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
  const [records, traffic]: [SumRecord[], Sent[]] = [[], []];
  const receivers = new Map<string, (body: Uint8Array) => void>();
  const colluders = new Map<string, ColludingPod>();
  const honest: PodSum[] = [];
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const coordinator = new CoordinatorSum(session, spec, cohort.coordinator.signing, {
    send: (to, body) => {
      traffic.push({ pod: to, toCoordinator: false, body });
      queueMicrotask(() => receivers.get(to)!(body));
    },
    fetch: async (from, { id }) => {
      masked.set(from, offered.get(id)!);
      return offered.get(id)!;
    },
    deadlineMs: () => 0,
    after: () => () => undefined, // nobody is late
    pool: inlinePool,
    onPhase: () => undefined,
    onPod: (pod, phase, what, detail) =>
      fail(new KonsilError('RUN_ABORTED', `${pod} was ${what} in ${phase}: ${detail}`)),
    onRecord: (record) => records.push(record),
  });
  const sendFrom = (pod: string) => (body: Uint8Array, vector?: Uint8Array) => {
    traffic.push({ pod, toCoordinator: true, body, ...(vector && { vector }) });
    const ref = vector && { id: toHex(sha256(vector)), bytes: vector.length };
    if (vector) offered.set(ref!.id, vector);
    queueMicrotask(() => coordinator.receive(pod, body, ref));
  };
  for (const [self, { signing: identity }] of cohort.pods) {
    const input = inputs.get(self)!;
    const send = sendFrom(self);
    if (colluding.includes(self)) {
      const pod = new ColludingPod({ session, self, identity, input, spec, pool: podPool, send, onError: fail });
      colluders.set(self, pod);
      receivers.set(self, (body) => pod.receive(body));
      continue;
    }
    const pod = new PodSum({
      ...{ runId: session.runId, round, purpose: 'update', self, identity, members, minimumCohort: 3, assumptions: {} },
      ...{ coordinator: session.coordinator, spec, publicHash: session.publicHash, input, pool: podPool },
      ...{ nonces: new NonceChain(randomBytes), judge: () => null, record: () => undefined },
      send: (_attempt, body, vector) => send(body, vector),
      onEvent: (event, error) => event !== 'released' && fail(error),
    });
    receivers.set(self, (body) => pod.receive(0, body));
    honest.push(pod);
  }
  for (const pod of honest) pod.open(0, [...members.keys()]);
  for (const pod of colluders.values()) pod.open();
  const outcome = await Promise.race([coordinator.outcome, failed]);
  if (!outcome.ok) throw outcome.error;
  return { session, spec, masked, records, traffic, lanes: outcome.lanes, colluders };
}
