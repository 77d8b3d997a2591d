import { describe, expect, it } from 'vitest';
import type { SimulationResult, VariantResult } from '../result.ts';
import { renderSimulation } from './html.ts';
import { renderJUnit } from './junit.ts';
import { verdictLines } from './terminal.ts';

const HOSTILE = 'a <b> & "c" \u0000\u001b[2J';
const variant = (name: string, more: Partial<VariantResult> = {}): VariantResult => ({
  ...{ name, secure: true, status: 'complete', reason: 'all rounds done', code: null, parameters: 3 },
  ...{ parametersSha256: 'ab', roundsLost: 0, rounds: [], metrics: {}, pods: [], faults: [], phases: [] },
  ...{ seconds: 3, wallSeconds: 1.5, checks: [], passed: true },
  ...more,
});
const result = (variants: VariantResult[], scenario = 'test'): SimulationResult => ({
  ...{ format: 'konsil-simulation-v1', scenario, seed: 1, transport: 'memory', training: 'real', metric: 'Accuracy' },
  ...{ baselines: null, variants, passed: variants.every(({ passed }) => passed) },
});

describe('junit.xml', () => {
  it('has a suite a variant and a case a check, and counts what failed', () => {
    const xml = renderJUnit(
      result([
        variant('one', { checks: [{ name: 'holds', passed: true, detail: 'yes' }] }),
        variant('two', {
          passed: false,
          checks: [
            { name: 'holds', passed: true, detail: 'yes' },
            { name: 'Accuracy is at least 0.9', passed: false, detail: '0.5' },
          ],
        }),
      ]),
    );
    expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="test" tests="3" failures="1" errors="0" time="3.000">
  <testsuite name="one" tests="1" failures="0" errors="0" skipped="0" time="1.500">
    <testcase classname="test.one" name="holds" time="0"/>
    <system-out>all rounds done</system-out>
  </testsuite>
  <testsuite name="two" tests="2" failures="1" errors="0" skipped="0" time="1.500">
    <testcase classname="test.two" name="holds" time="0"/>
    <testcase classname="test.two" name="Accuracy is at least 0.9" time="0">
      <failure message="0.5" type="check">Accuracy is at least 0.9: 0.5</failure>
    </testcase>
    <system-out>all rounds done</system-out>
  </testsuite>
</testsuites>
`);
  });

  it('keeps what others wrote from being markup, and has no character that XML forbids', () => {
    const xml = renderJUnit(
      result(
        [variant(HOSTILE, { reason: HOSTILE, checks: [{ name: HOSTILE, passed: false, detail: HOSTILE }] })],
        HOSTILE,
      ),
    );
    expect(xml).not.toContain('<b>');
    expect(xml.match(/<(?!\/?(?:testsuites?|testcase|failure|system-out)\b|\?xml)/g)).toBeNull();
    expect(Array.from(xml).filter((ch) => ch < ' ' && ch !== '\n')).toEqual([]);
    expect(xml).toContain('a &#60;b&#62; &#38; &#34;c&#34;');
  });
});

describe('the report', () => {
  it('is one page that loads nothing, in which no name is markup', () => {
    const page = renderSimulation(
      result(
        [variant(HOSTILE, { checks: [{ name: HOSTILE, passed: false, detail: HOSTILE }], passed: false })],
        HOSTILE,
      ),
      [{ title: HOSTILE, rows: [['Column'], [HOSTILE]] }],
    );
    expect(page).not.toContain('<b> &');
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/(?:src|href)=/);
    expect(page).toContain('1 check of 1 did not hold');
    // the section of another's making is there
    expect(page).toContain('<th scope="col">Column</th>');
  });

  it('draws curves, faults and levels of what it has', () => {
    const round = { survivors: ['x'], dropped: [], attempts: 1, validationLoss: 1, clipped: 0, seconds: 1 };
    const at = { round: 1, phase: 'keys', target: 'site-01', fault: 'crash' };
    const page = renderSimulation({
      ...result([
        variant('one', {
          rounds: [
            { ...round, round: 1, trainingLoss: 1, validationAccuracy: 0.5 },
            { ...round, round: 2, trainingLoss: 0.5, validationAccuracy: 0.75 },
          ],
          metrics: { Accuracy: { value: 0.8, low: null, high: null } },
          faults: [
            { ...at, seconds: 1, what: 'begins' },
            { ...at, target: 'site-02', seconds: 2, what: 'missed' },
          ],
        }),
      ]),
      baselines: { pooled: { Accuracy: 0.9 }, alone: [{ name: 'site-01', metrics: { Accuracy: 0.6 } }] },
    });
    expect(page).toContain('one: 1 to 0.5.');
    expect(page).toContain('pooled 0.9');
    expect(page).toContain('alone 0.6');
    expect(page).toContain('site-01: crash from 1 s for good');
    expect(page).toContain('did not happen');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the verdict on a terminal', () => {
  it('names what failed', () => {
    const failed = variant('one', {
      passed: false,
      checks: [
        { name: 'status is complete', passed: false, detail: 'aborted: no' },
        { name: 'finite', passed: true, detail: 'holds' },
      ],
    });
    expect(verdictLines(result([failed])).slice(-2)).toEqual([
      '✗ one: status is complete: aborted: no',
      '1 of 2 checks passed',
    ]);
  });
});
