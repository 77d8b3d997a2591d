/**
 * What a site gives of its rows: whole numbers and real sums in a layout that follows from public facts alone, so that they
 * can be added under secure aggregation.
 * @module
 */
import { argmax, logitOf, sigmoid, softmax } from './activations.ts';
import { calibrationBins } from './calibration.ts';
import { confusionMatrix } from './confusion.ts';
import { type RowKind, survivalTargets } from './evaluate.ts';
import { HISTOGRAM_BINS, scoreHistogram } from './histogram.ts';
import { checkLabels, checkLength, checkNumbers, column, type Numbers } from './inputs.ts';
import {
  blocksOf,
  CLASS_BINS,
  LOSSES,
  MAX_BINNED_CLASSES,
  type Parts,
  type SiteStatistics,
  statisticsOf,
} from './layout.ts';
import { logLossOf } from './proper.ts';
import { checkTargets, pairSums, type SurvivalTargets } from './survival.ts';

/** A label is given, and a row called positive, at or above this probability. */
const THRESHOLD = 0.5;

/**
 * What a site gives for its rows.
 * @param outputs - Raw outputs and @param y - as for `evaluate`.
 * @throws KonsilError TRAINING_DIVERGED when an output is not finite. RangeError when shapes or labels do not fit.
 */
export function siteStatistics(kind: RowKind, outputs: Numbers, y: Numbers, classes: number): SiteStatistics {
  const width = kind === 'multilabel' ? classes : kind === 'survival' ? 2 : 1;
  checkNumbers(outputs, y.length / width);
  switch (kind) {
    case 'regression':
      return regressionStatistics(outputs, y);
    case 'survival':
      return survivalStatistics(outputs, survivalTargets(y));
    case 'multilabel':
      checkLabels(y, 2);
      checkLength(outputs.length, y.length);
      return multilabelStatistics(Float64Array.from(outputs, sigmoid), y, classes, { threshold: THRESHOLD });
    case 'multiclass':
      checkLabels(y, classes);
      checkLength(outputs.length, y.length * classes);
      return multiclassStatistics(softmax(outputs, classes), outputs, y, classes);
    case 'binary': {
      checkLabels(y, 2);
      const isPair = y.length > 0 && outputs.length === 2 * y.length;
      if (!isPair) checkLength(outputs.length, y.length);
      const logits = isPair ? Float64Array.from(y, (_, i) => outputs[2 * i + 1]! - outputs[2 * i]!) : outputs;
      return binaryStatistics(Float64Array.from(logits, sigmoid), y, { logits, isPositive: (i) => logits[i]! >= 0 });
    }
  }
}

/** @param scores.logits - Where they are known better than from the probability. */
export function binaryStatistics(
  probabilities: Numbers,
  y: Numbers,
  { logits, isPositive, bins }: { logits?: Numbers; isPositive: (row: number) => boolean; bins?: number | undefined },
): SiteStatistics {
  const one = oneClassParts('', probabilities, y, bins ?? HISTOGRAM_BINS, logits);
  const confusion = decisionCounts(y, isPositive);
  return statisticsOf(blocksOf('binary', 2, bins), { counts: { confusion, ...one.counts }, sums: one.sums });
}

/** `[tn, fp, fn, tp]`, which is a confusion matrix of two classes. */
export function decisionCounts(y: Numbers, isPositive: (row: number) => boolean): Uint32Array {
  return confusionMatrix(
    y,
    Uint8Array.from(y, (_, i) => Number(isPositive(i))),
    2,
  );
}

/** Blocks of one class against the rest. @param y - Shape `[rows]`, 0 or 1. */
export function oneClassParts(
  prefix: string,
  probabilities: Numbers,
  y: Numbers,
  bins: number,
  logits?: Numbers,
): Parts {
  const scores = scoreHistogram(logits ?? Float64Array.from(probabilities, logitOf), y, bins);
  const calibration = calibrationBins(probabilities, y);
  const losses = new Float64Array(4);
  for (let i = 0; i < y.length; i++) {
    const brier = (probabilities[i]! - y[i]!) ** 2;
    addLosses(losses, brier, logLossOf(y[i] === 1 ? probabilities[i]! : 1 - probabilities[i]!));
  }
  return {
    counts: {
      [`${prefix}negative`]: scores.negative,
      [`${prefix}positive`]: scores.positive,
      [`${prefix}calibrationNegative`]: calibration.negative,
      [`${prefix}calibrationPositive`]: calibration.positive,
    },
    sums: { [`${prefix}probability`]: calibration.probability, ...lossSums(losses, prefix) },
  };
}

