import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isKonsilError } from '../base/index.ts';
import { fromWire, parseTask, type Task, toWire } from './task.ts';

const EXAMPLE = readFileSync(new URL('../../examples/breast-cancer/task.yaml', import.meta.url), 'utf8');

interface Edit {
  readonly strategy: string;
  readonly secure?: boolean;
  /** Lines among the aggregator's keys, and among the hyperparameters. */
  readonly beside?: string;
  readonly hyper?: string;
}

/** The example with four pods, SGD without momentum and a strategy. */
function taskWith({ strategy, secure = true, beside = '', hyper = '' }: Edit): Task {
  const text = EXAMPLE.replace(
    /secure: \w+/,
    `secure: ${secure}\n    strategy: ${strategy}${beside && `\n    ${beside}`}`,
  )
    .replace(/\n( +)optimizer: .*/, `\n$1optimizer: sgd${hyper && `\n$1${hyper}`}`)
    .replace(/\n +weight_decay: .*/, '');
  return parseTask(text, 'task.yaml');
}

function problemsOf(edit: Edit): string {
  try {
    taskWith(edit);
  } catch (error) {
    if (isKonsilError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  return '';
}

describe('aggregator.strategy', () => {
  it('has the defaults of the papers, and travels to the pods', () => {
    const rate = { serverLearningRate: 1 };
    const adaptive = { beta1: 0.9, beta2: 0.99, tau: 1e-3, serverLearningRate: 0.1 };
    const secure = {
      FedAvg: rate,
      FedAvgM: { momentum: 0.9, ...rate },
      FedProx: { mu: 0.01, ...rate },
      FedAdam: adaptive,
      FedYogi: adaptive,
      FedAdagrad: { beta1: 0, tau: 1e-3, serverLearningRate: 0.1 },
      FedNova: rate,
      SCAFFOLD: { controlClip: 64, ...rate },
    };
    const plain = { CoordinateMedian: rate, TrimmedMean: { trim: 0.2, ...rate }, Krum: rate, MultiKrum: rate };
    const read = (name: string, isSecure: boolean): void => {
      const task = taskWith({ strategy: `{ name: ${name} }`, secure: isSecure });
      expect(task.aggregator.strategy).toEqual({ name, ...{ ...secure, ...plain }[name as 'FedAvg'] });
      expect(fromWire(toWire(task)).aggregator.strategy).toEqual(task.aggregator.strategy);
    };
    for (const name of Object.keys(secure)) for (const isSecure of [true, false]) read(name, isSecure);
    for (const name of Object.keys(plain)) read(name, false);
  });

  it('takes arguments', () => {
    const { aggregator } = taskWith({ strategy: '{ name: MultiKrum, byzantine: 0, selected: 3 }', secure: false });
    expect(aggregator.strategy).toEqual({ name: 'MultiKrum', byzantine: 0, selected: 3, serverLearningRate: 1 });
  });

  it.each(['CoordinateMedian', 'TrimmedMean', 'Krum', 'MultiKrum'])(
    'refuses %s under masks, naming the place',
    (name) => {
      const told = problemsOf({ strategy: `{ name: ${name} }` });
      expect(told).toMatch(/task\.yaml:\d+:\d+ task\.aggregator\.strategy\.name: /);
      expect(told).toContain(`${name} looks at single updates`);
      expect(told).toContain('task.aggregator.secure: false');
    },
  );

  const plain = { secure: false };
  const noise = 'privacy: { noise_multiplier: 1, clip_norm: 1, delta: 1.0e-5 }';
  it.each<[Edit, string]>([
    [{ strategy: '{ name: FedAdam, momentum: 0.9 }' }, 'momentum'],
    [{ strategy: '{ name: FedSgd }' }, 'task.aggregator.strategy'],
    [{ strategy: '{ name: TrimmedMean, trim: 0.5 }', ...plain }, 'trim'],
    [{ strategy: '{ name: Krum, byzantine: 1 }', ...plain }, 'strategy.byzantine: Krum with 1 lying pods needs 5 pods'],
    [{ strategy: '{ name: MultiKrum, selected: 5 }', ...plain }, 'strategy.selected: is 5, but only 4'],
    [
      { strategy: '{ name: CoordinateMedian }', ...plain, beside: noise },
      'aggregator.privacy: not possible with Coord',
    ],
    [{ strategy: '{ name: FedProx }', hyper: 'proximal_mu: 1' }, 'proximal_mu: already given as task.aggregator'],
    [{ strategy: '{ name: SCAFFOLD }', hyper: 'momentum: 0.5' }, 'momentum: not possible with SCAFFOLD'],
    [{ strategy: '{ name: SCAFFOLD }', beside: 'clip_norm: 1' }, 'clip_norm: not possible with SCAFFOLD'],
    [{ strategy: '{ name: SCAFFOLD }', beside: 'rotation: true' }, 'rotation: not possible with SCAFFOLD'],
    [{ strategy: '{ name: SCAFFOLD }', beside: 'sparse: 0.1' }, 'sparse: not possible with SCAFFOLD'],
    [{ strategy: '{ name: SCAFFOLD }', beside: noise }, 'privacy: not possible with SCAFFOLD'],
    [{ strategy: '{ name: FedNova }', beside: noise }, 'privacy: not possible with FedNova'],
    [{ strategy: '{ name: FedNova }', beside: 'sparse: 0.1' }, 'sparse: not possible with FedNova'],
  ])('refuses %o', (edit, told) => {
    expect(problemsOf(edit)).toContain(told);
  });

  it('takes late updates in the open, and only where weights mean something', () => {
    const beside = 'staleness: { max_rounds: 3 }';
    const task = taskWith({ strategy: '{ name: FedAdam }', secure: false, beside });
    expect(task.aggregator.staleness).toEqual({ maxRounds: 3, exponent: 0.5 });
    expect(fromWire(toWire(task)).aggregator.staleness).toEqual(task.aggregator.staleness);
    expect(problemsOf({ strategy: '{ name: FedAvg }', beside })).toMatch(
      /task\.aggregator\.staleness: not possible with secure aggregation: .* set task\.aggregator\.secure to false/,
    );
    const robust = { strategy: '{ name: CoordinateMedian }', secure: false, beside };
    expect(problemsOf(robust)).toContain('staleness: not possible with strategy CoordinateMedian');
    const noisy = { strategy: '{ name: FedAvg }', secure: false, beside: `${beside}\n    ${noise}` };
    expect(problemsOf(noisy)).toContain('staleness: not possible with privacy');
  });

  it.each(['FedNova', 'SCAFFOLD'])('wants plain steps of SGD for %s', (name) => {
    const text = EXAMPLE.replace(/secure: \w+/, `secure: true\n    strategy: { name: ${name} }`);
    expect(() => parseTask(text, 'task.yaml')).toThrow(
      /optimizer: \w+ counts the steps of SGD; expected sgd, got adam/,
    );
  });

  it('goes together with noise, few bits and sparse updates where only the mean is looked at', () => {
    for (const beside of [noise, 'bits: 16', 'sparse: 0.1', 'clip_norm: 1'])
      expect(problemsOf({ strategy: '{ name: FedAdam }', beside })).toBe('');
  });
});
