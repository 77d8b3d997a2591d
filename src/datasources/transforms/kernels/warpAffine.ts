/**
 * Affine maps of images, `cv2.warpAffine`: places in 1/1024 pixel, rounded to 1/32, and weights from a table.
 *
 * @source OpenCV 4.6 `warpAffine` and `remap` (INTER_BITS = 5, INTER_REMAP_COEF_BITS = 15). OpenCV 4.11 and later
 * computes bilinear maps in another way and differs in the last bits.
 * @module
 */
import { type Image, imageLike, roundHalfEven } from '../image.ts';
import { type Border, borderPlace } from './border.ts';
import { INTERPOLATION, type Interpolation, tapsOf, writeWeights } from './interpolation.ts';

const f = Math.fround;

/** `[a, b, tx, c, d, ty]`: x' = a·x + b·y + tx, y' = c·x + d·y + ty. */
export type AffineMatrix = readonly [number, number, number, number, number, number];

export interface WarpOptions {
  /** From places of the image to places of the result. */
  readonly matrix: AffineMatrix;
  readonly height: number;
  readonly width: number;
  readonly interpolation: Interpolation;
  readonly border: Border;
  /** Beyond the edge with a constant border, a number a channel; already of the type of the image. */
  readonly value: readonly number[];
}

/** Fractions of a pixel that have weights of their own. */
const STEPS = 32;
const ABITS = 1024;

/** `cv2.getRotationMatrix2D`: counterclockwise by `angle` degrees about a centre, times `scale`. */
export function rotationMatrix(centerX: number, centerY: number, angle: number, scale: number): AffineMatrix {
  const radians = angle * (Math.PI / 180);
  const alpha = Math.cos(radians) * scale;
  const beta = Math.sin(radians) * scale;
  return [
    ...([alpha, beta, (1 - alpha) * centerX - beta * centerY] as const),
    ...([-beta, alpha, beta * centerX + (1 - alpha) * centerY] as const),
  ];
}

function inverse([a, b, tx, c, d, ty]: AffineMatrix): AffineMatrix {
  const determinant = a * d - b * c;
  const scale = determinant === 0 ? 0 : 1 / determinant;
  const [ia, ib, ic, id] = [d * scale, b * -scale, c * -scale, a * scale];
  return [ia, ib, -ia * tx - ib * ty, ic, id, -ic * tx - id * ty];
}

/** Places far outside, where 32 bits would wrap, are as outside as any. */
function whole(value: number): number {
  const rounded = roundHalfEven(value);
  return rounded > 0x7fffffff ? 0x7fffffff : rounded < -0x80000000 ? -0x80000000 : rounded;
}

interface WeightTables {
  /** Shape `[32 · 32, taps · taps]`. */
  readonly single: Float32Array;
  /** The same times 2¹⁵; of every place they add up to 2¹⁵. */
  readonly fixed: Int32Array;
}

const tables = new Map<Interpolation, WeightTables>();

function tablesOf(interpolation: Interpolation): WeightTables {
  const known = tables.get(interpolation);
  if (known !== undefined) return known;
  const taps = tapsOf(interpolation);
  const along = new Float32Array(STEPS * taps);
  for (let i = 0; i < STEPS; i++) writeWeights(interpolation, f(i / STEPS), along, i * taps);
  const size = taps * taps;
  const single = new Float32Array(STEPS * STEPS * size);
  const fixed = new Int32Array(single.length);
  for (let place = 0; place < STEPS * STEPS; place++) {
    const [row, column] = [Math.floor(place / STEPS) * taps, (place % STEPS) * taps];
    let sum = 0;
    for (let k = 0; k < size; k++) {
      const weight = f(along[row + Math.floor(k / taps)]! * along[column + (k % taps)]!);
      single[place * size + k] = weight;
      const scaled = Math.min(32767, Math.max(-32768, roundHalfEven(f(weight * 32768))));
      fixed[place * size + k] = scaled;
      sum += scaled;
    }
    if (sum !== 32768) correct(fixed.subarray(place * size, (place + 1) * size), taps, sum - 32768);
  }
  const made = { single, fixed };
  tables.set(interpolation, made);
  return made;
}

