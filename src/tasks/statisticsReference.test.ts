import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isKonsilError } from '../base/index.ts';
import { fromWire, parseAnalysis, parseTask, readTask, toWire } from './index.ts';

const column = (name: string, counts: Record<string, number>): object => ({
  ...{ name, count: 9, missing: 0 },
  categories: Object.entries(counts).map(([value, count]) => ({ value, count })),
});
const FOUND = {
  ...{ format: 'konsil-statistics-v1', run: 'r', pods: 3, rows: 60 },
  columns: [
    column('stage', { I: 5, II: 20, III: 5, IV: 0 }),
    { name: 'age', count: 60, missing: 0, mean: 50, standardDeviation: 9 },
    { name: 'rare', count: 0, missing: 0, isSuppressed: true },
  ],
  target: { ...column('outcome', { no: 40, yes: 20 }), classWeights: [0.75, 1.5] },
  channels: [
    { mean: 0.25, standardDeviation: 0.125 },
    { mean: 0.5, standardDeviation: 0.25 },
    { mean: 0.75, standardDeviation: 0.375 },
  ],
  vocabularies: [
    {
      ...{ name: 'site', collisions: 1, tooRare: 2, otherRows: 3 },
      values: [
        { value: '3', count: 7 },
        { value: 'left', count: 9 },
      ],
    },
  ],
};

