/**
 * Metrics over all sites from sums that each site gives: whole numbers and real sums of a layout that follows from the
 * kind of the problem alone, so that they can be added under secure aggregation.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { argmax, sigmoid, softmax } from './activations.ts';
import {
  accuracyOf,
  type BinaryCounts,
  confusionMatrix,
  f1Of,
  macro,
  oneAgainstRest,
  precisionOf,
  ratio,
  recallOf,
} from './confusion.ts';
import { aucFromHistogram, HISTOGRAM_BINS, scoreHistogram } from './histogram.ts';
import {
  aucInterval,
  bootstrapInterval,
  f1Interval,
  type Interval,
  meanInterval,
  wilsonInterval,
} from './intervals.ts';
import { r2Of } from './regression.ts';

export type MetricKind = 'binary' | 'multiclass' | 'regression';

/** Sums of one site, or of several added up. */
export interface SiteStatistics {
  /** In the order of `statisticsLayout(kind, classes).counts`. */
  readonly counts: Uint32Array;
  /** The keys of `statisticsLayout(kind, classes).sums`. */
  readonly sums: Readonly<Record<string, number>>;
}

/** A pooled metric with its 95 % interval; null where undefined. */
export interface PooledMetric {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly note?: string;
}

/** Bins per class of a multiclass problem, and the most classes for which ROC AUC is pooled. */
const CLASS_BINS = 256;
const MAX_AUC_CLASSES = 64;
const SUMS = {
  binary: ['brier', 'brierSquares'],
  multiclass: [],
  regression: ['absolute', 'squares', 'fourths', 'target', 'targetSquares'],
} as const;

/** Names of the numbers a site gives. @param classes - 2 for binary; ignored for regression. */
export function statisticsLayout(
  kind: MetricKind,
  classes: number,
): { readonly counts: readonly string[]; readonly sums: readonly string[] } {
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const sums = SUMS[kind];
  if (kind === 'regression') return { counts: ['rows'], sums };
  if (kind === 'binary')
    return {
      counts: ['negative', 'positive'].flatMap((side) => range(HISTOGRAM_BINS).map((bin) => `${side}.${bin}`)),
      sums,
    };
  const matrix = range(classes).flatMap((truth) =>
    range(classes).map((predicted) => `confusion.${truth}.${predicted}`),
  );
  const bins = range(classes <= MAX_AUC_CLASSES ? classes : 0).flatMap((c) =>
    ['rest', 'class'].flatMap((side) => range(CLASS_BINS).map((bin) => `${side}.${c}.${bin}`)),
  );
  return { counts: [...matrix, ...bins], sums };
}

/**
 * What a site gives for its rows.
 * @param outputs - Logits, shape `[rows, classes]` (binary also `[rows]`), or predictions `[rows]`.
 * @param y - Shape `[rows]`: class indices, or targets.
 * @throws KonsilError TRAINING_DIVERGED when an output is not finite. RangeError when shapes or labels do not fit.
 */
export function siteStatistics(
  kind: MetricKind,
  outputs: ArrayLike<number>,
  y: ArrayLike<number>,
  classes: number,
): SiteStatistics {
  for (let i = 0; i < outputs.length; i++) {
    if (!Number.isFinite(outputs[i]))
      throw new KonsilError('TRAINING_DIVERGED', 'the model puts out what is not a finite number');
  }
  if (kind === 'regression') return regressionStatistics(outputs, y);
  const numClasses = kind === 'binary' ? 2 : classes;
  for (let i = 0; i < y.length; i++) {
    if (!Number.isInteger(y[i]) || y[i]! < 0 || y[i]! >= numClasses)
      throw new RangeError(`labels need integers in [0, ${numClasses}), row ${i} has another`);
  }
  return kind === 'binary' ? binaryStatistics(outputs, y) : multiclassStatistics(outputs, y, numClasses);
}

function checkShape(got: number, expected: number): void {
  if (got !== expected) throw new RangeError(`outputs need ${expected} values to match the labels, got ${got}`);
}

function binaryStatistics(outputs: ArrayLike<number>, y: ArrayLike<number>): SiteStatistics {
  const isPair = y.length > 0 && outputs.length === 2 * y.length;
  if (!isPair) checkShape(outputs.length, y.length);
  const logits = isPair ? Array.from(y, (_, i) => outputs[2 * i + 1]! - outputs[2 * i]!) : outputs;
  const { negative, positive } = scoreHistogram(logits, y);
  let [brier, brierSquares] = [0, 0];
  for (let i = 0; i < y.length; i++) {
    const loss = (sigmoid(logits[i]!) - y[i]!) ** 2;
    brier += loss;
    brierSquares += loss * loss;
  }
  return { counts: Uint32Array.of(...negative, ...positive), sums: { brier, brierSquares } };
}

