import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../base/index.ts';
import {
  addStatistics,
  aucFromHistogram,
  aucInterval,
  evaluateBinary,
  evaluateMulticlass,
  evaluateRegression,
  f1Interval,
  meanInterval,
  pooledMetrics,
  type RowKind,
  rocAuc,
  scoreHistogram,
  sigmoid,
  siteStatistics,
  softmax,
  statisticsLayout,
  wilsonInterval,
} from './index.ts';

const logit = fc.oneof(fc.double({ min: -20, max: 20, noNaN: true }), fc.integer({ min: -3, max: 3 }));
const binaryRows = fc.array(fc.tuple(logit, fc.nat(1)), { minLength: 1, maxLength: 60 });

describe('aucFromHistogram', () => {
  it('is within its bound of the exact AUC, with few bins or many', () => {
    fc.assert(
      fc.property(binaryRows, fc.constantFrom(4, 32, 1024), (rows, bins) => {
        const [scores, labels] = [rows.map(([score]) => score), rows.map(([, label]) => label)];
        const { negative, positive } = scoreHistogram(scores, labels, bins);
        const pooled = aucFromHistogram(negative, positive);
        const exact = rocAuc(scores, labels);
        if (pooled === null || exact === null) expect([pooled, exact]).toEqual([null, null]);
        else expect(Math.abs(pooled.auc - exact)).toBeLessThanOrEqual(pooled.bound + 1e-12);
      }),
    );
  });

  it('counts every row once, also beyond the ends', () => {
    const { negative, positive } = scoreHistogram(
      [-1e9, -64.01, 63.99, 64, Number.POSITIVE_INFINITY],
      [0, 0, 1, 1, 1],
      8,
    );
    expect([[...negative], [...positive]]).toEqual([
      [2, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 3],
    ]);
    expect(() => scoreHistogram([Number.NaN], [0])).toThrow(expect.objectContaining({ code: 'TRAINING_DIVERGED' }));
  });
});

describe('pooledMetrics', () => {
  it('binary: equals the metrics of all rows in one place', () => {
    fc.assert(
      fc.property(fc.array(binaryRows, { minLength: 1, maxLength: 4 }), (sites) => {
        const summed = addStatistics(
          sites.map((rows) =>
            siteStatistics(
              'binary',
              rows.map(([z]) => z),
              rows.map(([, y]) => y),
              2,
            ),
          ),
        );
        const pooled = pooledMetrics('binary', summed);
        const rows = sites.flat();
        // the threshold in logits, as sigmoid rounds tiny negative ones to exactly 0.5
        const exact = evaluateBinary(
          rows.map(([z]) => z),
          rows.map(([, y]) => y),
          0,
        );
        for (const name of ['Accuracy', 'Precision', 'Recall', 'F1 Score'])
          expect(pooled[name]!.value).toBe(exact[name]);
        const brier = evaluateBinary(
          rows.map(([z]) => sigmoid(z)),
          rows.map(([, y]) => y),
        )['Brier Loss'];
        expect(pooled['Brier Loss']!.value).toBeCloseTo(brier!, 10);
      }),
      { numRuns: 25 }, // each run resamples F1 a thousand times
    );
  });

  it('multiclass: equals the metrics of all rows in one place', () => {
    const rng = seededRng(3);
    const [n, k] = [120, 4];
    const y = Int32Array.from({ length: n }, () => Math.floor(rng() * k));
    const z = Float32Array.from({ length: n * k }, (_, i) => 3 * rng() + (y[Math.floor(i / k)] === i % k ? 1 : 0));
    const half = n / 2;
    const pooled = pooledMetrics(
      'multiclass',
      addStatistics([
        siteStatistics('multiclass', z.slice(0, half * k), y.slice(0, half), k),
        siteStatistics('multiclass', z.slice(half * k), y.slice(half), k),
      ]),
      k,
    );
    const exact = evaluateMulticlass(softmax(z, k), y, k);
    expect(Object.keys(pooled)).toEqual(Object.keys(exact));
    for (const name of ['Accuracy', 'Precision', 'Recall', 'F1 Score'])
      expect(pooled[name]!.value).toBeCloseTo(exact[name]!, 12);
    expect(Math.abs(pooled['ROC AUC']!.value! - exact['ROC AUC']!)).toBeLessThan(0.02); // 256 bins, of about 1/7 logit
    for (const { value, low, high } of Object.values(pooled)) {
      expect(low).toBeLessThan(value!);
      expect(high).toBeGreaterThan(value!);
    }
  });

  it('regression: equals the metrics of all rows in one place', () => {
    const rng = seededRng(4);
    const y = Float32Array.from({ length: 90 }, () => 10 + rng());
    const out = y.map((target) => target + rng() - 0.5);
    const pooled = pooledMetrics(
      'regression',
      addStatistics(
        [0, 30, 60].map((from) =>
          siteStatistics('regression', out.slice(from, from + 30), y.slice(from, from + 30), 0),
        ),
      ),
    );
    const exact = evaluateRegression(out, y);
    expect(Object.keys(pooled)).toEqual(Object.keys(exact));
    for (const name of Object.keys(exact).slice(0, 4)) expect(pooled[name]!.value).toBeCloseTo(exact[name]!, 8);
    expect(pooled['Kolmogorov-Smirnov Test']).toEqual({
      value: null,
      low: null,
      high: null,
      note: 'needs the values themselves; only for one site',
    });
  });

  it('takes two outputs of a binary model as their difference', () => {
    expect(siteStatistics('binary', [0, 2, 1, -1], [1, 0], 2)).toEqual(siteStatistics('binary', [2, -2], [1, 0], 2));
  });

  it.each<[RowKind, number]>([
    ['binary', 2],
    ['multiclass', 3],
    ['multiclass', 65],
    ['multilabel', 3],
    ['survival', 0],
    ['regression', 0],
  ])('fills the public layout of %s with %i classes, also without rows, and has no NaN', (kind, classes) => {
    const layout = statisticsLayout(kind, classes);
    const none = siteStatistics(kind, [], [], classes);
    expect(none.counts).toHaveLength(layout.counts.length);
    expect(Object.keys(none.sums)).toEqual(layout.sums);
    expect(new Set(layout.counts).size).toBe(layout.counts.length);
    for (const metric of Object.values(pooledMetrics(kind, none, classes)))
      expect(metric).toMatchObject({ value: null, low: null, high: null });
  });

  it('leaves AUC undefined with one class, and says why', () => {
    expect(pooledMetrics('binary', siteStatistics('binary', [1, 2], [1, 1], 2))['ROC AUC']).toEqual({
      value: null,
      low: null,
      high: null,
      note: 'needs rows of both classes',
    });
  });

  it('refuses what does not fit', () => {
    expect(() => siteStatistics('binary', [Number.NaN], [1], 2)).toThrow(
      expect.objectContaining({ code: 'TRAINING_DIVERGED' }),
    );
    expect(() => siteStatistics('binary', [1], [2], 2)).toThrow('labels need integers in [0, 2), row 0 has another');
    expect(() => siteStatistics('multiclass', [1], [0], 3)).toThrow('outputs need 3 values to match the labels, got 1');
    expect(() => pooledMetrics('multiclass', siteStatistics('multiclass', [], [], 3), 4)).toThrow(RangeError);
    expect(() => addStatistics([])).toThrow(RangeError);
  });
});

