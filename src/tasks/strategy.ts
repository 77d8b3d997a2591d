/**
 * The section `aggregator.strategy` of a task: what the coordinator does with the updates of a round.
 * @module
 */
import { z } from 'zod';
import { ROBUST_STRATEGIES, type StrategySettings } from '../aggregation/index.ts';
import type { Path, Problem } from './configFile.ts';

const rate = (byDefault: number) => ({
  server_learning_rate: z
    .number()
    .positive()
    .max(1e3)
    .default(byDefault)
    .meta({
      description: `η: factor on the step that the model takes from the updates. Default ${byDefault}.`,
    }),
});
const beta1 = (byDefault: number) => ({
  beta1: z
    .number()
    .min(0)
    .lt(1)
    .default(byDefault)
    .meta({
      description: `β₁: how much of the mean update's average of earlier rounds is kept. Default ${byDefault}.`,
    }),
});
const beta2 = {
  beta2: z.number().min(0).lt(1).default(0.99).meta({
    description: 'β₂: how much of the average of its square is kept. Default 0.99.',
  }),
};
const tau = {
  tau: z.number().positive().max(1e3).default(1e-3).meta({
    description: 'τ: added to the root in the denominator; the smaller, the more alike all steps are. Default 0.001.',
  }),
};
const byzantine = {
  byzantine: z.int().min(0).max(10_000).optional().meta({
    description:
      'f: pods that may lie; a sum of n pods withstands f when n ≥ 2f + 3. Default: as many as the pods of the round allow.',
  }),
};

export const strategy = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('FedAvg'), ...rate(1) }),
  z.strictObject({
    name: z.literal('FedAvgM'),
    momentum: z.number().min(0).lt(1).default(0.9).meta({ description: 'β of the momentum. Default 0.9.' }),
    ...rate(1),
  }),
  z.strictObject({
    name: z.literal('FedProx'),
    mu: z.number().min(0).max(1e6).default(0.01).meta({
      description:
        'μ: how strongly each pod is pulled towards the parameters the round started from. Default 0.01. The same as hyperparameters.proximal_mu.',
    }),
    ...rate(1),
  }),
  z.strictObject({ name: z.literal('FedAdam'), ...beta1(0.9), ...beta2, ...tau, ...rate(0.1) }),
  z.strictObject({ name: z.literal('FedYogi'), ...beta1(0.9), ...beta2, ...tau, ...rate(0.1) }),
  z.strictObject({ name: z.literal('FedAdagrad'), ...beta1(0), ...tau, ...rate(0.1) }),
  z.strictObject({ name: z.literal('FedNova'), ...rate(1) }),
  z.strictObject({
    name: z.literal('SCAFFOLD'),
    control_clip: z.number().positive().max(1e6).default(64).meta({
      description:
        'Largest change of one number of a pod’s control variate in a round; it is a mean gradient. Default 64.',
    }),
    ...rate(1),
  }),
  z.strictObject({ name: z.literal('CoordinateMedian'), ...rate(1) }),
  z.strictObject({
    name: z.literal('TrimmedMean'),
    trim: z.number().min(0).lt(0.5).default(0.2).meta({
      description: 'β: share of the values of each parameter left out at each end, rounded up. Default 0.2.',
    }),
    ...rate(1),
  }),
  z.strictObject({ name: z.literal('Krum'), ...byzantine, ...rate(1) }),
  z.strictObject({
    name: z.literal('MultiKrum'),
    ...byzantine,
    selected: z.int().min(1).max(10_000).optional().meta({
      description: 'm: how many updates are averaged, at most n − f. Default n − f.',
    }),
    ...rate(1),
  }),
]);

export type StrategyFile = z.output<typeof strategy>;

/** What a task without the section uses. */
export const FEDAVG: StrategySettings = { name: 'FedAvg', serverLearningRate: 1 };

/** The settings of a section. */
export function strategyOf(file: StrategyFile): StrategySettings {
  const camel = (key: string): string => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return mapKeys(file, camel) as unknown as StrategySettings;
}

/** The inverse of {@link strategyOf}. */
export function strategyFileOf(settings: StrategySettings): Record<string, unknown> {
  return mapKeys(settings, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function mapKeys(values: object, rename: (key: string) => string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[rename(key), value]])),
  );
}

/** Whether a strategy looks at single updates. */
export function isRobust({ name }: { readonly name: string }): boolean {
  return (ROBUST_STRATEGIES as readonly string[]).includes(name);
}

