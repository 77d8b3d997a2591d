/**
 * What a task asks for, as numbers that pods and coordinator compute alike: the noise of each sum and what a round costs.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import { type AdaptiveClip, normOf, shareBelow, splitMultiplier } from './clipping.ts';
import type { IntegerNoise } from './distributions.ts';
import type { PrivacyEvent } from './events.ts';
import { addNoiseShare, roundUpdate } from './mechanism.ts';
import { eventOf, type NoiseOptions, type NoisePlan, planNoise } from './sensitivity.ts';

/** `gaussian` is added once by the coordinator, the others in shares by the pods. */
export const MECHANISMS = ['skellam', 'discrete_gaussian', 'gaussian'] as const;

/** Differential privacy of the updates, for each site. */
export interface PrivacySettings {
  readonly mechanism: IntegerNoise | 'gaussian';
  /** z: deviation of the noise in clip norms. */
  readonly noiseMultiplier: number;
  /** Largest L2 norm of one site's update; with `adaptiveClip` that of the first round. */
  readonly clipNorm: number;
  readonly adaptiveClip?: AdaptiveClip;
  readonly delta: number;
  /** Training ends before it would spend more. */
  readonly epsilonBudget?: number;
}

/** {@link PrivacySettings} for one cohort, model and width of words. */
export interface PrivacyTerms {
  readonly update: NoisePlan;
  /** Of the answer "below the clip norm"; absent with a fixed one. */
  readonly indicator?: NoisePlan;
  /** What every round is charged. */
  readonly events: readonly PrivacyEvent[];
}

/** The sum that {@link PrivacySettings} are about. */
export interface SumFrame extends Pick<NoiseOptions, 'cohort' | 'survivors' | 'colluding' | 'limit'> {
  /** Parameters of the model. */
  readonly dimension: number;
}

/** @throws KonsilError CONFIG_INVALID when nobody's noise can be relied on, or the words are too narrow. */
export function termsOf(settings: PrivacySettings, { dimension, ...frame }: SumFrame): PrivacyTerms {
  const { mechanism, noiseMultiplier, adaptiveClip } = settings;
  const common =
    mechanism === 'gaussian'
      ? // drawn once, whoever is there
        { ...frame, noise: 'discrete_gaussian' as const, survivors: 1, colluding: 0 }
      : { ...frame, noise: mechanism };
  if (!adaptiveClip) {
    const update = planNoise({ ...common, noiseMultiplier, dimension });
    return { update, events: [eventOf(update)] };
  }
  const split = splitMultiplier(noiseMultiplier, adaptiveClip.budgetShare);
  const update = planNoise({ ...common, noiseMultiplier: split.update, dimension });
  const indicator = planNoise({ ...common, noiseMultiplier: split.indicator, dimension: 1 });
  return { update, indicator, events: [eventOf(update), eventOf(indicator)] };
}

/** Words of a sum by `terms`: the update's, and one more for the indicator. */
export function privateLength({ update, indicator }: PrivacyTerms): number {
  return update.dimension + (indicator ? 1 : 0);
}

/** What a word of the sum is worth, in the update's own unit. */
export function quantumOf({ update }: PrivacyTerms, clipNorm: number): number {
  return clipNorm / update.levels;
}

/** One pod's words before noise: the rounded update, then the indicator if there is one. */
function wordsOf(
  update: Float32Array | Float64Array,
  isBelow: (norm: number) => boolean,
  clipNorm: number,
  terms: PrivacyTerms,
  randomBytes: RandomBytes,
): Int32Array {
  const rounded = roundUpdate(update, clipNorm, terms.update, randomBytes);
  if (!terms.indicator) return rounded.words;
  const words = new Int32Array(privateLength(terms));
  words.set(rounded.words);
  words[words.length - 1] = isBelow(rounded.norm) ? terms.indicator.levels : -terms.indicator.levels;
  return words;
}

function addNoise(words: Int32Array, { update, indicator }: PrivacyTerms, randomBytes: RandomBytes): void {
  addNoiseShare(words.subarray(0, update.dimension), update, randomBytes);
  if (indicator) addNoiseShare(words.subarray(update.dimension), indicator, randomBytes);
}

/** What a pod puts into a sum: clipped, rounded, with its share of the noise; new noise at every call. */
export function privateWords(
  update: Float32Array | Float64Array,
  clipNorm: number,
  terms: PrivacyTerms,
  randomBytes: RandomBytes,
): Int32Array {
  const words = wordsOf(update, (norm) => norm <= clipNorm, clipNorm, terms, randomBytes);
  addNoise(words, terms, randomBytes);
  return words;
}

/** Clipped updates arrive as float32: one of this much of the clip norm was clipped. */
const CLIPPED_FROM = 1 - 2 ** -16;

/**
 * The noisy mean of updates that the coordinator sees: each clipped, again if a pod did not, and noise added once.
 * @param updates - Of the pods in the sum, at least one. @returns what {@link readPrivateMean} reads.
 */
export function centralMean(
  updates: Iterable<Float32Array>,
  clipNorm: number,
  terms: PrivacyTerms,
  randomBytes: RandomBytes,
): Float64Array {
  const sum = new Int32Array(privateLength(terms));
  let pods = 0;
  for (const update of updates) {
    const words = wordsOf(update, (norm) => norm < clipNorm * CLIPPED_FROM, clipNorm, terms, randomBytes);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + words[i]!;
    pods++;
  }
  if (pods === 0) throw new KonsilError('DATA_EMPTY', 'a mean needs at least one update');
  addNoise(sum, terms, randomBytes);
  const unit = quantumOf(terms, clipNorm) / pods;
  return Float64Array.from(sum, (word) => word * unit);
}

/** What a noisy sum says. */
export interface PrivateMean {
  readonly mean: Float64Array;
  /** Estimated share of updates below the clip norm; null with a fixed one. */
  readonly below: number | null;
}

/** Takes a noisy mean apart. @param mean - Of {@link privateLength} numbers, in the update's unit. */
export function readPrivateMean(mean: Float64Array, pods: number, clipNorm: number, terms: PrivacyTerms): PrivateMean {
  const { update, indicator } = terms;
  if (!indicator) return { mean, below: null };
  const sum = (mean[update.dimension]! * pods) / quantumOf(terms, clipNorm);
  return { mean: mean.subarray(0, update.dimension), below: shareBelow(sum, pods, indicator.levels) };
}

/** An update no longer than `clipNorm`: itself, or a shorter copy. What a pod sends in the open. */
export function clippedUpdate(update: Float32Array, clipNorm: number): Float32Array {
  const norm = normOf(update);
  return norm > clipNorm ? update.map((value) => value * (clipNorm / norm)) : update;
}
