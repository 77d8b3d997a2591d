/**
 * How a task trains: the keys of `hyperparameters`, what they mean to the program, and rules between them.
 * @module
 */
import { z } from 'zod';
import type { OptimiserSpec, ScheduleSpec } from '../training/index.ts';
import type { Path, Problem } from './configFile.ts';
import { count, flag, text } from './keys.ts';
import {
  checkClassWeights,
  LOSS_KEYS,
  LOSS_OPTIONS,
  LOSSES,
  type Loss,
  lossesFor,
  lossOptions,
  type Target,
} from './losses.ts';

const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const satisfies readonly OptimiserSpec['kind'][];
const SCHEDULES = ['constant', 'step', 'cosine'] as const satisfies readonly ScheduleSpec['kind'][];

const schedule = z.strictObject({
  name: z.enum(SCHEDULES),
  step_size: count.optional().meta({ description: 'Only for step: training steps between two drops; required.' }),
  gamma: z.number().positive().max(1).optional().meta({ description: 'Only for step: factor of a drop. Default 0.1.' }),
  total_steps: count.optional().meta({
    description: 'Only for cosine: training steps until the minimum. Default: what is left after the warm-up.',
  }),
  minimum: z.number().min(0).max(1).optional().meta({
    description: 'Only for cosine: share of the learning rate at the end. Default 0.',
  }),
  warmup_steps: z.int().min(0).max(1_000_000).optional().meta({
    description: 'Training steps in which the learning rate rises to its value, before the schedule begins. Default 0.',
  }),
  warmup_start: z.number().min(0).max(1).optional().meta({
    description: 'Share of the learning rate at the first step of the warm-up. Default a third.',
  }),
});

const privateSteps = z.strictObject({
  clip_norm: z.number().positive().max(1e6).meta({ description: 'Largest length (L2 norm) of one row’s gradient.' }),
  noise_multiplier: z.number().positive().max(1_000).meta({
    description: 'Deviation of the noise on the sum of gradients of a step, in units of clip_norm.',
  }),
  delta: z.number().gt(0).lt(1).meta({ description: 'δ of (ε, δ): well below one over the rows of a site.' }),
});

const patterns = z.array(text).min(1).max(1000);

export const hyperparameters = z.strictObject({
  steps: count.optional().meta({ description: 'Training steps in all, at each pod.' }),
  epochs: count.optional().meta({ description: 'Passes over the data in all, at each pod.' }),
  batch_size: z.int().min(1).max(65_536).default(32).meta({ description: 'Rows in one training step.' }),
  accumulate: z.int().min(1).max(65_536).optional().meta({
    description: 'A training step takes this many batches, one after another, to save memory. Default 1.',
  }),
  learning_rate: z.number().positive().max(100).optional().meta({
    description: 'Default 0.01 for sgd, rmsprop and adagrad, 0.001 for adam and adamw.',
  }),
  optimizer: z.enum(OPTIMIZERS).default('adam'),
  momentum: z.number().min(0).lt(1).optional().meta({ description: 'Only for sgd and rmsprop. Default 0.' }),
  optimizer_state: z.enum(['reset', 'keep']).optional().meta({
    description:
      'What a pod’s optimizer remembers when a round begins: nothing (reset), or what it had when its last round ended (keep; kept in memory, so a pod that starts again has nothing). Default reset.',
    default: 'reset',
  }),
  nesterov: flag.optional().meta({ description: 'Only for sgd with momentum. Default false.' }),
  weight_decay: z.number().min(0).max(10).default(0),
  schedule: schedule.optional().meta({
    description:
      'How the learning rate changes from step to step, on through all rounds. Default: it stays as it is. A pod that misses a round is at the step it would have reached.',
  }),
  loss: z.enum(LOSSES).optional().meta({
    description:
      'Default: bce_with_logits for two classes and for several labels, cross_entropy for more classes and for masks, mse for a numeric target, cox for times.',
  }),
  loss_options: lossOptions.optional(),
  gradient_clip_norm: z.number().positive().max(1e6).optional().meta({
    description: 'Scale a gradient down to this length if it is longer.',
  }),
  gradient_clip_value: z.number().positive().max(1e6).optional().meta({
    description: 'Cut each number of a gradient off at this size, before the length is looked at.',
  }),
  proximal_mu: z.number().min(0).max(1e6).optional().meta({
    description: 'FedProx: pull each pod towards the parameters the round started from, this strongly. Default 0.',
  }),
  private_steps: privateSteps.optional().meta({
    description:
      'Differential privacy of each row (DP-SGD): rows are drawn at random for each step, batch_size of them on average, and noise is added to their gradients. Each pod reckons ε over its own rows and keeps it in its ledger. Default: none.',
  }),
  train: patterns.optional().meta({
    description: 'Train only these weights: names, or patterns in which * stands for any text. Default: all.',
  }),
  freeze: patterns.optional().meta({ description: 'Leave these weights as they are: names or patterns.' }),
  local_parameters: patterns.optional().meta({
    description:
      'These weights and running statistics stay at each pod: names or patterns, such as those of normalisation layers (FedBN) or of the head (FedPer). Each pod trains, keeps and evaluates its own; the modeller’s model has the initial values there. Default: none.',
  }),
  hidden_layers: z.array(z.int().min(1).max(65_536)).max(32).optional().meta({
    description: 'Only for builtin:mlp: width of each hidden layer; [] is a linear model. Default [16].',
  }),
  activation: z.enum(['relu', 'tanh']).optional().meta({
    description: 'Only for builtin:mlp: function between the layers. Default relu.',
  }),
  seed: z.int().min(0).max(0xffffffff).default(0).meta({ description: 'Start weights and order of the rows.' }),
});

