/**
 * Curves of each label against the rest, means without a hospital and hospitals that a mean cannot take: in the page and in the
 * tables.
 * @module
 */
import { expect, it } from 'vitest';
import { BINARY } from '../../../test/support/evaluationRecords.ts';
import { textOf, unbalanced, unnamed, wrongIds } from '../../../test/support/pageChecks.ts';
import { normal, seededRng } from '../../base/index.ts';
import { evaluateGroup, metaAnalysis, sigmoid } from '../../metrics/index.ts';
import { type EvaluationResult, evaluationTables, renderEvaluation } from './index.ts';

const CLASSES = ['cough', 'fever'];
const SITES = ['north', 'south', 'east', 'west'];

function scored(seed: number, rows: number): { readonly p: number[]; readonly y: number[] } {
  const rng = seededRng(seed, 'labels');
  const y = Array.from({ length: rows * CLASSES.length }, () => Number(rng() < 0.4));
  return { y, p: y.map((label) => sigmoid(2 * label - 1 + normal(rng))) };
}

const sites = SITES.map((site, i) => ({ site, ...scored(i, 120) }));
const found = ({ p, y }: { readonly p: number[]; readonly y: number[] }) =>
  evaluateGroup({ kind: 'multilabel', classes: CLASSES }, p, y, { resamples: 50 });
const shown = sites.map((rows) => ({ site: rows.site, found: found(rows) }));
const estimates = shown.map(({ site, found: { metrics } }, i) => ({
  site,
  // the last one gives a value without an error
  estimate: i < 3 ? metrics['ROC AUC']! : { value: 0.8, low: null, high: null },
}));
const meta = metaAnalysis('ROC AUC', estimates)!;
const RECORD: EvaluationResult = {
  ...BINARY,
  ...{ models: BINARY.models.slice(0, 1), answers: [] },
  problem: { kind: 'multilabel', target: CLASSES.join(', '), classes: CLASSES, split: 'test' },
  findings: [
    {
      ...{ model: 'resnet-18', sites: shown, subgroups: [], metaAnalyses: [meta] },
      pooled: found({ p: sites.flatMap(({ p }) => p), y: sites.flatMap(({ y }) => y) }),
    },
  ],
};
const page = renderEvaluation(RECORD);
const text = textOf(page);
const table = (name: string): string =>
  new TextDecoder().decode(evaluationTables(RECORD).find((one) => one.name === name)!.csv);

it('draws each label against the rest', () => {
  expect([...unbalanced(page), ...wrongIds(page), ...unnamed(page)]).toEqual([]);
  for (const kind of ['roc', 'precisionRecall', 'calibration', 'decision'])
    expect(page.match(new RegExp(`<svg[^>]*"class-${kind}-0-`, 'g'))).toHaveLength(CLASSES.length);
  const { sensitivity } = shown[0]!.found.classCurves!['fever']!.roc!;
  const lines = table('curves.csv').split('\r\n');
  expect(lines[0]).toBe('model,scope,site,subgroup_column,subgroup_value,class,curve,x,y,low,high,rows,treat_all');
  expect(lines.filter((line) => line.startsWith('resnet-18,site,north,,,fever,roc,'))).toHaveLength(sensitivity.length);
});

it('shows the mean without each hospital, and those it cannot take', () => {
  expect(meta.leftOut).toHaveLength(1);
  expect(page).toMatch(/<svg[^>]*"without-0/);
  for (const { site } of meta.leaveOneOut) expect(text).toContain(`without ${site}`);
  expect(text).toContain(`Not in the mean: west (${meta.leftOut[0]!.reason})`);
  const line = table('meta.csv')
    .split('\r\n')
    .filter((row) => row.includes(',west,'));
  expect(line).toEqual([expect.stringContaining(meta.leftOut[0]!.reason)]);
});

it('says from which p-value on hospitals are said to differ', () => {
  expect(text).toContain('where the p-value of Cochran’s Q is below 0.1');
});
