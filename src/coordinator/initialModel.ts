/**
 * The model a run starts from, and the columns it takes: a built-in net sized to the data, or the modeller's file.
 * The modeller sees schemas, never rows; the first pod's schema fixes the order of columns for all.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { encodedFeatures, imageColumns, type Schema } from '../datasources/index.ts';
import { outputsOf, trainerOptions } from '../protocols/index.ts';
import type { LocalTask, Task } from '../tasks/index.ts';
import { type OpenTrainer, type TrainingProgram, zooModel } from '../training/index.ts';

import { resolveData } from './resolveData.ts';

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
 * @param released - Categories that pods let modellers know.
 * @throws KonsilError CONFIG_INVALID when the task does not fit the schema.
 */
export function resolveTask(
  local: LocalTask,
  schema: Schema,
  pod: string,
  attached?: Uint8Array,
  released?: ReadonlyMap<string, readonly string[]>,
): ResolvedTask {
  const { local: _machine, ...task } = local;
  const dataStructure = resolveData(local.dataStructure, schema, local.local.file, pod, released);
  const include = dataStructure.select.include!;
  const features = encodedFeatures(include, dataStructure, schema);
  const columns = imageColumns(include, schema);
  const resolved = {
    ...task,
    // there may be nothing but images, which their transforms normalise
    dataStructure: { ...dataStructure, standardise: dataStructure.standardise && features.length > 0 },
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
  const { modelFile, storedModel: stored } = local.local;
  const source = stored === undefined ? modelFile! : `${stored.name}:${stored.version}`;
  return { task: resolved, features, model: attached, source };
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
