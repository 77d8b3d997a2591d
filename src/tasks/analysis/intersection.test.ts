import { describe, expect, it } from 'vitest';
import { analysisToWire, anyFromWire, fromWire, parseAnalysis, parsePodConfig, parseTask, toWire } from '../index.ts';

const question = (args: string, pods = 'a/x, b/x'): string => `pods: { identifiers: [${pods}] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: konsil.PrivateSetIntersection, arguments: { columns: [id], ${args} } }
`;

describe('PrivateSetIntersection', () => {
  it('says to pods what they keep, and whether they compare with each other', () => {
    for (const args of ['kind: row_filter, save_as: s1, among_pods: true', 'among_pods: true']) {
      const { local: _, ...task } = parseAnalysis(question(args), '/srv/question.yaml');
      expect(anyFromWire(JSON.parse(JSON.stringify(analysisToWire(task))))).toEqual(task);
    }
  });

  it.each([
    ['kind: row_filter, identifiers_file: ./l.csv', /save_as: is required with kind row_filter/],
    ['save_as: s1, identifiers_file: ./l.csv', /save_as: only with kind row_filter/],
    ['kind: row_filter, save_as: ../s1, identifiers_file: ./l.csv', /save_as: expected 1 to 60 letters/],
    ['among_pods: true, identifiers_file: ./l.csv', /identifiers_file: not with among_pods/],
    ['among_pods: true, pad_to: 8', /pad_to: not with among_pods/],
    ['among_pods: true, kind: intersection', /the modeller does not learn who two pods share/],
    ['kind: cardinality', /identifiers_file: is required/],
  ])('is refused with { %s }', (args, reason) => {
    expect(() => parseAnalysis(question(args), 'question.yaml')).toThrow(reason);
  });

  it('among pods takes two of them', () => {
    expect(() => parseAnalysis(question('among_pods: true', 'a/x'), 'question.yaml')).toThrow(/two pods are needed/);
  });
});

describe('rows_from_intersection', () => {
  const training = (more: string): string => `pods: { identifiers: [a/x, b/x, c/x] }
task:
  protocol: { name: FederatedAveraging, arguments: { epochs_between_parameter_updates: 1 } }
  algorithm: { name: FederatedModelTraining, model: { konsil_model: { model_ref: builtin:mlp }, hyperparameters: { epochs: 1 } } }
  data_structure: { assign: { target: outcome }, rows_from_intersection: trial-7${more} }
`;

  it('travels to the pods', () => {
    const { local: _, ...task } = parseTask(training(''), '/srv/task.yaml');
    expect(task.dataStructure.rowsFrom).toBe('trial-7');
    expect(fromWire(JSON.parse(JSON.stringify(toWire(task)))).dataStructure.rowsFrom).toBe('trial-7');
  });

  it('is not for filters, nor for tasks that do not train', () => {
    expect(() => parseTask(training(', filter: [{ filter_type: min-frames, value: 2 }]'), 'task.yaml')).toThrow(
      /filter: not possible together with task\.data_structure\.rows_from_intersection/,
    );
    const statistics = `pods: { identifiers: [a/x, b/x, c/x] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: FederatedStatistics }
  aggregator: { secure: true }
  data_structure: { assign: { target: outcome }, rows_from_intersection: trial-7 }
`;
    expect(() => parseAnalysis(statistics, 'task.yaml')).toThrow(/only tasks that train use the rows/);
  });
});

it('policy.intersection has cautious defaults', () => {
  const { policy } = parsePodConfig(
    `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources: [{name: x, datasource: CSVSource, datasource_args: {path: ./a.csv}}]
policy: {intersection: {columns: [id]}}
`,
    'pod.yaml',
  );
  expect(policy.intersection).toEqual({
    ...{ kinds: ['cardinality'], columns: ['id'], maximumList: 100_000, maximumLists: 10, withPods: [] },
    rowFilter: { minimumPeople: 20, keepDays: 30 },
  });
});
