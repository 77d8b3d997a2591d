/**
 * Runs a pipeline on an image. Every transform has random numbers of its own, made of the run's seed, the epoch, the
 * row and the place of the transform: the same row of the same epoch is changed in the same way by whatever thread, in
 * whatever order, and a transform more at the end changes nothing before it.
 * @module
 */
import { seededRng } from '../../base/index.ts';
import { applyStep } from './definition.ts';
import { type Image, type ImageTensor, toRgb, toTensor } from './image.ts';
import type { TransformPipeline } from './parseTransforms.ts';

/** What the random numbers are made of. */
export interface Draws {
  /** Of the run. */
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** Of the row: its number or name, with the frame when a row has several. */
  readonly key: string | number;
  /**
   * Repeat grey images as red, green and blue first.
   * @default true
   */
  readonly autoConvertGrayscale?: boolean;
}

/**
 * The image as a network takes it: floats, shape `[channels, height, width]`, whether the list ends in ToTensorV2 or not.
 * @throws KonsilError DATA_UNSUPPORTED when a transform cannot take the image: too small to crop, not 8 bits.
 */
export function applyTransforms(image: Image, { steps }: TransformPipeline, draws: Draws): ImageTensor {
  const { seed, epoch, key, autoConvertGrayscale = true } = draws;
  let current = autoConvertGrayscale ? { ...toRgb(image), mask: image.mask } : image;
  for (const [i, step] of steps.entries())
    current = applyStep(step, current, seededRng(seed, `augment\u0000${epoch}\u0000${key}\u0000${i}`));
  return toTensor(current);
}
