/**
 * Real updates as residues mod 2^32, so that they can be masked, and back.
 *
 * With C the clip bound, N the cohort and L = floor((2^31 − 1)/N − 1), pod i sends q_ij = round(s·w_i·x_ij) with s = L/C,
 * x clipped to [−C, C] and w_i = n_i/W_max ∈ (0, 1].
 *
 * No overflow, rounding included: |x|/C ≤ 1 and L·w_i ≤ L hold in float64 too (rounding is monotone and 1 and L are
 * exact), so their product rounds to at most L and |q_ij| ≤ L; N of them sum to at most N·L ≤ 2^31 − 1 − N. The centred lift
 * int32(sum) is therefore the exact integer sum of any N or fewer pods.
 * @source own; Bonawitz et al. (CCS 2017) take inputs already in Z_R. Rounds to nearest, not stochastically.
 * @module
 */
import { KonsilError } from '../base/index.ts';

/** Public parameters of the quantiser; every pod and the coordinator use the same. */
export interface QuantiseParameters {
  /** Clip bound C > 0, in the update's own unit. */
  readonly clip: number;
  /** W_max: largest weight (sample count) a pod may have, integer ≥ 1. */
  readonly maxWeight: number;
  /** N: most pods a sum may have, integer ≥ 1. */
  readonly cohort: number;
}

/** L, the largest magnitude of one pod's word. @throws KonsilError CONFIG_INVALID. */
export function quantiseLevels({ clip, maxWeight, cohort }: QuantiseParameters): number {
  if (!(clip > 0 && Number.isFinite(clip)))
    throw new KonsilError('CONFIG_INVALID', `clip must be finite and > 0, got ${clip}`);
  if (!Number.isInteger(cohort) || cohort < 1 || cohort > 0x8000)
    throw new KonsilError('CONFIG_INVALID', `cohort must be an integer in [1, 2^15], got ${cohort}`);
  if (!Number.isInteger(maxWeight) || maxWeight < 1 || maxWeight * cohort > 0xffffffff)
    throw new KonsilError('CONFIG_INVALID', `maxWeight must be an integer in [1, (2^32 − 1)/cohort], got ${maxWeight}`);
  return Math.floor(0x7fffffff / cohort - 1);
}

/**
 * Quantises one pod's update.
 *
 * @param update any length, finite values; not changed.
 * @param weight n_i, integer in [1, maxWeight].
 * @returns words in two's complement mod 2^32, and how many coordinates were clipped.
 * @throws KonsilError AGG_OVERFLOW naming the first NaN or infinite coordinate, or a weight out of range.
 */
export function encode(
  update: Float32Array | Float64Array,
  weight: number,
  parameters: QuantiseParameters,
): { words: Uint32Array; clipped: number } {
  const levels = quantiseLevels(parameters);
  const { clip, maxWeight } = parameters;
  if (!Number.isInteger(weight) || weight < 1 || weight > maxWeight)
    throw new KonsilError('AGG_OVERFLOW', `weight must be an integer in [1, ${maxWeight}], got ${weight}`, { weight });
  const scale = levels * (weight / maxWeight);
  const words = new Uint32Array(update.length);
  let clipped = 0;
  for (let i = 0; i < update.length; i++) {
    const value = update[i]!;
    const bounded = Math.min(clip, Math.max(-clip, value));
    if (bounded !== value) {
      if (!Number.isFinite(value))
        throw new KonsilError('AGG_OVERFLOW', `update is not finite at index ${i}`, { index: i });
      clipped++;
    }
    words[i] = Math.round((bounded / clip) * scale); // ToUint32 wraps negatives to 2^32 − |q|
  }
  return { words, clipped };
}

/**
 * Weighted mean of the clipped updates: int32(sum_j)·W_max/(s·W).
 *
 * @param words sum mod 2^32 of the pods' words.
 * @param totalWeight W = Σ n_i, exact.
 * @param out where to write; a new Float64Array unless given.
 * @throws KonsilError DATA_EMPTY when `totalWeight` is not positive.
 */
export function decodeMean<T extends Float32Array | Float64Array = Float64Array>(
  words: Uint32Array,
  totalWeight: number,
  parameters: QuantiseParameters,
  out: T = new Float64Array(words.length) as T,
): T {
  const levels = quantiseLevels(parameters);
  if (!(totalWeight > 0)) throw new KonsilError('DATA_EMPTY', `a mean needs a total weight > 0, got ${totalWeight}`);
  if (out.length !== words.length) throw new RangeError(`out needs length ${words.length}, got ${out.length}`);
  const unit = (parameters.clip / levels) * (parameters.maxWeight / totalWeight);
  for (let j = 0; j < words.length; j++) out[j] = (words[j]! | 0) * unit;
  return out;
}

/**
 * Largest |decodeMean − exact weighted mean of the clipped updates| of any coordinate, for float64 output: half a unit a
 * pod, plus the float64 rounding of encoding and decoding (a few 2^-53 of each value).
 */
export function quantisationBound(parameters: QuantiseParameters, totalWeight: number, survivors: number): number {
  const unit = (parameters.clip / quantiseLevels(parameters)) * (parameters.maxWeight / totalWeight);
  return 0.5 * survivors * unit * (1 + 2 ** -20) + parameters.clip * 2 ** -49;
}
