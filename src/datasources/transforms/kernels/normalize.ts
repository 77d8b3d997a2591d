/**
 * Normalisation by the image itself, over all channels or each by itself.
 *
 * @source Albumentations 1.4 `Normalize(normalization=…)`: 1e-4 is added to what divides.
 * @module
 */
import type { Image } from '../image.ts';

export type ImageNormalization = 'image' | 'image_per_channel' | 'min_max' | 'min_max_per_channel';

const EPSILON = 1e-4;

/** (value − mean)/std or (value − least)/(greatest − least), as floats; `image` ends within [−20, 20] as the source has it. */
export function normalizeByImage(image: Image, how: ImageNormalization): Image {
  const { channels, values } = image;
  const out = new Float32Array(values.length);
  const isPerChannel = how.endsWith('_per_channel');
  const isRange = how.startsWith('min_max');
  for (let c = 0; c < (isPerChannel ? channels : 1); c++) {
    const step = isPerChannel ? channels : 1;
    const [shift, spread] = isRange ? extremes(values, c, step) : moments(values, c, step);
    const scale = 1 / (spread + EPSILON);
    for (let i = c; i < values.length; i += step) {
      const value = (values[i]! - shift) * scale;
      out[i] = isRange ? value : Math.min(20, Math.max(-20, value));
    }
  }
  return { ...image, values: out };
}

function extremes(values: Image['values'], at: number, step: number): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = at; i < values.length; i += step) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return [low, high - low];
}

function moments(values: Image['values'], at: number, step: number): [number, number] {
  const count = Math.ceil((values.length - at) / step);
  let sum = 0;
  for (let i = at; i < values.length; i += step) sum += values[i]!;
  const mean = sum / count;
  let squares = 0;
  for (let i = at; i < values.length; i += step) squares += (values[i]! - mean) ** 2;
  return [mean, Math.sqrt(squares / count)];
}
