import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Estimate, metaAnalysis, wilsonInterval } from './index.ts';

interface Case {
  readonly name: string;
  readonly y: number[];
  readonly se: number[];
  readonly expected: {
    q: number;
    qPValue: number;
    i2: number;
    'DerSimonian-Laird': number;
    REML: number;
    mean: number;
    low: number;
    high: number;
    prediction: [number, number] | null;
    weights: number[];
  };
}
const { meta } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/metrics/evaluation.json', import.meta.url), 'utf8'),
) as { meta: Case[] };

const withError = (value: number, standardError: number): Estimate => ({ value, low: null, high: null, standardError });
const sitesOf = (estimates: readonly Estimate[]) => estimates.map((estimate, i) => ({ site: `site ${i}`, estimate }));

describe('metaAnalysis', () => {
  it.each(meta)('agrees with the reference: $name', ({ y, se, expected }) => {
    const sites = sitesOf(y.map((value, i) => withError(value, se[i]!)));
    const found = metaAnalysis('Mean Error', sites)!;
    expect(found).toMatchObject({ scale: 'identity', method: 'REML', leftOut: [] });
    for (const key of ['q', 'qPValue', 'i2'] as const) expect(found[key], key).toBeCloseTo(expected[key], 9);
    expect(found.tau2).toBeCloseTo(expected.REML, 9);
    expect(metaAnalysis('Mean Error', sites, { method: 'DerSimonian-Laird' })!.tau2).toBeCloseTo(
      expected['DerSimonian-Laird'],
      9,
    );
    for (const [key, of] of [
      ['mean', 'value'],
      ['low', 'low'],
      ['high', 'high'],
    ] as const)
      expect(found.mean[of], key).toBeCloseTo(expected[key], 9);
    expect(found.mean.method).toBe(y.length > 2 ? 'Hartung-Knapp' : 'normal');
    if (expected.prediction === null) expect(found.prediction).toBeNull();
    else found.prediction!.forEach((end, i) => void expect(end).toBeCloseTo(expected.prediction![i]!, 9));
    found.sites.forEach(({ weight }, i) => void expect(weight).toBeCloseTo(expected.weights[i]!, 9));
  });

  it('works in log-odds for areas: the same site twice is that site', () => {
    const area = withError(0.9, 0.02);
    const found = metaAnalysis('ROC AUC', sitesOf([area, area]))!;
    expect(found).toMatchObject({ scale: 'logit', q: 0, qPValue: 1, i2: 0, tau2: 0, prediction: null });
    expect(found.mean.value).toBeCloseTo(0.9, 12);
    // half of the variance, on the scale of log-odds
    const half = (1.959963984540054 * 0.02) / (0.09 * Math.SQRT2);
    expect(found.mean.low).toBeCloseTo(1 / (1 + Math.exp(-(Math.log(9) - half))), 12);
    expect(found.leaveOneOut.map(({ mean }) => mean.value)).toEqual([expect.closeTo(0.9, 12), expect.closeTo(0.9, 12)]);
  });

  it('takes the error from the interval where there is no other', () => {
    const wilson = (hits: number, all: number): Estimate => {
      const [low, high] = wilsonInterval(hits, all);
      return { value: hits / all, low, high };
    };
    const found = metaAnalysis('Recall', sitesOf([wilson(80, 100), wilson(80, 100)]))!;
    expect(found.mean.value).toBeCloseTo(0.8, 12);
    const [low] = wilsonInterval(160, 200);
    expect(found.mean.low).toBeCloseTo(low, 2);
  });

  it('lets a perfect site take part with its shrunken share, and names those left out', () => {
    const [low, high] = wilsonInterval(20, 20);
    const perfect: Estimate = { value: 1, low, high };
    const found = metaAnalysis(
      'Recall',
      sitesOf([perfect, withError(0.8, 0.05), { value: null, low: null, high: null }, withError(1, 0)]),
    )!;
    expect(found.sites.map(({ site }) => site)).toEqual(['site 0', 'site 1']);
    expect(found.leftOut).toEqual([
      { site: 'site 2', reason: 'has no value' },
      { site: 'site 3', reason: 'has no error' },
    ]);
    expect(found.mean.value).toBeLessThan((low + high) / 2);
    expect(found.mean.value).toBeGreaterThan(0.8);
    expect(
      metaAnalysis(
        'Mean Absolute Error',
        sitesOf([{ value: 0, low: 0, high: 0 }, withError(1, 0.1), withError(1, 0.1)]),
      )!.leftOut,
    ).toEqual([{ site: 'site 0', reason: 'lies at the end of the scale' }]);
  });

  it('is nothing with fewer than two sites', () => {
    expect(metaAnalysis('ROC AUC', sitesOf([withError(0.8, 0.1)]))).toBeNull();
    expect(metaAnalysis('ROC AUC', [])).toBeNull();
  });
});
