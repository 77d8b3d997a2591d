/**
 * The model a run starts from, and the columns it takes: a built-in net sized to the data, or the modeller's file.
 * The modeller sees schemas, never rows; the first pod's schema fixes the order of columns for all.
 * @module
 */
import { isKonsilError, KonsilError, printable } from '../base/index.ts';
import {
  checkSchema,
  encodedFeatures,
  imageColumns,
  parseSchema,
  resolveColumns,
  type Schema,
} from '../datasources/index.ts';
import { outputsOf, trainerOptions } from '../protocols/index.ts';
import type { LocalTask, Task } from '../tasks/index.ts';
import { type OpenTrainer, type TrainingProgram, zooModel } from '../training/index.ts';

/** The task with its columns spelled out, and what they encode to. */
export interface ResolvedTask {
  readonly task: Task;
  readonly features: readonly string[];
  readonly model: Uint8Array;
  /** Where the model comes from, for messages and the report. */
  readonly source: string;
}

/**
 * Fixes columns and model from the schema of one pod.
 *
 * @param attached - The model file's bytes; only a built-in model needs none.
 * @throws KonsilError CONFIG_INVALID when the task does not fit the schema.
 */
export function resolveTask(local: LocalTask, schema: Schema, pod: string, attached?: Uint8Array): ResolvedTask {
  const problems = checkSchema(local.dataStructure, schema);
  if (problems.length > 0)
    throw new KonsilError(
      'CONFIG_INVALID',
      `${local.local.file}: data_structure does not fit the dataset of ${pod}: ${problems.join('; ')}`,
    );
  const { local: _machine, ...task } = local;
  const include = resolveColumns(task.dataStructure, schema);
  const dataStructure = { ...task.dataStructure, select: { include } };
  const features = encodedFeatures(include, dataStructure, schema);
  const columns = imageColumns(include, schema);
  const { images } = dataStructure;
  const resolved = {
    ...task,
    dataStructure: {
      ...dataStructure,
      // there may be nothing but images, which their transforms normalise
      standardise: dataStructure.standardise && features.length > 0,
      ...(images && {
        images: { transforms: images.transforms, convertsGreyscale: images.convertsGreyscale, columns },
      }),
    },
  };
  const outputs = outputsOf(resolved);
  if (task.model.kind === 'builtin') {
    if (columns.length > 0)
      throw new KonsilError(
        'CONFIG_INVALID',
        `${local.local.file}: builtin:${task.model.name} takes numbers, the task has images; expected a model file that takes them (konsil model new cnn)`,
      );
    const sizes = { inputs: features.length, outputs, seed: task.training.seed };
    const { name } = task.model;
    const hidden = task.model.name === 'mlp' ? task.model.hiddenLayers : [];
    const options = task.model.name === 'mlp' ? { ...sizes, hidden, activation: task.model.activation } : sizes;
    return {
      task: resolved,
      features,
      model: zooModel(name).build(options),
      source: `builtin:${name} ${[features.length, ...hidden, outputs].join('-')}`,
    };
  }
  if (attached === undefined) throw new TypeError('task names a model file, its bytes are missing');
  return { task: resolved, features, model: attached, source: local.local.modelFile! };
}

/** What a pod that is online has. */
export interface Offer<M> {
  readonly member: M;
  /** The dataset the task asks it for. */
  readonly dataset: string;
  readonly datasets: readonly { readonly name: string; readonly schema: string }[];
}

/**
 * Fixes columns and model from the first offer that fits: one broken dataset must not keep the others from running.
 * @param refuse - Told of a pod whose schema is garbage.
 * @throws KonsilError as {@link resolveTask}, with the problems of every pod, when no offer fits.
 */
export function resolveAmong<M extends { readonly name: string }>(
  local: LocalTask,
  offers: readonly Offer<M>[],
  refuse: (member: M, reason: string) => void,
  attached?: Uint8Array,
): ResolvedTask {
  const problems: string[] = [];
  for (const { member, dataset, datasets } of offers) {
    const found = datasets.find(({ name }) => name === dataset);
    try {
      if (found) return resolveTask(local, parseSchema(found.schema), member.name, attached);
      const names = datasets.map(({ name }) => printable(name)).join(', ');
      problems.push(`pod ${member.name} has no dataset "${dataset}"; it has ${names}`);
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      const garbage = error.code === 'PROTOCOL_VIOLATION';
      if (!garbage && error.code !== 'CONFIG_INVALID') throw error;
      if (garbage) refuse(member, `${error.code}: ${error.message}`);
      problems.push(garbage ? `pod ${member.name}: ${error.message}` : error.message);
    }
  }
  throw new KonsilError('CONFIG_INVALID', problems.join('\n'));
}

/**
 * The model file's own weights, or those of `pretrained_file`, which must be the same network.
 *
 * @param program - Of the model that is trained.
 * @throws KonsilError MODEL_MISMATCH, or as reading and compiling the file.
 */
export async function startParameters(
  program: TrainingProgram,
  { local }: LocalTask,
  task: Task,
  openTrainer: OpenTrainer,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const file = local.pretrainedFile;
  if (file === undefined) return program.initial.slice();
  const trainer = await openTrainer(trainerOptions(task, { file }, file), signal);
  const { layout, initial } = trainer.program;
  await trainer.close();
  if (JSON.stringify(layout) !== JSON.stringify(program.layout))
    throw new KonsilError('MODEL_MISMATCH', `${file}: its parameters are not those of ${program.source}`, { file });
  return initial.slice();
}
