import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  evaluateBinary,
  evaluateMulticlass,
  evaluateMultilabel,
  evaluateRegression,
  type Metrics,
  rocAuc,
  sigmoid,
  softmax,
} from './index.ts';

interface Cases {
  readonly binary: { name: string; scores: number[]; labels: number[]; expected: Metrics }[];
  readonly multiclass: { name: string; probabilities: number[][]; labels: number[]; expected: Metrics }[];
  readonly multilabel: { name: string; probabilities: number[][]; labels: number[][]; expected: Metrics }[];
  readonly regression: { name: string; predictions: number[]; targets: number[]; expected: Metrics }[];
}
const cases = JSON.parse(
  readFileSync(new URL('../../test/fixtures/metrics/cases.json', import.meta.url), 'utf8'),
) as Cases;

const expectMetrics = (got: Metrics, expected: Metrics): void => {
  expect(Object.keys(got)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) {
    if (value === null) expect(got[name], name).toBeNull();
    else expect(got[name], name).toBeCloseTo(value, 12);
  }
};

describe('agrees with scikit-learn', () => {
  it.each(cases.binary)('binary: $name', ({ scores, labels, expected }) =>
    expectMetrics(evaluateBinary(scores, labels), expected),
  );
  it.each(cases.multiclass)('multiclass: $name', ({ probabilities, labels, expected }) =>
    expectMetrics(evaluateMulticlass(probabilities.flat(), labels, probabilities[0]!.length), expected),
  );
  it.each(cases.multilabel)('multilabel: $name', ({ probabilities, labels, expected }) =>
    expectMetrics(evaluateMultilabel(probabilities.flat(), labels.flat(), labels[0]!.length), expected),
  );
  it.each(cases.regression)('regression: $name', ({ predictions, targets, expected }) =>
    expectMetrics(evaluateRegression(predictions, targets), expected),
  );
});

describe('without rows', () => {
  it('everything is undefined, nothing is NaN', () => {
    for (const metrics of [
      evaluateBinary([], []),
      evaluateMulticlass([], [], 3),
      evaluateMultilabel([], [], 2),
      evaluateRegression([], []),
    ])
      expect(Object.values(metrics).every((value) => value === null)).toBe(true);
  });
});

describe('inputs that do not fit', () => {
  it('are refused', () => {
    expect(() => evaluateBinary([0.5], [1, 0])).toThrow('scores need 2 values to match the labels, got 1');
    expect(() => evaluateMulticlass([0.5, 0.5], [1, 0], 2)).toThrow(RangeError);
    expect(() => evaluateRegression([1], [])).toThrow(RangeError);
    expect(rocAuc([Number.NaN, 1], [0, 1])).toBeNull();
  });
});

describe('activations', () => {
  it('do not overflow', () => {
    expect([sigmoid(-1000), sigmoid(0), sigmoid(1000)]).toEqual([0, 0.5, 1]);
    expect([...softmax([1000, 1000, -1000, 1000], 2)]).toEqual([0.5, 0.5, 0, 1]);
  });
});
