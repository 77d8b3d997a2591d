/**
 * Blurring by a Gaussian.
 *
 * @source OpenCV 4.6 `GaussianBlur`: for 8 and 16 bits weights with 8 and 16 bits after the point, whose rounding errors
 * are handed on from the edge of the kernel to its centre; border reflect101.
 * @module
 */
import { type Image, imageLike, roundHalfEven } from '../image.ts';
import { BORDER, borderPlace } from './border.ts';

const f = Math.fround;

/** Kernels of OpenCV for sizes up to 9 when no sigma is given. */
const SMALL: Readonly<Record<number, readonly number[]>> = {
  1: [1],
  3: [0.25, 0.5, 0.25],
  5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
  7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
  9: [4, 13, 30, 51, 60, 51, 30, 13, 4].map((weight) => weight / 256),
};

/** Weights that add up to 1; `sigma` ≤ 0: of the size, 0.3·((n−1)/2 − 1) + 0.8. */
function gaussianWeights(size: number, sigma: number): readonly number[] {
  const known = SMALL[size];
  if (sigma <= 0 && known !== undefined) return known;
  const spread = sigma > 0 ? sigma : 0.15 * size + 0.35;
  const weights = Array.from({ length: size }, (_, i) => Math.exp((-0.5 * (i - (size - 1) / 2) ** 2) / spread ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The weights times 2^`bits`, as whole numbers that add up to 2^`bits`. */
function fixedWeights(weights: readonly number[], bits: number): readonly number[] {
  const fixed = weights.slice();
  const middle = (weights.length - 1) / 2;
  let error = 0;
  let sum = 0;
  for (let i = 0; i < middle; i++) {
    const exact = weights[i]! * 2 ** bits + error;
    const whole = roundHalfEven(exact);
    error = exact - whole;
    fixed[i] = whole;
    fixed[weights.length - 1 - i] = whole;
    sum += 2 * whole;
  }
  fixed[middle] = 2 ** bits - sum;
  return fixed;
}

/** `size` is odd, 1 or more. */
export function gaussianBlur(image: Image, size: number, sigma: number): Image {
  if (size === 1) return image;
  const { width, height, channels, values } = image;
  const bits = values instanceof Uint8Array ? 8 : values instanceof Uint16Array ? 16 : 0;
  const exact = gaussianWeights(size, sigma);
  const weights = bits === 0 ? exact.map(f) : fixedWeights(exact, bits);
  const out = imageLike(image, height, width);
  const length = width * channels;
  const middle = (size - 1) / 2;
  // sums of whole numbers stay below 2⁴⁸, which float64 holds exactly
  const across = bits === 0 ? new Float32Array(values.length) : new Float64Array(values.length);
  const places = Int32Array.from({ length: width * size }, (_, i) => {
    const place = Math.floor(i / size) - middle + (i % size);
    return borderPlace(place, width, BORDER.reflect101) * channels;
  });
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += values[y * length + places[x * size + k]! + c]! * weights[k]!;
        across[y * length + x * channels + c] = sum;
      }
  const scale = 2 ** (-2 * bits);
  for (let y = 0; y < height; y++) {
    const rows = Array.from(
      { length: size },
      (_, k) => borderPlace(y - middle + k, height, BORDER.reflect101) * length,
    );
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += across[rows[k]! + i]! * weights[k]!;
      out.values[y * length + i] = bits === 0 ? sum : Math.floor(sum * scale + 0.5);
    }
  }
  return out;
}
