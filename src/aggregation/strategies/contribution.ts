/**
 * What every aggregate of plain updates checks before it takes one.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Contribution } from './strategy.ts';

/** @throws KonsilError AGG_BAD_MESSAGE naming the pod. @param pods - Of the updates taken so far. */
export function checkContribution({ pod, update }: Contribution, length: number, pods: readonly string[]): void {
  if (update.length !== length) throw badUpdate(pod, `has ${update.length} coordinates, expected ${length}`);
  if (pods.includes(pod)) throw badUpdate(pod, 'was already added');
  const broken = update.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) throw badUpdate(pod, `is not finite at index ${broken}`);
}

export function badUpdate(pod: string, why: string): KonsilError {
  return new KonsilError('AGG_BAD_MESSAGE', `update of pod ${pod} ${why}`, { pod });
}
