/**
 * Resizing by a separable kernel: bilinear, bicubic, Lanczos. Rows are resized once, kept while they are needed, and
 * mixed. 8 bits are computed as OpenCV does, in fixed point with 11 bits a weight.
 *
 * @source OpenCV 4.6 `cv::resize`: weights `saturate_cast<short>(w · 2048)`, rows of 32 bits, then per kernel
 * bilinear `((r₀≫4)·w₀≫16) + ((r₁≫4)·w₁≫16) + 2 ≫ 2`, Lanczos `Σ rₖ·wₖ + 2²¹ ≫ 22`, bicubic in single precision for
 * blocks of 8 samples and as Lanczos for what is left of a row.
 * @module
 */
import { type Image, imageLike, roundHalfEven } from '../image.ts';
import { INTERPOLATION, type Interpolation, tapsOf, writeWeights } from './interpolation.ts';

const f = Math.fround;
/** INTER_RESIZE_COEF_BITS = 11. */
const ONE = 2048;

/** Where the taps of every output place lie, and what they weigh; `[places, taps]`. */
interface Taps {
  readonly count: 2 | 4 | 8;
  readonly offsets: Int32Array;
  readonly weights: Float32Array;
}

/**
 * Taps along one direction.
 * @param clampsFraction - Bilinear columns beyond the edge take the edge alone; rows keep both weights of the same row,
 * which differs in the last bit.
 */
function tapsAlong(from: number, to: number, interpolation: Interpolation, clampsFraction: boolean): Taps {
  const isArea = interpolation === INTERPOLATION.area;
  const count = tapsOf(interpolation);
  const inverse = to / from;
  const scale = 1 / inverse;
  const offsets = new Int32Array(to * count);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    let start: number;
    let fraction: number;
    if (isArea) {
      start = Math.floor(i * scale);
      fraction = f(i + 1 - (start + 1) * inverse);
      fraction = fraction <= 0 ? 0 : f(fraction - Math.floor(fraction));
    } else {
      const place = f((i + 0.5) * scale - 0.5);
      start = Math.floor(place);
      fraction = f(place - start);
    }
    if (clampsFraction && count === 2) {
      if (start < 0) [start, fraction] = [0, 0];
      if (start >= from - 1) [start, fraction] = [from - 1, 0];
    }
    writeWeights(interpolation, fraction, weights, i * count);
    for (let k = 0; k < count; k++) offsets[i * count + k] = Math.min(from - 1, Math.max(0, start - count / 2 + 1 + k));
  }
  return { count, offsets, weights };
}

/** Every column for every channel, so that the loop over a row is flat. */
function perSample({ count, offsets, weights }: Taps, channels: number): Taps {
  const places = offsets.length / count;
  const flat = new Int32Array(offsets.length * channels);
  const flatWeights = new Float32Array(flat.length);
  for (let x = 0; x < places; x++)
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < count; k++) {
        flat[(x * channels + c) * count + k] = offsets[x * count + k]! * channels + c;
        flatWeights[(x * channels + c) * count + k] = weights[x * count + k]!;
      }
  return { count, offsets: flat, weights: flatWeights };
}

function toFixed(weights: Float32Array): Int32Array {
  return Int32Array.from(weights, (weight) => Math.min(32767, Math.max(-32768, roundHalfEven(f(weight * ONE)))));
}

/** Resizes to `height` × `width` by a kernel other than nearest (area: only for growing). */
export function resizeByKernel(image: Image, height: number, width: number, interpolation: Interpolation): Image {
  const out = imageLike(image, height, width);
  const columns = perSample(tapsAlong(image.width, width, interpolation, true), image.channels);
  const rows = tapsAlong(image.height, height, interpolation, false);
  const { values } = image;
  if (values instanceof Uint8Array) resizeFixed(values, image, out, columns, rows);
  else resizeFloat(values, image, out, columns, rows);
  return out;
}

/** Calls `mix` for every output row with its resized input rows; each input row is resized once while it is in reach. */
function eachRow<T>(
  rows: Taps,
  buffers: readonly T[],
  fill: (row: number, into: T) => void,
  mix: (y: number, used: T[]) => void,
): void {
  const { count, offsets } = rows;
  const held = new Int32Array(buffers.length).fill(-1);
  const used: T[] = [];
  for (let y = 0; y < offsets.length / count; y++) {
    for (let k = 0; k < count; k++) {
      const row = offsets[y * count + k]!;
      // as many buffers as taps, which are neighbours: `row % count` never meets another row of the same output
      const slot = row % buffers.length;
      if (held[slot] !== row) {
        fill(row, buffers[slot]!);
        held[slot] = row;
      }
      used[k] = buffers[slot]!;
    }
    mix(y, used);
  }
}

