/**
 * The context of one attempt at one secure sum. Everything public that all parties must agree on goes into one hash,
 * and that hash goes into every signature, sealed share and mask key: parties that disagree on anything (the roster,
 * the base model, the clip bound, …) cannot finish a sum, and nothing can be replayed elsewhere.
 * @module
 */
import { frame, KonsilError } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { type Thresholds, thresholdsFor } from './parameters.ts';

/** Version label; changes with any change of layout or rule. */
export const PROTOCOL_LABEL = 'konsil/secagg/v1';
const MODULUS = '2^32';

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
  /** Words in the summed vector, at least 1. */
  readonly vectorLength: number;
  /** 32-byte hash over base model and public parameters, computed by each party over what it really used. */
  readonly publicHash: Uint8Array;
}

/** An attempt with its thresholds and context hash. A pod's index is its position in the roster sorted by name. */
export interface Session extends SessionParameters, Thresholds {
  /** SHA-256 of everything above; 32 bytes, public. */
  readonly ctx: Uint8Array;
}

function byName(a: Member, b: Member): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Checks the parameters, sorts the roster and hashes the context. @throws KonsilError CONFIG_INVALID. */
export function openSession(parameters: SessionParameters): Session {
  const { runId, round, attempt, purpose, coordinator, vectorLength, publicHash } = parameters;
  const roster = [...parameters.roster].sort(byName);
  const least = thresholdsFor(roster.length);
  const thresholds = { ...least, minSurvivors: Math.max(least.minSurvivors, parameters.minimum ?? 0) };
  const names = new Set(roster.map((member) => member.name));
  const keys = new Set([...roster.map((member) => member.publicKey), coordinator].map((key) => key.join()));
  if (names.size !== roster.length || keys.size !== roster.length + 1)
    throw new KonsilError('CONFIG_INVALID', 'roster names, pod keys and the coordinator key must all be distinct');
  if ([...roster.map((member) => member.publicKey), coordinator, publicHash].some((bytes) => bytes.length !== 32))
    throw new KonsilError('CONFIG_INVALID', 'identity keys and the public hash need 32 bytes each');
  if (!Number.isInteger(vectorLength) || vectorLength < 1 || vectorLength > 0x3fffffff)
    throw new KonsilError('CONFIG_INVALID', `vector length must be in [1, 2^30), got ${vectorLength}`);
  const { n, colluding, t, minSurvivors } = thresholds;
  const who = [coordinator, roster.length, ...roster.flatMap((member) => [member.name, member.publicKey])];
  const what = [n, colluding, t, minSurvivors, vectorLength, MODULUS, publicHash];
  const ctx = sha256(frame(PROTOCOL_LABEL, runId, round, attempt, purpose, ...who, ...what));
  return { ...parameters, roster, ...thresholds, ctx };
}

/** Index of the pod called `name`, or -1. */
export function indexOf(session: Session, name: string): number {
  return session.roster.findIndex((member) => member.name === name);
}
