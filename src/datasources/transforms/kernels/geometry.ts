/**
 * Moving pixels without mixing them: flips, quarter turns, crops, borders.
 * @module
 */
import { type Image, imageLike } from '../image.ts';
import { type Border, borderPlace } from './border.ts';

/** Every pixel of a `height` × `width` result from the place (`rowOf(y, x)`, `columnOf(y, x)`) of the image. */
function rearrange(
  image: Image,
  height: number,
  width: number,
  placeOf: (y: number, x: number) => number,
  value: readonly number[] = [0, 0, 0],
): Image {
  const out = imageLike(image, height, width);
  const { channels, values } = image;
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = placeOf(y, x) * channels;
      for (let c = 0; c < channels; c++) out.values[to++] = from < 0 ? value[c]! : values[from + c]!;
    }
  return out;
}

/** Left to right. */
export function flipHorizontal(image: Image): Image {
  const { width, height } = image;
  return rearrange(image, height, width, (y, x) => y * width + width - 1 - x);
}

/** Top to bottom. */
export function flipVertical(image: Image): Image {
  const { width, height } = image;
  return rearrange(image, height, width, (y, x) => (height - 1 - y) * width + x);
}

/** Rows become columns. */
export function transpose(image: Image): Image {
  const { width, height } = image;
  return rearrange(image, width, height, (y, x) => x * width + y);
}

/** `turns` quarter turns counterclockwise, 0 to 3. */
export function rotate90(image: Image, turns: number): Image {
  const { width, height } = image;
  if (turns === 1) return rearrange(image, width, height, (y, x) => x * width + width - 1 - y);
  if (turns === 2) return rearrange(image, height, width, (y, x) => (height - 1 - y) * width + width - 1 - x);
  if (turns === 3) return rearrange(image, width, height, (y, x) => (height - 1 - x) * width + y);
  return image;
}

/** The `height` × `width` part whose top left is (`left`, `top`); it must lie inside. */
export function crop(image: Image, top: number, left: number, height: number, width: number): Image {
  const out = imageLike(image, height, width);
  const { channels, values } = image;
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels;
    out.values.set(values.subarray(from, from + width * channels), y * width * channels);
  }
  return out;
}

export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The image with more around it; `value` has a number a channel. */
export function pad(image: Image, padding: Padding, border: Border, value: readonly number[]): Image {
  const { top, bottom, left, right } = padding;
  const { width, height } = image;
  const columns = Int32Array.from({ length: left + width + right }, (_, x) => borderPlace(x - left, width, border));
  const rows = Int32Array.from({ length: top + height + bottom }, (_, y) => borderPlace(y - top, height, border));
  const placeOf = (y: number, x: number): number =>
    rows[y]! < 0 || columns[x]! < 0 ? -1 : rows[y]! * width + columns[x]!;
  return rearrange(image, rows.length, columns.length, placeOf, value);
}

/** Places [top, bottom) and [left, right). */
export type Rectangle = Padding;

/** The image with the rectangles set to `value`, a number a channel. */
export function fillRectangles(image: Image, areas: readonly Rectangle[], value: readonly number[]): Image {
  const { width, channels } = image;
  const values = image.values.slice();
  for (const { top, bottom, left, right } of areas)
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++)
        for (let c = 0; c < channels; c++) values[(y * width + x) * channels + c] = value[c]!;
  return { ...image, values };
}
