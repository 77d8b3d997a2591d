/**
 * ε against published numbers, exact formulas and multi-precision integrals.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { epsilonOf, pldEpsilon } from './accountant.ts';
import { composeLosses } from './compose.ts';
import { distributionOf } from './distributions.ts';
import type { CountedEvent, PrivacyEvent } from './events.ts';
import { fft } from './fft.ts';
import { composedMultiplier, gaussianDelta, gaussianEpsilon } from './gaussian.ts';
import { discreteLoss, lossDelta, lossEpsilon, sampledGaussianLoss } from './pld.ts';
import { gaussianRdp, RDP_ORDERS, rdpEpsilon, rdpOf, sampledGaussianRdp } from './rdp.ts';
import { roundedSquare } from './sensitivity.ts';
import { normalAbove } from './special.ts';

const gaussian = (noiseMultiplier: number) => ({ kind: 'gaussian', noiseMultiplier }) as const;
const sampled = (noiseMultiplier: number, rate: number) =>
  ({ kind: 'sampled_gaussian', noiseMultiplier, rate }) as const;
const times = (event: PrivacyEvent, count: number): CountedEvent[] => [{ event, count }];

describe('the Gaussian mechanism', () => {
  it('has the normal tails of SciPy', () => {
    // scipy.stats.norm.sf, SciPy 1.17
    for (const [t, expected] of [
      [-3, 0.998_650_101_968_369_9],
      [0, 0.5],
      [1, 0.158_655_253_931_457_05],
      [2.5, 0.006_209_665_325_776_132],
      [6, 9.865_876_450_376_946e-10],
      [20, 2.753_624_118_606_155_6e-89],
    ] as const)
      expect(normalAbove(t) / expected - 1).toBeCloseTo(0, 12);
  });

  it('is exact: ε = 1, z = 1 after three releases with z = √3', () => {
    // google/differential-privacy, pld_privacy_accountant_test.py, test_gaussian_basic: δ(1) = 0.126936
    const z = composedMultiplier([Math.sqrt(3), Math.sqrt(3), Math.sqrt(3)]);
    expect(z).toBeCloseTo(1, 12);
    expect(gaussianDelta(z, 1)).toBeCloseTo(0.126_936, 5);
    expect(gaussianEpsilon(z, gaussianDelta(z, 1))).toBeCloseTo(1, 10);
  });

  it.each([
    [5, 100, 1e-6],
    [1, 1, 1e-5],
    [1, 10, 1e-5],
    [10, 1_000, 1e-8],
    [0.5, 1, 1e-10],
    [50, 1_000, 1e-9],
    [2, 30, 0.1],
  ] as const)('is what its loss distributions compose to: z = %d, %d times, δ = %d', (z, count, delta) => {
    const exact = gaussianEpsilon(z / Math.sqrt(count), delta);
    const composed = pldEpsilon([{ event: gaussian(z), count }], delta);
    expect(composed).toBeGreaterThanOrEqual(exact);
    expect(composed / exact - 1).toBeLessThan(1e-3);
    const mixed = pldEpsilon(
      [
        { event: gaussian(z * Math.SQRT2), count },
        { event: gaussian(z * Math.SQRT2 * 1.000_001), count },
      ],
      delta,
    );
    expect(mixed / exact - 1).toBeLessThan(1e-3);
    expect(rdpEpsilon(times(gaussian(z), count), delta)).toBeGreaterThanOrEqual(exact);
    expect(epsilonOf(times(gaussian(z), count), delta)).toBeCloseTo(exact, 9);
  });
});

describe('the sampled Gaussian mechanism', () => {
  it.each([
    // google/differential-privacy, rdp_privacy_accountant_test.py, test_compute_rdp_poisson_sampled_gaussian (50 steps)
    [2.5, 0.01, 5, 2.180_756_56e-3 / 50],
    [2.5, 0.01, 50, 2.384_603_75e-2 / 50],
    [2.5, 0.01, 100, 1.674_163_08e2 / 50],
    // mpmath 1.3, quadrature of the definition with 40 digits
    [2.5, 0.01, 1.5, 1.300_141_794_376_08e-5],
    [2.5, 0.01, 2.5, 2.170_836_113_836_25e-5],
    [0.1, 1e-5, 256.1, 12_793.441_943_506_2],
    [100, 0.1, 20.5, 1.025_221_459_388_12e-5],
    [100, 0.999, 256.1, 0.012_779_725_746_660_6],
    [1, 0.2, 3.7, 0.231_244_287_514_567],
    [0.7, 0.01, 9.9, 4.979_437_202_573_17],
  ] as const)('has the Rényi bound of others: z = %d, q = %d, α = %d', (z, rate, order, expected) => {
    expect(sampledGaussianRdp(z, rate, order) / expected - 1).toBeCloseTo(0, 5);
  });

  it('has the ε of Opacus', () => {
    // pytorch/opacus, accountants_test.py, test_rdp_accountant; its orders are 1.1 … 10.9, 12 … 63
    const orders = [
      ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
      ...[...Array(52).keys()].map((i) => i + 12),
    ];
    expect(rdpEpsilon(times(sampled(1.5, 0.04), 2_250), 1e-5, orders)).toBeCloseTo(7.329_111_171_43, 7);
  });

  it('has the ε of the moments accountant', () => {
    // Abadi et al. 2016, section 3.2: q = 0.01, σ = 4, T = 10000, δ = 1e-5 gives 1.26; log moments of orders up to 32, and
    // the older conversion ε(α) + log(1/δ)/(α − 1)
    const classic = Math.min(
      ...[...Array(32).keys()].map((i) => 1e4 * sampledGaussianRdp(4, 0.01, i + 2) + Math.log(1e5) / (i + 1)),
    );
    expect(classic).toBeCloseTo(1.26, 2);
    const now = epsilonOf(times(sampled(4, 0.01), 1e4), 1e-5);
    expect(now).toBeLessThan(classic);
    expect(now).toBeGreaterThan(0.75 * classic);
  });

  it('has the δ of Google’s loss distributions', () => {
    // google/differential-privacy, pld_privacy_accountant_test.py, test_poisson_subsampled_gaussian: ε = 1 ± 1e-3
    const epsilon = pldEpsilon([{ event: sampled(0.5, 0.2), count: 3 }], 0.155_94);
    expect(Math.abs(epsilon - 1)).toBeLessThan(1e-3);
  });

  it.each(['add', 'remove'] as const)(
    'has for one release the δ of direct integration, never less (%s)',
    (direction) => {
      const [z, rate] = [0.8, 0.1];
      const loss = sampledGaussianLoss(z, rate, direction, 1e-3);
      const normal = (x: number, mean: number): number =>
        Math.exp(-((x - mean) ** 2) / (2 * z * z)) / (z * Math.sqrt(2 * Math.PI));
      const mixture = (x: number): number => (1 - rate) * normal(x, 0) + rate * normal(x, 1);
      for (const epsilon of [0, 0.05, 0.5, 1.5, 3]) {
        let delta = 0;
        const step = 1e-4;
        for (let x = -8; x < 9; x += step) {
          const [p, q] = direction === 'remove' ? [mixture(x), normal(x, 0)] : [normal(x, 0), mixture(x)];
          delta += step * Math.max(0, p - Math.exp(epsilon) * q);
        }
        const bound = lossDelta(loss, epsilon);
        expect(bound).toBeGreaterThan(delta - 1e-9); // 1e-9: error of the direct sum
        expect(bound - delta).toBeLessThan(1e-6);
      }
    },
  );

  it('gives no more than without sampling, nothing at rate 0, and less noise costs more', () => {
    expect(epsilonOf(times(sampled(1, 0), 10), 1e-5)).toBe(0);
    expect(epsilonOf(times(sampled(1, 1), 10), 1e-5)).toBeCloseTo(gaussianEpsilon(1 / Math.sqrt(10), 1e-5), 2);
    const byNoise = [0.6, 1, 2, 4].map((z) => epsilonOf(times(sampled(z, 0.05), 100), 1e-5));
    expect(byNoise).toEqual(byNoise.toSorted((a, b) => b - a));
    expect(epsilonOf(times(sampled(0, 0.5), 1), 1e-5)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('noise on integers', () => {
  const WHOLE = [...[...Array(127).keys()].map((i) => i + 2), 256, 512];

  /** Scale at which a sum of 100 pods with noise z = 5 fits `bits`, 4 deviations out (Kairouz et al. 2021, section 4). */
  function eventsAt(
    bits: number,
    dimension: number,
  ): { readonly skellam: PrivacyEvent; readonly gaussian: PrivacyEvent } {
    const [pods, deviations] = [100, 4];
    const scale =
      Math.sqrt(4 ** bits - pods * deviations ** 2) / (2 * deviations * Math.sqrt(pods ** 2 / dimension + 25));
    const l2 = Math.sqrt(roundedSquare(scale, dimension));
    const variance = 25 * scale * scale;
    return {
      skellam: { kind: 'skellam', variance, l2, dimension },
      gaussian: { kind: 'discrete_gaussian', shareVariance: variance / pods, shares: pods, l2, dimension },
    };
  }

  it('costs what the research table says: z = 5, 100 rounds, δ = 1e-6', () => {
    // computed there with an independent program, whole orders only
    const epsilon = (event: PrivacyEvent): number => rdpEpsilon(times(event, 100), 1e-6, WHOLE);
    expect(epsilon(gaussian(5))).toBeCloseTo(11.86, 2);
    for (const kind of ['skellam', 'gaussian'] as const) {
      expect(epsilon(eventsAt(32, 2 ** 24)[kind])).toBeCloseTo(11.86, 2);
      expect(Math.abs(epsilon(eventsAt(20, 2 ** 24)[kind]) - 11.91)).toBeLessThan(0.01);
      expect(epsilon(eventsAt(16, 2 ** 20)[kind])).toBeCloseTo(12.54, 2);
      expect(Math.abs(epsilon(eventsAt(16, 2 ** 24)[kind]) - 21.3)).toBeLessThan(0.05);
    }
  });

  it('is never cheaper than continuous noise of the same deviation', () => {
    for (const order of RDP_ORDERS) {
      const skellam = { kind: 'skellam', variance: 400, l2: 10, dimension: 50 } as const;
      const discrete = { kind: 'discrete_gaussian', shareVariance: 40, shares: 10, l2: 10, dimension: 50 } as const;
      expect(rdpOf(skellam, order)).toBeGreaterThanOrEqual(gaussianRdp(2, order));
      expect(rdpOf(discrete, order)).toBeGreaterThanOrEqual(gaussianRdp(2, order) * (1 - 1e-12));
    }
  });

  it.each(['skellam', 'discrete_gaussian'] as const)(
    'has Rényi bounds above the true ε in one dimension (%s)',
    (noise) => {
      const [variance, shift, count, delta] = [30, 3, 12, 1e-6];
      const distribution = distributionOf(noise, variance);
      const points = [...Array(161).keys()].map((i) => i - 80);
      const ratio = (y: number): number => Number(distribution.exactRatio(Math.abs(y), 400)) / 2 ** 400;
      const total = points.reduce((sum, y) => sum + ratio(y), 0);
      const losses = points.map((y) => Math.log(ratio(y) / ratio(y + shift)));
      const loss = discreteLoss(
        losses,
        points.map((y) => ratio(y) / total),
        1e-3,
      );
      const truth = lossEpsilon(composeLosses([{ loss, count }]), delta);
      const event: PrivacyEvent =
        noise === 'skellam'
          ? { kind: noise, variance, l2: shift, dimension: 1 }
          : { kind: noise, shareVariance: variance, shares: 1, l2: shift, dimension: 1 };
      const bound = rdpEpsilon(times(event, count), delta);
      expect(bound).toBeGreaterThanOrEqual(truth);
      expect(bound).toBeLessThan(1.12 * truth);
    },
  );
});

