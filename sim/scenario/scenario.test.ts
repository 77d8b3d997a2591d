import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfigText } from '../../src/tasks/index.ts';
import { merge } from './merge.ts';
import { parseScenario, taskOf } from './scenario.ts';
import { FAULTS, PHASES, scenarioFile } from './schema.ts';

const BASE = `name: test
pods: 4
rounds: 3
data: { kind: blobs, rows: 100 }
`;
const problemsOf = (text: string): string[] => {
  try {
    parseScenario(text, 's.yaml');
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
};
const target = { target: 'y', classes: ['a', 'b'] };

describe('a scenario', () => {
  it('needs no more than its data, its pods and its rounds', () => {
    const scenario = parseScenario(BASE, 's.yaml');
    expect(scenario).toMatchObject({ seed: 1, transport: 'memory', training: 'real', latencyMs: 10 });
    expect(scenario.variants).toEqual([
      { name: 'run', task: {}, faults: [], rates: {}, malicious: [], expect: { status: 'complete' } },
    ]);
    const composed = taskOf({ ...scenario, ...target }, {}, ['x-1', 'x-2', 'x-3', 'x-4']);
    expect(composed).toMatchObject({
      task: {
        pods: ['x-1/data', 'x-2/data', 'x-3/data', 'x-4/data'],
        training: { unit: 'epochs', total: 3 },
        aggregator: { secure: true, minimumCohort: 3 },
      },
    });
  });

  it('lays variants over the base, and keeps what they do not name', () => {
    const text = `${BASE}task:
  algorithm: { model: { hyperparameters: { batch_size: 7, learning_rate: 0.5 } } }
faults: [{ at: { round: 1 }, pod: site-01, fault: crash }]
variants:
  - name: one
  - name: two
    task: { algorithm: { model: { hyperparameters: { learning_rate: 0.25 } } }, protocol: { arguments: { steps_between_parameter_updates: 5 } } }
    faults: []
`;
    const scenario = parseScenario(text, 's.yaml');
    const [one, two] = scenario.variants.map(({ task }) => {
      const composed = taskOf({ ...scenario, ...target }, task, ['aaa', 'bbb', 'ccc', 'ddd']);
      return 'task' in composed ? composed.task : null;
    });
    expect(one!.training).toMatchObject({ batchSize: 7, learningRate: 0.5, unit: 'epochs', total: 3 });
    expect(two!.training).toMatchObject({ batchSize: 7, learningRate: 0.25, unit: 'steps', total: 15 });
    expect(scenario.variants.map(({ faults }) => faults.length)).toEqual([1, 0]);
  });

  it('takes its task from a file, but not how long it trains', () => {
    const file = join(import.meta.dirname, '../../examples/breast-cancer/none.yaml');
    const { variants } = parseScenario(`${BASE}task: ./task.yaml\n`, file);
    const hyper = (variants[0]!.task['algorithm'] as { model: { hyperparameters: object } }).model.hyperparameters;
    expect(hyper).toMatchObject({ optimizer: 'adam', batch_size: 32 });
    expect(hyper).not.toHaveProperty('epochs');
  });

  it.each([
    ['an unknown key', `${BASE}seeds: 1\n`, /^s\.yaml:5:1 seeds: unknown key; did you mean "seed"/],
    ['a wrong kind', BASE.replace('blobs', 'clouds'), /^s\.yaml:4:\d+ data/],
    ['no pods', BASE.replace('pods: 4\n', ''), /^s\.yaml:\d:\d+ pods: is required/],
    [
      'a fault of nobody',
      `${BASE}faults:\n  - { at: { round: 1 }, fault: crash }\n`,
      /^s\.yaml:6:5 faults\.0: expected one of pod, pods/,
    ],
    [
      'a pod that is not there',
      `${BASE}faults:\n  - { at: { round: 1 }, fault: crash, pod: site-9 }\n`,
      /^s\.yaml:6:\d+ faults\.0\.pod: no such pod; expected one of site-01 to site-04/,
    ],
    [
      'a round that does not come',
      `${BASE}faults:\n  - { at: { round: 4 }, fault: crash, pods: 1 }\n`,
      /^s\.yaml:6:\d+ faults\.0\.at\.round: expected at most 3, got 4/,
    ],
    [
      'a phase that is none',
      `${BASE}faults:\n  - { at: { round: 1, phase: sharing }, fault: crash, pods: 1 }\n`,
      /faults\.0\.at\.phase: expected one of training, keys/,
    ],
    [
      'a coordinator that crashes',
      `${BASE}faults:\n  - { at: { round: 1 }, fault: crash, coordinator: true }\n`,
      /faults\.0\.fault: a coordinator that is gone for good leaves nothing/,
    ],
    [
      'a task with a mistake',
      `${BASE}task:\n  aggregator:\n    secured: true\n`,
      /^s\.yaml:7:5 task\.aggregator\.secured: unknown key/,
    ],
    [
      'a variant with one',
      `${BASE}variants:\n  - name: a\n    task:\n      aggregator: { clip: -1 }\n`,
      /^s\.yaml:8:\d+ variants\.0\.task\.aggregator\.clip: expected more than 0/,
    ],
    [
      'variants of one name',
      `${BASE}variants: [{ name: a }, { name: a }]\n`,
      /variants\.1\.name: a is the name of an earlier variant/,
    ],
    [
      'how long, twice',
      `${BASE}task: { algorithm: { model: { hyperparameters: { epochs: 3 } } } }\n`,
      /hyperparameters\.epochs: the scenario says how long/,
    ],
    [
      'a code of a run that completes',
      `${BASE}expect: { code: CANCELLED }\n`,
      /expect\.code: only a run that is aborted/,
    ],
    [
      'a code that is none',
      `${BASE}expect: { status: aborted, code: OOPS }\n`,
      /expect\.code: no error has the code OOPS/,
    ],
    [
      'labels to deal where there are none',
      BASE.replace('kind: blobs', 'kind: linear').concat('partition: { kind: dirichlet, alpha: 1 }\n'),
      /^s\.yaml:5:\d+ partition: dirichlet deals classes/,
    ],
    [
      'a process that is slow',
      `${BASE}transport: processes\nrates: { slow: 0.1 }\n`,
      /rates\.slow: slow happens in memory only/,
    ],
    [
      'an average where there is none',
      `${BASE}task: { aggregator: { strategy: { name: FedAdam } } }\nexpect: { equals_plain_average: true }\n`,
      /^s\.yaml:5:\d+ task\.aggregator: equals_plain_average is expected, but FedAdam does more than average/,
    ],
    [
      'privacy tests of processes',
      `${BASE}transport: processes\nprivacy: {}\n`,
      /privacy: what processes send each other cannot be looked at/,
    ],
    [
      'privacy tests of pseudo-updates',
      `${BASE}training: { kind: synthetic }\nprivacy: {}\n`,
      /privacy: attacks on updates that no row went into/,
    ],
    ['a view that nobody has', `${BASE}privacy: { views: [patient] }\n`, /privacy\.views\.0/],
    [
      'bounds of nothing',
      `${BASE}expect: { metrics: { Accuracy: {} } }\n`,
      /expect\.metrics\.Accuracy: expected at_least, at_most or both/,
    ],
  ])('with %s is refused, with its place', (_what, text, message) => {
    const problems = problemsOf(text);
    expect(
      problems.some((problem) => message.test(problem)),
      problems.join('\n'),
    ).toBe(true);
  });
});

describe('docs/reference/scenarios.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/reference/scenarios.md'), 'utf8');
  it('has every key, kind, fault, phase and role', () => {
    const kinds = (union: { options: readonly { shape: object }[] }, key: string): string[] =>
      union.options.flatMap(({ shape }) => [...(shape as Record<string, { values: Set<string> }>)[key]!.values]);
    const { shape } = scenarioFile;
    const words = [
      ...Object.keys(shape),
      ...kinds(shape.data, 'kind'),
      ...kinds(shape.partition.unwrap(), 'kind'),
      ...kinds(shape.malicious.unwrap().element, 'role'),
      ...Object.keys(shape.expect.unwrap().shape),
      ...Object.keys(shape.privacy.unwrap().shape),
      ...Object.keys(shape.privacy.unwrap().shape.games.unwrap().shape),
      ...shape.privacy.unwrap().shape.views.unwrap().element.options,
      ...shape.privacy.unwrap().shape.tests.unwrap().element.options,
      ...FAULTS,
      ...PHASES,
    ];
    expect(words.filter((word) => !text.includes(`\`${word}\``))).toEqual([]);
  });
});

it('merging replaces what is no map, and null takes away', () => {
  expect(merge({ a: { b: 1, c: [1] }, d: 2 }, { a: { c: [2, 3] }, d: null, e: { f: null, g: 1 } })).toEqual({
    a: { b: 1, c: [2, 3] },
    e: { g: 1 },
  });
});

it.each(['first', 'faults', 'strategies', 'malicious', 'processes', 'privacy', 'images'])(
  'the example %s is a scenario',
  async (name) => {
    const file = join(import.meta.dirname, `../../examples/simulations/${name}.yaml`);
    expect(problemsOf(await readConfigText(file))).toEqual([]);
  },
);