function multiclassStatistics(outputs: ArrayLike<number>, y: ArrayLike<number>, classes: number): SiteStatistics {
  checkShape(outputs.length, y.length * classes);
  const counts = new Uint32Array(statisticsLayout('multiclass', classes).counts.length);
  counts.set(
    confusionMatrix(
      y,
      Array.from(y, (_, i) => argmax(outputs, i * classes, classes)),
      classes,
    ),
  );
  if (classes <= MAX_AUC_CLASSES) {
    const probabilities = softmax(outputs, classes);
    for (let c = 0; c < classes; c++) {
      // log-odds of the class; ±Infinity falls in an outermost bin
      const logits = Array.from(y, (_, i) =>
        Math.log(probabilities[i * classes + c]! / (1 - probabilities[i * classes + c]!)),
      );
      const { negative, positive } = scoreHistogram(
        logits,
        Uint8Array.from(y, (label) => Number(label === c)),
        CLASS_BINS,
      );
      counts.set([...negative, ...positive], classes * classes + 2 * c * CLASS_BINS);
    }
  }
  return { counts, sums: {} };
}

function regressionStatistics(outputs: ArrayLike<number>, y: ArrayLike<number>): SiteStatistics {
  checkShape(outputs.length, y.length);
  const sums = { absolute: 0, squares: 0, fourths: 0, target: 0, targetSquares: 0 };
  for (let i = 0; i < y.length; i++) {
    const square = (outputs[i]! - y[i]!) ** 2;
    sums.absolute += Math.sqrt(square);
    sums.squares += square;
    sums.fourths += square * square;
    sums.target += y[i]!;
    sums.targetSquares += y[i]! ** 2;
  }
  return { counts: Uint32Array.of(y.length), sums };
}

/** Sums over sites of one layout. @throws RangeError when layouts differ or there is none. */
export function addStatistics(sites: readonly SiteStatistics[]): SiteStatistics {
  const first = sites[0];
  if (first === undefined) throw new RangeError('expected statistics of at least one site');
  const counts = new Uint32Array(first.counts.length);
  const sums: Record<string, number> = Object.fromEntries(Object.keys(first.sums).map((key) => [key, 0]));
  for (const site of sites) {
    if (site.counts.length !== counts.length) throw new RangeError('expected statistics of one layout');
    site.counts.forEach((count, i) => {
      counts[i]! += count;
    });
    for (const key of Object.keys(sums)) sums[key]! += site.sums[key] ?? Number.NaN;
  }
  return { counts, sums };
}

/** Metrics of the summed statistics, by name. @param classes - Needed for multiclass. */
export function pooledMetrics(kind: MetricKind, summed: SiteStatistics, classes = 2): Record<string, PooledMetric> {
  const { counts, sums } = statisticsLayout(kind, classes);
  if (summed.counts.length !== counts.length)
    throw new RangeError(`expected ${counts.length} counts, got ${summed.counts.length}`);
  const lacking = sums.find((name) => summed.sums[name] === undefined);
  if (lacking !== undefined) throw new RangeError(`expected the sum ${lacking}`);
  if (kind === 'binary') return pooledBinary(summed);
  return kind === 'multiclass' ? pooledMulticlass(summed.counts, classes) : pooledRegression(summed);
}

function metricOf(value: number | null, interval: Interval | null, note?: string): PooledMetric {
  const [low, high] = value === null || interval === null ? [null, null] : interval;
  return { value, low, high, ...(note !== undefined && { note }) };
}

function shareOf(hits: number, all: number): PooledMetric {
  return metricOf(ratio(hits, all), all > 0 ? wilsonInterval(hits, all) : null);
}

function total(counts: ArrayLike<number>, from = 0, to = counts.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += counts[i]!;
  return sum;
}

const NO_AUC = 'needs rows of both classes';

function aucMetric(negative: Uint32Array, positive: Uint32Array): PooledMetric {
  const found = aucFromHistogram(negative, positive);
  if (found === null) return metricOf(null, null, NO_AUC);
  const { auc, bound } = found;
  return metricOf(
    auc,
    aucInterval(auc, total(negative), total(positive), bound),
    `from score bins, within ${bound.toPrecision(2)} of exact`,
  );
}

