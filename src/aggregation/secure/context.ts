/**
 * The context of one attempt at one secure sum. Everything public that all parties must agree on goes into one hash,
 * and that hash goes into every signature, sealed share and mask key: parties that disagree on anything (the roster,
 * the base model, the clip bound, …) cannot finish a sum, and nothing can be replayed elsewhere.
 * @module
 */
import { frame, KonsilError, toHex } from '../../base/index.ts';
import { sha256, type VectorShape } from '../../crypto/index.ts';
import { type CohortAssumptions, type Thresholds, thresholdsFor } from './parameters.ts';

/** Version label; changes with any change of layout or rule. */
export const PROTOCOL_LABEL = 'konsil/secagg/v2';

/** A pod as pinned by the study: its name and its Ed25519 identity. */
export interface Member {
  readonly name: string;
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** What identifies an attempt; every party builds it from its own knowledge, never from a message. */
export interface SessionParameters {
  readonly runId: string;
  readonly round: number;
  /** 0 for the first try of a round; a retry takes the next one. Never reused. */
  readonly attempt: number;
  /** What is summed, such as `update` or `validation`: two sums of one round never share a context. */
  readonly purpose: string;
  /** The cohort, any order; names and keys distinct. */
  readonly roster: readonly Member[];
  /** Ed25519 identity of the coordinator, 32 bytes. */
  readonly coordinator: Uint8Array;
  /** Fewest inputs a sum may have, where the task asks for more than the thresholds do. @default the thresholds' */
  readonly minimum?: number;
  /** What the cohort withstands. @default {@link thresholdsFor}'s own */
  readonly assumptions?: CohortAssumptions;
  /**
   * Commitments to every pod's graph nonce, by pod name, 32 bytes each: made before anybody knew who would be in this
   * attempt. Only neighbour graphs need them.
   */
  readonly commitments?: ReadonlyMap<string, Uint8Array>;
  /** Lanes of the summed vector. */
  readonly shape: VectorShape;
  /** Bytes of a masked vector on the wire. */
  readonly wireBytes: number;
  /** 32-byte hash over base model and public parameters, computed by each party over what it really used. */
  readonly publicHash: Uint8Array;
}

/** An attempt with its thresholds and context hash. A pod's index is its position in the roster sorted by name. */
export interface Session extends SessionParameters, Thresholds {
  /** SHA-256 of everything but `publicHash`: what advertise messages are bound to, so that pods can compare hashes. */
  readonly base: Uint8Array;
  /** SHA-256 of `base` and `publicHash`; what everything else is bound to. 32 bytes, public. */
  readonly ctx: Uint8Array;
}

const MAX_WIRE_BYTES = 0xffffffff;

function byName(a: Member, b: Member): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Checks the parameters, sorts the roster and hashes the context. @throws KonsilError CONFIG_INVALID. */
export function openSession(parameters: SessionParameters): Session {
  const { runId, round, attempt, purpose, coordinator, shape, wireBytes, publicHash } = parameters;
  const roster = [...parameters.roster].sort(byName);
  const least = thresholdsFor(roster.length, parameters.assumptions);
  const thresholds = { ...least, minSurvivors: Math.max(least.minSurvivors, parameters.minimum ?? 0) };
  const names = new Set(roster.map((member) => member.name));
  const keys = new Set([...roster.map((member) => member.publicKey), coordinator].map(toHex));
  const commitments = commitmentsOf(parameters, roster, isSparse(thresholds));
  if (names.size !== roster.length || keys.size !== roster.length + 1)
    throw invalid('roster names, pod keys and the coordinator key must all be distinct');
  if ([...roster.map((member) => member.publicKey), coordinator, publicHash].some((bytes) => bytes.length !== 32))
    throw invalid('identity keys and the public hash need 32 bytes each');
  // as u32 in the context; a coordinator chooses them
  if ([round, attempt].some((index) => !Number.isInteger(index) || index < 0 || index > 0xffffffff))
    throw invalid(`round and attempt must be integers in [0, 2^32), got ${round} and ${attempt}`);
  if (!Number.isInteger(wireBytes) || wireBytes < 1 || wireBytes > MAX_WIRE_BYTES)
    throw invalid(`a vector must have between 1 and 2^32 − 1 bytes, got ${wireBytes}`);
  const { n, colluding, k, t, signatures, minSurvivors } = thresholds;
  const who = [coordinator, roster.length, ...roster.flatMap((member) => [member.name, member.publicKey])];
  const graph = [n, colluding, k, t, signatures, minSurvivors, commitments.length, ...commitments];
  const lanes = [shape.length, ...shape.flatMap(({ bits, length }) => [bits, length]), wireBytes];
  const base = sha256(frame(PROTOCOL_LABEL, runId, round, attempt, purpose, ...who, ...graph, ...lanes));
  const ctx = sha256(frame(`${PROTOCOL_LABEL}/context`, base, publicHash));
  return { ...parameters, roster, ...thresholds, base, ctx };
}

function invalid(why: string): KonsilError {
  return new KonsilError('CONFIG_INVALID', why);
}

function commitmentsOf({ commitments }: SessionParameters, roster: readonly Member[], needed: boolean): Uint8Array[] {
  if (!needed) return [];
  return roster.map(({ name }) => {
    const commitment = commitments?.get(name);
    if (commitment?.length !== 32) throw invalid(`pod ${name} has not committed to a nonce for the neighbour graph`);
    return commitment;
  });
}

/** Whether pods share with some others only. */
export function isSparse({ n, k }: Pick<Thresholds, 'n' | 'k'>): boolean {
  return k < n - 1;
}

/** Index of the pod called `name`, or -1. */
export function indexOf(session: Session, name: string): number {
  return session.roster.findIndex((member) => member.name === name);
}
