/**
 * From a task's strategy to what coordinator and pods do with updates. The strategies themselves know no tasks.
 * @module
 */
import {
  type Aggregate,
  beginOf,
  createStrategy,
  meanBound,
  normaliser,
  type RoundFacts,
  type Strategy,
  type SummedVector,
  scatterChosen,
} from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { FEDAVG, splitIdentifier, type Task } from '../../tasks/index.ts';
import { scatterStretches, type TrainResult } from '../../training/index.ts';
import type { SecureParameters } from '../../wire/index.ts';
import { LOCAL_STEPS, modelLength, type SumFacts, sumSpec } from './sums.ts';
import { proximalMuOf } from './trainerOptions.ts';

/** The task's strategy at the beginning of a run. */
export function serverStrategy({ aggregator }: Pick<Task, 'aggregator'>, facts: SumFacts): Strategy {
  const { trained = facts.parameters, controls } = facts;
  return createStrategy(aggregator.strategy ?? FEDAVG, {
    ...{ parameters: modelLength(facts), trained: facts.shared?.trained ?? trained, weights: weightsOf(aggregator) },
    ...(controls && { controls: controls.length }),
  });
}

/** How plain updates become one. */
export function beginPlain({ aggregator }: Pick<Task, 'aggregator'>): (length: number) => Aggregate {
  return beginOf(aggregator.strategy ?? FEDAVG, weightsOf(aggregator));
}

/** A task's weights by the names of pods. */
function weightsOf({ weights }: Task['aggregator']): ReadonlyMap<string, number> | undefined {
  if (weights === undefined) return undefined;
  return new Map(Object.entries(weights).map(([identifier, weight]) => [splitIdentifier(identifier).pod, weight]));
}

/**
 * What a sum of updates tells the strategy besides their mean.
 * @param rows - Training rows of all pods of the run, as the statistics found them.
 * @throws KonsilError AGG_ROUND_SPENT when honest pods cannot have summed up to it.
 */
export function roundFacts({ totalWeight, extras }: SummedVector, facts: SumFacts, rows: number): RoundFacts {
  const share = Math.min(1, totalWeight / rows);
  if (!facts.isNormalised) return { share };
  const meanSteps = extras[LOCAL_STEPS]! / totalWeight;
  if (!(meanSteps > 0))
    throw new KonsilError('AGG_ROUND_SPENT', `some pod sent garbage: ${meanSteps} steps on average`);
  return { share, meanSteps };
}

/** A mean of updates as the strategy takes it: a coordinate a parameter of the model, 0 for those that were not sent. */
export function wholeMean(mean: Float64Array, facts: SumFacts, secure: SecureParameters | null): Float64Array {
  const sent = secure?.blocks ? scatterChosen(mean, secure.blocks, facts.parameters) : mean;
  if (!facts.shared) return sent;
  const { stretches, model } = facts.shared;
  const whole = new Float64Array(model + sent.length - facts.parameters);
  whole.set(sent.subarray(facts.parameters), model);
  return scatterStretches(sent, stretches, whole);
}

/** Largest error that masking adds to a coordinate of the mean update. */
export function updateBound(sum: SummedVector, facts: SumFacts, secure: SecureParameters, pods: number): number {
  const { clips = [], ...spec } = sumSpec('update', facts, secure);
  // control variates have clips of their own, which say nothing about the model
  let left = facts.parameters;
  const own = facts.controls ? clips.filter(({ length }) => (left -= length) > -length) : clips;
  const bound = meanBound({ ...spec, ...(own.length > 0 && { clips: own }) }, sum.totalWeight, pods);
  return facts.isNormalised ? (bound * sum.extras[LOCAL_STEPS]!) / sum.totalWeight : bound;
}

/** aᵢ of FedNova for a round at a site. */
export function normaliserOf(task: Pick<Task, 'training' | 'aggregator'>, trained: TrainResult): number {
  const { learningRate, momentum, nesterov } = task.training;
  const rates = trained.rateSum / learningRate;
  return normaliser({ steps: trained.steps, rates, learningRate, momentum, nesterov, mu: proximalMuOf(task) });
}

/** An update for one of `steps`, or as it is; running statistics are no sum of steps and stay whole. */
export function normalised(
  update: Float32Array,
  { parameters, trained = parameters }: SumFacts,
  steps: number | undefined,
): Float32Array {
  return steps === undefined ? update : update.map((value, i) => (i < trained ? value / steps : value));
}
