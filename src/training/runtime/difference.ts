/**
 * How far two vectors are apart.
 * @module
 */

/** ‖a - b‖/‖b‖; 0 where b is not finite, for then there is nothing to compare with. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  if (!Number.isFinite(size)) return 0;
  if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}
