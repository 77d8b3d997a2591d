/**
 * The log of the sum that is under way: what a coordinator that was restarted needs to go on with it, no more.
 * @module
 */
import type { ServerEvent } from '../../aggregation/index.ts';
import type { Purpose, SecureParameters } from '../../wire/index.ts';

/** Pods that are not in a sum, with the phase they were lost in. */
export type Dropped = { readonly pod: string; readonly phase: string; readonly reason: string }[];

/** What the pods of `cohort` were asked for. Never written twice for one `round`. */
export interface SumBegin {
  readonly kind: 'begin';
  readonly purpose: Purpose;
  readonly round: number;
  readonly completed: number;
  readonly secure: SecureParameters | null;
  readonly cohort: readonly string[];
}

/** One fact of a sum. */
export type SumEntry =
  | SumBegin
  /** In secret: the pod's local work is done. */
  | { readonly kind: 'ready'; readonly pod: string; readonly commitments: readonly Uint8Array[] }
  /** In the open: the pod's update is here, as the vector `id`. */
  | { readonly kind: 'update'; readonly pod: string; readonly id: string }
  /** Nobody else's work is waited for. */
  | { readonly kind: 'worked'; readonly dropped: Dropped }
  /** A secure sum is tried with `roster`; earlier attempts have failed and revealed nothing. */
  | {
      readonly kind: 'attempt';
      readonly attempt: number;
      readonly roster: readonly string[];
      readonly dropped: Dropped;
    }
  /** Something changed the present attempt. */
  | { readonly kind: 'event'; readonly event: ServerEvent };

/** A sum as its log has it. */
export interface OpenSum extends Omit<SumBegin, 'kind'> {
  readonly ready: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly updates: ReadonlyMap<string, string>;
  /** Who was lost until the work was over; null while it is not. */
  readonly worked: Dropped | null;
  readonly attempt: {
    readonly attempt: number;
    readonly roster: readonly string[];
    readonly dropped: Dropped;
    readonly events: readonly ServerEvent[];
  } | null;
}

/** Where the log of a sum is kept. */
export interface SumJournal {
  /** Begins the log of another sum. */
  readonly begin: (entry: SumBegin) => void;
  readonly log: (entry: Exclude<SumEntry, SumBegin>) => void;
  /** Keeps a vector. @returns its id. */
  readonly putVector: (bytes: Uint8Array) => string;
  readonly vector: (id: string) => Uint8Array;
}

/** The sum that `entries` are about; null when there are none. */
export function openSum(entries: readonly SumEntry[]): OpenSum | null {
  const [begin, ...rest] = entries;
  if (begin?.kind !== 'begin') return null;
  const { kind: _kind, ...request } = begin;
  const ready = new Map<string, readonly Uint8Array[]>();
  const updates = new Map<string, string>();
  let worked: Dropped | null = null;
  let attempt: OpenSum['attempt'] = null;
  let events: ServerEvent[] = [];
  for (const entry of rest) {
    if (entry.kind === 'ready') ready.set(entry.pod, entry.commitments);
    else if (entry.kind === 'update') updates.set(entry.pod, entry.id);
    else if (entry.kind === 'worked') worked = entry.dropped;
    else if (entry.kind === 'event') events.push(entry.event);
    else if (entry.kind === 'attempt') {
      events = [];
      attempt = { ...entry, events };
    }
  }
  return { ...request, ready, updates, worked, attempt };
}