function addLosses(losses: Float64Array, brier: number, logLoss: number): void {
  losses[0]! += brier;
  losses[1]! += brier * brier;
  losses[2]! += logLoss;
  losses[3]! += logLoss * logLoss;
}

function lossSums(losses: Float64Array, prefix = ''): Record<string, Float64Array> {
  return Object.fromEntries(LOSSES.map((name, i) => [prefix + name, losses.subarray(i, i + 1)]));
}

/** @param calls - What the class is called by: the largest of each row. Shape `[rows, classes]`. */
export function multiclassStatistics(
  probabilities: Numbers,
  calls: Numbers,
  y: Numbers,
  classes: number,
  bins?: number,
): SiteStatistics {
  const called = Array.from(y, (_, i) => argmax(calls, i * classes, classes));
  const losses = new Float64Array(4);
  for (let i = 0; i < y.length; i++) {
    let brier = 0;
    for (let c = 0; c < classes; c++) brier += (probabilities[i * classes + c]! - Number(y[i] === c)) ** 2;
    addLosses(losses, brier, logLossOf(probabilities[i * classes + y[i]!]!));
  }
  const top = calibrationBins(
    Float64Array.from(called, (c, i) => probabilities[i * classes + c]!),
    Uint8Array.from(called, (c, i) => Number(c === y[i])),
  );
  const ones = Array.from({ length: classes <= MAX_BINNED_CLASSES ? classes : 0 }, (_, c) =>
    oneClassParts(`${c}.`, column(probabilities, classes, c), isClass(y, c), bins ?? CLASS_BINS),
  );
  return statisticsOf(blocksOf('multiclass', classes, bins), {
    counts: Object.assign(
      { confusion: confusionMatrix(y, called, classes), wrong: top.negative, right: top.positive },
      ...ones.map(({ counts }) => counts),
    ),
    sums: Object.assign({ confidence: top.probability, ...lossSums(losses) }, ...ones.map(({ sums }) => sums)),
  });
}

/** 1 for rows of class `c`. */
export function isClass(y: Numbers, c: number): Uint8Array {
  return Uint8Array.from(y, (label) => Number(label === c));
}

/** @param y - Shape `[rows, labels]`, 0 or 1. */
export function multilabelStatistics(
  probabilities: Numbers,
  y: Numbers,
  labels: number,
  { threshold, bins }: { readonly threshold: number; readonly bins?: number | undefined },
): SiteStatistics {
  const rows = y.length / labels;
  let rowsRight = 0;
  for (let row = 0; row < rows; row++) {
    let right = 1;
    for (let i = row * labels; i < (row + 1) * labels; i++)
      if (Number(probabilities[i]! >= threshold) !== y[i]) right = 0;
    rowsRight += right;
  }
  const ones = Array.from({ length: labels }, (_, c) => {
    const [scores, truth] = [column(probabilities, labels, c), column(y, labels, c)];
    const one = oneClassParts(`${c}.`, scores, truth, bins ?? CLASS_BINS);
    const confusion = decisionCounts(truth, (i) => scores[i]! >= threshold);
    return { counts: { [`${c}.confusion`]: confusion, ...one.counts }, sums: one.sums };
  });
  return statisticsOf(blocksOf('multilabel', labels, bins), {
    counts: Object.assign(
      { rows: Uint32Array.of(rows), rowsRight: Uint32Array.of(rowsRight) },
      ...ones.map(({ counts }) => counts),
    ),
    sums: Object.assign({}, ...ones.map(({ sums }) => sums)),
  });
}

export function regressionStatistics(outputs: Numbers, y: Numbers): SiteStatistics {
  checkLength(outputs.length, y.length);
  const sums = { absolute: 0, squares: 0, fourths: 0, error: 0, target: 0, targetSquares: 0 };
  for (let i = 0; i < y.length; i++) {
    const error = outputs[i]! - y[i]!;
    const square = error ** 2;
    sums.absolute += Math.abs(error);
    sums.squares += square;
    sums.fourths += square * square;
    sums.error += error;
    sums.target += y[i]!;
    sums.targetSquares += y[i]! ** 2;
  }
  return { counts: Uint32Array.of(y.length), sums };
}

/** Rows by outcome, and pairs of rows by what is known of them. @param risk - Higher is sooner. Shape `[rows]`. */
export function survivalStatistics(risk: Numbers, targets: SurvivalTargets): SiteStatistics {
  const { events } = targets;
  checkTargets(targets);
  checkLength(risk.length, events.length);
  checkNumbers(risk, events.length);
  const happened = Array.from(events).reduce((sum, event) => sum + event, 0);
  return { counts: Uint32Array.of(events.length - happened, happened), sums: pairSums(risk, targets) };
}
