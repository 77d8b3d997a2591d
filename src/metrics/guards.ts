/**
 * What of a group's figures may be shown: nothing for too few rows, no count below the minimum, and no two figures whose
 * difference is such a count.
 *
 * All points of a group's curves (ROC, precision-recall, borders of calibration bins, the confusion matrix, sensitivity at
 * 95 % specificity) lie on one chain of thresholds; neighbours in the chain differ by at least the minimum in rows and in
 * rows of each class. Net benefit is rounded to what fewer than half the minimum of rows change. Areas, losses and mean
 * errors are sums over many rows and stay as they are.
 * @module
 */
import { calibrationCurve } from './calibration.ts';
import { curvesThrough, type OperatingPoint } from './curves.ts';
import { undefinedEstimate } from './estimate.ts';
import type { Curves, Estimate, GroupEvaluation, Withheld } from './groupEvaluation.ts';
import {
  accuracyRange,
  type CellRanges,
  classRanges,
  GIVES_AWAY,
  hasHidden,
  hideCells,
  meanRange,
  shareRange,
} from './hiddenCells.ts';
import { SENSITIVITY } from './oneClass.ts';

export interface Guard {
  /** Fewest rows of a group, and of a step between two points of a curve. */
  readonly minimumRows: number;
  /** Fewest rows of each class (and of each side of a label), and of each cell of a confusion matrix. */
  readonly minimumClassRows: number;
}

type Figures = Readonly<Record<string, Estimate>>;
const AVERAGED = ['Precision', 'Recall', 'F1 Score', 'Specificity'];

/**
 * `group` as it may leave, or why it may not. The reason names the rule, never how many rows there are, nor which class has
 * too few. No rows of a class is too few.
 */
export function guardGroup(group: GroupEvaluation, guard: Guard): GroupEvaluation | Withheld {
  const { minimumRows, minimumClassRows } = guard;
  if (group.rows < minimumRows) return { withheld: `fewer rows than the minimum of ${minimumRows}` };
  if (smallestClass(group) < minimumClassRows)
    return { withheld: `a class has fewer rows than the minimum of ${minimumClassRows}` };
  if (group.confusion) return guardConfusion(group, guard);
  if (isMultilabel(group)) return guardLabels(group, guard);
  return group;
}

const isMultilabel = ({ perClass, classRows, metrics }: GroupEvaluation): boolean =>
  perClass !== undefined && classRows !== undefined && 'Micro F1 Score' in metrics;

/** For labels the rows without count as well. */
function smallestClass(group: GroupEvaluation): number {
  const { rows, classRows = [rows] } = group;
  return Math.min(...classRows, ...(isMultilabel(group) ? classRows.map((count) => rows - count) : []));
}

function guardConfusion(group: GroupEvaluation, guard: Guard): GroupEvaluation {
  const { rows, classRows = [], perClass, classCurves } = group;
  const cells = hideCells(group.confusion as number[][], guard.minimumClassRows);
  const guarded = { ...group, confusion: cells.shown };
  if (!perClass) {
    const [negatives = 0, positives = 0] = classRows;
    const point = hasHidden(cells) ? null : { tp: cells.low[1]![1]!, fp: cells.low[0]![1]! };
    const shown = guardCurves(group.curves ?? {}, { negatives, positives, point }, group.metrics, guard);
    const ranges = hasHidden(cells)
      ? { ...classRanges(cells, classRows, 1), Accuracy: accuracyRange(cells, rows) }
      : {};
    return {
      ...guarded,
      metrics: { ...group.metrics, ...shown.metrics, ...ranges, ...agreement(cells) },
      curves: shown.curves,
    };
  }
  const each = Object.keys(perClass).map((name, c) => {
    const sides = { negatives: rows - classRows[c]!, positives: classRows[c]!, point: null };
    const shown = guardCurves(classCurves?.[name] ?? {}, sides, perClass[name]!, guard);
    return {
      name,
      curves: shown.curves,
      figures: { ...perClass[name]!, ...shown.metrics, ...classRanges(cells, classRows, c) },
    };
  });
  return {
    ...guarded,
    metrics: { ...group.metrics, ...averages(group.metrics, each, cells, rows), ...agreement(cells) },
    perClass: Object.fromEntries(each.map(({ name, figures }) => [name, figures])),
    // rows right in all would give the hidden ones away
    ...(group.curves && { curves: hasHidden(cells) ? {} : guardTop(group.curves, guard) }),
    ...(classCurves && { classCurves: Object.fromEntries(each.map(({ name, curves }) => [name, curves])) }),
  };
}

