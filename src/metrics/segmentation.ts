/**
 * Overlap of predicted and true regions, from sums over images: of pixels by class, and of each image's scores.
 *
 * The first of several classes is the background and is in no mean. A class that neither the truth nor the prediction has
 * in an image is undefined there and counts in no mean (it is not a perfect score).
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { argmax } from './activations.ts';
import { estimateOf, meanEstimate } from './estimate.ts';
import type { Estimate, GroupEvaluation } from './groupEvaluation.ts';
import { checkNumbers, type Numbers } from './inputs.ts';
import { blocksOf, type Parts, type SiteStatistics, statisticsOf } from './layout.ts';

/** Foreground classes: all but the first of several. */
const foreground = (classes: number): number[] =>
  Array.from({ length: classes }, (_, c) => c).slice(classes > 1 ? 1 : 0);

/**
 * Statistics of one image.
 * @param prediction - Label map `[pixels]`, or probabilities `[classes, pixels]` (one class: probabilities `[pixels]`).
 * @param target - Label map `[pixels]`; with one class, 1 where it is.
 * @throws KonsilError TRAINING_DIVERGED, DATA_INVALID naming the image. RangeError when shapes do not fit.
 */
export function imageStatistics(prediction: Numbers, target: Numbers, classes: number, image = 0): SiteStatistics {
  const pixels = target.length;
  checkNumbers(prediction, 0);
  const labels = labelMap(prediction, pixels, classes);
  const counts: Record<string, Uint32Array> = {};
  const sums: Record<string, number[]> = {};
  const [predicted, truth, both] = [new Float64Array(classes), new Float64Array(classes), new Float64Array(classes)];
  for (let i = 0; i < pixels; i++) {
    const [p, t] = classes === 1 ? [labels[i]! - 1, target[i]! - 1] : [labels[i]!, target[i]!];
    if (!Number.isInteger(t) || t < (classes === 1 ? -1 : 0) || t >= classes)
      throw new KonsilError('DATA_INVALID', `the label map of image ${image} has a label that is no class`);
    if (p >= 0) predicted[p]! += 1;
    if (t >= 0) truth[t]! += 1;
    if (p === t && p >= 0) both[p]! += 1;
  }
  const scored: { dice: number; iou: number }[] = [];
  for (let c = 0; c < classes; c++) {
    const [size, common] = [predicted[c]! + truth[c]!, both[c]!];
    const [dice, iou] = size > 0 ? [(2 * common) / size, common / (size - common)] : [0, 0];
    if (size > 0 && foreground(classes).includes(c)) scored.push({ dice, iou });
    counts[`${c}.images`] = Uint32Array.of(Number(size > 0));
    const named = { intersection: common, predicted: predicted[c]!, true: truth[c]!, ...squared(dice, iou) };
    for (const [name, value] of Object.entries(named)) sums[`${c}.${name}`] = [value];
  }
  const mean = (key: 'dice' | 'iou'): number =>
    scored.length === 0 ? 0 : scored.reduce((sum, score) => sum + score[key], 0) / scored.length;
  for (const [name, value] of Object.entries(squared(mean('dice'), mean('iou')))) sums[name] = [value];
  counts['images'] = Uint32Array.of(1);
  counts['imagesScored'] = Uint32Array.of(Number(scored.length > 0));
  return statisticsOf(blocksOf('segmentation', classes), { counts, sums });
}

const squared = (dice: number, iou: number): Record<string, number> => ({
  ...{ dice, diceSquares: dice * dice, iou, iouSquares: iou * iou },
});

/** @returns labels; for one class 1 where it is called, else 0. */
function labelMap(prediction: Numbers, pixels: number, classes: number): Numbers {
  if (classes === 1) {
    if (prediction.length !== pixels) throw new RangeError(`expected ${pixels} pixels, got ${prediction.length}`);
    return Uint8Array.from(prediction, (p) => Number(p >= 0.5));
  }
  if (prediction.length === pixels) {
    for (let i = 0; i < pixels; i++)
      if (!Number.isInteger(prediction[i]) || prediction[i]! < 0 || prediction[i]! >= classes)
        throw new RangeError(`predicted labels need integers in [0, ${classes}), pixel ${i} has another`);
    return prediction;
  }
  if (prediction.length !== classes * pixels)
    throw new RangeError(`expected ${pixels} labels or ${classes * pixels} probabilities, got ${prediction.length}`);
  const ofPixel = new Float64Array(classes);
  return Int32Array.from({ length: pixels }, (_, i) => {
    for (let c = 0; c < classes; c++) ofPixel[c] = prediction[c * pixels + i]!;
    return argmax(ofPixel, 0, classes);
  });
}

/** Figures of summed images. */
export function segmentationFigures({ counts, sums }: Parts, classes: readonly string[]): GroupEvaluation {
  const count = (name: string): number => counts[name]![0]!;
  const sum = (name: string): number => sums[name]![0]!;
  const perClass = classes.map((name, c): readonly [string, Readonly<Record<string, Estimate>>] => {
    const [common, size] = [sum(`${c}.intersection`), sum(`${c}.predicted`) + sum(`${c}.true`)];
    const of = (key: string): number => sum(`${c}.${key}`);
    return [
      name,
      {
        IoU: estimateOf(size > 0 ? common / (size - common) : null, null, PIXELS),
        'Dice Coefficients': estimateOf(size > 0 ? (2 * common) / size : null, null, PIXELS),
        'Dice Score': meanEstimate(of('dice'), of('diceSquares'), count(`${c}.images`), [0, 1]),
        'Image IoU': meanEstimate(of('iou'), of('iouSquares'), count(`${c}.images`), [0, 1]),
      },
    ];
  });
  const means = (metric: string): Estimate => {
    const values = foreground(classes.length).map((c) => perClass[c]![1][metric]!.value);
    const known = values.filter((value) => value !== null);
    return estimateOf(known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : null, null, PIXELS);
  };
  const scored = count('imagesScored');
  return {
    rows: count('images'),
    classRows: classes.map((_, c) => count(`${c}.images`)),
    metrics: {
      IoU: means('IoU'),
      'Dice Coefficients': means('Dice Coefficients'),
      'Dice Score': meanEstimate(sum('dice'), sum('diceSquares'), scored, [0, 1]),
      'Image IoU': meanEstimate(sum('iou'), sum('iouSquares'), scored, [0, 1]),
    },
    perClass: Object.fromEntries(perClass),
  };
}

const PIXELS = { note: 'over all pixels, which depend on each other: no interval' };
