/**
 * Kinds of arguments that transforms share, named and read as Albumentations reads them.
 * @module
 */
import { z } from 'zod';
import { KonsilError } from '../../base/index.ts';
import type { Range } from './draws.ts';
import { type Image, maxValueOf, saturate } from './image.ts';
import { BORDER, type Border } from './kernels/border.ts';
import { INTERPOLATION, type Interpolation } from './kernels/interpolation.ts';

/** Longest side that a transform makes; models of images take at most 2048, and a task comes from another party. */
export const MAX_SIDE = 4096;

/** A side of a result in pixels. */
export const side = z.int().min(1).max(MAX_SIDE);

const whole = (names: Readonly<Record<string, number>>, what: string) =>
  z.int({ error: `expected a number of cv2.${what}_…, 0 to 4` }).refine((n) => Object.values(names).includes(n), {
    error: `expected a number of cv2.${what}_…, 0 to 4`,
  });

/** `cv2.INTER_…`: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos. */
export const interpolation = whole(INTERPOLATION, 'INTER')
  .transform((n) => n as Interpolation)
  .default(INTERPOLATION.linear);

/** `cv2.BORDER_…`: 0 constant, 1 replicate, 2 reflect, 3 wrap, 4 reflect101. */
export const border = (otherwise: Border) =>
  whole(BORDER, 'BORDER')
    .transform((n) => n as Border)
    .default(otherwise);

/** A value a channel, or one; nothing is 0. */
export const colour = z
  .union([z.number(), z.array(z.number()).min(1).max(4)], { error: 'expected a number or a list of one a channel' })
  .nullish();

/** For masks and boxes, which there are none of here. */
export const unused = z.unknown().optional();

const pair = (number: z.ZodNumber) =>
  z
    .tuple([number, number], { error: 'expected two numbers' })
    .refine(([low, high]) => low <= high, { error: 'expected the smaller number first' });

/** `[low, high]`, or a number: what `of` makes of it. */
function rangeOf(number: z.ZodNumber, of: (value: number) => Range) {
  return z
    .union([number, pair(number)], { error: 'expected a number or two, the smaller one first' })
    .transform((value): Range => (typeof value === 'number' ? of(value) : value))
    .refine(([low, high]) => low <= high, { error: 'expected the smaller number first' });
}

/** The same with a default. */
export function range(number: z.ZodNumber, otherwise: number | Range, of: (value: number) => Range) {
  return rangeOf(number, of).default(typeof otherwise === 'number' ? of(otherwise) : otherwise);
}

const limit = z.number().min(-1e6).max(1e6);
const bothWays = (x: number): Range => [-Math.abs(x), Math.abs(x)];

/** A number x means [−x, x]. */
export const symmetric = (otherwise: number | Range) => range(limit, otherwise, bothWays);

/** The same, or nothing. */
export const optionalSymmetric = rangeOf(limit, bothWays).nullish();

/** Two numbers within [low, high]. */
export const interval = (otherwise: Range, low: number, high: number) =>
  pair(z.number().min(low).max(high)).default([otherwise[0], otherwise[1]]);

/**
 * A number a channel for borders, as cv2 takes them: a single number is that of the first channel, the others are 0.
 */
export function borderValue(value: z.output<typeof colour>, image: Image): readonly number[] {
  const given = value === null || value === undefined ? [] : typeof value === 'number' ? [value] : value;
  return [0, 1, 2].map((c) => saturate(given[c] ?? 0, image.values));
}

/** The samples of an 8-bit image. @throws KonsilError DATA_UNSUPPORTED for another image. */
export function eightBitOf(image: Image, name: string): Uint8Array {
  if (image.values instanceof Uint8Array) return image.values;
  const has = maxValueOf(image.values) === 1 ? 'floats' : '16 bits';
  throw new KonsilError(
    'DATA_UNSUPPORTED',
    `${name} takes 8-bit images, this one has ${has}; put ToFloat and FromFloat {dtype: uint8} before it`,
  );
}
