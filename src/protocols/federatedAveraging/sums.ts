/**
 * What federated averaging sums, and in which slots. Every aggregation of a run is one weighted sum over the cohort:
 * statistics before round 1, an update per round, an evaluation at the end. Both halves build the same layout from the
 * same public facts; the layout is hashed into the masks.
 * @module
 */
import type { VectorSpec } from '../../aggregation/index.ts';
import type { ProblemKind } from '../../datasources/index.ts';
import { statisticsLayout } from '../../metrics/index.ts';
import type { Purpose, SecureParameters } from '../../wire/index.ts';

/** The public facts a layout depends on. */
export interface SumFacts {
  /** Width of the encoded feature matrix. */
  readonly features: number;
  /** Length of the flat parameter vector. */
  readonly parameters: number;
  readonly kind: ProblemKind;
  /** Number of classes; 0 for regression. */
  readonly classes: number;
}

/** More training rows than any one hospital has; the update's own bound is the sum found in `statistics`. */
export const MAX_ROWS_PER_POD = 20_000_000;
/** Default clip per coordinate of an update: far above any sane step, and still 8·n/2^31 fine (1.5e-8 for four pods). */
export const DEFAULT_CLIP = 8;

/** Slots of the aggregation for `purpose`. */
export function sumSpec(purpose: Purpose, facts: SumFacts, secure: SecureParameters): VectorSpec {
  const common = { cohort: secure.cohort, clip: secure.clip, maxWeight: secure.maxWeight };
  switch (purpose) {
    case 'statistics':
      return {
        ...common,
        updateLength: 0,
        extras: perFeature(facts, 'sum').concat(perFeature(facts, 'squares')),
        counts: perFeature(facts, 'count'),
      };
    case 'update':
      return {
        ...common,
        updateLength: facts.parameters,
        extras: ['trainingLoss', 'validationLoss'],
        counts: ['validationRows', 'validationHits'],
      };
    case 'evaluation': {
      const { counts, sums } = statisticsLayout(facts.kind, facts.classes);
      return {
        ...common,
        updateLength: 0,
        extras: [...sums, 'validationLoss'],
        counts: [...counts, 'validationRows', 'validationHits'],
      };
    }
  }
}

/** Slot names `prefix.0`, `prefix.1`, … one a feature. */
export function perFeature({ features }: Pick<SumFacts, 'features'>, prefix: string): string[] {
  return Array.from({ length: features }, (_, i) => `${prefix}.${i}`);
}