/** What rounding added goes to the least of the four weights in the middle, what it took to the greatest. */
function correct(weights: Int32Array, taps: number, excess: number): void {
  if (taps === 2) {
    weights[0]! -= excess; // only the whole weight, 32768, does not fit in 16 bits
    return;
  }
  const middle = taps / 2;
  let least = middle * taps + middle;
  let greatest = least;
  for (let row = middle; row < middle + 2; row++)
    for (let column = middle; column < middle + 2; column++) {
      const k = row * taps + column;
      if (weights[k]! < weights[least]!) least = k;
      else if (weights[k]! > weights[greatest]!) greatest = k;
    }
  if (excess < 0) weights[greatest]! -= excess;
  else weights[least]! -= excess;
}

/** The image mapped by `matrix`; nothing is drawn from outside but by `border`. */
export function warpAffine(image: Image, options: WarpOptions): Image {
  const { height, width, interpolation } = options;
  const out = imageLike(image, height, width);
  const isNearest = interpolation === INTERPOLATION.nearest;
  // OpenCV has no maps by area either
  const kernel = interpolation === INTERPOLATION.area ? INTERPOLATION.linear : interpolation;
  const [a, b, tx, c, d, ty] = inverse(options.matrix);
  const half = isNearest ? ABITS / 2 : ABITS / STEPS / 2;
  const acrossX = Float64Array.from({ length: width }, (_, x) => whole(a * x * ABITS));
  const acrossY = Float64Array.from({ length: width }, (_, x) => whole(c * x * ABITS));
  const sample = isNearest ? nearestSampler(image, out, options) : sampler(image, out, options, kernel);
  const bits = isNearest ? 10 : 5;
  for (let y = 0; y < height; y++) {
    const rowX = whole((b * y + tx) * ABITS) + half;
    const rowY = whole((d * y + ty) * ABITS) + half;
    for (let x = 0; x < width; x++)
      sample((rowX + acrossX[x]!) >> bits, (rowY + acrossY[x]!) >> bits, (y * width + x) * image.channels);
  }
  return out;
}

type Sampler = (x: number, y: number, to: number) => void;

function nearestSampler({ width, height, channels, values }: Image, out: Image, options: WarpOptions): Sampler {
  const { border, value } = options;
  return (x, y, to) => {
    const column = borderPlace(x, width, border);
    const row = borderPlace(y, height, border);
    const from = (row * width + column) * channels;
    const isOutside = row < 0 || column < 0;
    for (let c = 0; c < channels; c++) out.values[to + c] = isOutside ? value[c]! : values[from + c]!;
  };
}

/** `x` and `y` in 1/32 pixel. */
function sampler(image: Image, out: Image, options: WarpOptions, kernel: Interpolation): Sampler {
  const { width, height, channels, values } = image;
  const { border, value } = options;
  const taps = tapsOf(kernel);
  const size = taps * taps;
  const before = taps / 2 - 1;
  const { single, fixed } = tablesOf(kernel);
  const is8 = values instanceof Uint8Array;
  const is16 = values instanceof Uint16Array;
  const places = new Int32Array(size);
  const target = out.values;
  return (x, y, to) => {
    const left = (x >> 5) - before;
    const top = (y >> 5) - before;
    const table = ((y & 31) * STEPS + (x & 31)) * size;
    const isInside = left >= 0 && top >= 0 && left + taps <= width && top + taps <= height;
    for (let k = 0, dy = 0; dy < taps; dy++) {
      const row = isInside ? top + dy : borderPlace(top + dy, height, border);
      for (let dx = 0; dx < taps; dx++, k++) {
        const column = isInside ? left + dx : borderPlace(left + dx, width, border);
        places[k] = row < 0 || column < 0 ? -1 : (row * width + column) * channels;
      }
    }
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0, row = 0; k < size; k++) {
        const sampleValue = places[k]! < 0 ? value[c]! : values[places[k]! + c]!;
        if (is8) sum += sampleValue * fixed[table + k]!;
        else {
          row = f(row + f(sampleValue * single[table + k]!));
          // OpenCV adds four by four, row by row, but bilinear all at once
          if (k + 1 < size && (taps === 2 || (k + 1) % taps !== 0)) continue;
          sum = f(sum + row);
          row = 0;
        }
      }
      if (is8) target[to + c] = Math.min(255, Math.max(0, (sum + 16384) >> 15));
      else target[to + c] = is16 ? Math.min(65535, Math.max(0, roundHalfEven(sum))) : sum;
    }
  };
}