export type HyperparametersFile = z.infer<typeof hyperparameters>;

/** What local training counts in; the interval between updates counts in the same. */
export type TrainingUnit = 'steps' | 'epochs';

/** A schedule as the trainer takes it; a cosine without `totalSteps` ends with the training. */
export type ScheduleSettings =
  | Exclude<ScheduleSpec, { kind: 'cosine' }>
  | (Omit<Extract<ScheduleSpec, { kind: 'cosine' }>, 'totalSteps'> & { readonly totalSteps?: number });

export interface TrainingSettings {
  readonly unit: TrainingUnit;
  /** Steps or epochs in all. */
  readonly total: number;
  readonly batchSize: number;
  /** Batches a step. @default 1 */
  readonly accumulate?: number;
  readonly learningRate: number;
  readonly optimizer: (typeof OPTIMIZERS)[number];
  readonly momentum: number;
  readonly nesterov?: boolean;
  /** What the optimiser remembers of earlier rounds. @default reset: nothing */
  readonly optimizerState?: 'reset' | 'keep';
  readonly weightDecay: number;
  readonly schedule?: ScheduleSettings;
  readonly loss: Loss;
  readonly lossOptions?: {
    readonly classWeights?: readonly number[];
    readonly labelSmoothing?: number;
    readonly posWeight?: number;
    readonly delta?: number;
    readonly beta?: number;
    readonly smooth?: number;
  };
  readonly gradientClipNorm?: number;
  readonly gradientClipValue?: number;
  readonly proximalMu?: number;
  /** DP-SGD; `delta` is for the account. */
  readonly privateSteps?: { readonly clipNorm: number; readonly noiseMultiplier: number; readonly delta: number };
  readonly train?: readonly string[];
  readonly freeze?: readonly string[];
  /** Names or patterns of what stays at the pods. */
  readonly localParameters?: readonly string[];
  readonly seed: number;
}

/** The entries of `values` that are there, under other names. */
function renamed(values: object, names: Readonly<Record<string, string>>): Record<string, unknown> {
  const given = values as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(names).flatMap(([from, to]) => (given[from] === undefined ? [] : [[to, given[from]]])),
  );
}

function inverse(names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([from, to]) => [to, from]));
}

/** Optional keys of the file, and what the program calls them. */
const OPTIONAL = {
  accumulate: 'accumulate',
  nesterov: 'nesterov',
  optimizer_state: 'optimizerState',
  gradient_clip_norm: 'gradientClipNorm',
  gradient_clip_value: 'gradientClipValue',
  proximal_mu: 'proximalMu',
  train: 'train',
  freeze: 'freeze',
  local_parameters: 'localParameters',
};
const PRIVATE_STEPS = { clip_norm: 'clipNorm', noise_multiplier: 'noiseMultiplier', delta: 'delta' };
const SCHEDULE = {
  name: 'kind',
  step_size: 'stepSize',
  gamma: 'gamma',
  total_steps: 'totalSteps',
  minimum: 'minimum',
  warmup_steps: 'warmupSteps',
  warmup_start: 'warmupStart',
};

