/**
 * Shrinking by the mean over the area that an output pixel covers: `INTER_AREA`.
 *
 * @source OpenCV 4.6 `resizeArea_`, `resizeAreaFast_`: sums in single precision, whole ratios by one division; 2 × 2 of
 * whole numbers rounds half up, all else half to even.
 * @module
 */
import { type Image, imageLike, saturate } from '../image.ts';

const f = Math.fround;

/** Parts of the cover of output places, in order: output place, input place, weight. */
interface Cover {
  readonly to: Int32Array;
  readonly from: Int32Array;
  readonly weight: Float32Array;
}

/** Cells thinner than this are left out. */
const THINNEST = 1e-3;

function coverOf(from: number, to: number): Cover {
  const scale = 1 / (to / from);
  const parts: [number, number, number][] = [];
  for (let i = 0; i < to; i++) {
    const start = i * scale;
    const end = start + scale;
    const cell = Math.min(scale, from - start);
    const last = Math.min(Math.floor(end), from - 1);
    const first = Math.min(Math.ceil(start), last);
    if (first - start > THINNEST) parts.push([i, first - 1, f((first - start) / cell)]);
    for (let k = first; k < last; k++) parts.push([i, k, f(1 / cell)]);
    if (end - last > THINNEST) parts.push([i, last, f(Math.min(Math.min(end - last, 1), cell) / cell)]);
  }
  return {
    to: Int32Array.from(parts, ([i]) => i),
    from: Int32Array.from(parts, ([, k]) => k),
    weight: Float32Array.from(parts, ([, , weight]) => weight),
  };
}

/** Shrinks to `height` × `width`, neither larger than the image. */
export function resizeByArea(image: Image, height: number, width: number): Image {
  const ratioX = image.width / width;
  const ratioY = image.height / height;
  if (Number.isInteger(ratioX) && Number.isInteger(ratioY)) return shrinkWhole(image, height, width);
  const out = imageLike(image, height, width);
  const { channels, values } = image;
  const rowLength = image.width * channels;
  const outLength = width * channels;
  const across = coverOf(image.width, width);
  const down = coverOf(image.height, height);
  const row = new Float32Array(outLength);
  const sums = new Float32Array(outLength);
  for (let part = 0; part < down.to.length; part++) {
    const y = down.to[part]!;
    const isFirst = part === 0 || down.to[part - 1] !== y;
    const base = down.from[part]! * rowLength;
    const beta = down.weight[part]!;
    row.fill(0);
    for (let k = 0; k < across.to.length; k++) {
      const to = across.to[k]! * channels;
      const from = base + across.from[k]! * channels;
      const alpha = across.weight[k]!;
      for (let c = 0; c < channels; c++) row[to + c] = f(row[to + c]! + f(values[from + c]! * alpha));
    }
    if (isFirst) for (let i = 0; i < outLength; i++) sums[i] = f(beta * row[i]!);
    else for (let i = 0; i < outLength; i++) sums[i] = f(sums[i]! + f(beta * row[i]!));
    if (part + 1 === down.to.length || down.to[part + 1] !== y)
      for (let i = 0; i < outLength; i++) out.values[y * outLength + i] = saturate(sums[i]!, out.values);
  }
  return out;
}

function shrinkWhole(image: Image, height: number, width: number): Image {
  const out = imageLike(image, height, width);
  const { channels, values } = image;
  const stepX = image.width / width;
  const stepY = image.height / height;
  const isWhole = !(values instanceof Float32Array);
  const isTwo = isWhole && stepX === 2 && stepY === 2;
  const scale = f(1 / (stepX * stepY));
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let dy = 0; dy < stepY; dy++) {
          let from = ((y * stepY + dy) * image.width + x * stepX) * channels + c;
          for (let dx = 0; dx < stepX; dx++, from += channels)
            sum = isWhole ? sum + values[from]! : f(sum + values[from]!);
        }
        out.values[to++] = isTwo ? (sum + 2) >> 2 : saturate(f(f(sum) * scale), out.values);
      }
  return out;
}
