/**
 * What a federation needs of privacy: bounded sites, enough noise from those who are left, and an account of it.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RandomBytes, randomBytes } from '../../crypto/index.ts';
import { epsilonOf } from './accountant.ts';
import { PrivacyBudget, readEvents } from './budget.ts';
import { clipFactor, nextClip, normOf, shareBelow, splitMultiplier } from './clipping.ts';
import { INTEGER_NOISES } from './distributions.ts';
import { gaussianEpsilon } from './gaussian.ts';
import { addNoiseShare, roundUpdate } from './mechanism.ts';
import { eventOf, type NoiseOptions, planNoise, reliedOn, roundedSquare } from './sensitivity.ts';
import {
  centralMean,
  clippedUpdate,
  type PrivacySettings,
  privateLength,
  privateWords,
  quantumOf,
  readPrivateMean,
  termsOf,
} from './terms.ts';

function seededBytes(seed: number): RandomBytes {
  const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16).fill(seed), new Uint8Array(16));
  return (length) => new Uint8Array(cipher.update(new Uint8Array(length)));
}

const options: NoiseOptions = {
  ...{ noise: 'skellam', noiseMultiplier: 1, dimension: 20_000 },
  ...{ cohort: 10, survivors: 8, colluding: 2, limit: 0x7fffffff },
};

describe('a rounded update', () => {
  it('is never longer than its bound, and unbiased', () => {
    const narrow = { ...options, dimension: 40, limit: 500 };
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 40, maxLength: 40 }),
        fc.integer({ min: 0, max: 255 }),
        (values, seed) => {
          const plan = planNoise(narrow);
          const { words, norm } = roundUpdate(Float64Array.from(values), 2, plan, seededBytes(seed));
          expect(words.reduce((sum, w) => sum + w * w, 0)).toBeLessThanOrEqual(plan.maxSquare);
          expect(norm).toBeCloseTo(Math.hypot(...values), 6);
          for (const [i, word] of words.entries())
            expect(Math.abs(word - values[i]! * clipFactor(norm, 2) * (plan.levels / 2))).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 50, seed: 5 },
    );
    const plan = planNoise({ ...options, dimension: 2 });
    const bytes = seededBytes(1);
    const draws = 4_000;
    let mean = 0;
    for (let i = 0; i < draws; i++) mean += roundUpdate(Float64Array.of(0.3, -0.1), 1, plan, bytes).words[0]! / draws;
    expect(Math.abs(mean - 0.3 * plan.levels)).toBeLessThan((5 * 0.5) / Math.sqrt(draws));
  });

  it('is refused with a number that is not finite', () => {
    const plan = planNoise({ ...options, dimension: 3 });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => roundUpdate(Float64Array.of(0, 1, bad), 1, plan, randomBytes)).toThrow('not finite at index 2');
    expect(() => roundUpdate(Float64Array.of(1), 1, plan, randomBytes)).toThrow('3 coordinates');
  });

  it('has the bound of Kairouz et al.: 1.006 of the clip norm at 2^24 coordinates and 20 bits', () => {
    expect(Math.sqrt(roundedSquare(26_214, 2 ** 24)) / 26_214).toBeCloseTo(1.003_1, 3);
    // few coordinates: the triangle inequality is better
    expect(roundedSquare(1, 1)).toBe(2);
    expect(roundedSquare(10, 1)).toBe(110);
  });
});

describe.each(INTEGER_NOISES)('the noise of a sum (%s)', (noise) => {
  it('is at least what is wanted when as many drop and collude as declared', () => {
    const plan = planNoise({ ...options, noise });
    expect(reliedOn(plan)).toBe(6);
    const sumOf = (pods: number, seed: number): Int32Array => {
      const sum = new Int32Array(plan.dimension);
      for (let pod = 0; pod < pods; pod++) addNoiseShare(sum, plan, seededBytes(seed + pod));
      return sum;
    };
    const variance = (sum: Int32Array): number => sum.reduce((total, w) => total + w * w, 0) / sum.length;
    const wanted = (plan.noiseMultiplier * plan.l2) ** 2;
    // five standard errors √(2/d) of an estimated variance
    const slack = 1 - 5 * Math.sqrt(2 / plan.dimension);
    const [relied, everyone] = [variance(sumOf(6, 1)), variance(sumOf(10, 20))];
    expect(relied).toBeGreaterThan(wanted * slack);
    expect(relied).toBeLessThan(wanted / slack);
    expect(everyone / wanted).toBeGreaterThan((10 / 6) * slack);
    expect(everyone / wanted).toBeLessThan(10 / 6 / slack);
  });

  it('is new in every round', () => {
    const plan = planNoise({ ...options, noise, dimension: 100 });
    const round = (): Int32Array => {
      const words = new Int32Array(100);
      addNoiseShare(words, plan, randomBytes);
      return words;
    };
    const [a, b] = [round(), round()];
    expect(a.filter((word, i) => word === b[i]).length).toBeLessThan(5);
  });

  it('leaves the mean where it was, off by its own deviation', () => {
    const plan = planNoise({ ...options, noise, dimension: 5_000 });
    const [clip, pods] = [0.5, 10];
    const update = Float64Array.from({ length: plan.dimension }, (_, i) => Math.sin(i) / 200);
    const sum = new Int32Array(plan.dimension);
    for (let pod = 0; pod < pods; pod++) {
      const { words } = roundUpdate(update, clip, plan, seededBytes(pod));
      addNoiseShare(words, plan, seededBytes(100 + pod));
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + words[i]!;
    }
    expect(sum.every((word) => Math.abs(word) <= plan.sumBound)).toBe(true);
    const mean = Float64Array.from(sum, (word) => (word * clip) / plan.levels / pods);
    const shrunk = clipFactor(normOf(update), clip);
    const errors = mean.map((value, i) => value - update[i]! * shrunk);
    const deviation = Math.sqrt(errors.reduce((total, e) => total + e * e, 0) / errors.length);
    // z·C/m, times √(10/6) since all ten came
    const expected = ((1 * clip) / pods) * Math.sqrt(10 / 6) * (plan.l2 / plan.levels);
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(5 / Math.sqrt(2 * plan.dimension));
  });

  it('costs little more than continuous noise of the same multiplier', () => {
    const plan = planNoise({ ...options, noise, dimension: 1_000_000, noiseMultiplier: 5 });
    const epsilon = epsilonOf([{ event: eventOf(plan), count: 100 }], 1e-6);
    const exact = gaussianEpsilon(0.5, 1e-6);
    expect(epsilon).toBeGreaterThan(exact);
    expect(epsilon).toBeLessThan(1.08 * exact); // Rényi bounds instead of the exact curve
  });
});

describe('a noise plan', () => {
  it('fits its words, whatever is asked, or says that it cannot', () => {
    fc.assert(
      fc.property(
        fc.record({
          noise: fc.constantFrom(...INTEGER_NOISES),
          noiseMultiplier: fc.double({ min: 0.01, max: 100, noNaN: true }),
          dimension: fc.integer({ min: 1, max: 1e8 }),
          cohort: fc.integer({ min: 1, max: 1_000 }),
          survivors: fc.integer({ min: 1, max: 1_000 }),
          colluding: fc.integer({ min: 0, max: 300 }),
          limit: fc.constantFrom(127, 32_767, 0x7fffff, 0x7fffffff),
        }),
        (asked) => {
          let plan: ReturnType<typeof planNoise>;
          try {
            plan = planNoise(asked);
          } catch (error) {
            expect(String(error)).toMatch(/too narrow|relied on/);
            return;
          }
          expect(plan.sumBound).toBeLessThanOrEqual(asked.limit);
          expect(plan.levels).toBeGreaterThanOrEqual(1);
          const relied = plan.shareVariance * (asked.survivors - asked.colluding);
          expect(Math.sqrt(relied)).toBeGreaterThanOrEqual(asked.noiseMultiplier * plan.l2 * (1 - 1e-12));
        },
      ),
      { numRuns: 300, seed: 2 },
    );
  });
});

describe('adaptive clipping', () => {
  it('splits a budget without making more of it', () => {
    const { update, indicator } = splitMultiplier(1.3, 0.1);
    expect(update ** -2 + indicator ** -2).toBeCloseTo(1.3 ** -2, 12);
  });

  it('finds the median norm', () => {
    const norms = Array.from({ length: 21 }, (_, i) => 0.2 + 0.1 * i);
    let clip = 0.01;
    for (let round = 0; round < 100; round++) {
      const sum = norms.reduce((total, norm) => total + (norm <= clip ? 1 : -1) * 1_024, 0);
      clip = nextClip(clip, shareBelow(sum, norms.length, 1_024), { quantile: 0.5, rate: 0.2, budgetShare: 0.1 });
    }
    expect(Math.abs(clip - 1.2)).toBeLessThan(0.15);
    expect(shareBelow(1e9, 3, 1)).toBe(1);
    expect(shareBelow(-1e9, 3, 1)).toBe(0);
  });
});

describe('a task’s terms', () => {
  const settings: PrivacySettings = {
    ...{ mechanism: 'skellam', noiseMultiplier: 0.5, clipNorm: 1, delta: 1e-6 },
  };
  const sum = { cohort: 12, survivors: 9, colluding: 1, dimension: 300, limit: 0x7fffffff };
  const adaptiveClip = { quantile: 0.5, rate: 0.2, budgetShare: 0.1 };

  it('count who may be missing and who may talk', () => {
    expect(reliedOn(termsOf(settings, sum).update)).toBe(8);
    expect(reliedOn(termsOf({ ...settings, mechanism: 'gaussian' }, sum).update)).toBe(1);
    expect(() => termsOf(settings, { ...sum, colluding: 9 })).toThrow('relied on');
  });

  it('cost about the same with an adaptive clip', () => {
    const [fixed, adaptive] = [settings, { ...settings, adaptiveClip }].map((each) =>
      new PrivacyBudget({ epsilon: 100, delta: 1e-6 }).spentAfter(termsOf(each, sum).events, 10),
    );
    expect(adaptive! / fixed! - 1).toBeLessThan(0.01);
  });

  it.each(['skellam', 'gaussian'] as const)('give the mean, and the share of short updates (%s)', (mechanism) => {
    const terms = termsOf({ ...settings, mechanism, adaptiveClip, noiseMultiplier: 0.05 }, sum);
    const updates = Array.from({ length: 12 }, (_, pod) =>
      Float32Array.from({ length: 300 }, (_, i) => (Math.cos(i) * (pod < 3 ? 4 : 0.2)) / Math.sqrt(150)),
    );
    let raw: Float64Array;
    if (mechanism === 'gaussian') {
      const sent = updates.map((update) => clippedUpdate(update, 1));
      raw = centralMean(sent, 1, terms, seededBytes(1));
    } else {
      const words = updates.map((update, pod) => privateWords(update, 1, terms, seededBytes(pod)));
      const total = Float64Array.from({ length: privateLength(terms) }, (_, i) => words.reduce((s, w) => s + w[i]!, 0));
      raw = total.map((word) => (word * quantumOf(terms, 1)) / 12);
    }
    const found = readPrivateMean(raw, 12, 1, terms);
    // three of length 4 cut to 1, nine of length 0.2: (3 + 1.8)/12 of the direction
    const length = normOf(found.mean);
    expect(Math.abs(length - 0.4)).toBeLessThan(0.15);
    expect(Math.abs(found.below! - 0.75)).toBeLessThan(0.1);
    expect(found.mean).toHaveLength(300);
  });

  it('hold for a pod that did not clip', () => {
    const terms = termsOf({ ...settings, mechanism: 'gaussian', noiseMultiplier: 1e-3 }, sum);
    const mean = centralMean([new Float32Array(300).fill(1e6)], 1, terms, seededBytes(4));
    expect(normOf(mean)).toBeLessThan(1.1);
  });
});

describe('a budget', () => {
  const event = { kind: 'gaussian', noiseMultiplier: 2 } as const;

  it('counts, survives a restart, and says what still fits', () => {
    const budget = new PrivacyBudget({ epsilon: 8, delta: 1e-6 });
    expect(budget.spent()).toBe(0);
    for (let round = 1; round <= 3; round++)
      expect(budget.charge([event])).toBeCloseTo(gaussianEpsilon(2 / Math.sqrt(round), 1e-6), 9);
    const again = new PrivacyBudget(budget.limit, readEvents(JSON.parse(JSON.stringify(budget.events))));
    expect(again.spent()).toBe(budget.spent());
    expect(again.events).toEqual([{ event, count: 3 }]);
    const left = again.remaining([event], 1_000);
    expect(again.allows([event], left)).toBe(true);
    expect(again.allows([event], left + 1)).toBe(false);
    expect(gaussianEpsilon(2 / Math.sqrt(3 + left), 1e-6)).toBeLessThanOrEqual(8);
  });

  it('adds different releases up, in any order', () => {
    const other = { kind: 'skellam', variance: 1e6, l2: 300, dimension: 100 } as const;
    const [a, b] = [
      [event, other],
      [other, event],
    ].map((events) => {
      const budget = new PrivacyBudget({ epsilon: 10, delta: 1e-5 });
      for (const each of events) budget.charge([each]);
      return budget.spent();
    });
    expect(a).toBeCloseTo(b!, 12);
    expect(a).toBeGreaterThan(epsilonOf([{ event, count: 1 }], 1e-5));
  });

  it('does not take a broken record for an empty one', () => {
    for (const broken of [
      null,
      {},
      [{}],
      [{ event, count: 0 }],
      [{ event: { kind: 'magic' }, count: 1 }],
      [{ event: { kind: 'gaussian' }, count: 1 }],
      [{ event: { kind: 'sampled_gaussian', noiseMultiplier: 1, rate: 2 }, count: 1 }],
    ])
      expect(() => readEvents(broken)).toThrow('privacy event');
    expect(() => new PrivacyBudget({ epsilon: 0, delta: 0.1 })).toThrow('epsilon');
    expect(() => new PrivacyBudget({ epsilon: 1, delta: 1 })).toThrow('delta');
  });
});