function averages(
  metrics: Figures,
  each: readonly { readonly figures: Figures }[],
  cells: CellRanges,
  rows: number,
): Figures {
  if (!hasHidden(cells)) return {};
  const means = AVERAGED.filter((name) => name in metrics).map((name) => [
    name,
    meanRange(each.map(({ figures }) => figures[name]!)),
  ]);
  return { ...Object.fromEntries(means), Accuracy: accuracyRange(cells, rows) };
}

/** One number each that depends on all cells. */
function agreement(cells: CellRanges): Figures {
  if (!hasHidden(cells)) return {};
  const none = undefinedEstimate(GIVES_AWAY);
  return { 'Matthews Correlation Coefficient': none, "Cohen's Kappa": none };
}

function guardLabels(group: GroupEvaluation, guard: Guard): GroupEvaluation {
  const { rows, classRows = [], perClass = {}, classCurves } = group;
  const minimum = guard.minimumClassRows;
  const each = Object.keys(perClass).map((name, c) => {
    const [positives, negatives] = [classRows[c]!, rows - classRows[c]!];
    const figures = perClass[name]!;
    const tp = Math.round(figures['Recall']!.value! * positives);
    const tn = Math.round(figures['Specificity']!.value! * negatives);
    const cells = hideCells(
      [
        [tn, negatives - tn],
        [positives - tp, tp],
      ],
      minimum,
    );
    const point = hasHidden(cells) ? null : { tp, fp: negatives - tn };
    const shown = guardCurves(classCurves?.[name] ?? {}, { negatives, positives, point }, figures, guard);
    const ranges = classRanges(cells, [negatives, positives], 1);
    return { name, cells, curves: shown.curves, figures: { ...figures, ...shown.metrics, ...ranges } };
  });
  const isHidden = each.some(({ cells }) => hasHidden(cells));
  const means = AVERAGED.map((name) => [name, meanRange(each.map(({ figures }) => figures[name]!))]);
  const micro = ['Micro Precision', 'Micro Recall', 'Micro F1 Score'];
  const hits = Math.round(group.metrics['Accuracy']!.value! * rows);
  const { low, high } = hideCells([[hits, rows - hits]], minimum);
  return {
    ...group,
    metrics: {
      ...group.metrics,
      ...(low[0]![0] !== high[0]![0] && { Accuracy: shareRange([low[0]![0]!, high[0]![0]!], rows) }),
      ...(isHidden && Object.fromEntries([...means, ...micro.map((name) => [name, undefinedEstimate(GIVES_AWAY)])])),
    },
    perClass: Object.fromEntries(each.map(({ name, figures }) => [name, figures])),
    ...(classCurves && { classCurves: Object.fromEntries(each.map(({ name, curves }) => [name, curves])) }),
  };
}

/** Rows of one class against the rest, and the point of the confusion matrix where it is shown. */
interface Sides {
  readonly negatives: number;
  readonly positives: number;
  readonly point: OperatingPoint | null;
}

/** Thresholds that may be shown together. */
class Chain {
  readonly #guard: Guard;
  points: readonly OperatingPoint[];

  constructor({ negatives, positives }: Sides, guard: Guard) {
    this.#guard = guard;
    this.points = [
      { tp: 0, fp: 0 },
      { tp: positives, fp: negatives },
    ];
  }

  /** Whether the point is, or now is, in the chain. */
  accepts(point: OperatingPoint): boolean {
    if (this.points.some(({ tp, fp }) => tp === point.tp && fp === point.fp)) return true;
    const before = this.points.findLast(({ tp, fp }) => tp <= point.tp && fp <= point.fp);
    const at = before === undefined ? 0 : this.points.indexOf(before) + 1;
    const after = this.points[at];
    if (before === undefined || after === undefined || !this.#isFar(before, point) || !this.#isFar(point, after))
      return false;
    this.points = this.points.toSpliced(at, 0, point);
    return true;
  }

  #isFar(from: OperatingPoint, to: OperatingPoint): boolean {
    const { minimumRows, minimumClassRows } = this.#guard;
    const [tp, fp] = [to.tp - from.tp, to.fp - from.fp];
    return tp >= minimumClassRows && fp >= minimumClassRows && tp + fp >= minimumRows;
  }
}

