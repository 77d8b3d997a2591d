/**
 * The account of (ε, δ) releases: against randomised response, whose ε and δ are known.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { epsilonOf } from './accountant.ts';
import { PrivacyBudget, readEvents } from './budget.ts';
import { composeLosses } from './compose.ts';
import type { PrivacyEvent } from './events.ts';
import { discreteLoss, lossEpsilon } from './pld.ts';
import { pureRdp } from './rdp.ts';

const pure = (epsilon: number): PrivacyEvent => ({ kind: 'approximate', epsilon, delta: 0 });
const failure = (delta: number): PrivacyEvent => ({ kind: 'approximate', epsilon: 0, delta });
const gaussian: PrivacyEvent = { kind: 'discrete_gaussian', shareVariance: 400, shares: 1, l2: 1, dimension: 1 };
const spent = (events: readonly PrivacyEvent[], delta: number, count = 1): number =>
  epsilonOf(
    events.map((event) => ({ event, count })),
    delta,
  );

describe('a release of which ε is all that is known', () => {
  it('has the Rényi bound of randomised response', () => {
    for (const epsilon of [0.01, 0.5, 3])
      for (const order of [1.01, 2, 7.5, 500]) {
        const p = Math.exp(epsilon) / (1 + Math.exp(epsilon));
        // logarithms by hand: powers of 500 underflow
        const [a, b] = [Math.log(p), Math.log1p(-p)];
        const [x, y] = [order * a + (1 - order) * b, order * b + (1 - order) * a];
        const expected = (Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))) / (order - 1);
        expect(pureRdp(epsilon, order)).toBeCloseTo(expected, 9);
        expect(pureRdp(epsilon, order)).toBeLessThanOrEqual(epsilon);
      }
    expect(pureRdp(700, 1_024)).toBeLessThanOrEqual(700); // nothing overflows
  });

  it('adds up, and for many of them less than that, never below the truth', () => {
    expect(spent([pure(0.3), pure(0.7)], 1e-6)).toBeCloseTo(1, 12);
    const epsilon = 0.05;
    const p = Math.exp(epsilon) / (1 + Math.exp(epsilon));
    const loss = discreteLoss([epsilon, -epsilon], [p, 1 - p], 1e-3);
    const truth = lossEpsilon(composeLosses([{ loss, count: 400 }]), 1e-6);
    const bound = spent([pure(epsilon)], 1e-6, 400);
    expect(bound).toBeGreaterThanOrEqual(0.999 * truth); // the grid of the truth is pessimistic itself
    expect(bound).toBeLessThan(1.1 * truth);
    expect(bound).toBeLessThan(0.4 * 400 * epsilon);
  });

  it('adds to others', () => {
    const alone = spent([gaussian], 1e-6);
    expect(spent([gaussian, pure(0.5)], 1e-6)).toBeLessThanOrEqual(alone + 0.5);
    expect(spent([gaussian, pure(0.5)], 1e-6)).toBeGreaterThan(alone);
  });
});

describe('a chance of failure', () => {
  it('comes off the δ there is', () => {
    expect(spent([gaussian, failure(0.4e-6)], 1e-6)).toBeCloseTo(spent([gaussian], 0.6e-6), 12);
    expect(spent([pure(1), failure(1e-6)], 1e-6)).toBe(1);
    expect(spent([pure(1), failure(1.1e-6)], 1e-6)).toBe(Number.POSITIVE_INFINITY);
    expect(spent([gaussian, failure(1e-6)], 1e-6)).toBe(Number.POSITIVE_INFINITY);
    expect(spent([failure(0)], 1e-6)).toBe(0);
  });

  it('is refused by a budget whose δ it is beyond, and survives a ledger', () => {
    const budget = new PrivacyBudget({ epsilon: 10, delta: 1e-5 });
    const query = [pure(1), failure(4e-6)];
    expect(budget.allows(query, 2)).toBe(true);
    expect(budget.allows(query, 3)).toBe(false);
    expect(budget.charge(query)).toBe(1);
    const again = new PrivacyBudget(budget.limit, readEvents(JSON.parse(JSON.stringify(budget.events))));
    expect(again.allows(query)).toBe(true);
    expect(again.allows(query, 2)).toBe(false);
    expect(() => readEvents([{ event: { kind: 'approximate', epsilon: 1 }, count: 1 }])).toThrow('delta ≥ 0');
  });
});
