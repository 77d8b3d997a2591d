/**
 * Outputs of a model that segments, as a class for each pixel.
 * @module
 */
import { KonsilError } from '../base/index.ts';

/** Outputs of an image: `[channels, height, width]`. */
export interface Plane {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** @param dims - Of the outputs, without rows. @throws KonsilError MODEL_MISMATCH for outputs that are no masks. */
export function planeOf(name: string, dims: readonly number[], classes: number): Plane {
  const [channels, height, width] = dims.length === 2 ? [1, ...dims] : dims;
  const fits = dims.length === 2 || dims.length === 3;
  if (!fits || !(channels === classes || (classes === 2 && channels === 1)))
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${name} is [rows${dims.map((dim) => `, ${dim}`).join('')}]; expected [rows, ${classes}, height, width]${classes === 2 ? ', or one channel' : ''}`,
    );
  return { channels, height: height!, width: width! };
}

/**
 * The class of each pixel: the likeliest, or where one channel says so, the second.
 * @param values - Of one image. @param threshold - At or above it one channel says the second class.
 * @throws KonsilError MODEL_INVALID for an output that is not finite.
 */
export function labelsOf(
  values: Float32Array,
  { channels, height, width }: Plane,
  threshold: number,
  name: string,
): Uint8Array {
  if (!values.every(Number.isFinite))
    throw new KonsilError('MODEL_INVALID', `${name} is not a finite number for some images`);
  const pixels = height * width;
  return Uint8Array.from({ length: pixels }, (_, i) => {
    if (channels === 1) return Number(values[i]! >= threshold);
    let best = 0;
    for (let c = 1; c < channels; c++) if (values[c * pixels + i]! > values[best * pixels + i]!) best = c;
    return best;
  });
}
