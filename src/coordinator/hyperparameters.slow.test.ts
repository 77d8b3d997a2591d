/**
 * Hyperparameters that reach over rounds: whole federations in memory.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { allowPlain, Federation, initialOf, shortTask, soloTask } from '../../sim/federation.ts';
import { trainerOptions } from '../protocols/index.ts';
import { compile } from '../training/index.ts';
import type { RunOutcome } from './index.ts';

let federation: Federation;
afterEach(() => federation.close());

const OPTIMISER = /\n +(?:optimizer|learning_rate): .*/g;

/** A run of one pod with `lines` among the hyperparameters. */
async function run(lines: readonly string[], rounds = 3, task = soloTask): Promise<RunOutcome> {
  federation = await Federation.open({
    task: (yaml) =>
      task(yaml)
        .replace(OPTIMISER, '')
        .replace(/\n( +)epochs: 3/, (_, indent: string) =>
          [`epochs: ${rounds}`, ...lines].map((line) => `\n${indent}${line}`).join(''),
        ),
    pod: allowPlain,
  });
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  return outcome;
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!));
}

describe('hyperparameters over rounds', () => {
  it('a schedule goes on where the round before stopped', async () => {
    const sgd = ['optimizer: sgd', 'learning_rate: 0.1'];
    const once = await run(sgd, 1);
    await federation.close();
    // one drop to almost nothing at the end of round 1; a schedule that began anew would train in every round
    const rows = once.rounds[0]!.trainingRows;
    const steps = Math.ceil(rows / 32);
    const dropped = await run([...sgd, `schedule: {name: step, step_size: ${steps}, gamma: 1.0e-6}`]);
    await federation.close();
    const free = await run(sgd);
    const start = initialOf(once);
    expect(distance(once.parameters!, start)).toBeGreaterThan(0.1);
    expect(distance(dropped.parameters!, once.parameters!)).toBeLessThan(1e-4);
    expect(distance(free.parameters!, once.parameters!)).toBeGreaterThan(0.05);
  });

  it('FedProx holds a pod near the parameters of its round, not of the first one', async () => {
    const sgd = ['optimizer: sgd', 'learning_rate: 0.02'];
    const free = await run(sgd);
    await federation.close();
    // η·μ = 0.6: after a few steps a pod is where the pull equals the gradient
    const near = await run([...sgd, 'proximal_mu: 30']);
    await federation.close();
    const one = await run([...sgd, 'proximal_mu: 30'], 1);
    const start = initialOf(one);
    const [a, b, c] = [free, near, one].map(({ parameters }) => distance(parameters!, start));
    expect(b!).toBeLessThan(0.5 * a!);
    expect(b!).toBeGreaterThan(1.5 * c!);
  });

  it('only what may train is sent and averaged, securely too', async () => {
    const outcome = await run(['freeze: [layers.0.*]', 'optimizer: rmsprop', 'learning_rate: 0.01'], 3, shortTask);
    const layers = ['layers.2.weight', 'layers.2.bias'];
    const { task, model, source } = outcome.resolved!;
    const { model: _model, ...options } = trainerOptions(task, model, source);
    const { layout, initial } = compile(model, options);
    expect(layout.entries.map(({ name }) => name)).toEqual(layers);
    expect(outcome.parameters).toHaveLength(layout.length);
    expect(distance(outcome.parameters!, initial)).toBeGreaterThan(0.01);
    expect(outcome.rounds.at(-1)!.trainingLoss!).toBeLessThan(outcome.rounds[0]!.trainingLoss!);
  });

  it('a number is predicted by a robust loss', async () => {
    const numeric = (yaml: string): string =>
      soloTask(yaml)
        .replace('target: diagnosis', 'target: mean_smoothness')
        .replace(/\n +categories:\n +diagnosis: .*/, '\n    categories: {diagnosis: [benign, malignant]}')
        .replace(/stratify: true.*/, 'stratify: false');
    const lines = ['loss: huber', 'loss_options: {delta: 0.05}', 'optimizer: adagrad', 'learning_rate: 0.02'];
    const outcome = await run(lines, 6, numeric);
    expect(outcome.facts!.kind).toBe('regression');
    const [first, last] = [outcome.rounds[0]!, outcome.rounds.at(-1)!];
    expect(last.validationLoss!).toBeLessThan(0.7 * first.validationLoss!);
  });
});
