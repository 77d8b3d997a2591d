/**
 * Scores of rows as text, and what they say together.
 * @module
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addStatistics, evaluateGroup, groupStatistics } from '../../metrics/index.ts';
import { exactFigures, readExactScores, writeExactScores } from './exactScores.ts';

const rows = fc.array(fc.record({ p: fc.double({ min: 0, max: 1, noNaN: true }), y: fc.integer({ min: 0, max: 1 }) }), {
  maxLength: 40,
});
const textOf = (all: readonly { p: number; y: number }[]): string =>
  writeExactScores(
    all.map(({ p }) => p),
    all.map(({ y }) => y),
  );

it('reads back each score to the last digit, and says nothing of the order of rows', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const text = textOf(all);
      const { scores, labels } = readExactScores(text, 'a');
      const expected = all.toSorted((a, b) => a.p - b.p || a.y - b.y);
      expect([...scores]).toEqual(expected.map(({ p }) => p + 0));
      expect([...labels]).toEqual(expected.map(({ y }) => y));
      expect(textOf(all.toReversed())).toBe(text);
    }),
  );
});

it.each([
  ['nothing', ''],
  ['another head', 'p,label\n0.5,1\n'],
  ['no end', 'score,label\n0.5,1'],
  ['another label', 'score,label\n0.5,2\n'],
  ['no probability', 'score,label\n1.5,1\n'],
  ['a number below 0', 'score,label\n-0.5,1\n'],
  ['no number', 'score,label\nNaN,1\n'],
  ['rows that are not sorted by score', 'score,label\n0.5,1\n0.25,1\n'],
  ['rows of one score that are not sorted', 'score,label\n0.5,1\n0.5,0\n'],
  ['more columns', 'score,label\n0.5,1,7\n'],
])('takes no text with %s', (_what, text) => {
  expect(() => readExactScores(text, 'a')).toThrow(expect.objectContaining({ code: 'AGG_BAD_MESSAGE' }));
});

it('gives figures of all rows only where the sum has these rows and no other', () => {
  const problem = { kind: 'binary', classes: ['no', 'yes'] } as const;
  const sites = [
    { scores: Float64Array.of(0.1, 0.1000001, 0.4, 0.9), labels: Uint8Array.of(0, 1, 0, 1) },
    { scores: Float64Array.of(0.1, 0.35, 0.8), labels: Uint8Array.of(1, 0, 1) },
  ];
  const summed = addStatistics(sites.map(({ scores, labels }) => groupStatistics(problem, scores, labels)));
  const together = evaluateGroup(
    problem,
    sites.flatMap(({ scores }) => [...scores]),
    sites.flatMap(({ labels }) => [...labels]),
  );
  expect(exactFigures(problem.classes, summed, sites)).toEqual(together);
  expect(exactFigures(problem.classes, summed, sites.slice(1))).toBeNull();
  expect(exactFigures(problem.classes, summed, [...sites, sites[0]!])).toBeNull();
});
