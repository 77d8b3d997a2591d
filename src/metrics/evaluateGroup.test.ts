import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../base/index.ts';
import { delongVariance } from './delong.ts';
import { type Estimate, evaluateGroup, type GroupEvaluation } from './index.ts';
import { scoreGroups } from './ranking.ts';

type Expected = Readonly<Record<string, number | null>>;
interface Cases {
  readonly binary: readonly {
    name: string;
    scores: number[];
    labels: number[];
    expected: Expected;
    delongVariance: number | null;
    roc: [number[], number[]] | null;
  }[];
  readonly multiclass: readonly {
    name: string;
    probabilities: number[][];
    labels: number[];
    expected: Expected;
    perClass: Expected[];
  }[];
  readonly multilabel: readonly {
    name: string;
    probabilities: number[][];
    labels: number[][];
    expected: Expected;
    perClass: Expected[];
  }[];
  readonly segmentation: readonly {
    name: string;
    predictions: number[][];
    targets: number[][];
    classes: number;
    expected: Expected;
  }[];
  readonly survival: readonly {
    name: string;
    risk: number[];
    times: number[];
    events: number[];
    at: number[];
    survival: number[][];
    expected: Expected;
    error: number | null;
  }[];
}
const cases = JSON.parse(
  readFileSync(new URL('../../test/fixtures/metrics/evaluation.json', import.meta.url), 'utf8'),
) as Cases;

const BINARY = { kind: 'binary', classes: ['no', 'yes'] } as const;
const CLASSES = { kind: 'multiclass', classes: ['a', 'b', 'c'] } as const;
const LABELS = { kind: 'multilabel', classes: ['a', 'b', 'c'] } as const;

const expectFigures = (got: Readonly<Record<string, Estimate>>, expected: Expected): void => {
  for (const [name, value] of Object.entries(expected)) {
    if (value === null) expect(got[name]?.value, name).toBeNull();
    else expect(got[name]?.value, name).toBeCloseTo(value, 9);
  }
};

/** Intervals hold the value and there is no NaN anywhere. */
const expectSound = ({ metrics, perClass = {} }: GroupEvaluation): void => {
  for (const figures of [metrics, ...Object.values(perClass)])
    for (const [name, { value, low, high, method }] of Object.entries(figures)) {
      for (const number of [value, low, high]) expect(Number.isNaN(number), name).toBe(false);
      expect(low === null, name).toBe(high === null);
      expect(method !== undefined, name).toBe(low !== null);
      if (value === null || low === null || high === null) continue;
      expect(low, name).toBeLessThanOrEqual(value + 1e-12);
      expect(high, name).toBeGreaterThanOrEqual(value - 1e-12);
    }
};

