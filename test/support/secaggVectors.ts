/**
 * Test vectors of the secure sum, all made by the reference implementation: whole attempts, and messages that a pod or
 * the coordinator must refuse. All bytes are hex.
 * @module
 */
import { makeBadAnswers, makeBadRequests } from './secaggBadVectors.ts';
import {
  type AttemptInputs,
  type AttemptRecord,
  frame,
  hex,
  referenceAttempt,
  sha256,
  vectorBytes,
} from './secaggReference.ts';

/** Reproducible bytes of a label, in hex. */
export function vectorSeed(label: string, length = 32): string {
  let out = '';
  for (let i = 0; out.length < 2 * length; i++) out += hex(sha256(frame('konsil test vector', label, i)));
  return out.slice(0, 2 * length);
}

/** Inputs of an attempt of `n` pods, all of them from `label`. @param lostIn by pod index; others answer everything. */
export function attemptInputs(
  label: string,
  n: number,
  overrides: Partial<AttemptInputs> = {},
  lostIn: Readonly<Record<number, number>> = {},
): AttemptInputs {
  const shape = overrides.shape ?? [{ bits: 32, length: 6 }];
  return {
    ...{ runId: `run ${label}`, round: 3, attempt: 0, purpose: 'update', assumptions: {}, minimum: 3, shape },
    publicHash: vectorSeed(`${label} model`),
    coordinatorSecret: vectorSeed(`${label} coordinator`),
    pods: Array.from({ length: n }, (_, i) => ({
      name: `pod-${String(i).padStart(2, '0')}`,
      identitySecret: vectorSeed(`${label} identity ${i}`),
      nonce: vectorSeed(`${label} nonce ${i}`),
      draws: [0, 1, 2, 3].map((d) => vectorSeed(`${label} draw ${i} ${d}`)) as [string, string, string, string],
      input: vectorSeed(`${label} input ${i}`, vectorBytes(shape)),
      lostIn: lostIn[i] ?? 5,
    })),
    ...overrides,
  };
}

/** One pod is lost while it uploads. */
const attempt = (): AttemptInputs => attemptInputs('attempt', 4, {}, { 2: 2 });
/** Nobody is lost; three widths of lanes in one vector. */
const lanes = (): AttemptInputs =>
  attemptInputs('lanes', 3, {
    attempt: 1,
    shape: [
      { bits: 8, length: 21 },
      { bits: 16, length: 9 },
      { bits: 32, length: 3 },
    ],
  });
const neighbours = (): AttemptInputs =>
  attemptInputs(
    'neighbours',
    36,
    { assumptions: { colluding: 0, dropouts: 0 }, shape: [{ bits: 16, length: 5 }] },
    { 5: 2, 20: 4 },
  );

/** A record with the messages of each kind hashed together, in order, instead of 300 of them. */
export interface HashedRecord extends Omit<AttemptRecord, 'messages'> {
  readonly messages: Readonly<Record<string, { readonly count: number; readonly sha256: string }>>;
}

export function hashMessages({ messages, ...rest }: AttemptRecord): HashedRecord {
  const byType = new Map<string, string[]>();
  for (const { message, vector = '' } of messages) {
    const type = message.slice(2, 4);
    byType.set(type, [...(byType.get(type) ?? []), message + vector]);
  }
  return {
    ...rest,
    messages: Object.fromEntries(
      [...byType].map(([type, all]) => [
        `type ${Number.parseInt(type, 16)}`,
        { count: all.length, sha256: hex(sha256(new Uint8Array(Buffer.from(all.join(''), 'hex')))) },
      ]),
    ),
  };
}

/** Contents of the files `test/vectors/secagg/<key>.json`. */
export function vectorFiles(): Readonly<Record<string, unknown>> {
  const made = { inputs: attempt(), record: referenceAttempt(attempt()) };
  return {
    v2_attempt: made,
    v2_lanes: { inputs: lanes(), record: referenceAttempt(lanes()) },
    v2_neighbours: { inputs: neighbours(), record: hashMessages(referenceAttempt(neighbours())) },
    v2_bad_requests: makeBadRequests(made),
    v2_bad_answers: makeBadAnswers(made),
  };
}