function resizeFixed(source: Uint8Array, { width, channels }: Image, out: Image, columns: Taps, rows: Taps): void {
  const target = out.values;
  const length = out.width * out.channels;
  const { count, offsets } = columns;
  const weights = toFixed(columns.weights);
  const rowWeights = toFixed(rows.weights);
  const buffers = Array.from({ length: rows.count }, () => new Int32Array(length));
  const fill = (row: number, into: Int32Array): void => {
    const base = row * width * channels;
    if (count === 2) {
      for (let i = 0; i < length; i++)
        into[i] =
          source[base + offsets[2 * i]!]! * weights[2 * i]! + source[base + offsets[2 * i + 1]!]! * weights[2 * i + 1]!;
      return;
    }
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = i * count; k < (i + 1) * count; k++) sum += source[base + offsets[k]!]! * weights[k]!;
      into[i] = sum;
    }
  };
  eachRow(rows, buffers, fill, (y, used) => {
    const at = y * length;
    if (count === 2) mixTwo(used, rowWeights[2 * y]!, rowWeights[2 * y + 1]!, target, at);
    else mixMany(used, rowWeights.subarray(y * count, (y + 1) * count), target, at);
  });
}

function mixTwo([first, second]: Int32Array[], w0: number, w1: number, target: Image['values'], at: number): void {
  const [a, b] = [first!, second!];
  for (let i = 0; i < a.length; i++)
    target[at + i] = ((((a[i]! >> 4) * w0) >> 16) + (((b[i]! >> 4) * w1) >> 16) + 2) >> 2;
}

function mixMany(rows: readonly Int32Array[], weights: Int32Array, target: Image['values'], at: number): void {
  const length = rows[0]!.length;
  // bicubic: blocks of 8 in single precision, the rest as Lanczos
  const blocks = rows.length === 4 ? length - (length % 8) : 0;
  const scale = 1 / (ONE * ONE);
  const [w0, w1, w2, w3] = Array.from(weights, (weight) => f(weight * scale));
  for (let i = 0; i < blocks; i++) {
    let sum = f(f(rows[3]![i]!) * w3!);
    sum = f(f(f(rows[2]![i]!) * w2!) + sum);
    sum = f(f(f(rows[1]![i]!) * w1!) + sum);
    sum = f(f(f(rows[0]![i]!) * w0!) + sum);
    target[at + i] = Math.min(255, Math.max(0, roundHalfEven(sum)));
  }
  for (let i = blocks; i < length; i++) {
    let sum = 1 << 21;
    for (let k = 0; k < rows.length; k++) sum += rows[k]![i]! * weights[k]!;
    target[at + i] = Math.min(255, Math.max(0, sum >> 22));
  }
}

function resizeFloat(
  source: Uint16Array | Float32Array,
  { width, channels }: Image,
  out: Image,
  columns: Taps,
  rows: Taps,
): void {
  const target = out.values;
  const length = out.width * out.channels;
  const { count, offsets, weights } = columns;
  const buffers = Array.from({ length: rows.count }, () => new Float32Array(length));
  const isWhole = target instanceof Uint16Array;
  // OpenCV's vector code adds from the last row to the first, what is left of a row the other way round
  const lanes = count === 2 || (isWhole && count === 8) ? length + 1 : isWhole ? 8 : 4;
  const blocks = length - (length % lanes);
  const fill = (row: number, into: Float32Array): void => {
    const base = row * width * channels;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = i * count; k < (i + 1) * count; k++) sum = f(sum + f(source[base + offsets[k]!]! * weights[k]!));
      into[i] = sum;
    }
  };
  eachRow(rows, buffers, fill, (y, used) => {
    const at = y * length;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      if (i < blocks)
        for (let k = y * count + count; k > y * count; )
          sum = f(f(used[--k - y * count]![i]! * rows.weights[k]!) + sum);
      else for (let k = 0; k < count; k++) sum = f(sum + f(used[k]![i]! * rows.weights[y * count + k]!));
      target[at + i] = isWhole ? Math.min(65535, Math.max(0, roundHalfEven(sum))) : sum;
    }
  });
}
