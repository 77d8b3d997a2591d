/**
 * Transforms that move pixels: flips, quarter turns, affine maps.
 *
 * @source Albumentations 1.3.1. Affine: its formulas on `skimage.transform.AffineTransform` up to scikit-image 0.18.
 * @module
 */
import { z } from 'zod';
import { border, borderValue, colour, interpolation, optionalSymmetric, symmetric, unused } from '../arguments.ts';
import { defineMove, type TransformKind } from '../definition.ts';
import { integer, type Range, uniform } from '../draws.ts';
import type { Image } from '../image.ts';
import { BORDER } from '../kernels/border.ts';
import { flipHorizontal, flipVertical, rotate90, transpose } from '../kernels/geometry.ts';
import { type AffineMatrix, rotationMatrix, warpAffine } from '../kernels/warpAffine.ts';

const bordered = {
  interpolation,
  border_mode: border(BORDER.reflect101),
  ...{ value: colour, mask_value: unused, rotate_method: unused },
};

/** Centre of the pixels: with w/2 a quarter turn would show a line of the border. */
function centerOf({ width, height }: Image): readonly [number, number] {
  return [width / 2 - 0.5, height / 2 - 0.5];
}

type Bordered = z.output<z.ZodObject<typeof bordered>>;

function warp(image: Image, matrix: AffineMatrix, args: Bordered): Image {
  const { width, height } = image;
  const value = borderValue(args.value, image);
  return warpAffine(image, {
    ...{ matrix, height, width, value },
    ...{ interpolation: args.interpolation, border: args.border_mode },
  });
}

/** `b` after `a`. */
function after(a: AffineMatrix, b: AffineMatrix): AffineMatrix {
  const [a0, a1, a2, a3, a4, a5] = a;
  const [b0, b1, b2, b3, b4, b5] = b;
  return [
    ...([b0 * a0 + b1 * a3, b0 * a1 + b1 * a4, b0 * a2 + b1 * a5 + b2] as const),
    ...([b3 * a0 + b4 * a3, b3 * a1 + b4 * a4, b3 * a2 + b4 * a5 + b5] as const),
  ];
}

interface AffineParts {
  readonly scale?: readonly [number, number];
  readonly translation?: readonly [number, number];
  /** Radians. */
  readonly rotation?: number;
  readonly shear?: number;
}

function affine({ scale = [1, 1], translation = [0, 0], rotation = 0, shear = 0 }: AffineParts): AffineMatrix {
  const [sx, sy] = scale;
  return [
    ...([sx * Math.cos(rotation), -sy * Math.sin(rotation + shear), translation[0]] as const),
    ...([sx * Math.sin(rotation), sy * Math.cos(rotation + shear), translation[1]] as const),
  ];
}

const bounded = z.number().min(-1e4).max(1e4);
const axis = z.union([bounded, z.tuple([bounded, bounded])]);
/** A number, a range, or one of these for `x` and `y` each. */
const perAxis = z
  .union([axis, z.strictObject({ x: axis.optional(), y: axis.optional() })], {
    error: 'expected a number, two numbers, or {x: …, y: …} of these',
  })
  .nullish();

interface AxisRanges {
  readonly x: Range;
  readonly y: Range;
}

type Axis = number | Range;
type PerAxis = Axis | { readonly x?: Axis | undefined; readonly y?: Axis | undefined } | null | undefined;

const isAxis = (value: NonNullable<PerAxis>): value is Axis => typeof value === 'number' || Array.isArray(value);

