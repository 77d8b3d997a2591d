/**
 * What goes in and comes out of the reference's attempt, as plain JSON with bytes in hex; contexts and the graph.
 * @module
 */
import { frame, hkdf, keyStream, sha256, signingKey, unhex } from './primitives.ts';
import { type ReferenceAssumptions, type ReferenceThresholds, referenceThresholds } from './thresholds.ts';

export const LABEL = 'konsil/secagg/v2';

export interface PodInputs {
  readonly name: string;
  /** Ed25519 seed. */
  readonly identitySecret: string;
  /** For the neighbour graph. */
  readonly nonce: string;
  /** Dealing seed, b, mask scalar, channel scalar. */
  readonly draws: readonly [string, string, string, string];
  /** The vector as it lies in memory, padding included. */
  readonly input: string;
  /** First phase (0 advertise … 4 release) whose answer never arrives; 5 for a pod that answers all. */
  readonly lostIn: number;
}

/** Everything an attempt depends on. Pods ascend by name. */
export interface AttemptInputs {
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
  readonly purpose: string;
  readonly assumptions: ReferenceAssumptions;
  readonly minimum: number;
  readonly shape: readonly { readonly bits: 8 | 16 | 32; readonly length: number }[];
  readonly publicHash: string;
  readonly coordinatorSecret: string;
  readonly pods: readonly PodInputs[];
}

/** One message; exactly one of `from` and `to`. */
export interface RecordedMessage {
  readonly from?: string;
  readonly to?: string;
  readonly message: string;
  /** The masked vector beside a manifest. */
  readonly vector?: string;
}

/** Everything that happens in an attempt. */
export interface AttemptRecord {
  readonly base: string;
  readonly ctx: string;
  readonly thresholds: ReferenceThresholds;
  readonly messages: readonly RecordedMessage[];
  readonly outcome:
    | { readonly survivors: readonly string[]; readonly sum: string }
    | { readonly failed: string; readonly spent: boolean };
}

export interface ReferenceSession {
  readonly base: Uint8Array;
  readonly ctx: Uint8Array;
  readonly publicHash: Uint8Array;
  readonly thresholds: ReferenceThresholds;
  readonly isSparse: boolean;
  readonly bytes: number;
}

/** Bytes of a vector in memory: every run padded to 16. */
export const vectorBytes = (shape: AttemptInputs['shape']): number =>
  shape.reduce((sum, { bits, length }) => sum + 16 * Math.ceil((bits * length) / 128), 0);

/** Sections 3 and 4. */
export function referenceSession(inputs: AttemptInputs): ReferenceSession {
  const { pods, shape } = inputs;
  const thresholds = referenceThresholds(pods.length, inputs.assumptions, inputs.minimum);
  if (thresholds === null) throw new RangeError('the reference was asked for an unsafe cohort');
  const { n, c, k, t, s, m } = thresholds;
  const isSparse = k < n - 1;
  const commitments = isSparse ? pods.map(({ nonce }) => sha256(frame(`${LABEL}/nonce`, unhex(nonce)))) : [];
  const bytes = vectorBytes(shape);
  const base = sha256(
    frame(
      ...[LABEL, inputs.runId, inputs.round, inputs.attempt, inputs.purpose],
      ...[signingKey(unhex(inputs.coordinatorSecret)), n],
      ...pods.flatMap(({ name, identitySecret }) => [name, signingKey(unhex(identitySecret))]),
      ...[n, c, k, t, s, m, commitments.length, ...commitments],
      ...[shape.length, ...shape.flatMap(({ bits, length }) => [bits, length]), bytes],
    ),
  );
  const publicHash = unhex(inputs.publicHash);
  return { base, ctx: sha256(frame(`${LABEL}/context`, base, publicHash)), publicHash, thresholds, isSparse, bytes };
}

/** Section 6: holders of each pod's shares, ascending. */
export function referenceGraph(
  { ctx, thresholds, isSparse }: ReferenceSession,
  nonces: readonly Uint8Array[],
): number[][] {
  const { n, k } = thresholds;
  const all = Array.from({ length: n }, (_, i) => i);
  if (!isSparse) return all.map(() => [...all]);
  const stream = keyStream(hkdf(sha256(frame('nonces', ...nonces)), ctx, frame('graph'), 32), 4 * 16 * n);
  let at = 0;
  const draw = (below: number): number => {
    for (;;) {
      if (at === stream.length) throw new RangeError('the reference draws from a longer stream');
      const value = Buffer.from(stream).readUInt32BE(at);
      at += 4;
      if (BigInt(value) < 2n ** 32n - (2n ** 32n % BigInt(below))) return value % below;
    }
  };
  const ring = [...all];
  for (let i = n - 1; i >= 1; i--) {
    const j = draw(i + 1);
    const kept = ring[i]!;
    ring[i] = ring[j]!;
    ring[j] = kept;
  }
  return all.map((pod) => {
    const place = ring.indexOf(pod);
    const isNear = (other: number): boolean => {
      const gap = Math.abs(ring.indexOf(other) - place);
      return Math.min(gap, n - gap) <= k / 2;
    };
    return all.filter(isNear);
  });
}
