/**
 * The privacy sections of task and pod files: defaults, the way over the wire, and contradictions.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { fromWire, parsePodConfig, parseTask, toWire } from './index.ts';

const taskWith = (aggregator: string): string => `pods:
  identifiers: [a/x, b/x, c/x, d/x, e/x, f/x, g/x, h/x, i/x, j/x]
task:
  protocol: {name: FederatedAveraging, arguments: {epochs_between_parameter_updates: 1}}
  algorithm:
    name: FederatedModelTraining
    model: {konsil_model: {model_ref: builtin:mlp}, hyperparameters: {epochs: 5}}
  aggregator: {${aggregator}}
  data_structure: {assign: {target: outcome}}
`;
const SHORT = 'noise_multiplier: 1, clip_norm: 2, delta: 1.0e-5';
const parse = (aggregator: string) => parseTask(taskWith(aggregator), 'task.yaml');
const problem = (aggregator: string): string => {
  try {
    parse(aggregator);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('aggregator.privacy', () => {
  it('has a mechanism that fits the mode, and raises the smallest cohort to what its noise is reckoned with', () => {
    const { aggregator } = parse(`privacy: {${SHORT}}`);
    expect(aggregator).toMatchObject({
      minimumCohort: 8,
      privacy: { mechanism: 'skellam', noiseMultiplier: 1, clipNorm: 2, delta: 1e-5, dropoutFraction: 0.2 },
    });
    expect(parse(`minimum_cohort: 9, privacy: {${SHORT}}`).aggregator.minimumCohort).toBe(9);
    // 10·(1 − 0.3) is a little more than 7 in binary
    expect(parse(`privacy: {${SHORT}, dropout_fraction: 0.3}`).aggregator.minimumCohort).toBe(7);
    const plain = parse(`secure: false, privacy: {${SHORT}}`).aggregator;
    expect([plain.privacy!.mechanism, plain.minimumCohort]).toEqual(['gaussian', 1]);
  });

  it('is the same at the pods', () => {
    const task = parse(
      `privacy: {${SHORT}, mechanism: discrete_gaussian, epsilon_budget: 4, adaptive_clip: {quantile: 0.7}}`,
    );
    const received = fromWire(JSON.parse(JSON.stringify(toWire(task))));
    expect(received.aggregator).toEqual(task.aggregator);
    expect(received.aggregator.privacy!.adaptiveClip).toEqual({ quantile: 0.7, rate: 0.2, budgetShare: 0.1 });
  });

  it.each([
    ['no delta', 'privacy: {noise_multiplier: 1, clip_norm: 2}', /privacy\.delta: is required/],
    [
      'noise nobody may add',
      `privacy: {${SHORT}, mechanism: gaussian}`,
      /mechanism: gaussian noise is added by the coord/,
    ],
    ['shares nobody masks', `secure: false, privacy: {${SHORT}, mechanism: skellam}`, /expected gaussian/],
    [
      'two clips',
      `clip: 3, privacy: {${SHORT}}`,
      /aggregator\.clip: not possible with privacy: privacy\.clip_norm bounds/,
    ],
    ['a scale of its own', `bits: 16, scale: global, privacy: {${SHORT}}`, /scale: not with privacy/],
    ['no honest pod', `privacy: {${SHORT}, dropout_fraction: 0.7}`, /leaves 3 pods, of whom 3 may collude/],
    ['δ of 1', 'privacy: {noise_multiplier: 1, clip_norm: 2, delta: 1}', /privacy\.delta: expected/],
  ])('refuses %s', (_, aggregator, expected) => expect(problem(aggregator)).toMatch(expected));
});

describe('hyperparameters.private_steps', () => {
  const withSteps = (more = ''): string =>
    taskWith('secure: true').replace(
      'epochs: 5',
      `epochs: 5, private_steps: {clip_norm: 1, noise_multiplier: 1.1, delta: 1.0e-5}${more}`,
    );

  it('are the same at the pods', () => {
    const task = parseTask(withSteps(), 'task.yaml');
    expect(task.training.privateSteps).toEqual({ clipNorm: 1, noiseMultiplier: 1.1, delta: 1e-5 });
    expect(fromWire(toWire(task)).training).toEqual(task.training);
  });

  it('take rows one by one', () =>
    expect(() => parseTask(withSteps(', accumulate: 4'), 'task.yaml')).toThrow(
      /accumulate: not possible with private_steps/,
    ));
});

describe('policy.privacy', () => {
  const POD = `name: hospital-a
broker: {url: mqtt://127.0.0.1:1883}
datasources:
  - {name: x, datasource: CSVSource, datasource_args: {path: a.csv}}
`;

  it('requires private tasks unless it says otherwise', () => {
    const policy = (text: string) => parsePodConfig(`${POD}${text}`, 'pod.yaml').policy.privacy;
    expect(policy('')).toBeUndefined();
    expect(policy('policy: {privacy: {epsilon_budget: 8, delta: 1.0e-6}}\n')).toEqual({
      required: true,
      epsilonBudget: 8,
      delta: 1e-6,
    });
  });
});