function pooledBinary({ counts, sums }: SiteStatistics): Record<string, PooledMetric> {
  const negative = counts.subarray(0, HISTOGRAM_BINS);
  const positive = counts.subarray(HISTOGRAM_BINS);
  // probability 0.5 is logit 0, which is the edge in the middle: the confusion counts are exact
  const middle = HISTOGRAM_BINS / 2;
  const [fp, tp] = [total(negative, middle), total(positive, middle)];
  const [tn, fn] = [total(negative, 0, middle), total(positive, 0, middle)];
  const rows = tp + fp + fn + tn;
  return {
    Accuracy: shareOf(tp + tn, rows),
    Precision: shareOf(tp, tp + fp),
    Recall: shareOf(tp, tp + fn),
    'F1 Score': metricOf(f1Of({ tp, fp, fn }), f1Interval(tp, fp + fn)),
    'ROC AUC': aucMetric(negative, positive),
    'Brier Loss': metricOf(
      ratio(sums['brier']!, rows),
      clampShare(meanInterval(sums['brier']!, sums['brierSquares']!, rows)),
    ),
  };
}

function clampShare(interval: Interval | null): Interval | null {
  return interval === null ? null : [Math.max(0, interval[0]), Math.min(1, interval[1])];
}

function pooledMulticlass(counts: Uint32Array, classes: number): Record<string, PooledMetric> {
  const matrix = counts.subarray(0, classes * classes);
  const rows = total(matrix);
  const hits = Math.round((accuracyOf(matrix, classes) ?? 0) * rows);
  const macroMetric = (metric: (counts: BinaryCounts) => number | null): PooledMetric => {
    const of = (cells: ArrayLike<number>): number | null =>
      macro(
        Array.from({ length: classes }, (_, c) => oneAgainstRest(cells, classes, c)),
        metric,
      );
    return metricOf(of(matrix), rows > 0 && classes <= MAX_AUC_CLASSES ? bootstrapInterval(matrix, of) : null);
  };
  return {
    Accuracy: shareOf(hits, rows),
    Precision: macroMetric(precisionOf),
    Recall: macroMetric(recallOf),
    'F1 Score': macroMetric(f1Of),
    'ROC AUC': pooledClassAuc(counts.subarray(classes * classes), classes),
  };
}

/** Mean over classes; the interval is the mean of theirs, which is never too narrow. */
function pooledClassAuc(bins: Uint32Array, classes: number): PooledMetric {
  if (bins.length === 0) return metricOf(null, null, `not pooled for more than ${MAX_AUC_CLASSES} classes`);
  const each = Array.from({ length: classes }, (_, c) => {
    const at = 2 * c * CLASS_BINS;
    return aucMetric(bins.subarray(at, at + CLASS_BINS), bins.subarray(at + CLASS_BINS, at + 2 * CLASS_BINS));
  });
  if (each.some(({ value }) => value === null)) return metricOf(null, null, 'needs rows of every class');
  const mean = (key: 'value' | 'low' | 'high'): number => each.reduce((sum, metric) => sum + metric[key]!, 0) / classes;
  return metricOf(mean('value'), [mean('low'), mean('high')], 'one class against the rest, from score bins');
}

function pooledRegression({ counts, sums }: SiteStatistics): Record<string, PooledMetric> {
  const rows = counts[0]!;
  const { absolute = 0, squares = 0, fourths = 0, target = 0, targetSquares = 0 } = sums;
  const mse = ratio(squares, rows);
  const mseInterval = floorZero(meanInterval(squares, fourths, rows));
  const spread = rows > 0 ? targetSquares - (target * target) / rows : 0;
  // what rounding leaves of a constant target is no spread
  const r2 = rows > 1 && spread > 1e-12 * targetSquares ? r2Of(squares, spread) : null;
  return {
    'Mean Absolute Error': metricOf(ratio(absolute, rows), floorZero(meanInterval(absolute, squares, rows))),
    'Mean Squared Error': metricOf(mse, mseInterval),
    'R2 Score': metricOf(r2, null, 'no interval from sums'),
    'Root Mean Squared Error': metricOf(
      mse === null ? null : Math.sqrt(mse),
      mseInterval && [Math.sqrt(mseInterval[0]), Math.sqrt(mseInterval[1])],
    ),
    'Kolmogorov-Smirnov Test': metricOf(null, null, 'needs the values themselves; only for one site'),
  };
}

function floorZero(interval: Interval | null): Interval | null {
  return interval === null ? null : [Math.max(0, interval[0]), interval[1]];
}
