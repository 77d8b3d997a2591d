/**
 * Transforms that give another size: resizing, cropping, padding.
 *
 * @source Albumentations 1.3.1; where its releases differ, what is said at the transform.
 * @module
 */
import { z } from 'zod';
import { KonsilError, type Rng } from '../../../base/index.ts';
import { border, borderValue, colour, interpolation, interval, MAX_SIDE, side, unused } from '../arguments.ts';
import { defineMove, type TransformKind } from '../definition.ts';
import { integer, uniform } from '../draws.ts';
import { type Image, roundHalfEven } from '../image.ts';
import { BORDER } from '../kernels/border.ts';
import { crop, pad } from '../kernels/geometry.ts';
import type { Interpolation } from '../kernels/interpolation.ts';
import { resize } from '../kernels/resize.ts';

/** Scales so that a side becomes `wanted`; the longer one must stay within MAX_SIDE. */
function scaleTo(image: Image, from: number, wanted: number, how: Interpolation, name: string): Image {
  if (from === wanted) return image;
  const scale = wanted / from;
  const height = Math.max(1, roundHalfEven(image.height * scale));
  const width = Math.max(1, roundHalfEven(image.width * scale));
  if (Math.max(height, width) > MAX_SIDE)
    throw new KonsilError(
      'DATA_UNSUPPORTED',
      `${name}: an image of ${image.width} × ${image.height} pixels would get a side of more than ${MAX_SIDE}`,
    );
  return resize(image, height, width, how);
}

function checkCrop(image: Image, height: number, width: number, name: string): void {
  if (height > image.height || width > image.width)
    throw new KonsilError(
      'DATA_UNSUPPORTED',
      `${name}: expected at least ${width} × ${height} pixels, got ${image.width} × ${image.height}; put PadIfNeeded before it`,
    );
}

const sizes = z.union([side, z.array(side).min(1).max(32)], {
  error: `expected a side in [1, ${MAX_SIDE}], or a list`,
});

function oneOf(value: z.output<typeof sizes>, rng: Rng): number {
  return typeof value === 'number' ? value : value[integer(rng, 0, value.length - 1)]!;
}

/** A part of `scale` of the area with sides as `ratio`, resized; the middle when ten tries found none that fits. */
function randomPart(image: Image, scale: readonly [number, number], ratio: readonly [number, number], rng: Rng): Image {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = uniform(rng, scale) * image.width * image.height;
    const aspect = Math.exp(uniform(rng, [Math.log(ratio[0]), Math.log(ratio[1])]));
    const width = roundHalfEven(Math.sqrt(area * aspect));
    const height = roundHalfEven(Math.sqrt(area / aspect));
    if (width < 1 || width > image.width || height < 1 || height > image.height) continue;
    const top = integer(rng, 0, image.height - height);
    return crop(image, top, integer(rng, 0, image.width - width), height, width);
  }
  const whole = image.width / image.height;
  const width = whole > ratio[1] ? roundHalfEven(image.height * ratio[1]) : image.width;
  const height = whole < ratio[0] ? roundHalfEven(image.width / ratio[0]) : image.height;
  return crop(image, (image.height - height) >> 1, (image.width - width) >> 1, height, width);
}

const POSITIONS = ['center', 'top_left', 'top_right', 'bottom_left', 'bottom_right'] as const;

/** What is missing, before and after, in one direction. */
function split(length: number, least: number | null, divisor: number | null, position: string): [number, number] {
  const missing = least === null ? (divisor! - (length % divisor!)) % divisor! : Math.max(0, least - length);
  if (position === 'start') return [0, missing];
  if (position === 'end') return [missing, 0];
  return [Math.floor(missing / 2), missing - Math.floor(missing / 2)];
}

export const SIZE_TRANSFORMS: Readonly<Record<string, TransformKind>> = {
  Resize: defineMove(1, { height: side, width: side, interpolation }, (image, args) =>
    resize(image, args.height, args.width, args.interpolation),
  ),
  LongestMaxSize: defineMove(1, { max_size: sizes.default(1024), interpolation }, (image, args, rng) => {
    const longest = Math.max(image.width, image.height);
    return scaleTo(image, longest, oneOf(args.max_size, rng), args.interpolation, 'LongestMaxSize');
  }),
  SmallestMaxSize: defineMove(1, { max_size: sizes.default(1024), interpolation }, (image, args, rng) => {
    const shortest = Math.min(image.width, image.height);
    return scaleTo(image, shortest, oneOf(args.max_size, rng), args.interpolation, 'SmallestMaxSize');
  }),
  CenterCrop: defineMove(1, { height: side, width: side }, (image, { height, width }) => {
    checkCrop(image, height, width, 'CenterCrop');
    return crop(image, (image.height - height) >> 1, (image.width - width) >> 1, height, width);
  }),
  RandomCrop: defineMove(1, { height: side, width: side }, (image, { height, width }, rng) => {
    checkCrop(image, height, width, 'RandomCrop');
    const top = integer(rng, 0, image.height - height);
    return crop(image, top, integer(rng, 0, image.width - width), height, width);
  }),
  RandomResizedCrop: defineMove(
    1,
    {
      height: side.optional(),
      width: side.optional(),
      size: z.tuple([side, side]).optional(), // how 1.4 names height and width
      scale: interval([0.08, 1], 1e-4, 1),
      ratio: interval([3 / 4, 4 / 3], 1e-3, 1e3),
      interpolation,
    },
    (image, args, rng) => {
      const [height, width] = args.size ?? [args.height!, args.width!];
      return resize(randomPart(image, args.scale, args.ratio, rng), height, width, args.interpolation);
    },
    ({ height, width, size }) =>
      size === undefined && (height === undefined || width === undefined) ? 'expected height and width' : undefined,
  ),
  PadIfNeeded: defineMove(
    1,
    {
      min_height: side.nullable().default(1024),
      min_width: side.nullable().default(1024),
      pad_height_divisor: side.nullish(),
      pad_width_divisor: side.nullish(),
      position: z.enum([...POSITIONS, 'random']).default('center'),
      border_mode: border(BORDER.reflect101),
      ...{ value: colour, mask_value: unused },
    },
    (image, args, rng) => {
      const place = args.position === 'random' ? POSITIONS[integer(rng, 1, 4)]! : args.position;
      const along = (isStart: boolean): string => (place === 'center' ? 'center' : isStart ? 'start' : 'end');
      const rows = split(
        image.height,
        args.min_height,
        args.pad_height_divisor ?? null,
        along(place.startsWith('top')),
      );
      const columns = split(image.width, args.min_width, args.pad_width_divisor ?? null, along(place.endsWith('left')));
      if (rows[0] + rows[1] + columns[0] + columns[1] === 0) return image;
      const padding = { top: rows[0], bottom: rows[1], left: columns[0], right: columns[1] };
      return pad(image, padding, args.border_mode, borderValue(args.value, image));
    },
    (args) =>
      (args.min_height === null) === (typeof args.pad_height_divisor !== 'number') ||
      (args.min_width === null) === (typeof args.pad_width_divisor !== 'number')
        ? 'expected either min_height or pad_height_divisor, and either min_width or pad_width_divisor (the other null)'
        : undefined,
  ),
};
