/**
 * Strategies in whole federations: the model that comes out is the one that the papers' formulas give for the updates that
 * the pods made, masks or not.
 * @module
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  allowPlain,
  Federation,
  type FederationOptions,
  initialOf,
  plainTask,
  shortTask,
} from '../../sim/federation.ts';
import type { PodInput } from '../aggregation/index.ts';
import { PodWork } from '../protocols/index.ts';

let federation: Federation;
const open = async (options: FederationOptions): Promise<Federation> => {
  // nobody is lost here, and on a busy machine nobody should be taken for it
  federation = await Federation.open(options);
  return federation;
};
afterEach(async () => {
  vi.restoreAllMocks();
  await federation?.close();
});

const ROUNDS = 2;
/** The example with a strategy and two rounds; SGD where `lines` are given, which then are hyperparameters. */
const withStrategy =
  (strategy: string, edit = shortTask, lines?: string) =>
  (yaml: string): string => {
    const task = edit(yaml)
      .replace('  aggregator:', `  aggregator:\n    strategy: ${strategy}`)
      .replace('epochs: 3', `epochs: ${ROUNDS}`);
    return lines === undefined ? task : task.replace(/optimizer: adam\n/, `optimizer: sgd\n        ${lines}\n`);
  };

interface Watched extends PodInput {
  /** What the pod started from. */
  readonly given: Float32Array;
}

/** What the pods put into the sum of each round, as they made it. @param lie - Of the first pod of each round. */
function watchUpdates(lie: (update: Float32Array) => Float32Array = (update) => update): Watched[][] {
  const rounds: Watched[][] = Array.from({ length: ROUNDS }, () => []);
  const honest = PodWork.prototype.update;
  vi.spyOn(PodWork.prototype, 'update').mockImplementation(async function (this: PodWork, given, completed, how) {
    const input = await honest.call(this, given, completed, how);
    const update = Float32Array.from(input.update!);
    const sent = { ...input, given: given.slice(), update: rounds[completed]!.length === 0 ? lie(update) : update };
    rounds[completed]!.push(sent);
    return sent;
  });
  return rounds;
}

function meanOf(inputs: readonly PodInput[], of: (input: PodInput) => number): number {
  const total = inputs.reduce((sum, { weight }) => sum + weight, 0);
  return inputs.reduce((sum, input) => sum + input.weight * of(input), 0) / total;
}

function worstDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

describe('a federation with a strategy', () => {
  it('takes the steps of FedAdam under masks', async () => {
    const rounds = watchUpdates();
    await open({ task: withStrategy('{ name: FedAdam, tau: 0.05, server_learning_rate: 0.3 }') });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    const expected = initialOf(outcome).map((start, i) => {
      let [x, m, v] = [start, 0, 0.05 ** 2];
      for (const inputs of rounds) {
        const delta = meanOf(inputs, ({ update }) => update![i]!);
        m = 0.9 * m + 0.1 * delta;
        v = 0.99 * v + 0.01 * delta ** 2;
        x += (0.3 * m) / (Math.sqrt(v) + 0.05);
      }
      return x;
    });
    // an error of the mean is enlarged by at most η/τ a round; float32 has the rest
    const bound = ROUNDS * (0.3 / 0.05) * outcome.secure!.bound + 4e-7;
    expect(worstDifference(outcome.parameters!, expected)).toBeLessThanOrEqual(bound);
    expect(worstDifference(outcome.parameters!, initialOf(outcome))).toBeGreaterThan(1_000 * bound);
  });

  it('normalises as FedNova under masks', async () => {
    const rounds = watchUpdates();
    await open({ task: withStrategy('{ name: FedNova }', shortTask, 'momentum: 0.5') });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    const steps = rounds[0]!.map(({ extras, weight }) => extras['localSteps']! / weight);
    // batches of 32 and an epoch a round: sites of different sizes take different numbers of steps
    expect(Math.max(...steps)).toBeGreaterThan(Math.min(...steps));
    for (const [i, { weight }] of rounds[0]!.entries()) {
      const tau = Math.ceil(weight / 32);
      expect(steps[i]).toBeCloseTo((tau - (0.5 * (1 - 0.5 ** tau)) / 0.5) / 0.5, 9);
    }
    const meanSteps = meanOf(rounds[0]!, ({ extras, weight }) => extras['localSteps']! / weight);
    const expected = initialOf(outcome).map((start, i) =>
      rounds.reduce((x, inputs) => x + meanSteps * meanOf(inputs, ({ update }) => update![i]!), start),
    );
    const bound = ROUNDS * outcome.secure!.bound + 4e-7;
    expect(worstDifference(outcome.parameters!, expected)).toBeLessThanOrEqual(bound);
    expect(worstDifference(outcome.parameters!, initialOf(outcome))).toBeGreaterThan(1_000 * bound);
  });

  it('carries control variates as SCAFFOLD does, under masks', async () => {
    const rounds = watchUpdates();
    await open({ task: withStrategy('{ name: SCAFFOLD }', shortTask, 'momentum: 0') });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    const start = initialOf(outcome);
    const { length } = start;
    let [x, c] = [Float64Array.from(start), new Float64Array(length)];
    for (const inputs of rounds) {
      expect(inputs).toHaveLength(4);
      for (const { given, update, weight } of inputs) {
        expect(given).toHaveLength(2 * length);
        expect(worstDifference(given, Float32Array.of(...x, ...c))).toBeLessThan(2e-6);
        const kEta = Math.ceil(weight / 32) * 0.005;
        // option II: c⁺ = cᵢ − c + (x − y)/(K·η), and what is sent is c⁺ − cᵢ
        const change = c.map((value, i) => -value - update![i]! / kEta);
        expect(worstDifference(Float32Array.from(change), update!.slice(length) as Float32Array)).toBeLessThan(1e-4);
      }
      x = x.map((value, i) => value + meanOf(inputs, ({ update }) => update![i]!));
      c = c.map((value, i) => value + meanOf(inputs, ({ update }) => update![length + i]!));
    }
    expect(worstDifference(outcome.parameters!, Float32Array.from(x))).toBeLessThan(2 * outcome.secure!.bound + 4e-7);
    expect(Math.hypot(...c)).toBeGreaterThan(0.01);
  });

  it('does not follow a pod that lies when the median is taken', async () => {
    const rounds = watchUpdates((update) => update.map((value) => -1e4 * value));
    await open({ task: withStrategy('{ name: CoordinateMedian }', plainTask), pod: allowPlain });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    const expected = initialOf(outcome).map((start, i) =>
      rounds.reduce((x, inputs) => {
        const [, low, high] = inputs.map(({ update }) => update![i]!).sort((a, b) => a - b);
        return x + (low! + high!) / 2;
      }, start),
    );
    expect(worstDifference(outcome.parameters!, expected)).toBeLessThanOrEqual(4e-7);
    expect(outcome.rounds[1]!.survivors).toHaveLength(4);
    expect(outcome.pooled!['ROC AUC']!.value).toBeGreaterThan(0.8);
  });
});
