/**
 * Histogram equalisation of 8-bit images.
 *
 * @source OpenCV 4.6 `equalizeHist`, `RGB2YCrCb`.
 * @module
 */
import type { Image } from '../image.ts';
import { roundHalfEven } from '../image.ts';

const f = Math.fround;
const LEVELS = 256;

/** One channel, in place: from `at` on, every `step`-th sample. */
function equalizeChannel(values: Uint8Array, at: number, step: number): void {
  const counts = new Int32Array(LEVELS);
  for (let i = at; i < values.length; i += step) counts[values[i]!]!++;
  const total = Math.ceil((values.length - at) / step);
  const first = counts.findIndex((count) => count > 0);
  if (first < 0 || counts[first] === total) return;
  const scale = f(255 / (total - counts[first]!));
  const table = new Uint8Array(LEVELS);
  let sum = 0;
  for (let level = first + 1; level < LEVELS; level++) {
    sum += counts[level]!;
    table[level] = Math.min(255, roundHalfEven(f(sum * scale)));
  }
  for (let i = at; i < values.length; i += step) values[i] = table[values[i]!]!;
}

/** Every channel by itself, or with `byChannels` false the brightness of YCrCb. */
export function equalize(image: Image, values: Uint8Array, byChannels: boolean): Image {
  const { channels } = image;
  if (byChannels || channels === 1) {
    const out = values.slice();
    for (let c = 0; c < channels; c++) equalizeChannel(out, c, channels);
    return { ...image, values: out };
  }
  const ycc = rgbToYcc(values);
  equalizeChannel(ycc, 0, 3);
  return { ...image, values: yccToRgb(ycc) };
}

/** Weights of luma times 2¹⁴ (Rec. 601), and of the differences of colour. */
const [RED, GREEN, BLUE] = [4899, 9617, 1868];
const HALF = 1 << 13;

function byte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function rgbToYcc(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [rgb[i]!, rgb[i + 1]!, rgb[i + 2]!];
    const y = (r * RED + g * GREEN + b * BLUE + HALF) >> 14;
    out[i] = y;
    out[i + 1] = byte(((r - y) * 11682 + (128 << 14) + HALF) >> 14);
    out[i + 2] = byte(((b - y) * 9241 + (128 << 14) + HALF) >> 14);
  }
  return out;
}

function yccToRgb(ycc: Uint8Array): Uint8Array {
  const out = new Uint8Array(ycc.length);
  for (let i = 0; i < ycc.length; i += 3) {
    const [y, cr, cb] = [ycc[i]!, ycc[i + 1]! - 128, ycc[i + 2]! - 128];
    out[i] = byte(y + ((cr * 22987 + HALF) >> 14));
    out[i + 1] = byte(y + ((cb * -5636 + cr * -11698 + HALF) >> 14));
    out[i + 2] = byte(y + ((cb * 29049 + HALF) >> 14));
  }
  return out;
}
