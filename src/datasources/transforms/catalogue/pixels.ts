/**
 * Transforms of values: normalisation, brightness, gamma, noise, holes.
 *
 * @source Albumentations 1.3.1; `normalization` of Normalize and FromFloat as 1.4.
 * @module
 */
import { z } from 'zod';
import { KonsilError, normal } from '../../../base/index.ts';
import { colour, interval, range, symmetric, unused } from '../arguments.ts';
import { define, type TransformKind } from '../definition.ts';
import { integer, uniform } from '../draws.ts';
import { type Image, maxValueOf, roundHalfEven } from '../image.ts';
import { fillRectangles, type Rectangle } from '../kernels/geometry.ts';
import {
  addNoise,
  adjustGamma,
  brightnessContrast,
  invert,
  standardize,
  toFloat,
  toGray,
} from '../kernels/intensity.ts';
import { normalizeByImage } from '../kernels/normalize.ts';

const f = Math.fround;

const perChannel = z.union([z.number(), z.array(z.number()).min(1).max(4)], {
  error: 'expected a number or a list of one a channel',
});

/** One number a channel of the image. */
function channelValues(value: z.output<typeof perChannel>, image: Image, what: string): readonly number[] {
  const list = typeof value === 'number' ? [value] : value;
  if (list.length === 1) return Array.from({ length: image.channels }, () => list[0]!);
  if (list.length < image.channels || (image.channels === 1 && list.length > 1))
    throw new KonsilError(
      'DATA_UNSUPPORTED',
      `${what}: ${list.length} numbers for an image of ${image.channels} channels`,
    );
  return list;
}

/** Least and most of a size: whole numbers are pixels, fractions are shares of the side. */
function sized(value: number, length: number): number {
  return Math.max(1, Math.min(length, Number.isInteger(value) ? value : Math.trunc(value * length)));
}

const hole = z.number().positive().max(4096);

export const PIXEL_TRANSFORMS: Readonly<Record<string, TransformKind>> = {
  Normalize: define(
    1,
    {
      mean: perChannel.default([0.485, 0.456, 0.406]),
      std: perChannel.default([0.229, 0.224, 0.225]),
      max_pixel_value: z.number().positive().nullish(),
      normalization: z
        .enum(['standard', 'image', 'image_per_channel', 'min_max', 'min_max_per_channel'])
        .default('standard'),
    },
    (image, args) => {
      if (args.normalization !== 'standard') return normalizeByImage(image, args.normalization);
      // single precision at every step, as numpy's
      const most = f(args.max_pixel_value ?? maxValueOf(image.values));
      const mean = channelValues(args.mean, image, 'Normalize: mean').map((value) => f(f(value) * most));
      const scale = channelValues(args.std, image, 'Normalize: std').map((value) => f(1 / f(f(value) * most)));
      return standardize(image, mean, scale);
    },
    ({ std }) => ([std].flat().every((value) => value > 0) ? undefined : 'std: expected numbers above 0'),
  ),
  ToFloat: define(1, { max_value: z.number().positive().nullish() }, (image, args) =>
    toFloat(image, args.max_value ?? maxValueOf(image.values)),
  ),
  FromFloat: define(
    1,
    { dtype: z.enum(['uint8', 'uint16']).default('uint16'), max_value: z.number().positive().nullish() },
    (image, { dtype, max_value: given }) => {
      const values = dtype === 'uint8' ? new Uint8Array(image.values.length) : new Uint16Array(image.values.length);
      const white = maxValueOf(values);
      for (let i = 0; i < values.length; i++)
        values[i] = Math.min(white, Math.max(0, roundHalfEven(image.values[i]! * (given ?? white))));
      return { ...image, values };
    },
  ),
  RandomBrightnessContrast: define(
    0.5,
    {
      ...{ brightness_limit: symmetric(0.2), contrast_limit: symmetric(0.2) },
      brightness_by_max: z.boolean().default(true),
    },
    (image, args, rng) => {
      const alpha = 1 + uniform(rng, args.contrast_limit);
      return brightnessContrast(image, alpha, uniform(rng, args.brightness_limit), args.brightness_by_max);
    },
  ),
  RandomGamma: define(0.5, { gamma_limit: interval([80, 120], 1, 1e4), eps: unused }, (image, args, rng) =>
    adjustGamma(image, uniform(rng, args.gamma_limit) / 100),
  ),
  GaussNoise: define(
    0.5,
    {
      var_limit: range(z.number().min(0).max(1e10), [10, 50], (x) => [0, x]),
      mean: z.number().default(0),
      per_channel: z.boolean().default(true),
    },
    (image, args, rng) => {
      const sigma = Math.sqrt(uniform(rng, args.var_limit));
      return addNoise(image, () => args.mean + sigma * normal(rng), args.per_channel);
    },
  ),
  ToGray: define(0.5, {}, (image) => toGray(image)),
  InvertImg: define(0.5, {}, (image) => invert(image)),
  CoarseDropout: define(
    0.5,
    {
      max_holes: z.int().min(1).max(1000).default(8),
      ...{ max_height: hole.default(8), max_width: hole.default(8) },
      ...{ min_holes: z.int().min(1).max(1000).nullish(), min_height: hole.nullish(), min_width: hole.nullish() },
      ...{ fill_value: colour, mask_fill_value: unused },
    },
    (image, args, rng) => {
      const { width, height } = image;
      const holes: Rectangle[] = [];
      for (let left = integer(rng, args.min_holes ?? args.max_holes, args.max_holes); left > 0; left--) {
        const [h, w] = [
          integer(rng, sized(args.min_height ?? args.max_height, height), sized(args.max_height, height)),
          integer(rng, sized(args.min_width ?? args.max_width, width), sized(args.max_width, width)),
        ];
        const [top, start] = [integer(rng, 0, height - h), integer(rng, 0, width - w)];
        holes.push({ top, left: start, bottom: top + h, right: start + w });
      }
      return fillRectangles(image, holes, channelValues(args.fill_value ?? 0, image, 'CoarseDropout: fill_value'));
    },
    (args) =>
      (args.min_holes ?? args.max_holes) > args.max_holes ||
      (args.min_height ?? args.max_height) > args.max_height ||
      (args.min_width ?? args.max_width) > args.max_width
        ? 'expected no minimum above its maximum'
        : undefined,
  ),
};
