/**
 * The section `aggregator.privacy` of a task: noise on the sum of updates, so that no one site shows in it.
 * @module
 */
import { z } from 'zod';
import { MECHANISMS, type PrivacySettings, thresholdsFor } from '../aggregation/index.ts';
import { messageOf } from '../base/index.ts';
import type { Path, Problem } from './configFile.ts';

export const privacy = z.strictObject({
  mechanism: z.enum(MECHANISMS).optional().meta({
    description:
      'skellam (default) or discrete_gaussian: each pod adds its share of the noise before masking. gaussian: the coordinator adds it, the default and the only one without secure aggregation.',
  }),
  noise_multiplier: z.number().positive().max(1_000).meta({
    description: 'Deviation of the noise on the sum, in units of clip_norm. More noise costs less ε a round.',
  }),
  clip_norm: z.number().positive().max(1e6).meta({
    description: 'Largest length (L2 norm) of one site’s update in a round; longer ones are shortened to it.',
  }),
  adaptive_clip: z
    .strictObject({
      quantile: z.number().gt(0).lt(1).default(0.5).meta({
        description: 'Share of the updates that should be shorter than the clip norm.',
      }),
      rate: z.number().positive().max(2).default(0.2).meta({
        description: 'The clip norm changes by at most a factor e^rate a round.',
      }),
      budget_share: z.number().gt(0).lt(1).default(0.1).meta({
        description: 'Share of the privacy budget that goes into asking who is shorter.',
      }),
    })
    .optional()
    .meta({ description: 'Let the clip norm follow the updates, beginning with clip_norm. Default: it stays.' }),
  delta: z.number().gt(0).lt(1).meta({
    description: 'δ of (ε, δ): well below one over the number of sites that could have taken part.',
  }),
  epsilon_budget: z.number().positive().max(1e6).optional().meta({
    description: 'Training ends before ε gets above this. Default: all rounds, whatever they cost.',
  }),
  dropout_fraction: z.number().min(0).lt(1).default(0.2).meta({
    description:
      'Share of the pods that may be missing from a sum; with more missing a round does not count. The more, the more noise each pod adds. minimum_cohort is raised to match.',
  }),
});

export type PrivacyFile = z.output<typeof privacy>;

/** A task's privacy; `dropoutFraction` in [0, 1). */
export interface TaskPrivacy extends PrivacySettings {
  readonly dropoutFraction: number;
}

/** The settings of a section, with the mechanism that fits. */
export function privacyOf(file: PrivacyFile, secure: boolean): TaskPrivacy {
  const { adaptive_clip: adaptive } = file;
  return {
    mechanism: file.mechanism ?? (secure ? 'skellam' : 'gaussian'),
    noiseMultiplier: file.noise_multiplier,
    clipNorm: file.clip_norm,
    ...(adaptive && {
      adaptiveClip: { quantile: adaptive.quantile, rate: adaptive.rate, budgetShare: adaptive.budget_share },
    }),
    delta: file.delta,
    ...(file.epsilon_budget !== undefined && { epsilonBudget: file.epsilon_budget }),
    dropoutFraction: file.dropout_fraction,
  };
}

/** The section that gives `settings`. */
export function privacyFileOf(settings: TaskPrivacy): Record<string, unknown> {
  const { adaptiveClip: adaptive } = settings;
  return {
    mechanism: settings.mechanism,
    noise_multiplier: settings.noiseMultiplier,
    clip_norm: settings.clipNorm,
    ...(adaptive && {
      adaptive_clip: { quantile: adaptive.quantile, rate: adaptive.rate, budget_share: adaptive.budgetShare },
    }),
    delta: settings.delta,
    ...(settings.epsilonBudget !== undefined && { epsilon_budget: settings.epsilonBudget }),
    dropout_fraction: settings.dropoutFraction,
  };
}

/** Pods without which a sum is not opened, when `fraction` of `pods` may be missing. */
export function survivorsOf(pods: number, fraction: number): number {
  return Math.ceil(pods * (1 - fraction) - 1e-9); // 10·(1 − 0.3) is a little more than 7 in binary
}

/** What the rules between keys look at. */
export interface PrivacyContext {
  readonly secure: boolean;
  readonly pods: number;
  /** `aggregator.minimum_cohort`, default filled in. */
  readonly minimumCohort: number;
  readonly colluding: number | undefined;
  /** The other keys of the aggregator. */
  readonly beside: Readonly<Record<string, unknown>>;
}

/** Keys of the aggregator that privacy leaves no room for, and why. */
const EXCLUDED = {
  weights: 'every site counts alike under differential privacy',
  clip: 'privacy.clip_norm bounds the whole update',
  clip_norm: 'privacy.clip_norm is the bound; keep that one',
};

/** Rules between the keys. @param path - Of the section. */
export function checkPrivacy(file: PrivacyFile, path: Path, context: PrivacyContext): Problem[] {
  const { secure, pods } = context;
  const problems: Problem[] = [];
  if (file.mechanism !== undefined && (file.mechanism === 'gaussian') === secure)
    problems.push({
      path: [...path, 'mechanism'],
      message: secure
        ? 'gaussian noise is added by the coordinator, who sees no update with secure aggregation; expected skellam or discrete_gaussian'
        : 'is for pods that add noise before masking; without secure aggregation expected gaussian',
    });
  for (const [key, why] of Object.entries(EXCLUDED))
    if (context.beside[key] !== undefined)
      problems.push({ path: [...path.slice(0, -1), key], message: `not possible with privacy: ${why}`, atKey: true });
  if (!secure) return problems;
  try {
    const { colluding } = thresholdsFor(pods, context.colluding === undefined ? {} : { colluding: context.colluding });
    const survivors = Math.max(context.minimumCohort, survivorsOf(pods, file.dropout_fraction));
    if (survivors <= colluding)
      problems.push({
        path: [...path, 'dropout_fraction'],
        message: `leaves ${survivors} pods, of whom ${colluding} may collude: nobody’s noise could be relied on`,
      });
  } catch (error) {
    problems.push({ path, message: messageOf(error) });
  }
  return problems;
}
