/**
 * What federated averaging sums, and in which slots. Every aggregation of a run is one weighted sum over the cohort:
 * statistics before round 1, an update per round (and the ranges of its values before, where clips are agreed on), an
 * evaluation at the end. Both halves build the same layout from the
 * same public facts; the layout is hashed into the masks.
 * @module
 */
import { type InputRule, rangeNames, type VectorSpec } from '../../aggregation/index.ts';
import { type ProblemKind, problemOf } from '../../datasources/index.ts';
import { statisticsLayout } from '../../metrics/index.ts';
import { quantisationOf, type Task } from '../../tasks/index.ts';
import type { Purpose, SecureParameters } from '../../wire/index.ts';
import { stretchesOf } from './quantisation.ts';

/** The public facts a layout depends on. */
export interface SumFacts {
  /** Width of the encoded feature matrix. */
  readonly features: number;
  /** Length of the flat parameter vector. */
  readonly parameters: number;
  readonly kind: ProblemKind;
  /** Number of classes; 0 for regression. */
  readonly classes: number;
  /** What bounds the update of each pod. @default nothing */
  readonly rule?: InputRule;
  /** Lengths of the stretches of an update that have a clip of their own. @default none */
  readonly stretches?: readonly number[];
}

/** The facts of `task` with a model of `layout` on `features` encoded features. */
export function sumFacts(
  task: Pick<Task, 'aggregator' | 'dataStructure'>,
  layout: { readonly entries: readonly { readonly count: number }[]; readonly length: number },
  features: number,
): SumFacts {
  const { kind, classes } = problemOf(task.dataStructure);
  const tensors = layout.entries.map(({ count }) => count);
  const stretches = stretchesOf(quantisationOf(task.aggregator), tensors);
  const { clipNorm } = task.aggregator;
  return {
    ...{ features, parameters: layout.length, kind, classes: classes.length, stretches },
    ...(clipNorm !== undefined && { rule: { clipNorm } }),
  };
}

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
    case 'range':
      return {
        ...{ ...common, rotation: secure.rotation, updateLength: 0 },
        ...{ extras: [], counts: rangeNames(facts.stretches?.length ?? 0) },
      };
    case 'update':
      return {
        ...secure,
        updateLength: facts.parameters,
        extras: ['trainingLoss', 'validationLoss'],
        counts: ['validationRows', 'validationHits', ...(facts.rule ? ['shortened'] : [])],
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