describe('loss distributions', () => {
  it('of randomised response are exact', () => {
    // P = (3/4, 1/4), Q mirrored: δ(ε) = (3 − e^ε)/4 below log 3
    const loss = discreteLoss([Math.log(3), -Math.log(3)], [0.75, 0.25], 1e-3);
    for (const epsilon of [0, 0.3, 1]) {
      const exact = (3 - Math.exp(epsilon)) / 4;
      expect(lossDelta(loss, epsilon)).toBeGreaterThanOrEqual(exact - 1e-15);
      expect(lossDelta(loss, epsilon) - exact).toBeLessThan(1e-6);
    }
    const twice = composeLosses([{ loss, count: 2 }]);
    const exact = 9 / 16 - Math.exp(0.5) / 16; // losses 2·log 3, 0, −2·log 3 with 9/16, 6/16, 1/16
    expect(lossDelta(twice, 0.5)).toBeGreaterThanOrEqual(exact - 1e-15);
    expect(lossDelta(twice, 0.5) - exact).toBeLessThan(1e-5);
  });

  it('count what can happen under one only as infinite', () => {
    const loss = discreteLoss([Number.POSITIVE_INFINITY, 0], [0.25, 0.75], 0.01);
    expect(lossEpsilon(loss, 0.3)).toBe(0);
    expect(lossEpsilon(loss, 0.2)).toBe(Number.POSITIVE_INFINITY);
    expect(lossDelta(composeLosses([{ loss, count: 2 }]), 1)).toBeGreaterThanOrEqual(1 - 0.75 ** 2);
  });

  it('are transformed there and back', () => {
    const re = Float64Array.from({ length: 64 }, (_, i) => Math.sin(i * i));
    const im = Float64Array.from({ length: 64 }, (_, i) => Math.cos(3 * i));
    const [x, y] = [re.slice(), im.slice()];
    fft(x, y, -1);
    const third = re.reduce(
      (sum, r, i) => sum + r * Math.cos((2 * Math.PI * 3 * i) / 64) + im[i]! * Math.sin((2 * Math.PI * 3 * i) / 64),
      0,
    );
    expect(x[3]).toBeCloseTo(third, 10);
    fft(x, y, 1);
    for (let i = 0; i < 64; i++)
      expect([x[i]! / 64, y[i]! / 64]).toEqual([expect.closeTo(re[i]!, 12), expect.closeTo(im[i]!, 12)]);
    expect(() => fft(new Float64Array(6), new Float64Array(6), 1)).toThrow('2^k');
  });
});
