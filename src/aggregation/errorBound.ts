/**
 * What masking costs in accuracy: the error that a vector's quantisation can add to a mean.
 * @module
 */
import { quantisationBound } from './quantise.ts';
import { ROTATION_BLOCK } from './rotation.ts';
import type { VectorSpec } from './vectorSpec.ts';

/** The largest clip of any coordinate. */
export function largestClip({ clips, clip }: Pick<VectorSpec, 'clips' | 'clip'>): number {
  return clips === undefined ? clip : clips.reduce((most, run) => Math.max(most, run.clip), 0);
}

/**
 * Largest |mean − exact weighted mean of the clipped updates| of any coordinate, for float64 output.
 *
 * Without a rotation that is {@link quantisationBound} at the largest clip. With one, that bounds each coordinate of the
 * error before it is rotated back; a coordinate after it is an inner product of a row of norm 1 over at most two blocks
 * with those, so by Cauchy and Schwarz at most √(2·2^16) (or √n) times as large. Errors of many coordinates rarely add up
 * so: as expected they stay as large as they were. The float32 rounding of a rotated update adds 2^-24 of its clip.
 */
export function meanBound(spec: VectorSpec, totalWeight: number, survivors: number): number {
  const clip = largestClip(spec);
  const bound = quantisationBound({ ...spec, clip }, totalWeight, survivors);
  if (spec.rotation === undefined) return bound;
  return Math.sqrt(Math.min(spec.updateLength, 2 * ROTATION_BLOCK)) * (bound + clip * 2 ** -23);
}
