/**
 * A model's vector in two parts: what sites share, and what stays at each of them (FedBN, FedPer).
 * @source Li et al., "FedBN: Federated Learning on Non-IID Features via Local Batch Normalization" (ICLR 2021);
 *   Arivazhagan et al., "Federated Learning with Personalization Layers" (2019).
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { Layout, LayoutEntry } from './layout.ts';
import { matchNames } from './patterns.ts';

/** Coordinates `[from, to)` of a vector. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The shared part; what is not in it is local. */
export interface SharedPart {
  readonly entries: readonly LayoutEntry[];
  /** Where the entries lie, in order, neighbours merged. */
  readonly stretches: readonly Stretch[];
}

/**
 * The part of `layout` that is shared when what `local` names stays at the sites.
 * @param local - Names or patterns with `*`, of weights and of running statistics.
 * @throws KonsilError CONFIG_INVALID when a pattern matches nothing, or everything is local.
 */
export function sharedPart({ entries }: Pick<Layout, 'entries'>, local: readonly string[]): SharedPart {
  const names = entries.map(({ name }) => name);
  const kept = matchNames(names, local, 'hyperparameters.local_parameters');
  const shared = entries.filter(({ name }) => !kept.has(name));
  if (!shared.some(({ kind }) => kind === 'trainable'))
    throw new KonsilError(
      'CONFIG_INVALID',
      `hyperparameters.local_parameters "${local.join('", "')}" leaves no trained weight to share; there are ${names.join(', ')}`,
    );
  const stretches: { from: number; to: number }[] = [];
  for (const { offset, count } of shared) {
    const last = stretches.at(-1);
    if (last?.to === offset) last.to += count;
    else stretches.push({ from: offset, to: offset + count });
  }
  return { entries: shared, stretches };
}

/** The coordinates of `vector` in `stretches`, one after another. */
export function gatherStretches(vector: Float32Array, stretches: readonly Stretch[]): Float32Array {
  const part = new Float32Array(stretches.reduce((sum, { from, to }) => sum + to - from, 0));
  let at = 0;
  for (const { from, to } of stretches) {
    part.set(vector.subarray(from, to), at);
    at += to - from;
  }
  return part;
}

/** Puts `part` into `stretches` of `vector`, in place; coordinates of `part` after the last stretch are left out. */
export function scatterStretches<T extends Float32Array | Float64Array>(
  part: T,
  stretches: readonly Stretch[],
  vector: T,
): T {
  let at = 0;
  for (const { from, to } of stretches) {
    vector.set(part.subarray(at, at + to - from), from);
    at += to - from;
  }
  return vector;
}
