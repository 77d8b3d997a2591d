/**
 * Curves of simulated rows, for records of evaluations.
 * @module
 */
import type { Curves } from '../../src/metrics/groupEvaluation.ts';
import { wilsonInterval } from '../../src/metrics/index.ts';
import type { ScoredRow } from './evaluationRecords.ts';

const CUTS = Array.from({ length: 49 }, (_, i) => 1 - (i + 1) / 50);

interface Counts {
  readonly tp: number;
  readonly fp: number;
  readonly positives: number;
  readonly negatives: number;
}

function countsAt(rows: readonly ScoredRow[], cut: number): Counts {
  const positives = rows.filter(({ y }) => y === 1).length;
  const called = rows.filter(({ p }) => p >= cut);
  const tp = called.filter(({ y }) => y === 1).length;
  return { tp, fp: called.length - tp, positives, negatives: rows.length - positives };
}

const bandOf = (intervals: readonly (readonly [number, number])[]) => ({
  low: intervals.map(([low]) => low),
  high: intervals.map(([, high]) => high),
});

export function rocCurve(rows: readonly ScoredRow[]): NonNullable<Curves['roc']> {
  const at = [2, ...CUTS, -1].map((cut) => countsAt(rows, cut));
  return {
    falsePositiveRate: at.map(({ fp, negatives }) => fp / Math.max(1, negatives)),
    sensitivity: at.map(({ tp, positives }) => tp / Math.max(1, positives)),
    band: bandOf(at.map(({ tp, positives }) => wilsonInterval(tp, Math.max(1, positives)))),
  };
}

export function precisionRecallCurve(rows: readonly ScoredRow[]): NonNullable<Curves['precisionRecall']> {
  const at = [...CUTS, -1].map((cut) => countsAt(rows, cut)).filter(({ tp, fp }) => tp + fp > 0);
  return {
    recall: at.map(({ tp, positives }) => tp / Math.max(1, positives)),
    precision: at.map(({ tp, fp }) => tp / (tp + fp)),
    band: bandOf(at.map(({ tp, fp }) => wilsonInterval(tp, tp + fp))),
  };
}

export function calibrationCurve(rows: readonly ScoredRow[]): NonNullable<Curves['calibration']> {
  const bins = Array.from({ length: 10 }, (_, i) =>
    rows.filter(({ p }) => Math.min(9, Math.floor(10 * p)) === i),
  ).filter((bin) => bin.length > 0);
  const positives = bins.map((bin) => bin.filter(({ y }) => y === 1).length);
  return {
    predicted: bins.map((bin) => bin.reduce((sum, { p }) => sum + p, 0) / bin.length),
    observed: bins.map((bin, i) => positives[i]! / bin.length),
    rows: bins.map((bin) => bin.length),
    band: bandOf(bins.map((bin, i) => wilsonInterval(positives[i]!, bin.length))),
  };
}

export function decisionCurve(rows: readonly ScoredRow[]): NonNullable<Curves['decision']> {
  const thresholds = Array.from({ length: 40 }, (_, i) => (i + 1) / 50);
  const benefit = ({ tp, fp }: Counts, t: number): number => (tp - (fp * t) / (1 - t)) / rows.length;
  const values = thresholds.map((t) => benefit(countsAt(rows, t), t));
  return {
    threshold: thresholds,
    netBenefit: values,
    treatAll: thresholds.map((t) => benefit(countsAt(rows, -1), t)),
    band: { low: values.map((v) => v - 0.02), high: values.map((v) => v + 0.02) },
  };
}
