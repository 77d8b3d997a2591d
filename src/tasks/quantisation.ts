/**
 * How updates become masked integers, in the task's language: width, rounding, scale, rotation. They only mean something
 * under masks; in the open an update travels as it is. Which part of an update travels belongs here too.
 * @module
 */
import { z } from 'zod';
import { bitsForPrecision, quantiseLevels, type Rounding } from '../aggregation/index.ts';
import { messageOf } from '../base/index.ts';
import type { Path, Problem } from './configFile.ts';
import { flag } from './keys.ts';

export const SCALES = ['fixed', 'global', 'per_tensor'] as const;
/** What agrees on clips: nobody, all parameters together, or each tensor of the model. */
export type Scale = (typeof SCALES)[number];

/** Keys of an aggregator. */
export const quantisationKeys = {
  bits: z.int().min(8).max(32).optional().meta({
    description:
      'Bits of each parameter of a masked update: 32 is as exact as float32, 24 and 16 make uploads 25 and 50 % smaller. Default 32.',
    default: 32,
  }),
  precision: z.number().positive().max(0.1).optional().meta({
    description:
      'Instead of bits: the largest rounding error of an averaged parameter in a round, as a share of its clip; the smallest width that keeps it is taken.',
  }),
  rounding: z.enum(['nearest', 'stochastic']).optional().meta({
    description:
      'How masked parameters are rounded: nearest is closer in each round; stochastic is right on average, which few bits need over many rounds. Default nearest.',
    default: 'nearest',
  }),
  scale: z.enum(SCALES).optional().meta({
    description:
      'What bounds a masked parameter: fixed, the clip; global or per_tensor, a power of two that the pods agree on by a small secure sum before each update, at most the clip. Default fixed with 32 bits, else per_tensor, or global with a rotation.',
  }),
  scale_quantile: z.number().gt(0).max(1).optional().meta({
    description:
      'Share of pods whose update must not be clipped when they agree on a scale; below 1, single pods far out cannot coarsen the result. Default 1.',
    default: 1,
  }),
  sparse: z.number().gt(0).lt(1).optional().meta({
    description:
      'Share of the parameters that is sent in a round: the pods vote under masks for the blocks that changed most, and keep the rest for later rounds. Default: all are sent.',
  }),
  rotation: flag.optional().meta({
    description:
      'Rotate updates at random before rounding, so that all parameters have about one magnitude and few bits are enough. Default false.',
    default: false,
  }),
};

/** The keys as read; what is not given is undefined. */
export interface QuantisationSettings {
  readonly bits?: number;
  readonly rounding?: Rounding;
  readonly scale?: Scale;
  readonly scaleQuantile?: number;
  readonly rotation?: boolean;
  /** Share of the parameters sent in a round, in (0, 1). @default all, without a vote */
  readonly sparse?: number;
  /** Noise of differential privacy has a scale of its own, the clip norm. */
  readonly privacy?: unknown;
}

/** The settings with their defaults. */
export interface Quantisation extends Required<Omit<QuantisationSettings, 'privacy' | 'sparse'>> {
  /** As in {@link QuantisationSettings}. */
  readonly sparse?: number;
}

interface QuantisationFile {
  readonly bits?: number | undefined;
  readonly precision?: number | undefined;
  readonly rounding?: Rounding | undefined;
  readonly scale?: Scale | undefined;
  readonly scale_quantile?: number | undefined;
  readonly rotation?: boolean | undefined;
  readonly sparse?: number | undefined;
  readonly privacy?: unknown;
}

/**
 * The settings of a file; a precision becomes the width that keeps it with all `pods`.
 * @throws KonsilError CONFIG_INVALID when no width does.
 */
