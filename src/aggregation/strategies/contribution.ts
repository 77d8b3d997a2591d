/**
 * What every aggregate of plain updates checks before it takes one.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Contribution } from './strategy.ts';

/** One update of the aggregate: a pod may have one of its own and a late one in it. */
export function labelOf({ pod, late }: Contribution): string {
  return late === undefined ? pod : `${pod} (${late.rounds} late)`;
}

/** @throws KonsilError AGG_BAD_MESSAGE naming the pod. @param taken - Labels of the updates taken so far. */
export function checkContribution(contribution: Contribution, length: number, taken: readonly string[]): void {
  const { pod, update } = contribution;
  if (update.length !== length) throw badUpdate(pod, `has ${update.length} coordinates, expected ${length}`);
  if (taken.includes(labelOf(contribution))) throw badUpdate(pod, 'was already added');
  const broken = update.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) throw badUpdate(pod, `is not finite at index ${broken}`);
}

export function badUpdate(pod: string, why: string): KonsilError {
  return new KonsilError('AGG_BAD_MESSAGE', `update of pod ${pod} ${why}`, { pod });
}
