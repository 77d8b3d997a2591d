/**
 * Which tasks and pod files may speak of scores of single rows.
 * @module
 */
import { expect, it } from 'vitest';
import { analysisToWire, anyFromWire, parseAnalysis, parsePodConfig } from '../index.ts';

const parse = (args: string, { aggregator = '{ secure: true }', categories = '{ y: [a, b] }' } = {}) =>
  parseAnalysis(
    `pods: { identifiers: [one/x, two/x, three/x] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: ModelEvaluation, arguments: ${args}, model: { konsil_model: { model_ref: ./m.onnx } } }
  ${aggregator && `aggregator: ${aggregator}`}
  data_structure: { select: { include: [x] }, assign: { target: y }, categories: ${categories} }
`,
    '/tasks/evaluate.yaml',
  );

it('a task that asks for them comes to the pods with it', () => {
  const { local: _, ...task } = parse('{ site_figures: true, exact: true }');
  expect(task.algorithm).toMatchObject({ siteFigures: true, exact: true });
  expect(anyFromWire(JSON.parse(JSON.stringify(analysisToWire(task))))).toEqual(task);
});

it.each<[string, Parameters<typeof parse>, RegExp]>([
  ['beside no figures of sites', ['{ exact: true }'], /expected site_figures: true beside it/],
  ['with nothing pooled', ['{ exact: true }', { aggregator: '' }], /expected task\.aggregator/],
  [
    'of several classes',
    ['{ site_figures: true, exact: true }', { categories: '{ y: [a, b, c] }' }],
    /the problem is one of several classes/,
  ],
  ['of numbers', ['{ site_figures: true, exact: true }', { categories: '{}' }], /the problem is a number/],
])('a task does not ask for them %s', (_what, given, reason) => {
  expect(() => parse(...given)).toThrow(reason);
});

const pod = (evaluation: string) =>
  parsePodConfig(
    `name: hospital-a
broker: { url: 'mqtt://127.0.0.1:1883' }
datasources: [{ name: x, datasource: CSVSource, datasource_args: { path: ./a.csv } }]
policy: { evaluation: ${evaluation} }
`,
    'pod.yaml',
  ).policy.evaluation!.exactScores;

it('a site gives none unless its file says so, and never more than of its figures', () => {
  expect(pod('{ results: site }')).toBe('refuse');
  expect(pod('{ results: site, exact_scores: allow }')).toBe('allow');
  expect(pod('{ results: summed, exact_scores: summed }')).toBe('summed');
  expect(() => pod('{ results: summed, exact_scores: allow }')).toThrow(
    /exact_scores: allow needs results: site, got summed/,
  );
  expect(() => pod('{ exact_scores: summed }')).toThrow(/summed needs results: summed or site, got pooled/);
});
