/**
 * What the parties of one intersection agree on before its first message, and the domains derived from it: how keys are
 * hashed to the group, how tags are made, and what each list is bound to. Parties that disagree about anything have
 * nothing in common, and say so at the first chunk.
 * @module
 */
import { concatBytes, frame, KonsilError, utf8 } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import { type KeyRule, ruleFields } from './keyRule.ts';

const LABEL = 'konsil/psi/v1';

/** Most elements of one list, 32 MiB: it is held whole, with a text for each element to tell whether one comes twice. */
export const MAX_LIST = 1 << 20;

/** Pods of one ring; every list passes through every pod. */
export const MAX_PODS = 64;

/**
 * `cardinality`: how many keys are shared. `intersection`: which of one's own keys are shared, which is also the row filter
 * of a training task.
 */
export type IntersectionKind = 'cardinality' | 'intersection';

/** What all sessions have in common. */
interface Agreed {
  /** The run; no two intersections have one run and the same context. */
  readonly runId: string;
  /** What else the parties agreed on, as a hash of the task or its permission. */
  readonly context: Uint8Array;
  readonly kind: IntersectionKind;
  readonly rule: KeyRule;
}

/** One party learns, the other answers. */
export interface PairParameters extends Agreed {
  /** Peer id of the party that learns the result. */
  readonly receiver: string;
  /** Peer id of the party that learns nothing. */
  readonly sender: string;
  /** Length of each party's list, in [1, 2^20]: a public bound on its keys, up to which it is padded. */
  readonly receiverSize: number;
  readonly senderSize: number;
}

/** Pods find what all of them share; the comparator, which has no keys, compares. */
export interface RingParameters extends Agreed {
  /** Peer id of the comparator. */
  readonly comparator: string;
  /** In the order in which lists travel; 2 to 64 pods. `size` as in {@link PairParameters}. */
  readonly pods: readonly { readonly id: string; readonly size: number }[];
}

/** Domains of a session. */
export interface Domains {
  /** Tag for hashing keys to the group; RFC 9380 §3.1. */
  readonly dst: Uint8Array;
  /** SHA-256 of all that was agreed. */
  readonly base: Uint8Array;
  /** Bytes of a tag: see {@link tagBytes}. */
  readonly tagBytes: number;
}

export interface PairSession extends PairParameters, Domains {}
export interface RingSession extends RingParameters, Domains {}

function invalid(why: string): KonsilError {
  return new KonsilError('CONFIG_INVALID', why);
}

function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 1 || size > MAX_LIST)
    throw invalid(`a list of an intersection has between 1 and ${MAX_LIST} elements, got ${size}`);
}

function checkParties(ids: readonly string[]): void {
  if (ids.includes('') || new Set(ids).size !== ids.length)
    throw invalid('the parties of an intersection need different ids');
}

function derive(mode: string, agreed: Agreed, lists: readonly number[], who: readonly (string | number)[]): Domains {
  const { runId, context, kind, rule } = agreed;
  if (runId === '') throw invalid('an intersection needs the id of its run');
  if (rule.length === 0) throw invalid('the key of an intersection needs at least one column');
  lists.forEach(checkSize);
  const base = sha256(frame(LABEL, mode, runId, context, kind, rule.length, ...ruleFields(rule), ...who));
  const dst = concatBytes(utf8(`${LABEL}/ristretto255_XMD:SHA-512_R255MAP_RO_/`), base);
  return { base, dst, tagBytes: tagBytes(lists.reduce((sum, size) => sum + size, 0)) };
}

/** @throws KonsilError CONFIG_INVALID when a size, a party or the rule is out of range. */
export function openPair(parameters: PairParameters): PairSession {
  const { receiver, sender, receiverSize, senderSize } = parameters;
  checkParties([receiver, sender]);
  const sizes = [receiverSize, senderSize];
  return { ...parameters, ...derive('pair', parameters, sizes, [receiver, sender, ...sizes]) };
}

/** @throws KonsilError CONFIG_INVALID when a size, a party or the rule is out of range. */
export function openRing(parameters: RingParameters): RingSession {
  const { comparator, pods } = parameters;
  if (pods.length < 2 || pods.length > MAX_PODS)
    throw invalid(`a ring has between 2 and ${MAX_PODS} pods, got ${pods.length}`);
  checkParties([comparator, ...pods.map(({ id }) => id)]);
  const who = [comparator, pods.length, ...pods.flatMap(({ id, size }) => [id, size])];
  const sizes = pods.map(({ size }) => size);
  return { ...parameters, ...derive('ring', parameters, sizes, who) };
}

/**
 * Bytes of a tag, so that among `total` different elements two have one tag with probability at most 2^-40: there are
 * fewer than total² / 2 pairs. 100 000 against 100 000: 10 bytes.
 */
export function tagBytes(total: number): number {
  return Math.ceil((40 + 2 * Math.log2(total) - 1) / 8);
}

/** What is hashed before an element to make its tag. */
export function tagPrefix({ base }: Domains): Uint8Array {
  return frame(`${LABEL}/tag`, base);
}

/** Which list a chunk belongs to. `fields` tell apart the lists of one session. */
export function listBinding({ base }: Domains, ...fields: readonly (string | number)[]): Uint8Array {
  return sha256(frame(`${LABEL}/list`, base, ...fields));
}