const TASK = `pods: { identifiers: [a, b, c] }
task:
  protocol: { name: FederatedAveraging, arguments: { epochs_between_parameter_updates: 1 } }
  algorithm:
    name: FederatedModelTraining
    model:
      konsil_model: { model_ref: builtin:mlp }
      hyperparameters:
        epochs: 2
        loss: cross_entropy
        loss_options: { class_weights: statistics }
  data_structure:
    statistics: ./statistics.json
    assign: { target: outcome, image_cols: [scan] }
    categories:
      outcome: statistics
      stage: statistics
      site: statistics
    transform:
      image:
        - albumentations: { step: test, transformations: [Normalize: { mean: statistics, std: statistics }, ToTensorV2] }
`;
const edit = (from: string, to: string): string => {
  expect(TASK).toContain(from);
  return TASK.replace(from, to);
};
/** The movable parts of the task. */
interface Parts {
  algorithm: { model: unknown };
  data_structure: unknown;
}
const TEXT = JSON.stringify(FOUND);
const messageFor = (task: string, statistics: string | undefined): string => {
  try {
    parseTask(task, 'task.yaml', statistics);
  } catch (error) {
    if (isKonsilError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('the word statistics', () => {
  it('is what the file says: categories by their count, weights of the classes, the scale of images', () => {
    const { dataStructure, training } = parseTask(TASK, 'task.yaml', TEXT);
    expect(dataStructure.categories).toEqual({
      outcome: ['no', 'yes'],
      stage: ['II', 'I', 'III'],
      site: ['left', '3'],
    });
    expect(training).toMatchObject({ lossOptions: { classWeights: [0.75, 1.5] } });
    expect(dataStructure.images!.transforms[0]!.transformations[0]).toEqual({
      Normalize: { mean: [0.25, 0.5, 0.75], std: [0.125, 0.25, 0.375] },
    });
  });

  it('goes over the wire as plain values', () => {
    const task = parseTask(TASK, 'task.yaml', TEXT);
    const wire = JSON.stringify(toWire(task));
    expect(wire).not.toContain('statistics');
    const { local: _, ...sent } = task;
    expect(fromWire(JSON.parse(wire))).toEqual(sent);
    const words = wire.replace('["no","yes"]', '"statistics"');
    const named = wire.replace('"data_structure":{', '"data_structure":{"statistics":"./statistics.json",');
    expect(() => fromWire(JSON.parse(named))).toThrow(/data_structure.statistics: a sent task names no file/);
    expect(() => fromWire(JSON.parse(words))).toThrow(/categories.outcome: expected a list, got "statistics"/);
  });

  it('gives weights in the order in which the task has its classes', () => {
    const task = parseTask(edit('outcome: statistics', 'outcome: ["yes", "no"]'), 'task.yaml', TEXT);
    expect(task.training).toMatchObject({ lossOptions: { classWeights: [1.5, 0.75] } });
  });

  it.each([
    ['task.model', ({ algorithm: { model, ...algorithm }, ...task }: Parts) => ({ ...task, algorithm, model })],
    ['a list of algorithms', ({ algorithm, ...task }: Parts) => ({ ...task, algorithm: [algorithm] })],
    [
      'algorithm.arguments',
      ({ algorithm: { model, ...algorithm }, ...task }: Parts) => ({
        ...task,
        algorithm: { ...algorithm, arguments: { model } },
      }),
    ],
    ['datastructure', ({ data_structure: datastructure, ...task }: Parts) => ({ ...task, datastructure })],
  ])('is known in every place: %s', (_place, move) => {
    const json = parse(TASK) as { task: Parts };
    const moved = JSON.stringify({ ...json, task: move(json.task) });
    expect(parseTask(moved, 'task.yaml', TEXT).training).toMatchObject({ lossOptions: { classWeights: [0.75, 1.5] } });
  });

  const without = (path: string): string => JSON.stringify({ ...FOUND, [path]: undefined });
  const alone = TASK.replace('    statistics: ./statistics.json\n', '');
  it.each([
    [
      'a file that is not there',
      TASK,
      undefined,
      /^task.yaml:13:17 task.data_structure.statistics: cannot read .\/statistics.json/,
    ],
    ['a file that is no JSON', TASK, 'mean: 1', /13:17 .*statistics.json is no JSON/],
    [
      'another format',
      TASK,
      '{"format":"other"}',
      /13:17 .*is not what konsil stats writes: format expected konsil-statistics-v1/,
    ],
    ['an empty object', TASK, '{}', /13:17 .*is not what konsil stats writes/],
    [
      'no file',
      alone,
      TEXT,
      /15:16 .*categories.outcome: takes what konsil stats has found; name its file[^]*11:40 .*class_weights: takes/,
    ],
    [
      'a file that is no text',
      edit('./statistics.json', '[1]'),
      TEXT,
      /13:17 task.data_structure.statistics: expected text/,
    ],
    ['a column that is not in it', edit('stage: statistics', 'grade: statistics'), TEXT, /17:14 .*no column grade/],
    [
      'a column of numbers',
      edit('stage: statistics', 'age: statistics'),
      TEXT,
      /17:12 .*age has no categories.*--vocabulary age/,
    ],
    [
      'a suppressed column',
      edit('stage: statistics', 'rare: statistics'),
      TEXT,
      /17:13 .*rare, which has too few values/,
    ],
    [
      'one category',
      edit('stage: statistics', 'site: statistics').replace('      site: statistics\n    tr', '    tr'),
      JSON.stringify({ ...FOUND, vocabularies: [{ name: 'site', values: [{ value: 'x', count: 4 }] }] }),
      /17:13 .*at least 2/,
    ],
    [
      'other classes',
      edit('outcome: statistics', 'outcome: [alive, dead]'),
      TEXT,
      /11:40 .*are of \[no, yes\], but task.data_structure.categories.outcome has \[alive, dead\]/,
    ],
    ['a class less', edit('outcome: statistics', 'outcome: ["no", never]'), TEXT, /11:40 .*are of \[no, yes\]/],
    [
      'a target without classes',
      TASK,
      JSON.stringify({ ...FOUND, target: { name: 'outcome', mean: 3 } }),
      /11:40 .*has no classes/,
    ],
    [
      'a suppressed target',
      TASK,
      JSON.stringify({ ...FOUND, target: { name: 'outcome', isSuppressed: true } }),
      /11:40 .*outcome, which has too few values/,
    ],
    ['no channels', TASK, without('channels'), /21:78 .*mean: the statistics have no image channels/],
    ['a mean alone', edit('std: statistics', 'std: 1'), TEXT, /21:78 .*mean and std belong together/],
    ['a deviation alone', edit('mean: statistics', 'mean: 1'), TEXT, /.*std: mean and std belong together/],
    [
      'a deviation of nothing',
      TASK,
      JSON.stringify({ ...FOUND, channels: [{ mean: 0.5, standardDeviation: 0 }] }),
      /std: expected numbers above 0/,
    ],
  ])('is an error at its place with %s', (_what, task, statistics, message) => {
    expect(messageFor(task, statistics)).toMatch(message);
  });

  it('is refused in a task that asks', () => {
    const text = `pods: { identifiers: [a, b, c] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: FederatedStatistics }
  aggregator: {}
  data_structure: { statistics: ./s.json, assign: { target: x } }`;
    expect(() => parseAnalysis(text, 'q.yaml')).toThrow(/6:21 .*only for tasks that train/);
  });
});

describe('readTask', () => {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-statistics-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reads the file beside the task', async () => {
    writeFileSync(join(folder, 'task.yaml'), TASK);
    await expect(readTask(join(folder, 'task.yaml'))).rejects.toThrow(/cannot read .\/statistics.json/);
    writeFileSync(join(folder, 'statistics.json'), TEXT);
    const { dataStructure } = await readTask(join(folder, 'task.yaml'));
    expect(dataStructure.categories['site']).toEqual(['left', '3']);
  });
});
