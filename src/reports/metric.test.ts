import { expect, it } from 'vitest';
import { type EvaluationKind, type EvaluationProblem, evaluateGroup } from '../metrics/index.ts';
import { lowerIsBetter, meaningOf, shownMetric } from './metric.ts';

it.each<EvaluationKind>(['binary', 'multiclass', 'multilabel', 'regression', 'segmentation', 'survival'])(
  'says what each metric of %s means',
  (kind) => {
    const problem: EvaluationProblem = {
      kind,
      classes: kind === 'regression' || kind === 'survival' ? [] : ['a', 'b'],
    };
    const empty = kind === 'survival' ? [{ risk: [] }, { times: [], events: [] }] : [[], []];
    const { metrics, perClass = {} } = evaluateGroup(problem, empty[0] as number[], empty[1] as number[]);
    const names = [metrics, ...Object.values(perClass)].flatMap(Object.keys);
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(meaningOf(name, kind), name).toMatch(/\.$/);
  },
);

it('knows which way is better, and what has a unit', () => {
  expect(['Log Loss', 'Brier Loss', 'Expected Calibration Error'].every(lowerIsBetter)).toBe(true);
  expect(['Average Precision', 'Specificity', 'Mean Error', 'Brier Resolution'].some(lowerIsBetter)).toBe(false);
  expect(meaningOf('Specificity', 'multilabel')).toContain('Averaged over the classes.');
  expect(shownMetric('Average Precision', 0.5)).not.toBe(shownMetric('Log Loss', 0.5));
});