/** @param hyper - Accepted by {@link checkTraining}, and with exactly one of steps and epochs. */
export function trainingOf(hyper: HyperparametersFile, target: Target): TrainingSettings {
  const unit: TrainingUnit = hyper.steps === undefined ? 'epochs' : 'steps';
  const { schedule: given, loss_options } = hyper;
  const scheduled = given?.name === 'step' ? { gamma: 0.1, ...given } : given;
  return {
    unit,
    total: hyper[unit]!,
    batchSize: hyper.batch_size,
    learningRate: hyper.learning_rate ?? (hyper.optimizer.startsWith('adam') ? 0.001 : 0.01),
    optimizer: hyper.optimizer,
    momentum: hyper.momentum ?? 0,
    weightDecay: hyper.weight_decay,
    ...(scheduled && { schedule: renamed(scheduled, SCHEDULE) as unknown as ScheduleSettings }),
    loss: hyper.loss ?? lossesFor(target)[0]!,
    ...(loss_options && { lossOptions: renamed(loss_options, LOSS_OPTIONS) }),
    ...(hyper.private_steps && {
      privateSteps: renamed(hyper.private_steps, PRIVATE_STEPS) as unknown as TrainingSettings['privateSteps'] & object,
    }),
    ...renamed(hyper, OPTIONAL),
    seed: hyper.seed,
  };
}

/** The keys of the file that give `training`. */
export function hyperparametersOf(training: TrainingSettings): Record<string, unknown> {
  const { unit, optimizer, schedule: scheduled, lossOptions: options } = training;
  return {
    [unit]: training.total,
    batch_size: training.batchSize,
    learning_rate: training.learningRate,
    optimizer,
    ...((optimizer === 'sgd' || optimizer === 'rmsprop') && { momentum: training.momentum }),
    weight_decay: training.weightDecay,
    ...(scheduled && { schedule: renamed(scheduled, inverse(SCHEDULE)) }),
    loss: training.loss,
    ...(options && { loss_options: renamed(options, inverse(LOSS_OPTIONS)) }),
    ...(training.privateSteps && { private_steps: renamed(training.privateSteps, inverse(PRIVATE_STEPS)) }),
    ...renamed(training, inverse(OPTIONAL)),
    seed: training.seed,
  };
}

/** Options that belong to one choice only: key to choices. */
const SCHEDULE_KEYS = { step_size: ['step'], gamma: ['step'], total_steps: ['cosine'], minimum: ['cosine'] } as const;
const OPTIMIZER_KEYS = { momentum: ['sgd', 'rmsprop'], nesterov: ['sgd'] } as const;

function misplaced(
  given: object,
  keys: Readonly<Record<string, readonly string[]>>,
  chosen: string,
  what: string,
  path: Path,
): Problem[] {
  const values = given as Readonly<Record<string, unknown>>;
  return Object.entries(keys).flatMap(([key, choices]) =>
    values[key] === undefined || choices.includes(chosen)
      ? []
      : [
          {
            path: [...path, key],
            message: `only for ${what} ${choices.join(' or ')}, but ${what} is ${chosen}`,
            atKey: true,
          },
        ],
  );
}

/** Rules between the keys. @param target - Undefined when not known. */
export function checkTraining(hyper: HyperparametersFile, path: Path, target: Target | undefined): Problem[] {
  const problems = misplaced(hyper, OPTIMIZER_KEYS, hyper.optimizer, 'optimizer', path);
  if (hyper.nesterov === true && hyper.optimizer === 'sgd' && !hyper.momentum)
    problems.push({ path: [...path, 'nesterov'], message: 'needs momentum above 0', atKey: true });
  if (hyper.private_steps !== undefined && (hyper.accumulate ?? 1) > 1)
    problems.push({
      path: [...path, 'accumulate'],
      message: 'not possible with private_steps, which take their rows one by one',
      atKey: true,
    });
  const { schedule: given, loss_options } = hyper;
  if (given !== undefined) {
    problems.push(...misplaced(given, SCHEDULE_KEYS, given.name, 'schedule', [...path, 'schedule']));
    if (given.name === 'step' && given.step_size === undefined)
      problems.push({ path: [...path, 'schedule'], message: 'schedule step needs step_size' });
  }
  const loss = hyper.loss ?? (target && lossesFor(target)[0]);
  if (loss_options !== undefined && loss !== undefined)
    problems.push(...misplaced(loss_options, LOSS_KEYS, loss, 'loss', [...path, 'loss_options']));
  return [...problems, ...checkClassWeights(loss_options?.class_weights, path, target?.classes.length)];
}