describe('agrees with the reference', () => {
  it.each(cases.binary)('binary: $name', ({ scores, labels, expected, delongVariance: variance, roc }) => {
    const group = evaluateGroup(BINARY, scores, labels);
    expectFigures(group.metrics, expected);
    expectSound(group);
    const found = delongVariance(scoreGroups(scores, labels));
    if (variance === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(variance, 12);
    if (roc === null) return;
    const close = (values: readonly number[]): unknown => values.map((value): unknown => expect.closeTo(value, 12));
    expect(group.curves?.roc?.falsePositiveRate).toEqual(close(roc[0]));
    expect(group.curves?.roc?.sensitivity).toEqual(close(roc[1]));
  });

  it.each(cases.multiclass)('multiclass: $name', ({ probabilities, labels, expected, perClass }) => {
    const group = evaluateGroup(CLASSES, probabilities.flat(), labels);
    expectFigures(group.metrics, expected);
    expectSound(group);
    perClass.forEach((figures, c) => {
      expectFigures(group.perClass![CLASSES.classes[c]!]!, figures);
    });
  });

  it.each(cases.multilabel)('multilabel: $name', ({ probabilities, labels, expected, perClass }) => {
    const group = evaluateGroup(LABELS, probabilities.flat(), labels.flat());
    expectFigures(group.metrics, expected);
    expectSound(group);
    perClass.forEach((figures, c) => {
      expectFigures(group.perClass![LABELS.classes[c]!]!, figures);
    });
  });

  it.each(cases.segmentation)('segmentation: $name', ({ predictions, targets, classes, expected }) => {
    const problem = { kind: 'segmentation', classes: ['a', 'b', 'c'].slice(0, classes) } as const;
    const group = evaluateGroup(problem, predictions, targets);
    expectFigures(group.metrics, expected);
    expectSound(group);
    const asProbabilities = predictions.map((map) =>
      problem.classes.flatMap((_, c) => map.map((label) => Number(label === (classes === 1 ? 1 : c)))),
    );
    expect(evaluateGroup(problem, asProbabilities, targets)).toEqual(group);
  });

  it.each(cases.survival)('survival: $name', ({ risk, times, events, at, survival, expected, error }) => {
    const group = evaluateGroup(
      { kind: 'survival', classes: [] },
      { risk, survival: { times: at, probabilities: survival.flat() } },
      { times, events },
    );
    expectFigures(group.metrics, expected);
    expectSound(group);
    const found = group.metrics['Concordance Index']!.standardError;
    if (found === undefined) expect(error ?? 0).toBeCloseTo(0, 12);
    else expect(found).toBeCloseTo(error!, 9);
  });
});

describe('evaluateGroup', () => {
  const rng = seededRng(8);
  const y = Array.from({ length: 400 }, () => Number(rng() < 0.3));
  const p = y.map((label) => 1 / (1 + Math.exp(-(3 * rng() - 2 + label))));

  it('gives net benefit as counted over the rows', () => {
    const { threshold, netBenefit, treatAll } = evaluateGroup(BINARY, p, y).curves!.decision!;
    expect(threshold.length).toBeGreaterThan(15);
    threshold.forEach((t, i) => {
      const treated = y.filter((_, row) => p[row]! >= t);
      const [tp, fp] = [treated.filter(Boolean).length, treated.filter((label) => !label).length];
      expect(netBenefit[i]).toBeCloseTo((tp - (fp * t) / (1 - t)) / y.length, 12);
      const positives = y.filter(Boolean).length;
      expect(treatAll[i]).toBeCloseTo((positives - ((y.length - positives) * t) / (1 - t)) / y.length, 12);
    });
  });

  it('splits the Brier loss into its parts and what differs inside bins', () => {
    const { metrics } = evaluateGroup(BINARY, p, y);
    const bins = Array.from({ length: 10 }, (_, b) => p.map((_, i) => i).filter((i) => Math.floor(p[i]! * 10) === b));
    let inside = 0;
    for (const rows of bins.filter((bin) => bin.length > 0)) {
      const mean = (of: (row: number) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
      const [predicted, seen] = [mean((row) => p[row]!), mean((row) => y[row]!)];
      for (const row of rows) inside += (p[row]! - predicted) ** 2 - 2 * (p[row]! - predicted) * (y[row]! - seen);
    }
    const part = (name: string): number => metrics[`Brier ${name}`]!.value!;
    const sum = part('Reliability') - part('Resolution') + part('Uncertainty') + inside / y.length;
    expect(metrics['Brier Loss']!.value).toBeCloseTo(sum, 12);
  });

  it('does not depend on the order of rows', () => {
    const order = p.map((_, i) => (i * 37) % p.length);
    const shuffled = evaluateGroup(
      BINARY,
      order.map((i) => p[i]!),
      order.map((i) => y[i]!),
    );
    const { metrics, ...rest } = evaluateGroup(BINARY, p, y);
    expect({ ...shuffled.curves, calibration: null }).toEqual({ ...rest.curves, calibration: null });
    expectFigures(
      shuffled.metrics,
      Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value])),
    );
  });

  it('calls a row positive from the threshold on', () => {
    const at = (threshold: number): readonly (readonly (number | null)[])[] =>
      evaluateGroup(BINARY, [0.2, 0.3, 0.7], [0, 1, 1], { threshold }).confusion!;
    expect(at(0.3)).toEqual([
      [1, 0],
      [0, 2],
    ]);
    expect(at(0.31)).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  it('has intervals of regression that hold the truth it was drawn from', () => {
    const targets = Array.from({ length: 800 }, () => 10 * rng());
    const predictions = targets.map((target) => target + 2 * rng() - 1 + 0.5);
    const { metrics } = evaluateGroup({ kind: 'regression', classes: [] }, predictions, targets);
    // errors are uniform on [-0.5, 1.5]; R² = 1 - (1/3 + 1/4) / (100/12)
    const truth = { 'Mean Error': 0.5, 'Mean Squared Error': 7 / 12, 'Mean Absolute Error': 0.625, 'R2 Score': 0.93 };
    for (const [name, value] of Object.entries(truth)) {
      expect(metrics[name]!.low, name).toBeLessThan(value);
      expect(metrics[name]!.high, name).toBeGreaterThan(value);
    }
    expect(metrics['Root Mean Squared Error']!.standardError).toBeCloseTo(
      metrics['Mean Squared Error']!.standardError! / (2 * metrics['Root Mean Squared Error']!.value!),
      12,
    );
  });

  it('names the row of what is no prediction or no target', () => {
    const nan = () => evaluateGroup(CLASSES, [0.2, 0.3, 0.5, 1, Number.NaN, 0], [0, 1]);
    expect(nan).toThrow(
      expect.objectContaining({ code: 'TRAINING_DIVERGED', message: expect.stringMatching(/row 1$/) as string }),
    );
    expect(() => evaluateGroup(BINARY, [0.5, 1.5], [0, 1])).toThrow('row 1 has another number');
    expect(() => evaluateGroup(BINARY, [0.5, 0.5], [0, 2])).toThrow('row 1 has another');
    expect(() => evaluateGroup({ kind: 'regression', classes: [] }, [1, Number.POSITIVE_INFINITY], [1, 1])).toThrow(
      'row 1',
    );
    expect(() => evaluateGroup({ kind: 'survival', classes: [] }, { risk: [1] }, { times: [1], events: [2] })).toThrow(
      'row 0 needs a time',
    );
    expect(() => evaluateGroup({ kind: 'segmentation', classes: ['a', 'b'] }, [[0, 1]], [[0, 2]])).toThrow('image 0');
  });
});
