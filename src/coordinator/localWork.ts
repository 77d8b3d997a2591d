/**
 * Waiting for the pods' local work before a sum.
 * @module
 */
import { printable } from '../base/index.ts';
import type { Context, MessageOf } from '../wire/index.ts';
import type { AggregationRequest, AggregatorOptions } from './aggregation.ts';
import type { Dropped } from './journal/index.ts';
import type { Member } from './members.ts';

/** A sum whose work is waited for. */
export interface AwaitedWork<T> {
  readonly request: AggregationRequest;
  readonly context: Context;
  readonly cohort: readonly Member[];
  /** Answers that are known already. */
  readonly known: ReadonlyMap<string, T>;
  /** The answer in a message of a pod, or undefined when it is none. */
  readonly accept: (member: Member, message: MessageOf<'TRAINING_COMPLETE' | 'TRAINING_UPDATE'>) => T | undefined;
  readonly dropped: Dropped;
}

/** Waits for every pod's local work; the ones that do not finish are dropped and left alone until the next round. */
export async function awaitWork<T>(options: AggregatorOptions, work: AwaitedWork<T>): Promise<ReadonlyMap<string, T>> {
  const { members, deadlines, emit } = options;
  const { request, context, cohort, known, accept, dropped } = work;
  const { purpose, completed } = request;
  const phase = options.sums.workBefore(purpose);
  const { answers, missing, tookMs } = await members.gather(
    cohort.filter(({ name }) => !known.has(name)),
    (member, at, message) => {
      if (at.round !== context.round) return undefined;
      if (message.type === 'PROGRESS')
        emit({ type: 'progress', pod: member.name, done: message.done, total: message.total });
      if (message.type !== 'TRAINING_COMPLETE' && message.type !== 'TRAINING_UPDATE') return undefined;
      return message.purpose === purpose ? accept(member, message) : undefined;
    },
    deadlines.limitMs(phase, purpose === 'evaluation' ? 'evaluate' : 'train'),
    (awaiting) => emit({ type: 'phase', purpose, completed, attempt: 0, phase, awaiting }),
  );
  deadlines.learn(phase, tookMs);
  for (const [pod, reason] of missing) drop(options, dropped, pod, phase, reason);
  return new Map([...known, ...answers]);
}

/** Adds a pod to `dropped`, once, and says so. */
export function drop(
  { emit }: Pick<AggregatorOptions, 'emit'>,
  dropped: Dropped,
  pod: string,
  phase: string,
  reason: string,
): void {
  if (dropped.some((entry) => entry.pod === pod)) return;
  dropped.push({ pod, phase, reason });
  emit({ type: 'dropped', pod, phase, reason });
}

/** Who was dropped and why, for an error's message; equal reasons once. */
export function lostOf(dropped: Dropped): string {
  const byReason = new Map<string, string[]>();
  for (const { pod, reason } of dropped) byReason.set(reason, [...(byReason.get(reason) ?? []), pod]);
  const parts = [...byReason].map(([reason, pods]) => `${pods.join(', ')}: ${printable(reason)}`);
  return parts.length === 0 ? '' : `; ${parts.join('; ')}`;
}
