import { describe, expect, it } from 'vitest';
import { convergenceChart } from './chart.ts';
import { dotPlot } from './forest.ts';
import { duration, metricValue, ranges, significant, size } from './numbers.ts';
import type { RoundResult } from './result.ts';
import { linear, niceTicks, wholeTicks } from './scale.ts';

const rounds = (losses: readonly (number | null)[]): RoundResult[] =>
  losses.map((trainingLoss, i) => ({
    ...{ round: i + 1, survivors: [], dropped: [], attempts: 1, trainingRows: 1, trainingLoss, validationLoss: null },
    ...{ validationRows: 0, validationAccuracy: null, clipped: 0, seconds: 1, vectorBytes: 1 },
  }));

describe('axes', () => {
  it.each([
    [0, 1],
    [0.949, 0.9931],
    [-3, 12_345],
    [1e-9, 2e-9],
    [5, 5],
    [0, 0],
  ])('ticks span %d to %d, ascending and few', (low, high) => {
    const ticks = niceTicks(low, high, 5);
    expect(ticks[0]).toBeLessThanOrEqual(low);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(high);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(8);
    expect([...new Set(ticks)].sort((a, b) => a - b)).toEqual(ticks);
  });

  it('rounds have whole-number ticks that end at the last', () => {
    for (const last of [1, 2, 7, 20, 37, 1000]) {
      const ticks = wholeTicks(last, 11);
      expect(ticks.every(Number.isInteger)).toBe(true);
      expect([ticks[0], ticks.at(-1)]).toEqual([0, last]);
      expect(ticks.length).toBeLessThanOrEqual(13);
    }
  });

  it('maps ends to ends', () => {
    const place = linear([2, 4], [100, 0]);
    expect([place(2), place(3), place(4)]).toEqual([100, 50, 0]);
  });
});

describe('the convergence chart', () => {
  it('breaks the line where a loss is unknown', () => {
    const path = /class="line training"[^>]*><path d="([^"]*)"/.exec(
      String(convergenceChart(rounds([1, null, 0.5, 0.4]))),
    )![1]!;
    expect(path.match(/M/g)).toHaveLength(2);
    expect(path.match(/L/g)).toHaveLength(1);
  });

  it('is nothing without a loss, and draws one round, a flat line, losses that diverge and very many rounds', () => {
    expect(convergenceChart(rounds([null, null]))).toBeNull();
    for (const losses of [[0.5], [2, 2, 2], [1, Number.NaN, Number.POSITIVE_INFINITY], [0], [-1, -2]])
      expect(String(convergenceChart(rounds(losses)))).not.toMatch(/NaN|Infinity/);
    const many = String(convergenceChart(rounds(Array.from({ length: 2000 }, (_, i) => 1 / (i + 1)))));
    expect(many).not.toContain('<circle');
  });
});

describe('the dot plot', () => {
  const plot = (value: number | null): string =>
    String(
      dotPlot({
        ...{ id: 'p', title: 't', metric: 'ROC AUC' },
        rows: [{ label: 'a name that is far too long for its place', dots: [{ kind: 'alone', value }], note: '' }],
      }),
    );

  it('shortens labels and draws a single value', () => {
    expect(plot(0.9)).toContain('a name that is far too lon…');
    expect(plot(0.9)).not.toContain('NaN');
  });

  it('is nothing without a value', () => expect(plot(null)).toBe('null'));
});

describe('numbers', () => {
  it('are shown as people write them', () => {
    expect([size(0), size(999), size(1000), size(2052), size(999_960), size(1.5e9)]).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '2.1 kB',
      '1.0 MB',
      '1.5 GB',
    ]);
    expect([duration(0.25), duration(59.97), duration(72), duration(7500)]).toEqual([
      '0.3 s',
      '1 min 0 s',
      '1 min 12 s',
      '2 h 5 min',
    ]);
    expect([significant(4.71e-9), significant(0), significant(-0.5), significant(null)]).toEqual([
      '4.7 × 10⁻⁹',
      '0',
      '−0.5',
      '–',
    ]);
    expect([metricValue(0.5, true), metricValue(2.6, false), metricValue(12_345.6, false)]).toEqual([
      '0.500',
      '2.600',
      '12,346',
    ]);
    expect([ranges([]), ranges([3]), ranges([1, 2, 3, 7, 9, 10])]).toEqual(['', '3', '1–3, 7, 9–10']);
  });
});