export function quantisationSettings(file: QuantisationFile, pods: number): Omit<QuantisationSettings, 'privacy'> {
  const { precision, rounding, scale, scale_quantile: scaleQuantile, rotation, sparse } = file;
  const levels = { clip: 1, maxWeight: 1, maxTotalWeight: 1, cohort: pods, rounding };
  const bits = file.bits ?? (precision === undefined ? undefined : bitsForPrecision(levels, precision));
  return {
    ...(bits !== undefined && { bits }),
    ...(rounding !== undefined && { rounding }),
    ...(scale !== undefined && { scale }),
    ...(scaleQuantile !== undefined && { scaleQuantile }),
    ...(rotation !== undefined && { rotation }),
    ...(sparse !== undefined && { sparse }),
  };
}

/** The inverse of {@link quantisationSettings}. */
export function quantisationFile(settings: QuantisationSettings): QuantisationFile {
  const { bits, rounding, scale, scaleQuantile, rotation, sparse } = settings;
  return {
    ...(bits !== undefined && { bits }),
    ...(rounding !== undefined && { rounding }),
    ...(scale !== undefined && { scale }),
    ...(rotation !== undefined && { rotation }),
    ...(scaleQuantile !== undefined && { scale_quantile: scaleQuantile }),
    ...(sparse !== undefined && { sparse }),
  };
}

const EXACT: Omit<Quantisation, 'bits'> = { rounding: 'nearest', scaleQuantile: 1, rotation: false, scale: 'fixed' };

/** Settings with defaults filled in: a clip that nobody agreed on is too coarse for fewer than 32 bits. */
export function quantisationOf(settings: QuantisationSettings): Quantisation {
  const { bits = 32, rounding = 'nearest', scaleQuantile = 1, rotation = false, sparse } = settings;
  if (settings.privacy !== undefined) return { ...EXACT, bits };
  const agreed = rotation ? 'global' : 'per_tensor';
  const scale = settings.scale ?? (bits === 32 ? 'fixed' : agreed);
  return { bits, rounding, scaleQuantile, rotation, scale, ...(sparse !== undefined && { sparse }) };
}

/** Broken rules. @param pods - how many there are. */
export function checkQuantisation(file: QuantisationFile, path: Path, secure: boolean, pods: number): Problem[] {
  const problem = (key: keyof QuantisationFile, message: string): Problem => ({
    path: [...path, key],
    message,
    atKey: true,
  });
  const written = (Object.keys(quantisationKeys) as (keyof typeof quantisationKeys)[]).filter(
    (key) => file[key] !== undefined,
  );
  if (!secure)
    return written.map((key) =>
      problem(
        key,
        `only masked updates are ${key === 'sparse' ? 'sent in part' : 'rounded'}; remove it, or set secure to true`,
      ),
    );
  if (file.privacy !== undefined) {
    const exact = quantisationFile({ ...EXACT, ...(file.bits !== undefined && { bits: file.bits }) });
    const others = written.filter((key) => file[key] !== exact[key]);
    return others.map((key) =>
      problem(
        key,
        key === 'sparse'
          ? 'not with privacy: no noise would cover the votes for what is sent'
          : 'not with privacy, which rounds and scales in its own way',
      ),
    );
  }
  if (file.bits !== undefined && file.precision !== undefined)
    return [
      problem('precision', `not beside ${[...path, 'bits'].join('.')}, which says how many; keep one of the two`),
    ];
  let settings: QuantisationSettings;
  try {
    settings = quantisationSettings(file, pods);
  } catch (error) {
    return [problem('precision', messageOf(error))];
  }
  const { bits, scale, rotation } = quantisationOf(settings);
  const problems: Problem[] = [];
  if (scale === 'fixed' && file.scale_quantile !== undefined)
    problems.push(problem('scale_quantile', 'only with scale: global or per_tensor; a fixed scale is not agreed on'));
  if (scale === 'per_tensor' && rotation)
    problems.push(problem('scale', 'not possible with rotation: true, which mixes tensors; expected fixed or global'));
  if (file.sparse !== undefined && rotation)
    problems.push(problem('sparse', 'not possible with rotation: true, which spreads every change over all blocks'));
  try {
    quantiseLevels({ clip: 1, maxWeight: 1, cohort: pods, bits });
  } catch (error) {
    problems.push(problem('bits', messageOf(error)));
  }
  return problems;
}