describe('intervals', () => {
  it('match published and worked values', () => {
    const [low, high] = wilsonInterval(81, 263); // Newcombe (1998), table I, method 3
    expect([low.toFixed(4), high.toFixed(4)]).toEqual(['0.2553', '0.3662']);
    expect(wilsonInterval(0, 20)[0]).toBe(0);
    expect(wilsonInterval(0, 20)[1]).toBeCloseTo(0.1611, 4); // as above
    // each end is the area whose own Hanley–McNeil error, written out for 50 and 50 rows, just reaches 0.8
    const error = (a: number): number =>
      Math.sqrt((a * (1 - a) + 49 * (a / (2 - a) - a * a) + 49 * ((2 * a * a) / (1 + a) - a * a)) / 2500);
    const [aucLow, aucHigh] = aucInterval(0.8, 50, 50);
    expect(0.8 - aucLow).toBeCloseTo(1.96 * error(aucLow), 4);
    expect(aucHigh - 0.8).toBeCloseTo(1.96 * error(aucHigh), 4);
    const [perfectLow, perfectHigh] = aucInterval(1, 50, 50);
    expect(1 - perfectLow).toBeCloseTo(1.96 * error(perfectLow), 4);
    expect(perfectHigh).toBe(1);
    // 8 of 10: Wilson's limits 0.4902 and 0.9433 of the share, carried over
    const [f1Low, f1High] = f1Interval(8, 2)!;
    expect([f1Low.toFixed(3), f1High.toFixed(3)]).toEqual([
      ((2 * 0.4902) / 1.4902).toFixed(3),
      ((2 * 0.9433) / 1.9433).toFixed(3),
    ]);
    expect(f1Interval(20, 0)![0]).toBeLessThan(1);
    expect(f1Interval(0, 0)).toBeNull();
    expect(meanInterval(6, 14, 3)).toEqual([
      expect.closeTo(2 - 1.96 / Math.sqrt(3), 4),
      expect.closeTo(2 + 1.96 / Math.sqrt(3), 4),
    ]);
    expect(meanInterval(6, 36, 1)).toBeNull();
  });

  it('are the same each time, hold the value and stay in range', () => {
    const rng = seededRng(5);
    const y = Array.from({ length: 200 }, () => Number(rng() < 0.4));
    const statistics = siteStatistics(
      'binary',
      y.map((label) => 2 * rng() - 1 + label * 0.8),
      y,
      2,
    );
    const pooled = pooledMetrics('binary', statistics);
    expect(pooledMetrics('binary', statistics)).toEqual(pooled);
    for (const { value, low, high } of Object.values(pooled)) {
      expect(low!).toBeGreaterThanOrEqual(0);
      expect(low!).toBeLessThan(value!);
      expect(high!).toBeGreaterThan(value!);
      expect(high!).toBeLessThanOrEqual(1);
      expect(high! - low!).toBeLessThan(0.25);
    }
  });
});
