/**
 * Privacy tests on a terminal: a line an attack with its interval, a line a kind of bytes.
 * @module
 */
import { FALSE_ALARM, isControl, shownEstimate, shownP, WHO } from '../checks.ts';
import type { PrivacyTestResult } from '../result.ts';

/** Lines without an end of line. */
export function privacyLines({
  games,
  inversions,
  variant,
  attacks,
  uniformity,
  traffic,
}: PrivacyTestResult): string[] {
  const width = Math.max(...attacks.map(({ sight }) => WHO[sight].length), 0);
  return [
    '',
    `privacy tests, model of ${variant}: ${games} games, ${inversions} single steps; 95 % intervals`,
    ...attacks.map(
      ({ attack, sight, measure, estimate, chance, detectable }) =>
        `  ${attack.padEnd(14)}  ${WHO[sight].padEnd(width)}  ${shownEstimate(estimate)} ${measure}` +
        (isControl(sight) ? '' : `; chance ${chance}, from ${detectable.toFixed(2)} on it would have shown`),
    ),
    ...uniformity.map(({ what, vectors, bytes, tests }) => {
      const worst = tests.reduce((a, b) => (a.p <= b.p ? a : b));
      return `  uniformity: ${what}: lowest p of ${tests.length} tests ${shownP(worst.p)} (${worst.test}; ${vectors} vectors, ${bytes} bytes; limit ${FALSE_ALARM})`;
    }),
    ...(traffic
      ? [
          `  broker: ${traffic.messages} messages in the run; sizes in secure sums ${traffic.apart.length === 0 ? 'are the same for all pods' : `differ for ${traffic.apart.join(', ')}`}`,
        ]
      : []),
  ];
}
