/**
 * What privacy tests found, as it stands in result.json.
 * @module
 */
import type { Check } from '../checks/check.ts';
import type { Sight } from './games/game.ts';
import type { Estimate } from './statistics/intervals.ts';
import type { UniformityTest } from './statistics/uniformity.ts';

export const ATTACKS = ['distinguishing', 'inversion', 'membership'] as const;
export type AttackName = (typeof ATTACKS)[number];

/** One attack with one pair of eyes. */
export interface AttackResult {
  readonly attack: AttackName;
  readonly sight: Sight;
  /** What the attacker had, for a reader. */
  readonly had: string;
  /** What is estimated. */
  readonly measure: string;
  /** With a 95 % interval. */
  readonly estimate: Estimate;
  /** The wider interval that the check is made with. */
  readonly checked: Estimate;
  /** What somebody who sees nothing achieves. */
  readonly chance: number;
  /** True value that the check would have told from chance with 95 % probability. */
  readonly detectable: number;
  /** Masks still on the victim's vector when the attacker had done what it can. */
  readonly masks: number;
  /** Further findings in words. */
  readonly note: string;
}

/** Tests of uniformity of one kind of bytes. */
export interface UniformityResult {
  readonly sight: Sight | 'run';
  readonly what: string;
  readonly vectors: number;
  readonly bytes: number;
  readonly tests: readonly UniformityTest[];
}

/** What a broker counts in a whole run. */
export interface TrafficResult {
  readonly messages: number;
  readonly bytes: number;
  /** Pods whose messages in secure sums had other sizes than those of most; empty when sizes tell nothing. */
  readonly apart: readonly string[];
  readonly sizes: readonly number[];
}

export interface PrivacyTestResult {
  readonly format: 'konsil-privacy-tests-v1';
  readonly variant: string;
  readonly seed: number;
  readonly games: number;
  /** Of them, those that the distinguishing attacker is trained on. */
  readonly training: number;
  readonly inversions: number;
  readonly pods: number;
  /** Shares that rebuild a secret: one pod fewer colludes. */
  readonly threshold: number;
  readonly rows: number;
  readonly parameters: number;
  /** Chance that any one check of masked views fails although masks are perfect. */
  readonly falseAlarm: number;
  readonly uniformity: readonly UniformityResult[];
  readonly attacks: readonly AttackResult[];
  /** Of the whole run. */
  readonly traffic: TrafficResult | null;
  readonly wallSeconds: number;
  readonly checks: readonly Check[];
  readonly passed: boolean;
}
