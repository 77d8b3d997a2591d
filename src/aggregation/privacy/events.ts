/**
 * What an accountant counts: one use of a mechanism. Plain JSON, so that a ledger can keep it.
 * @module
 */
import { KonsilError } from '../../base/index.ts';

/** One release. Sensitivities are of adding or removing one unit: a site, a patient or a row. */
export type PrivacyEvent =
  /** Continuous normal noise of `noiseMultiplier` sensitivities. */
  | { readonly kind: 'gaussian'; readonly noiseMultiplier: number }
  /** The same, each unit taking part with probability `rate` on its own (Poisson sampling). */
  | { readonly kind: 'sampled_gaussian'; readonly noiseMultiplier: number; readonly rate: number }
  /** Skellam noise of `variance` on each of `dimension` integers whose L2 sensitivity is `l2`. */
  | { readonly kind: 'skellam'; readonly variance: number; readonly l2: number; readonly dimension: number }
  /** A sum of `shares` discrete Gaussian numbers of `shareVariance` each, on each of `dimension` integers. */
  | {
      readonly kind: 'discrete_gaussian';
      readonly shareVariance: number;
      readonly shares: number;
      readonly l2: number;
      readonly dimension: number;
    }
  /** Any (ε, δ)-differentially private release, nothing else being known of it; δ = 0 for Laplace noise. */
  | { readonly kind: 'approximate'; readonly epsilon: number; readonly delta: number };

/** The same release several times. */
export interface CountedEvent {
  readonly event: PrivacyEvent;
  /** Integer ≥ 1. */
  readonly count: number;
}

const FIELDS: Readonly<Record<PrivacyEvent['kind'], readonly string[]>> = {
  gaussian: ['noiseMultiplier'],
  sampled_gaussian: ['noiseMultiplier', 'rate'],
  skellam: ['variance', 'l2', 'dimension'],
  discrete_gaussian: ['shareVariance', 'shares', 'l2', 'dimension'],
  approximate: ['epsilon', 'delta'],
};

/**
 * `value`, checked to be an event, in a fixed order of fields; equal events give equal JSON.
 * @throws KonsilError CONFIG_INVALID naming the field.
 */
export function readEvent(value: unknown): PrivacyEvent {
  const bad = (what: string): KonsilError => new KonsilError('CONFIG_INVALID', `privacy event ${what}`);
  if (typeof value !== 'object' || value === null) throw bad('is not an object');
  const given = value as Record<string, unknown>;
  const kind = String(given['kind']) as PrivacyEvent['kind'];
  if (!Object.hasOwn(FIELDS, kind)) throw bad(`has the unknown kind ${kind}`);
  const event: Record<string, unknown> = { kind };
  for (const field of FIELDS[kind]) {
    const number = given[field];
    if (typeof number !== 'number' || !(number >= 0) || (!Number.isFinite(number) && field !== 'noiseMultiplier'))
      throw bad(`${kind} needs ${field} ≥ 0`);
    if (field === 'rate' && number > 1) throw bad('needs rate in [0, 1]');
    event[field] = number;
  }
  return event as PrivacyEvent;
}

/** `events` with equal ones counted together, in order of first appearance. */
export function mergeEvents(events: Iterable<CountedEvent>): CountedEvent[] {
  const merged = new Map<string, { readonly event: PrivacyEvent; count: number }>();
  for (const { event, count } of events) {
    const read = readEvent(event);
    const key = JSON.stringify(read);
    const known = merged.get(key);
    if (known) known.count += count;
    else merged.set(key, { event: read, count });
  }
  return [...merged.values()];
}
