import { describe, expect, it } from 'vitest';
import { analysisToWire, parseAnalysis, type TaskData, withoutColumns } from '../index.ts';
import { analysisFromWire } from './analysis.ts';

const task = (args: string, structure = ''): string => `pods: { identifiers: [a, b, c] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: FederatedStatistics, arguments: { ${args} } }
  aggregator: { secure: true }
  data_structure: { assign: { target: outcome }${structure} }
`;

describe('vocabularies of FederatedStatistics', () => {
  it('are left out of the other figures, here and at the other end of the wire', () => {
    const text = task(
      'vocabularies: [sex, code], minimum_sites: 3, vocabulary_salt: 9',
      ', select: { include: [age, sex] }, categories: { sex: [f, m], outcome: [0, 1] }',
    );
    const { local: _, ...analysis } = parseAnalysis(text, 'q.yaml');
    expect(analysis.algorithm).toMatchObject({
      vocabulary: { columns: ['sex', 'code'], minimumSites: 3, salt: 9 },
      dataStructure: { select: { include: ['age'] }, categories: { outcome: ['0', '1'] } },
    });
    expect(analysisFromWire(JSON.parse(JSON.stringify(analysisToWire(analysis))))).toEqual(analysis);
  });

  it('are none unless the task names some', () => {
    const { local: _, ...analysis } = parseAnalysis(task(''), 'q.yaml');
    expect(analysis.algorithm).not.toHaveProperty('vocabulary');
    expect(JSON.stringify(analysisToWire(analysis))).not.toMatch(/vocabular|minimum_sites/);
  });

  it.each([
    ['the target', 'vocabularies: [outcome]', /4:7\d .*vocabularies.0: outcome is the target/],
    ['a column twice', 'vocabularies: [sex, sex]', /vocabularies.1: sex is listed twice/],
    ['an empty list', 'vocabularies: []', /vocabularies: expected a list with at least 1/],
    ['too many', `vocabularies: [${Array.from({ length: 17 }, (_, i) => `c${i}`).join(', ')}]`, /at most 16/],
    ['one site', 'vocabularies: [sex], minimum_sites: 1', /minimum_sites: expected at least 2/],
    [
      'more sites than there are',
      'vocabularies: [sex], minimum_sites: 4',
      /minimum_sites: no value is at 4 sites; 3 pods/,
    ],
    ['a threshold of nothing', 'minimum_sites: 2', /minimum_sites: has an effect only with vocabularies/],
    ['a salt of nothing', 'vocabulary_salt: 2', /vocabulary_salt: has an effect only with vocabularies/],
    ['a salt that is none', 'vocabularies: [sex], vocabulary_salt: 65536', /at most 65535/],
  ])('refuse %s', (_what, args, message) => {
    expect(() => parseAnalysis(task(args), 'q.yaml')).toThrow(message);
  });
});

describe('withoutColumns', () => {
  const structure = (select: TaskData['select'], images?: TaskData['images']): TaskData => ({
    ...{ select, target: 'y', categories: { a: ['1', '2'] }, standardise: true, ...(images && { images }) },
    split: { splitter: 'predefined', column: 's', trainingLabel: 'a', validationLabel: 'b', testLabel: 'c' },
  });
  it.each([
    ['all columns', {}, { exclude: ['a', 'b'] }],
    ['all but some', { exclude: ['x', 'a'] }, { exclude: ['x', 'a', 'b'] }],
    ['a list', { include: ['a', 'x'] }, { include: ['x'] }],
    ['a prefix', { includePrefix: 'a' }, { includePrefix: 'a', exclude: ['a', 'b'] }],
  ] as const)('of %s', (_what, select, left) => {
    expect(withoutColumns(structure(select), ['a', 'b'])).toMatchObject({ select: left, categories: {} });
    expect(Object.keys(withoutColumns(structure(select), ['a', 'b']).select)).toEqual(Object.keys(left));
  });

  it('of images alone leaves these alone', () => {
    const images = { transforms: [], convertsGreyscale: true };
    expect(withoutColumns(structure({}, images), ['a']).select).toEqual({});
  });
});
