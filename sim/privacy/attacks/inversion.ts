/**
 * The row behind a gradient. Of a dense layer y = W·x + b, the gradient of one row is ∂W = δ·xᵀ and ∂b = δ: any output with
 * δᵢ ≠ 0 gives the row exactly, x = ∂Wᵢ/∂bᵢ, and a step of any length does as well.
 * @source Phong et al. (2018), "Privacy-preserving deep learning via additively homomorphic encryption", example 3; Geiping
 *   et al. (2020), proposition 3.1.
 * @module
 */
import type { FirstLayer } from '../games/field.ts';

/** The row that `update` is a step of, were it one; zeros when no output has a gradient. */
export function invertStep(update: ArrayLike<number>, { weightAt, biasAt, inputs, outputs }: FirstLayer): Float64Array {
  let best = 0;
  for (let i = 1; i < outputs; i++) if (Math.abs(update[biasAt + i]!) > Math.abs(update[biasAt + best]!)) best = i;
  const delta = update[biasAt + best]!;
  const at = weightAt + best * inputs;
  return Float64Array.from({ length: inputs }, (_, j) => (delta === 0 ? 0 : update[at + j]! / delta));
}

/** Cosine of the angle between two vectors; 0 when one is zero. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/** ‖a − b‖ / ‖b‖. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [error, length] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    error += (a[i]! - b[i]!) ** 2;
    length += b[i]! ** 2;
  }
  return Math.sqrt(error / (length || 1));
}
