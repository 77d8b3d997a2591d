/**
 * What must be true of attacks: those on masked views are no better than guessing, those on plain ones succeed.
 *
 * Masks are drawn anew in each run, so these checks are statistical. Each that looks at masked bytes is made at
 * {@link FALSE_ALARM}; there are fewer than a hundred, so that all of them together fail for nothing in less than one
 * run in a million. Attacks on plain updates depend on nothing but the seed.
 * @module
 */
import type { Check } from '../checks/check.ts';
import type { PrivacySettings } from '../scenario/schema.ts';
import type { AttackResult, UniformityResult } from './result.ts';
import type { Estimate } from './statistics/intervals.ts';

/** Chance that a single check fails although the masks are perfect. */
export const FALSE_ALARM = 1e-8;

/** `0.95 [0.91, 0.98]`. */
export const shownEstimate = ({ value, low, high }: Estimate): string =>
  `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;

/** p-values as people read them. */
export const shownP = (p: number): string => (p >= 0.001 ? p.toFixed(3) : p.toExponential(1));

/** One check for each attack and each test of uniformity. */
export function checkPrivacy(
  attacks: readonly AttackResult[],
  uniformity: readonly UniformityResult[],
  expected: PrivacySettings['expect'],
): Check[] {
  return [
    ...uniformity.flatMap(({ what, tests }) =>
      tests.map(
        ({ test, p, n, detectable, deviation }): Check => ({
          name: `${what}: ${test}`,
          passed: p >= FALSE_ALARM,
          detail: `p = ${shownP(p)}, n = ${n}; found with 95 % from ${detectable.toPrecision(2)} on (${deviation})`,
        }),
      ),
    ),
    ...attacks.map((attack) => checkAttack(attack, expected[attack.attack])),
  ];
}

function checkAttack(
  { attack, sight, measure, estimate, checked, chance, detectable }: AttackResult,
  limit: number,
): Check {
  const found = `${measure} ${shownEstimate(estimate)}, 95 % interval of ${estimate.n}`;
  if (isControl(sight))
    return {
      name: `${attack}, ${WHO[sight]}: succeeds`,
      passed: estimate.low >= limit,
      detail: `${found}; its lower end must be at least ${limit}`,
    };
  return {
    name: `${attack}, ${WHO[sight]}: no better than chance`,
    passed: checked.low <= chance && checked.high >= chance,
    detail: `${found}; chance is ${chance}; found with 95 % from ${detectable.toFixed(3)} on`,
  };
}

/** Views that masks say nothing about: attacks on them must succeed. */
export const isControl = (sight: AttackResult['sight']): boolean =>
  sight === 'plain' || sight === 'everybody' || sight === 'sum';

/** Who attacks, in checks, lines and tables. */
export const WHO: Readonly<Record<AttackResult['sight'], string>> = {
  coordinator: 'coordinator',
  colluding: 'coordinator with t − 1 pods',
  broker: 'broker',
  plain: 'plain update',
  everybody: 'coordinator with all other pods',
  sum: 'sum with all other updates',
};
