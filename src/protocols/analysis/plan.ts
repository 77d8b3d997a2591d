/**
 * How a task that asks becomes sums over the pods. Each algorithm is a plan of one sum or more: what is added up in each, which
 * public facts the pods are told before it (what earlier sums have said), and what the sums say in the end. Both halves build the
 * same layout from the task and those facts; the layout is hashed into the masks.
 * @module
 */
import type { SummedVector, VectorSpec } from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import type { RunSums } from '../runSums.ts';
import type { FederatedSummary } from './federatedSummary.ts';
import type { ResultTable } from './resultTable.ts';
import type { SummedGroup } from './summedGroup.ts';

/** Names of slots: real numbers below 2^64, and whole numbers below 2^32 over the cohort. */
export interface StepLayout {
  readonly extras: readonly string[];
  readonly counts: readonly string[];
}

/** What pods are told before a step: plain JSON. */
export type PublicFacts = unknown;
/** What came of a step. */
export type StepSum = Pick<SummedVector, 'extras' | 'counts'>;

/** What a task that asks ends with. */
export type AnalysisAnswer =
  | { readonly kind: 'table'; readonly table: ResultTable }
  | { readonly kind: 'statistics'; readonly summary: FederatedSummary }
  /** Shape `[models][groups]`. */
  | { readonly kind: 'evaluation'; readonly models: readonly (readonly SummedGroup[])[] };

/** The sums of an algorithm. */
export interface AnalysisPlan {
  /** How many there are. */
  readonly steps: number;
  /**
   * What is added up in a step.
   * @throws KonsilError PROTOCOL_VIOLATION when the facts are none of this algorithm.
   */
  readonly layout: (step: number, given: PublicFacts) => StepLayout;
  /** The facts of a step, from the sums of those before; null for none. */
  readonly given: (step: number, sums: readonly StepSum[]) => PublicFacts;
  /** What they say. @param pods - How many are in them. */
  readonly answer: (sums: readonly StepSum[], pods: number) => AnalysisAnswer;
}

/** The one sum of a step: each pod weighs 1. */
export function stepSums({ extras, counts }: StepLayout): RunSums {
  return {
    spec: (purpose, { cohort, clip }): VectorSpec => {
      if (purpose !== 'analysis') throw new KonsilError('PROTOCOL_VIOLATION', `a task that asks has no ${purpose}`);
      return { cohort, clip, maxWeight: 1, updateLength: 0, extras, counts };
    },
    rule: () => undefined,
    workBefore: () => 'analysis',
  };
}
