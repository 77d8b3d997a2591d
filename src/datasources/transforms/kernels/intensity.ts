/**
 * Values changed one by one: brightness, contrast, gamma, noise, normalisation.
 *
 * @source Albumentations 1.3: 8 bits by tables of 256 values that are cut to whole numbers, not rounded; OpenCV 4.6 for
 * grey (weights of Rec. 601 times 2¹⁵).
 * @module
 */
import { type Image, imageLike, maxValueOf, type Samples, samplesLike } from '../image.ts';

const f = Math.fround;
/** Luma of Rec. 601. */
const [RED, GREEN, BLUE] = [f(0.299), f(0.587), f(0.114)];

/** Mean of all samples. */
export function meanOf(values: Samples): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** `value` as Albumentations clips and casts it: cut towards 0. */
export function clipAndCut(value: number, like: Samples): number {
  const clipped = Math.min(maxValueOf(like), Math.max(0, value));
  return like instanceof Float32Array ? clipped : Math.trunc(clipped);
}

/** Every sample through `change`; 8 bits through a table, as far as `change` depends on the value alone. */
export function mapValues(image: Image, change: (value: number) => number): Image {
  const { values } = image;
  const out = samplesLike(values, values.length);
  if (values instanceof Uint8Array) {
    const table = Uint8Array.from({ length: 256 }, (_, value) => change(value));
    for (let i = 0; i < values.length; i++) out[i] = table[values[i]!]!;
  } else for (let i = 0; i < values.length; i++) out[i] = change(values[i]!);
  return { ...image, values: out };
}

/** value · `alpha` + `beta` · (white, or the mean). */
export function brightnessContrast(image: Image, alpha: number, beta: number, byMax: boolean): Image {
  const { values } = image;
  const a = f(alpha);
  // numpy: the shift is added in single precision; for 8 bits the mean is that of the image, times alpha
  const mean = byMax ? 0 : meanOf(values);
  const shift = f(byMax ? beta * maxValueOf(values) : alpha * beta * mean);
  return mapValues(image, (value) => clipAndCut(f(f(value * a) + shift), values));
}

/** (value / white) ^ `gamma` · white. */
export function adjustGamma(image: Image, gamma: number): Image {
  const { values } = image;
  const white = maxValueOf(values);
  return mapValues(image, (value) => clipAndCut((value * (1 / white)) ** gamma * white, values));
}

/** White minus the value. */
export function invert(image: Image): Image {
  const white = maxValueOf(image.values);
  return mapValues(image, (value) => white - value);
}

/** Luma in every channel; grey images as they are. */
export function toGray(image: Image): Image {
  const { channels, values } = image;
  if (channels === 1) return image;
  const out = samplesLike(values, values.length);
  const isFloat = values instanceof Float32Array;
  for (let i = 0; i < values.length; i += 3) {
    const [r, g, b] = [values[i]!, values[i + 1]!, values[i + 2]!];
    const luma = isFloat ? f(r * RED + f(g * GREEN + f(b * BLUE))) : (r * 9798 + g * 19235 + b * 3735 + 16384) >>> 15;
    out[i] = luma;
    out[i + 1] = luma;
    out[i + 2] = luma;
  }
  return { ...image, values: out };
}

/** (value − `mean`) · `scale`, a number a channel, in single precision. */
export function standardize(image: Image, mean: readonly number[], scale: readonly number[]): Image {
  const { channels, values } = image;
  const out = new Float32Array(values.length);
  for (let c = 0; c < channels; c++) {
    const m = f(mean[c]!);
    const s = f(scale[c]!);
    for (let i = c; i < values.length; i += channels) out[i] = f(values[i]! - m) * s;
  }
  return { ...image, values: out };
}

/** Value / `most`, as floats. */
export function toFloat(image: Image, most: number): Image {
  return { ...image, values: Float32Array.from(image.values, (value) => value / most) };
}

/** Each value of `noise()` added to a sample, or to all channels of a pixel. */
export function addNoise(image: Image, noise: () => number, perChannel: boolean): Image {
  const { channels, values } = image;
  const out = imageLike(image, image.height, image.width);
  let drawn = 0;
  for (let i = 0; i < values.length; i++) {
    if (perChannel || i % channels === 0) drawn = noise();
    out.values[i] = clipAndCut(values[i]! + drawn, values);
  }
  return out;
}