function guardCurves(
  curves: Curves,
  sides: Sides,
  metrics: Figures,
  guard: Guard,
): { readonly curves: Curves; readonly metrics: Figures } {
  const { negatives, positives, point } = sides;
  const chain = new Chain(sides, guard);
  if (point) chain.accepts(point);
  const calibration = curves.calibration && mergeCalibration(curves.calibration, chain);
  const sensitivity = metrics[SENSITIVITY];
  // the specificity reached is not known: at the least that is asked for
  const at = sensitivity?.value != null && {
    tp: Math.round(sensitivity.value * positives),
    fp: Math.floor(0.05 * negatives + 1e-9),
  };
  const isShown = !at || chain.accepts(at);
  const { falsePositiveRate = [], sensitivity: rates = [] } = curves.roc ?? {};
  const rocPoints = rates.map((rate, i) => ({
    tp: Math.round(rate * positives),
    fp: Math.round(falsePositiveRate[i]! * negatives),
  }));
  const onRoc = new Set(rocPoints.filter((candidate) => chain.accepts(candidate)).map(({ tp, fp }) => `${tp} ${fp}`));
  const drawn = chain.points.slice(1).filter(({ tp, fp }) => onRoc.has(`${tp} ${fp}`));
  // the ends alone are no curve
  const ranking = drawn.length > 1 ? curvesThrough(drawn, negatives, positives) : {};
  const { decision } = curves;
  return {
    curves: {
      ...ranking,
      ...(calibration && { calibration }),
      ...(decision && { decision: rounded(decision, guard.minimumRows / (negatives + positives)) }),
    },
    metrics: isShown ? {} : { [SENSITIVITY]: undefinedEstimate(GIVES_AWAY) },
  };
}

/** Bins whose borders are too close to what is shown already are merged with the next; from the highest down. */
function mergeCalibration(
  { predicted, observed, rows }: NonNullable<Curves['calibration']>,
  chain: Chain,
): Curves['calibration'] {
  const merged: { negative: number; positive: number; probability: number }[] = [];
  let [bin, above] = [
    { negative: 0, positive: 0, probability: 0 },
    { tp: 0, fp: 0 },
  ];
  for (let b = rows.length - 1; b >= 0; b--) {
    const positive = Math.round(observed[b]! * rows[b]!);
    const negative = rows[b]! - positive;
    above = { tp: above.tp + positive, fp: above.fp + negative };
    bin = {
      negative: bin.negative + negative,
      positive: bin.positive + positive,
      probability: bin.probability + predicted[b]! * rows[b]!,
    };
    if (!chain.accepts(above)) continue;
    merged.unshift(bin);
    bin = { negative: 0, positive: 0, probability: 0 };
  }
  return calibrationCurve({
    negative: merged.map(({ negative }) => negative),
    positive: merged.map(({ positive }) => positive),
    probability: merged.map(({ probability }) => probability),
  });
}

/** Calibration of the class that is called: rows right and wrong are its classes, with a chain of their own. */
function guardTop(curves: Curves, guard: Guard): Curves {
  const { calibration } = curves;
  if (!calibration) return curves;
  const right = calibration.rows.reduce((sum, rows, b) => sum + Math.round(rows * calibration.observed[b]!), 0);
  const all = calibration.rows.reduce((sum, rows) => sum + rows, 0);
  const chain = new Chain({ negatives: all - right, positives: right, point: null }, guard);
  const { minimumClassRows } = guard;
  if (right < minimumClassRows || all - right < minimumClassRows) return {};
  const merged = mergeCalibration(calibration, chain);
  return merged ? { calibration: merged } : {};
}

/**
 * Net benefit in steps of `share`, times the odds where these are above 1: neither true nor false positives can be told to
 * less than half the minimum.
 */
function rounded(
  { threshold, netBenefit, treatAll }: NonNullable<Curves['decision']>,
  share: number,
): NonNullable<Curves['decision']> {
  const step = threshold.map((t) => share * Math.max(1, t / (1 - t)));
  return { threshold, treatAll, netBenefit: netBenefit.map((benefit, i) => Math.round(benefit / step[i]!) * step[i]!) };
}
