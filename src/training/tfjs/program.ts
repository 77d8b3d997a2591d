/**
 * From options to what a TensorFlow.js model's program is: what is possible, which weights train, what callers learn.
 * @module
 */
import { createHash } from 'node:crypto';
import { KonsilError } from '../../base/index.ts';
import type { LossOptions } from '../losses/spec.ts';
import { checkNumber } from '../optim/spec.ts';
import type { CompileOptions } from '../options.ts';
import { matchNames } from '../patterns.ts';
import type { OpenProgram } from '../runtime/messages.ts';
import { topologyText } from './container.ts';
import type { LossRule } from './losses.ts';
import type { BuiltModel } from './model.ts';
import { checkClip, tensorOptimiser } from './optimisers.ts';

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, dim) => n * dim, 1);
}

/** What decides how the model trains. */
function hashOf(built: BuiltModel, loss: LossOptions, options: CompileOptions): string {
  const { optimiser, batchSize, clip = {}, proximal = {}, controlVariates = false } = options;
  const hash = createHash('sha256').update(topologyText(built.topology));
  const { entries } = built.layout;
  const settings = [entries, loss, optimiser, batchSize, clip, proximal, controlVariates];
  return hash.update(JSON.stringify(settings)).digest('hex');
}

/** @throws KonsilError CONFIG_INVALID naming an option that is out of range, or only for ONNX models. */
export function checkOptions(options: CompileOptions): void {
  const { batchSize, accumulate = 1, clip = {}, proximal, privacy, lora, batchNorm = 'as_exported' } = options;
  const isCount = (v: number): boolean => Number.isInteger(v) && v >= 1 && v <= 1 << 20;
  checkNumber('batch size', batchSize, isCount, 'an integer in [1, 2^20]');
  checkNumber('proximal mu', proximal?.mu, (v) => v >= 0, '[0, ∞)');
  checkClip(clip);
  const given = { accumulate: accumulate !== 1, privacy: privacy !== undefined, lora: lora !== undefined };
  for (const [name, isGiven] of Object.entries({ ...given, batchNorm: batchNorm !== 'as_exported' }))
    if (isGiven) throw new KonsilError('CONFIG_INVALID', `${name} is not available for TensorFlow.js models`);
}

/** Which of `names` the options train. */
export function chosenBy(
  { source, trainable, train, freeze = [] }: CompileOptions,
  names: readonly string[],
): Set<string> {
  const wanted = train === undefined ? new Set(names.filter(trainable ?? (() => true))) : undefined;
  const chosen = wanted ?? matchNames(names, train!, `${source}: train`);
  const frozen = matchNames(names, freeze, `${source}: freeze`);
  return new Set(names.filter((name) => chosen.has(name) && !frozen.has(name)));
}

/**
 * The program of `built`; device and fallbacks are filled in when one is chosen.
 * @throws KonsilError MODEL_MISMATCH when the loss does not fit the output, MODEL_UNSUPPORTED for another output.
 */
export function describe(built: BuiltModel, rule: LossRule, loss: LossOptions, options: CompileOptions): OpenProgram {
  const { source, batchSize, optimiser, proximal, controlVariates = false } = options;
  const { input, output, layout, initial } = built;
  if (options.output !== undefined && options.output !== output.name)
    throw new KonsilError('MODEL_UNSUPPORTED', `${source}: model has one output, "${output.name}"`);
  const port = { name: input.name, dims: [batchSize, ...input.dims], width: sizeOf(input.dims) };
  const target = rule.target(output.dims, source);
  return {
    ...{ source, layout, initial, batchSize, accumulate: 1, engine: 'tfjs', device: '', fallbacks: [] },
    inputs: [{ ...port, dtype: 'float32', offset: 0 }],
    input: port,
    output: { name: output.name, dims: [batchSize, ...output.dims], width: sizeOf(output.dims) },
    target: {
      ...{ dtype: rule.dtype, dims: [batchSize, ...target], width: sizeOf(target) },
      ...(rule.dtype === 'int32' && { classes: output.dims[0]! }),
    },
    ...{ loss: loss.kind, hasMass: false, hasAnchor: proximal !== undefined, hasCorrection: controlVariates },
    ...{ optimiser, stateSlots: tensorOptimiser(optimiser).slots, masks: [] },
    mixesRows: layout.entries.some(({ kind }) => kind === 'buffer'),
    ...{ hasRowOutputs: true, hash: hashOf(built, loss, options) },
  };
}
