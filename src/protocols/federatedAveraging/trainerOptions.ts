/**
 * From a task's hyperparameters to the trainer's options, and whether model and data fit: one place, so that pods and
 * comparisons train alike.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { problemOf, targetsOf } from '../../datasources/index.ts';
import type { Task, TrainingSettings } from '../../tasks/index.ts';
import type {
  ClipSpec,
  ExportOptions,
  OptimiserSpec,
  Targets,
  TrainCall,
  TrainerOptions,
  TrainingProgram,
} from '../../training/index.ts';

function optimiserOf({ optimizer, learningRate, momentum, nesterov, weightDecay }: TrainingSettings): OptimiserSpec {
  const shared = { learningRate, weightDecay };
  if (optimizer === 'sgd') return { kind: optimizer, ...shared, momentum, ...(nesterov && { nesterov }) };
  return optimizer === 'rmsprop' ? { kind: optimizer, ...shared, momentum } : { kind: optimizer, ...shared };
}

function clipOf({ gradientClipNorm: norm, gradientClipValue: value }: TrainingSettings): ClipSpec | undefined {
  if (norm === undefined && value === undefined) return undefined;
  return { ...(norm !== undefined && { norm }), ...(value !== undefined && { value }) };
}

/** Where FedProx's μ is given: among the hyperparameters or with the strategy. */
export function proximalMuOf({ training, aggregator }: Pick<Task, 'training' | 'aggregator'>): number | undefined {
  const { strategy } = aggregator;
  return strategy?.name === 'FedProx' ? strategy.mu : training.proximalMu;
}

/** The trainer's options for `task` on the ONNX file `model`; `source` names the model in errors. */
export function trainerOptions(task: Task, model: TrainerOptions['model'], source: string): TrainerOptions {
  const { loss, lossOptions, batchSize, accumulate, train, freeze, privateSteps } = task.training;
  const clip = clipOf(task.training);
  const mu = proximalMuOf(task);
  return {
    ...{ model, source, batchSize },
    // options of other losses are refused with the task
    loss: lossOptions === undefined ? loss : { kind: loss, ...lossOptions },
    optimiser: optimiserOf(task.training),
    ...(accumulate !== undefined && { accumulate }),
    ...(clip && { clip }),
    ...(mu !== undefined && { proximal: { mu } }),
    ...(task.aggregator.strategy?.name === 'SCAFFOLD' && { controlVariates: true }),
    ...(privateSteps && {
      privacy: { clipNorm: privateSteps.clipNorm, noiseMultiplier: privateSteps.noiseMultiplier },
    }),
    ...(train && { train }),
    ...(freeze && { freeze }),
  };
}

/**
 * The learning-rate schedule at a site with `rows` training rows, and how many of its steps the site has made when
 * `completed` rounds are over; nothing when the rate stays as it is.
 */
export function scheduleFor(task: Task, rows: number, completed: number): Pick<TrainCall, 'schedule' | 'firstStep'> {
  const { schedule, unit, total, batchSize, accumulate = 1 } = task.training;
  if (schedule === undefined) return {};
  const perUnit = unit === 'steps' ? 1 : Math.ceil(rows / (batchSize * accumulate));
  const firstStep = completed * task.protocol.interval * perUnit;
  if (schedule.kind !== 'cosine') return { schedule, firstStep };
  const whole = Math.max(1, total * perUnit - (schedule.warmupSteps ?? 0));
  return { schedule: { ...schedule, totalSteps: schedule.totalSteps ?? whole }, firstStep };
}

/** Outputs a row that the task's loss needs: a logit a class or label, or one number. Not of masks: see {@link checkModelFits}. */
export function outputsOf(task: Pick<Task, 'training' | 'dataStructure'>): number {
  const { kind, classes } = problemOf(task.dataStructure);
  return kind === 'multilabel' || task.training.loss === 'cross_entropy' ? classes.length : 1;
}

/**
 * What the trained file says of itself: a head, so that who runs it gets probabilities, a number or a risk, and names.
 * @param features - Names of the encoded features, in the order that the model takes them.
 */
export function exportFacts(
  { training, dataStructure }: Pick<Task, 'training' | 'dataStructure'>,
  features: readonly string[],
): Pick<ExportOptions, 'head' | 'metadata'> {
  const { kind, classes } = problemOf(dataStructure);
  const isRaw = kind === 'regression' || kind === 'survival';
  return {
    head: isRaw ? 'none' : training.loss === 'cross_entropy' ? 'softmax' : 'sigmoid',
    metadata: {
      'konsil.features': JSON.stringify(features),
      'konsil.classes': JSON.stringify(classes),
      'konsil.target': targetsOf(dataStructure).join(', '),
    },
  };
}

/**
 * @param width - Values a row, or `atLeast` so many where nobody has seen an image yet.
 * @throws KonsilError MODEL_MISMATCH when the model's widths are not those of data and loss.
 */
export function checkModelFits(
  program: TrainingProgram,
  task: Task,
  width: number | { readonly atLeast: number },
): void {
  const { source, input } = program;
  const fits = typeof width === 'number' ? input.width === width : input.width > width.atLeast;
  if (!fits)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: model expects [batch, ${input.width}] on input "${input.name}", the task's columns ${typeof width === 'number' ? `make ${width} values a row` : `make ${width.atLeast} and images`}`,
    );
  checkModelOutput(program, task);
}

/** @throws KonsilError MODEL_MISMATCH when the model gives something else than the task's loss takes. */
export function checkModelOutput({ source, output }: TrainingProgram, task: Task): void {
  const wanted = outputsOf(task);
  const { loss } = task.training;
  const targets = `"${targetsOf(task.dataStructure).join('", "')}"`;
  if (task.dataStructure.outcome?.kind === 'segmentation') {
    const [, channels, ...plane] = output.dims;
    if (channels === wanted && plane.length === 2) return;
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: model gives [batch, ${output.dims.slice(1).join(', ')}] on output "${output.name}", ${loss} on masks needs [batch, ${wanted}, height, width]`,
    );
  }
  if (output.width !== wanted)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: model gives ${output.width} values a row on output "${output.name}", ${loss} on ${targets} needs ${wanted}`,
    );
}

/** Targets in the type the task's loss takes. */
export function targetsFor(task: Pick<Task, 'training'>, y: Int32Array | Float32Array): Targets {
  return task.training.loss === 'cross_entropy' ? y : Float32Array.from(y);
}
