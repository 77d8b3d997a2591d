/**
 * Blurring by the median: 8 bits by a histogram that slides along the row, others by selection.
 *
 * @source OpenCV `medianBlur` (border replicate); Huang, Yang and Tang, "A fast two-dimensional median filtering
 * algorithm" (1979).
 * @module
 */
import { type Image, imageLike } from '../image.ts';
import { BORDER, borderPlace } from './border.ts';

/** The median of `size` × `size`, an odd number. */
export function medianBlur(image: Image, size: number): Image {
  const { width, height, values } = image;
  const reach = (size - 1) / 2;
  const columns = Int32Array.from({ length: width + 2 * reach }, (_, i) =>
    borderPlace(i - reach, width, BORDER.replicate),
  );
  const rows = Int32Array.from({ length: height + 2 * reach }, (_, i) =>
    borderPlace(i - reach, height, BORDER.replicate),
  );
  // nine values are sorted sooner than counted
  if (values instanceof Uint8Array && size > 3) return byHistogram(image, values, size, rows, columns);
  return bySelection(image, size, rows, columns);
}

function byHistogram(image: Image, values: Uint8Array, size: number, rows: Int32Array, columns: Int32Array): Image {
  const { width, height, channels } = image;
  const out = imageLike(image, height, width);
  const wanted = (size * size - 1) / 2;
  const counts = new Int32Array(256);
  for (let y = 0; y < height; y++)
    for (let c = 0; c < channels; c++) {
      counts.fill(0);
      let median = 0;
      /** Values of the window below `median`. */
      let below = 0;
      const change = (column: number, by: 1 | -1): void => {
        for (let k = y; k < y + size; k++) {
          const value = values[(rows[k]! * width + columns[column]!) * channels + c]!;
          counts[value]! += by;
          if (value < median) below += by;
        }
      };
      for (let column = 0; column < size - 1; column++) change(column, 1);
      for (let x = 0; x < width; x++) {
        change(x + size - 1, 1);
        while (below > wanted) below -= counts[--median]!;
        while (below + counts[median]! <= wanted) below += counts[median++]!;
        out.values[(y * width + x) * channels + c] = median;
        change(x, -1);
      }
    }
  return out;
}

function bySelection(image: Image, size: number, rows: Int32Array, columns: Int32Array): Image {
  const { width, height, channels, values } = image;
  const out = imageLike(image, height, width);
  const window = new Float64Array(size * size);
  for (let y = 0; y < height; y++)
    for (let c = 0; c < channels; c++)
      for (let x = 0; x < width; x++) {
        let k = 0;
        for (let dy = 0; dy < size; dy++)
          for (let dx = 0; dx < size; dx++)
            window[k++] = values[(rows[y + dy]! * width + columns[x + dx]!) * channels + c]!;
        out.values[(y * width + x) * channels + c] = middleOf(window);
      }
  return out;
}

/** The middle one of an odd number of values, which it puts in another order (Hoare's selection). */
function middleOf(values: Float64Array): number {
  const wanted = values.length >> 1;
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[wanted]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (pivot < values[j]!) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    if (j < wanted) low = i;
    if (wanted < i) high = j;
  }
  return values[wanted]!;
}