/** What the rules between keys look at. */
export interface StrategyContext {
  readonly secure: boolean;
  readonly pods: number;
  /** The other keys of the aggregator. */
  readonly beside: Readonly<Record<string, unknown>>;
  readonly hyper: {
    readonly optimizer: string;
    readonly momentum?: number | undefined;
    readonly proximal_mu?: unknown;
    readonly optimizer_state?: unknown;
  };
  /** Of the hyperparameters. */
  readonly hyperPath: Path;
}

/** Keys of the aggregator that a strategy leaves no room for, and why. */
const EXCLUDED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  robust: {
    weights: 'each pod counts alike, as what a pod says of itself may be a lie',
    privacy: 'its noise is for a mean of all updates',
  },
  FedNova: {
    weights: 'steps are weighed by training rows',
    privacy: 'how many steps the sites took would be told exactly',
    sparse: 'what a site keeps for later has the measure of that round’s steps',
    clip_norm: 'an update is sent for one step, and a bound on it bounds nothing; use clip',
  },
  SCAFFOLD: {
    weights: 'control variates are weighed by training rows',
    privacy: 'no noise would cover the control variates',
    sparse: 'a control variate changes as a whole',
    clip_norm: 'it would not bound the control variates; use clip and strategy.control_clip',
    rotation: 'it mixes parameters and control variates, whose magnitudes differ',
  },
};

/** Rules between the keys. @param path - Of the section. */
export function checkStrategy(file: StrategyFile, path: Path, context: StrategyContext): Problem[] {
  const { secure, pods, beside } = context;
  const { name } = file;
  const problems: Problem[] = [];
  if (isRobust(file) && secure)
    problems.push({
      path: [...path, 'name'],
      message: `${name} looks at single updates, which secure aggregation hides from the coordinator; expected a strategy that needs the sum only, or ${[...path.slice(0, -1), 'secure'].join('.')}: false`,
    });
  for (const [key, why] of Object.entries(EXCLUDED[isRobust(file) ? 'robust' : name] ?? {}))
    if (beside[key] !== undefined && beside[key] !== false)
      problems.push({ path: [...path.slice(0, -1), key], message: `not possible with ${name}: ${why}`, atKey: true });
  return [...problems, ...checkByzantine(file, path, pods), ...checkLocal(file, path, context)];
}

function checkByzantine(file: StrategyFile, path: Path, pods: number): Problem[] {
  if (file.name !== 'Krum' && file.name !== 'MultiKrum') return [];
  const { byzantine = 0 } = file;
  if (pods < 2 * byzantine + 3)
    return [
      {
        path: file.byzantine === undefined ? [...path, 'name'] : [...path, 'byzantine'],
        message: `${file.name} with ${byzantine} lying pods needs ${2 * byzantine + 3} pods (2f + 3), got ${pods}`,
      },
    ];
  if (file.name === 'MultiKrum' && file.selected !== undefined && file.selected > pods - byzantine)
    return [
      {
        path: [...path, 'selected'],
        message: `is ${file.selected}, but only ${pods - byzantine} of ${pods} pods are trusted; expected at most that`,
      },
    ];
  return [];
}

/** What a strategy asks of the training at the pods. */
function checkLocal(file: StrategyFile, path: Path, { hyper, hyperPath }: StrategyContext): Problem[] {
  const { name } = file;
  if (name === 'FedProx' && hyper.proximal_mu !== undefined)
    return [
      {
        path: [...hyperPath, 'proximal_mu'],
        message: `already given as ${[...path, 'mu'].join('.')}, with a default; keep one of the two`,
        atKey: true,
      },
    ];
  if (name !== 'FedNova' && name !== 'SCAFFOLD') return [];
  if (hyper.optimizer !== 'sgd')
    return [
      {
        path: [...hyperPath, 'optimizer'],
        message: `${name} counts the steps of SGD; expected sgd, got ${hyper.optimizer}`,
      },
    ];
  if (name === 'SCAFFOLD' && hyper.momentum)
    return [
      {
        path: [...hyperPath, 'momentum'],
        message: 'not possible with SCAFFOLD, whose control variates are mean gradients of plain SGD',
        atKey: true,
      },
    ];
  if (name === 'FedNova' && hyper.optimizer_state === 'keep')
    return [
      {
        path: [...hyperPath, 'optimizer_state'],
        message: 'keep is not possible with FedNova, which counts how far the steps of one round go; expected reset',
      },
    ];
  return [];
}
