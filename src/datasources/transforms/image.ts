/**
 * The image that transforms work on, and how the pixels of a file become one.
 *
 * Ranges: 8 and 16 bits keep their integers, `[0, 255]` and `[0, 65535]`; everything else (Hounsfield units, OCT,
 * signed and 32-bit samples) becomes floats in [0, 1], as Albumentations expects of floats. The bottom and top of that
 * range are the window of display when the reader knows one, else the least and the greatest value of the image.
 * @module
 */
import type { PixelData, ValueWindow } from '../formats/imageRecord.ts';

/** Whole numbers of 8 or 16 bits, or floats, which are in [0, 1] unless a transform made them otherwise. */
export type Samples = Uint8Array | Uint16Array | Float32Array;

/** Shape `[height, width, channels]`, row-major from the top left; three channels are red, green, blue. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly values: Samples;
  /** Class of each pixel, as an image of one channel; it goes wherever the pixels go. */
  readonly mask?: Image | undefined;
}

/** What transforms end in: shape `[channels, height, width]`. */
export interface ImageTensor {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
  /** Of an image with a mask: shape `[height, width]`. */
  readonly mask?: Uint8Array;
}

/** The value that stands for white: 255, 65535, or 1 for floats. */
export function maxValueOf(values: Samples): number {
  return values instanceof Uint8Array ? 255 : values instanceof Uint16Array ? 65535 : 1;
}

/** Samples of the same type as `like`, all 0. */
export function samplesLike(like: Samples, length: number): Samples {
  if (like instanceof Uint8Array) return new Uint8Array(length);
  return like instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);
}

/** An image of zeros with the type and channels of `image`. */
export function imageLike(image: Image, height: number, width: number): Image {
  return {
    width,
    height,
    channels: image.channels,
    values: samplesLike(image.values, width * height * image.channels),
  };
}

/** `value` as samples of the type of `like` hold it: nearest whole number (half to even), within the range. */
export function saturate(value: number, like: Samples): number {
  if (like instanceof Float32Array) return Math.fround(value);
  return Math.min(maxValueOf(like), Math.max(0, roundHalfEven(value)));
}

/** Nearest whole number, half to even, as IEEE 754 rounds. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * Pixels as transforms take them: opacity is left out, and samples that are neither 8 nor 16 bits become floats in
 * [0, 1]. With a `window` 8 and 16 bits do too. Values outside the window are clipped; what is not a number becomes 0.
 */
export function toImage(pixels: PixelData): Image {
  const { width, height, window } = pixels;
  const channels = pixels.channels === 1 ? 1 : 3;
  const values = pixels.channels === 4 ? withoutOpacity(pixels) : pixels.values;
  if (window === undefined && (values instanceof Uint8Array || values instanceof Uint16Array))
    return { width, height, channels, values };
  const { low, high } = window ?? rangeOf(values);
  const scale = high > low ? 1 / (high - low) : 0;
  const scaled = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = (values[i]! - low) * scale;
    scaled[i] = value > 0 ? Math.min(1, value) : 0; // also for NaN
  }
  return { width, height, channels, values: scaled };
}

function withoutOpacity({ values }: PixelData): PixelData['values'] {
  const kept = values.slice(0, (values.length / 4) * 3);
  for (let from = 0, to = 0; from < values.length; from += 4, to += 3) {
    kept[to] = values[from]!;
    kept[to + 1] = values[from + 1]!;
    kept[to + 2] = values[from + 2]!;
  }
  return kept;
}

function rangeOf(values: PixelData['values']): ValueWindow {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** Grey repeated as red, green and blue; an image of three channels as it is. */
export function toRgb(image: Image): Image {
  if (image.channels === 3) return image;
  const { width, height, values } = image;
  const repeated = samplesLike(values, 3 * values.length);
  for (let i = 0, to = 0; i < values.length; i++) {
    const value = values[i]!;
    repeated[to++] = value;
    repeated[to++] = value;
    repeated[to++] = value;
  }
  return { width, height, channels: 3, values: repeated };
}

/** Channels first, as networks take images; values as they are. */
export function toTensor({ width, height, channels, values, mask }: Image): ImageTensor {
  const count = width * height;
  const planes = new Float32Array(values.length);
  for (let c = 0; c < channels; c++) {
    const plane = c * count;
    for (let i = 0, from = c; i < count; i++, from += channels) planes[plane + i] = values[from]!;
  }
  return { channels, height, width, values: planes, ...(mask && { mask: Uint8Array.from(mask.values) }) };
}
