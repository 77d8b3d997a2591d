/**
 * What federated averaging sums, and in which slots. Every aggregation of a run is one weighted sum over the cohort:
 * statistics before round 1, an update per round (and the ranges of its values and votes for its blocks before,
 * where these are agreed on), an evaluation at the end. Both halves build the same layout from the same public facts; the
 * layout is hashed into the masks.
 * @module
 */
import {
  blockCount,
  blocksToSend,
  type ClipRun,
  checkChoice,
  chosenClips,
  chosenLength,
  type InputRule,
  rangeNames,
  type VectorSpec,
  voteBits,
} from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { type ProblemKind, problemOf } from '../../datasources/index.ts';
import { statisticsLayout } from '../../metrics/index.ts';
import { FEDAVG, quantisationOf, type Task } from '../../tasks/index.ts';
import { type Layout, type Stretch, sharedPart } from '../../training/index.ts';
import type { Purpose, SecureParameters } from '../../wire/index.ts';
import { stretchesOf } from './quantisation.ts';

/** The public facts a layout depends on. */
export interface SumFacts {
  /** Width of the encoded feature matrix. */
  readonly features: number;
  /** Length of an update: of the flat parameter vector, or of its shared part. */
  readonly parameters: number;
  readonly kind: ProblemKind;
  /** Number of classes; 0 for regression. */
  readonly classes: number;
  /** What bounds the update of each pod. @default nothing */
  readonly rule?: InputRule;
  /** Lengths of the stretches of an update that have a clip of their own. @default none */
  readonly stretches?: readonly number[];
  /** Where the shared part lies when parameters stay at the pods, in a model of so many, of which so many train. @default all */
  readonly shared?: { readonly stretches: readonly Stretch[]; readonly model: number; readonly trained: number };
  /** Trained parameters of an update, which come before running statistics. @default all */
  readonly trained?: number;
  /** Whether updates are divided by the steps they took, which are summed too: FedNova. @default false */
  readonly isNormalised?: boolean;
  /** Changes of control variates after an update, and the clip of each: SCAFFOLD. @default none */
  readonly controls?: ClipRun;
  /** Share of its blocks that an update consists of, when the pods vote for them. @default all, without a vote */
  readonly share?: number;
}

/** Slot of Σ nᵢ·aᵢ, FedNova's normalisers by rows. */
export const LOCAL_STEPS = 'localSteps';

function total(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Parameters of the whole model, local ones included. */
export function modelLength({ parameters, shared }: Pick<SumFacts, 'parameters' | 'shared'>): number {
  return shared?.model ?? parameters;
}

/** Whether pods agree on anything before each update. */
export function hasRanges({ stretches = [], share }: Pick<SumFacts, 'stretches' | 'share'>): boolean {
  return stretches.length > 0 || share !== undefined;
}

/** The facts of `task` with a model of `layout` on `features` encoded features. */
export function sumFacts(
  task: Pick<Task, 'aggregator' | 'dataStructure' | 'training'>,
  layout: Pick<Layout, 'entries' | 'length'>,
  features: number,
): SumFacts {
  const { kind, classes } = problemOf(task.dataStructure);
  const lengthsOf = (entries: Layout['entries']): number[] => entries.map(({ count }) => count);
  const trainable = (entries: Layout['entries']): number[] =>
    lengthsOf(entries.filter((entry) => entry.kind === 'trainable'));
  const { localParameters: local } = task.training;
  const part = local && sharedPart(layout, local);
  const { entries } = part ?? layout;
  const trainedOnes = trainable(entries);
  const [parameters, trained] = [total(lengthsOf(entries)), total(trainedOnes)];
  const { sparse: share, ...quantisation } = quantisationOf(task.aggregator);
  const { clipNorm, strategy = FEDAVG } = task.aggregator;
  const controls = strategy.name === 'SCAFFOLD' ? { length: trained, clip: strategy.controlClip } : undefined;
  const stretches = [
    ...stretchesOf(quantisation, lengthsOf(entries)),
    ...(controls ? stretchesOf(quantisation, trainedOnes) : []),
  ];
  return {
    ...{ features, parameters, trained, kind, classes: classes.length, stretches },
    ...(part && {
      shared: { stretches: part.stretches, model: layout.length, trained: total(trainable(layout.entries)) },
    }),
    ...(strategy.name === 'FedNova' && { isNormalised: true }),
    ...(controls && { controls }),
    ...(clipNorm !== undefined && { rule: { clipNorm } }),
    ...(share !== undefined && { share }),
  };
}

/**
 * Slots of the aggregation for `purpose`.
 * @throws KonsilError PROTOCOL_VIOLATION when the blocks of an update are not as many as the task asks for, or it does not train.
 */
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
        ...{ ...common, rotation: secure.rotation, ...votesPart(facts, secure) },
        ...{ extras: [], counts: rangeNames(facts.stretches?.length ?? 0) },
      };
    case 'update':
      return {
        ...secure,
        ...updatePart(facts, secure),
        extras: ['trainingLoss', 'validationLoss', ...(facts.isNormalised ? [LOCAL_STEPS] : [])],
        counts: ['validationRows', 'validationHits', ...(facts.rule ? ['shortened'] : [])],
      };
    case 'analysis':
      throw new KonsilError('PROTOCOL_VIOLATION', 'a task that trains has no analysis');
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

/** A vote a block takes the place of an update: the narrowest lanes that hold its sum. */
function votesPart(
  { parameters, share }: SumFacts,
  { cohort }: SecureParameters,
): Pick<VectorSpec, 'updateLength'> & Partial<VectorSpec> {
  if (share === undefined) return { updateLength: 0 };
  return { updateLength: blockCount(parameters), bits: voteBits(cohort), clip: 1, maxWeight: 1 };
}

/** All parameters and what follows them, or those of the blocks chosen; with their clips. */
function updatePart(
  { parameters, share, controls }: SumFacts,
  { blocks, clip, clips }: SecureParameters,
): Pick<VectorSpec, 'updateLength' | 'clips'> {
  if (controls)
    return {
      updateLength: parameters + controls.length,
      clips: clips ?? [{ length: parameters, clip }, controls],
    };
  if (share === undefined || blocks === undefined) return { updateLength: parameters };
  checkChoice(blocks, parameters, blocksToSend(parameters, share));
  return {
    updateLength: chosenLength(blocks, parameters),
    ...(clips && { clips: chosenClips(clips, blocks, parameters) }),
  };
}

/** Numbers that pods are given at the start of a round: the parameters and, to train, what follows them. */
export function givenLength({ controls, ...facts }: SumFacts, purpose: Purpose): number {
  return modelLength(facts) + (purpose === 'evaluation' ? 0 : (controls?.length ?? 0));
}

/** Slot names `prefix.0`, `prefix.1`, … one a feature. */
export function perFeature({ features }: Pick<SumFacts, 'features'>, prefix: string): string[] {
  return Array.from({ length: features }, (_, i) => `${prefix}.${i}`);
}
