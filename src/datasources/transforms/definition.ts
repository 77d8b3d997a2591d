/**
 * What a transform is: the arguments it takes and what it does with an image.
 * @module
 */
import { z } from 'zod';
import type { Rng } from '../../base/index.ts';
import type { Image } from './image.ts';
import { INTERPOLATION } from './kernels/interpolation.ts';

/** A transform with its arguments checked. */
export interface Step {
  readonly name: string;
  /** How likely it is applied. */
  readonly p: number;
  /** Applies it; `rng` is used for nothing else. The image is not changed. */
  run(image: Image, rng: Rng): Image;
}

/** Checks steps inside a step; throws what the outermost list throws. */
export type ParseSteps = (list: unknown, where: string) => readonly Step[];

/** A transform as a task names it. */
export interface TransformKind {
  /** Names of the arguments. */
  readonly names: readonly string[];
  /** Of the arguments; every one has a default or is required. */
  readonly schema: z.ZodType;
  /** What is wrong with arguments that are right one by one; they are what `schema` gave. */
  findProblem(args: unknown): string | undefined;
  /** @param args - What `schema` gave. @param parse - For steps inside this one. */
  bind(args: unknown, parse: ParseSteps, where: string): Omit<Step, 'name'>;
}

/** Arguments of every transform; `always_apply` is how Albumentations 1.3 says p = 1. */
const common = (p: number) => ({
  p: z.number().min(0).max(1).default(p),
  always_apply: z.boolean().nullish(),
});

type Run<S extends z.ZodRawShape> = (image: Image, args: z.output<z.ZodObject<S>>, rng: Rng) => Image;
type Check<S extends z.ZodRawShape> = (args: z.output<z.ZodObject<S>>) => string | undefined;

/** What a mask is moved with, whatever the image is: classes have nothing between them, and the first is the background. */
const OF_MASK = { interpolation: INTERPOLATION.nearest, value: 0, cval: 0 };

/** A transform of values with arguments of `shape`, applied with probability `p` unless the task says otherwise. */
export function define<S extends z.ZodRawShape>(
  p: number,
  shape: S,
  run: Run<S>,
  check: Check<S> = none,
): TransformKind {
  return kindOf(p, shape, (image, args, rng) => ({ ...run(image, args, rng), mask: image.mask }), check);
}

/** As {@link define}, of a transform that moves pixels: the mask goes with them. */
export function defineMove<S extends z.ZodRawShape>(
  p: number,
  shape: S,
  run: Run<S>,
  check: Check<S> = none,
): TransformKind {
  const move: Run<S> = ({ mask, ...image }, args, rng) => {
    if (mask === undefined) return run(image, args, rng);
    const drawn: number[] = [];
    const moved = run(image, args, () => {
      const value = rng();
      drawn.push(value);
      return value;
    });
    // of the same size, so the same draws mean the same move
    return { ...moved, mask: run(mask, { ...args, ...OF_MASK }, () => drawn.shift()!) };
  };
  return kindOf(p, shape, move, check);
}

const none = (): undefined => undefined;

function kindOf<S extends z.ZodRawShape>(p: number, shape: S, run: Run<S>, check: Check<S>): TransformKind {
  const fields = { ...common(p), ...shape };
  return {
    names: Object.keys(fields),
    schema: z.strictObject(fields),
    findProblem: (checked) => check(checked as z.output<z.ZodObject<S>>),
    bind: (checked) => {
      const args = checked as z.output<z.ZodObject<S>> & { readonly p: number; readonly always_apply?: boolean };
      return { p: args.always_apply === true ? 1 : args.p, run: (image, rng) => run(image, args, rng) };
    },
  };
}

/** A transform made of others, which stand in its argument `transforms`. */
export function defineGroup<S extends z.ZodRawShape>(
  p: number,
  shape: S,
  run: (image: Image, steps: readonly Step[], args: z.output<z.ZodObject<S>>, rng: Rng) => Image,
): TransformKind {
  const plain = define(p, { ...shape, transforms: z.array(z.unknown()).min(1).max(100) }, (image) => image);
  return {
    ...plain,
    bind: (checked, parse, where) => {
      const args = checked as z.output<z.ZodObject<S>> & { p: number; transforms: unknown[]; always_apply?: boolean };
      const steps = parse(args.transforms, `${where}.transforms`);
      return { p: args.always_apply === true ? 1 : args.p, run: (image, rng) => run(image, steps, args, rng) };
    },
  };
}

/** Applies a step as often as its `p` says. */
export function applyStep(step: Step, image: Image, rng: Rng): Image {
  return rng() < step.p ? step.run(image, rng) : image;
}