/** A number is that number; nothing is `otherwise`. */
function rangesOf(value: PerAxis, otherwise: number): AxisRanges {
  const one = (given: Axis = otherwise): Range =>
    typeof given === 'number' ? [given, given] : [Math.min(...given), Math.max(...given)];
  const { x, y } = value === null || value === undefined ? {} : isAxis(value) ? { x: value, y: value } : value;
  return { x: one(x), y: one(y) };
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

const affineShape = {
  scale: perAxis,
  translate_percent: perAxis,
  translate_px: perAxis,
  rotate: axis.nullish(),
  shear: perAxis,
  interpolation,
  ...{ mask_interpolation: unused, cval: colour, cval_mask: unused, rotate_method: unused },
  mode: border(BORDER.constant),
  fit_output: z.literal(false).default(false),
  keep_ratio: z.boolean().default(false),
};

/** Degrees; nothing given at all means these. */
const AFFINE_DEFAULT = {
  scale: [0.9, 1.1],
  translate_percent: [-0.1, 0.1],
  rotate: [-15, 15],
  shear: [-10, 10],
} as const;

export const TURN_TRANSFORMS: Readonly<Record<string, TransformKind>> = {
  HorizontalFlip: defineMove(0.5, {}, (image) => flipHorizontal(image)),
  VerticalFlip: defineMove(0.5, {}, (image) => flipVertical(image)),
  Flip: defineMove(0.5, {}, (image, _, rng) => {
    const code = integer(rng, -1, 1);
    if (code === 0) return flipVertical(image);
    return code === 1 ? flipHorizontal(image) : rotate90(image, 2);
  }),
  Transpose: defineMove(0.5, {}, (image) => transpose(image)),
  RandomRotate90: defineMove(0.5, {}, (image, _, rng) => rotate90(image, integer(rng, 0, 3))),
  Rotate: defineMove(
    0.5,
    { limit: symmetric(90), ...bordered, crop_border: z.literal(false).default(false) },
    (image, args, rng) => warp(image, rotationMatrix(...centerOf(image), uniform(rng, args.limit), 1), args),
  ),
  ShiftScaleRotate: defineMove(
    0.5,
    {
      ...{ shift_limit: symmetric(0.0625), scale_limit: symmetric(0.1), rotate_limit: symmetric(45) },
      ...{ shift_limit_x: optionalSymmetric, shift_limit_y: optionalSymmetric },
      ...bordered,
    },
    (image, args, rng) => {
      const angle = uniform(rng, args.rotate_limit);
      const scale = uniform(rng, [1 + args.scale_limit[0], 1 + args.scale_limit[1]]);
      const dx = uniform(rng, args.shift_limit_x ?? args.shift_limit);
      const dy = uniform(rng, args.shift_limit_y ?? args.shift_limit);
      const [a, b, tx, c, d, ty] = rotationMatrix(...centerOf(image), angle, scale);
      return warp(image, [a, b, tx + dx * image.width, c, d, ty + dy * image.height], args);
    },
  ),
  Affine: defineMove(
    0.5,
    affineShape,
    (image, args, rng) => {
      const isBare = [args.scale, args.translate_percent, args.translate_px, args.rotate, args.shear].every(
        (value) => value === null || value === undefined,
      );
      const given = isBare ? { ...args, ...AFFINE_DEFAULT } : args;
      const draw = ({ x, y }: AxisRanges): [number, number] => [uniform(rng, x), uniform(rng, y)];
      const translation: [number, number] = [0, 0];
      if (given.translate_px !== null && given.translate_px !== undefined) {
        const { x, y } = rangesOf(given.translate_px, 0);
        translation[0] = integer(rng, ...x);
        translation[1] = integer(rng, ...y);
      } else {
        const [x, y] = draw(rangesOf(given.translate_percent, 0));
        translation[0] = x * image.width;
        translation[1] = y * image.height;
      }
      const shear = draw(rangesOf(given.shear, 0)).map((degrees) => radians(-degrees));
      const scale = draw(rangesOf(given.scale, 1));
      if (args.keep_ratio) scale[1] = scale[0];
      const rotation = radians(-uniform(rng, rangesOf(given.rotate, 0).x));
      const [x, y] = centerOf(image);
      const matrix = [
        affine({ rotation: -Math.PI / 2 }),
        affine({ shear: shear[1]! }),
        affine({ rotation: Math.PI / 2 }),
        affine({ scale, translation, rotation, shear: shear[0]! }),
        affine({ translation: [x, y] }),
      ].reduce(after, affine({ translation: [-x, -y] }));
      return warp(image, matrix, { ...args, border_mode: args.mode, value: args.cval });
    },
    (args) =>
      args.translate_percent != null && args.translate_px != null
        ? 'expected translate_percent or translate_px'
        : undefined,
  ),
};
