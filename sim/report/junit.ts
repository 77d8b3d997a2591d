/**
 * Checks as JUnit XML, which CI systems read: a suite a variant and one for privacy tests, a case a check.
 * @module
 */
import { privacyLines } from '../privacy/report/lines.ts';
import type { Check, SimulationResult } from '../result.ts';

/** What becomes a test suite. */
interface Suite {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly wallSeconds: number;
  readonly reason: string;
  /** Whether what was found is said of checks that passed too. */
  readonly isDetailed?: boolean;
}

/** junit.xml of a simulation. */
export function renderJUnit({ scenario, variants, privacy }: SimulationResult): string {
  const all: readonly Suite[] = [
    ...variants,
    ...(privacy ? [{ ...privacy, name: 'privacy', reason: privacyLines(privacy).join('\n'), isDetailed: true }] : []),
  ];
  const failed = ({ checks }: Suite): number => checks.filter(({ passed }) => !passed).length;
  const total = (of: (suite: Suite) => number): number => all.reduce((sum, one) => sum + of(one), 0);
  const seconds = (value: number): string => value.toFixed(3);
  const suites = all.map((suite) => {
    const { name, checks, wallSeconds, reason, isDetailed } = suite;
    const cases = checks.map(({ name: check, passed, detail }) => {
      const opening = `<testcase classname="${xml(`${scenario}.${name}`)}" name="${xml(check)}" time="0"`;
      if (passed && !isDetailed) return `    ${opening}/>`;
      if (passed) return `    ${opening}><system-out>${xml(detail)}</system-out></testcase>`;
      return `    ${opening}>\n      <failure message="${xml(detail)}" type="check">${xml(`${check}: ${detail}`)}</failure>\n    </testcase>`;
    });
    const counts = `tests="${checks.length}" failures="${failed(suite)}" errors="0" skipped="0"`;
    return [
      `  <testsuite name="${xml(name)}" ${counts} time="${seconds(wallSeconds)}">`,
      ...cases,
      `    <system-out>${xml(reason)}</system-out>`,
      '  </testsuite>',
    ].join('\n');
  });
  const counts = `tests="${total(({ checks }) => checks.length)}" failures="${total(failed)}" errors="0"`;
  const time = seconds(total(({ wallSeconds }) => wallSeconds));
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${xml(scenario)}" ${counts} time="${time}">
${suites.join('\n')}
</testsuites>
`;
}

/** Text for elements and attributes; characters that XML 1.0 cannot hold are replaced. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"'\t\n\r]/g, (ch) => `&#${ch.charCodeAt(0)};`);
}
