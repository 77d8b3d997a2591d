/**
 * The sum of updates under differential privacy: its layout, what a pod puts into it, and what a task costs.
 *
 * The quantiser is reduced to one level a pod, so that a coordinate counts quanta of `clipNorm/levels`; all other room of a
 * word belongs to the rounded update and its noise. Every pod weighs 1: weights by rows would show in the total.
 * @module
 */
import {
  type PackOptions,
  type PodInput,
  PrivacyBudget,
  type PrivacyEvent,
  type PrivacyTerms,
  privateLength,
  privateWords,
  quantumOf,
  termsOf,
  thresholdsFor,
  type VectorSpec,
} from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import { roundsOf, type Task } from '../../tasks/index.ts';
import { budgetOf } from './podWork.ts';

/** A round's privacy: the task's terms and the clip norm of the round. */
export interface RoundPrivacy {
  readonly terms: PrivacyTerms;
  readonly clipNorm: number;
}

/** What a word has for updates and noise: all but one level and one rounding a pod. */
function roomOf(bits: number, cohort: number): number {
  return 2 ** (bits - 1) - 1 - 2 * cohort;
}

/**
 * The noise that `task` asks for on a model of `parameters`; undefined when it asks for none. Pods and coordinator compute
 * the same.
 * @throws KonsilError CONFIG_INVALID when the words of the sum are too narrow for it.
 */
export function privacyTermsOf(task: Pick<Task, 'aggregator' | 'pods'>, parameters: number): PrivacyTerms | undefined {
  const { privacy, secure, minimumCohort, cohort: assumptions, bits = 32 } = task.aggregator;
  if (!privacy) return undefined;
  const cohort = task.pods.length;
  const { colluding } = secure ? thresholdsFor(cohort, assumptions) : { colluding: 0 };
  const survivors = secure ? minimumCohort : 1;
  return termsOf(privacy, { cohort, survivors, colluding, dimension: parameters, limit: roomOf(bits, cohort) });
}

/** The layout of a secure sum of noised updates from that of an exact one. */
export function privateSpec(exact: VectorSpec, { terms, clipNorm }: RoundPrivacy): VectorSpec {
  const { cohort, extras, counts, bits = 32 } = exact;
  return {
    ...{ cohort, bits, extras, counts, maxWeight: 1 },
    clip: quantumOf(terms, clipNorm),
    updateLength: privateLength(terms),
    headroom: roomOf(bits, cohort),
  };
}

/** A pod's losses and counts beside its update, with weight 1: means over pods come out where means over rows did. */
function evenly({ update: _update, weight, extras, counts }: PodInput): PodInput {
  return { weight: 1, extras: { ...extras, trainingLoss: extras['trainingLoss']! / weight }, counts };
}

/** What a pod sends in the open: its update cut to the clip norm elsewhere, weight 1. */
export function evenInput(input: PodInput, update: Float32Array): PodInput {
  return { ...evenly(input), update };
}

/**
 * What a pod puts into a masked sum.
 * @returns the input, whose update is zero, and what fills in rounded update and noise; each packing draws new noise.
 */
export function privateInput(
  input: PodInput,
  { terms, clipNorm }: RoundPrivacy,
  randomBytes: RandomBytes,
): { readonly input: PodInput; readonly drawNoise: () => NonNullable<PackOptions['addNoise']> } {
  const { update } = input;
  if (!update) throw new KonsilError('CONFIG_INVALID', 'a sum of updates needs an update');
  return {
    input: { ...evenly(input), update: new Float32Array(privateLength(terms)) },
    drawNoise: () => {
      const words = privateWords(update, clipNorm, terms, randomBytes);
      return (into, at) => {
        for (let i = 0; i < into.length; i++) into[i] = into[i]! + words[at + i]!;
      };
    },
  };
}

/** Rounds that `task` will really train: all, or those that its own ε budget has room for. */
export function affordableRounds(
  task: Pick<Task, 'aggregator' | 'protocol' | 'training'>,
  terms: PrivacyTerms,
): number {
  const rounds = roundsOf(task);
  const { epsilonBudget, delta } = task.aggregator.privacy!;
  if (epsilonBudget === undefined) return rounds;
  return new PrivacyBudget({ epsilon: epsilonBudget, delta }).remaining(terms.events, rounds);
}

/** What private steps cost each row of a site: one release, several times. */
export interface RecordCost {
  readonly event: PrivacyEvent;
  /** Training steps. */
  readonly steps: number;
}

/**
 * Cost of the round after `completed` rounds at a site with `rows` training rows, each of which is in a step with
 * probability batchSize/rows; undefined without private steps.
 */
export function recordCostOf(
  task: Pick<Task, 'training' | 'protocol'>,
  rows: number,
  completed: number,
): RecordCost | undefined {
  const { privateSteps, batchSize } = task.training;
  if (!privateSteps) return undefined;
  const budget = budgetOf(task, completed);
  const steps = 'steps' in budget ? budget.steps : budget.epochs * Math.ceil(rows / batchSize);
  const rate = Math.min(1, batchSize / rows);
  return { event: { kind: 'sampled_gaussian', noiseMultiplier: privateSteps.noiseMultiplier, rate }, steps };
}
