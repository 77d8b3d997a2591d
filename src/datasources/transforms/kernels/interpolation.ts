/**
 * Interpolation kernels as OpenCV has them, in single precision, and its numbers for them.
 *
 * @source OpenCV 4.6 `interpolateCubic`, `interpolateLanczos4` (formulas: Keys 1981 with a = -0.75; Lanczos, a = 4).
 * @module
 */

/** Numbers as in `cv2.INTER_…`, which Albumentations takes. */
export const INTERPOLATION = { nearest: 0, linear: 1, cubic: 2, area: 3, lanczos4: 4 } as const;

export type Interpolation = (typeof INTERPOLATION)[keyof typeof INTERPOLATION];

const f = Math.fround;

/** Samples that an interpolated value is made of, in one direction. */
export function tapsOf(interpolation: Interpolation): 2 | 4 | 8 {
  if (interpolation === INTERPOLATION.cubic) return 4;
  return interpolation === INTERPOLATION.lanczos4 ? 8 : 2;
}

/** Weights of the taps for a place `x` in [0, 1) after the tap in the middle, written to `weights` from `at` on. */
export function writeWeights(interpolation: Interpolation, x: number, weights: Float32Array, at: number): void {
  if (interpolation === INTERPOLATION.cubic) return writeCubic(x, weights, at);
  if (interpolation === INTERPOLATION.lanczos4) return writeLanczos(x, weights, at);
  weights[at] = 1 - x;
  weights[at + 1] = x;
}

function writeCubic(x: number, weights: Float32Array, at: number): void {
  const A = -0.75;
  const x1 = f(x + 1);
  const y = f(1 - x);
  weights[at] = f(f(f(f(f(f(A * x1) - 5 * A) * x1) + 8 * A) * x1) - 4 * A);
  weights[at + 1] = f(f(f(f(f((A + 2) * x) - (A + 3)) * x) * x) + 1);
  weights[at + 2] = f(f(f(f(f((A + 2) * y) - (A + 3)) * y) * y) + 1);
  weights[at + 3] = f(f(f(1 - weights[at]) - weights[at + 1]!) - weights[at + 2]!);
}

const S45 = Math.SQRT1_2;
/** cos and sin of what each tap adds to the angle of the first. */
const TURNS = [
  [1, 0],
  [-S45, -S45],
  [0, 1],
  [S45, -S45],
  [-1, 0],
  [S45, S45],
  [0, -1],
  [-S45, S45],
] as const; // prettier-ignore

function writeLanczos(x: number, weights: Float32Array, at: number): void {
  const angle = -f(x + 3) * Math.PI * 0.25;
  const sin = Math.sin(angle);
  const cos = Math.cos(angle);
  let sum = 0;
  for (let i = 0; i < 8; i++) {
    const distance = f(f(x + 3) - i);
    const y = -distance * Math.PI * 0.25;
    const [turnCos, turnSin] = TURNS[i]!;
    // on a sample: that sample alone, once the sum has divided it
    weights[at + i] = Math.abs(distance) >= f(1e-6) ? (turnCos * sin + turnSin * cos) / (y * y) : 1e30;
    sum = f(sum + weights[at + i]!);
  }
  const scale = f(1 / sum);
  for (let i = 0; i < 8; i++) weights[at + i] = f(weights[at + i]! * scale);
}
