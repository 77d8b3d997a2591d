/**
 * Transforms that look at more than one pixel, or at the histogram.
 *
 * @source Albumentations 1.3.1.
 * @module
 */
import { z } from 'zod';
import type { Rng } from '../../../base/index.ts';
import { eightBitOf, range, unused } from '../arguments.ts';
import { define, type TransformKind } from '../definition.ts';
import { integer, type Range, uniform } from '../draws.ts';
import { clahe } from '../kernels/clahe.ts';
import { equalize } from '../kernels/equalize.ts';
import { gaussianBlur } from '../kernels/gaussianBlur.ts';
import { medianBlur } from '../kernels/medianBlur.ts';

/** Largest kernel; a larger one would blur everything away and take minutes. */
const MAX_KERNEL = 99;

const kernel = z.int().min(0).max(MAX_KERNEL);

const isOdd = ([low, high]: Range): boolean => (low === 0 || low % 2 === 1) && (high === 0 || high % 2 === 1);

/** An odd size as Albumentations draws it: an even one becomes the next, beyond the limit 0. */
function gaussianSize([low, high]: Range, rng: Rng): number {
  const drawn = integer(rng, low, high);
  return drawn !== 0 && drawn % 2 === 0 ? (drawn + 1) % (high + 1) : drawn;
}

const tiles = z.int().min(1).max(64);

export const FILTER_TRANSFORMS: Readonly<Record<string, TransformKind>> = {
  GaussianBlur: define(
    0.5,
    {
      blur_limit: range(kernel, [3, 7], (x) => [0, x]),
      sigma_limit: range(z.number().min(0).max(MAX_KERNEL), [0, 0], (x) => [0, x]),
    },
    (image, args, rng) => {
      const drawn = gaussianSize(args.blur_limit, rng);
      const sigma = uniform(rng, args.sigma_limit);
      if (drawn > 0) return gaussianBlur(image, drawn, sigma);
      if (sigma === 0) return gaussianBlur(image, 3, 0);
      // OpenCV's size of a sigma: 3σ to either side of whole numbers, 4σ of floats
      const reach = image.values instanceof Float32Array ? 4 : 3;
      return gaussianBlur(image, Math.min(MAX_KERNEL, Math.round(sigma * reach * 2 + 1) | 1), sigma);
    },
    ({ blur_limit: limit }) => (isOdd(limit) ? undefined : 'blur_limit: expected odd numbers, or 0'),
  ),
  MedianBlur: define(
    0.5,
    { blur_limit: range(kernel, 7, (x) => [3, x]) },
    (image, { blur_limit: [low, high] }, rng) => medianBlur(image, low + 2 * integer(rng, 0, (high - low) >> 1)),
    ({ blur_limit: limit }) => (isOdd(limit) && limit[0] > 0 ? undefined : 'blur_limit: expected odd numbers'),
  ),
  CLAHE: define(
    0.5,
    {
      clip_limit: range(z.number().min(1).max(1e6), 4, (x) => [1, x]),
      tile_grid_size: z.tuple([tiles, tiles]).default([8, 8]),
    },
    (image, args, rng) =>
      clahe(image, eightBitOf(image, 'CLAHE'), {
        clipLimit: uniform(rng, args.clip_limit),
        tiles: args.tile_grid_size,
      }),
  ),
  Equalize: define(
    0.5,
    {
      mode: z.literal('cv').default('cv'),
      by_channels: z.boolean().default(true),
      ...{ mask: z.null().optional(), mask_params: unused },
    },
    (image, args) => equalize(image, eightBitOf(image, 'Equalize'), args.by_channels),
  ),
};
