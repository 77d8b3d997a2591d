/**
 * Turns a forward model into a program: graphs for one training step, for gradients and for evaluation, over one flat
 * vector of parameters. Pure: no I/O, no clock, no randomness; equal inputs give equal bytes.
 * @module
 */
import { createHash } from 'node:crypto';
import { KonsilError } from '../base/index.ts';
import { type Draft, draftGraph, rowWidth } from './forward.ts';
import { reverse } from './grad/reverse.ts';
import { layOut } from './layout.ts';
import { emitModel } from './onnx/emit.ts';
import type { Name } from './onnx/ir.ts';
import { sizeOf } from './onnx/tensor.ts';
import { clipGradients, createOptimiser } from './optim/optimisers.ts';
import type { CompileOptions } from './options.ts';
import { type Plan, planModel } from './plan.ts';
import { type CompiledModel, GRAPH_NAMES, type ProgramInput, type TrainingProgram } from './program.ts';

interface Backward {
  readonly draft: Draft;
  /** Gradient of each trained weight that has one, by name in the model. */
  readonly gradients: ReadonlyMap<Name, Name>;
}

function differentiate(plan: Plan): Backward {
  const draft = draftGraph(plan, 'train');
  const names = plan.trained.map(({ name }) => name);
  const found = reverse(draft.graph, draft.output, draft.seed, names.map(GRAPH_NAMES.parameter));
  const gradients = new Map<Name, Name>();
  for (const name of names) {
    const gradient = found.get(GRAPH_NAMES.parameter(name));
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return { draft, gradients };
}

function gradientGraph(plan: Plan): Uint8Array {
  const { draft, gradients } = differentiate(plan);
  const outputs = new Map([['loss', draft.loss]]);
  for (const [name, gradient] of gradients) outputs.set(GRAPH_NAMES.gradient(name), gradient);
  return emitModel(draft.graph, outputs);
}

function trainingGraph(plan: Plan, { draft, gradients }: Backward): Uint8Array {
  const { graph, loss, buffers } = draft;
  const { options, trained } = plan;
  const clipped = clipGradients(
    graph,
    trained.map(({ name }) => gradients.get(name)!),
    options.clip ?? {},
  );
  const optimiser = createOptimiser(options.optimiser);
  const scalars = Object.fromEntries(
    optimiser.scalarNames.map((name) => [name, graph.input(GRAPH_NAMES.scalar(name), { dtype: 'float32', dims: [] })]),
  );
  const outputs = new Map([['loss', loss]]);
  for (const [i, { name, type }] of trained.entries()) {
    const state = Array.from({ length: optimiser.slots }, (_, slot) =>
      graph.input(GRAPH_NAMES.state(slot, name), type),
    );
    const parameter = GRAPH_NAMES.parameter(name);
    const next = optimiser.update({ graph, parameter, gradient: clipped[i]!, state, scalars });
    outputs.set(GRAPH_NAMES.nextParameter(name), next.parameter);
    for (const [slot, value] of next.state.entries()) outputs.set(GRAPH_NAMES.nextState(slot, name), value);
  }
  for (const [name, value] of buffers) outputs.set(GRAPH_NAMES.nextParameter(name), value);
  return emitModel(graph, outputs);
}

function inputsOf(plan: Plan): ProgramInput[] {
  let offset = 0;
  return plan.inputs.map((input) => {
    const width = rowWidth(input);
    const dims = [plan.options.batchSize, ...input.type.dims.toSpliced(input.batchAxis, 1)];
    offset += width;
    return {
      name: input.name,
      dtype: input.type.dtype === 'float32' ? 'float32' : 'int32',
      dims,
      width,
      offset: offset - width,
    };
  });
}

function describe(plan: Plan, evaluation: Draft, masks: Draft['masks'], hash: string): TrainingProgram {
  const { options, trained, buffers, output } = plan;
  const layout = layOut([
    ...trained.map(({ name, type }) => ({ name, dims: type.dims, kind: 'trainable' as const })),
    ...buffers.map(({ name, type }) => ({ name, dims: type.dims, kind: 'buffer' as const })),
  ]);
  const initial = new Float32Array(layout.length);
  for (const [i, weight] of [...trained, ...buffers].entries()) initial.set(weight.initial, layout.entries[i]!.offset);
  const dims = evaluation.graph.dims(evaluation.output);
  const target = evaluation.graph.typeOf('y');
  const inputs = inputsOf(plan);
  const width = inputs.reduce((n, input) => n + input.width, 0);
  return {
    source: options.source,
    layout,
    initial,
    batchSize: options.batchSize,
    inputs,
    input:
      inputs.length === 1
        ? { name: inputs[0]!.name, dims: inputs[0]!.dims, width }
        : { name: inputs.map(({ name }) => name).join(', '), dims: [options.batchSize, width], width },
    output: { name: output, dims, width: sizeOf(dims.slice(1)) },
    target: { dtype: target.dtype as 'int32' | 'float32', dims: target.dims, width: sizeOf(target.dims.slice(1)) },
    loss: options.loss,
    optimiser: options.optimiser,
    stateSlots: createOptimiser(options.optimiser).slots,
    masks,
    mixesRows: buffers.length > 0,
    hash,
  };
}

/**
 * Compiles the ONNX file `model` for training.
 *
 * @throws KonsilError MODEL_INVALID (malformed file), MODEL_UNSUPPORTED (every unsupported operator at once),
 * MODEL_MISMATCH (the loss does not fit the output) or CONFIG_INVALID (an option is out of range).
 */
export function compile(model: Uint8Array, options: CompileOptions): CompiledModel {
  const planned = planModel(model, options);
  const first = differentiate(planned);
  // a weight without a gradient (read only for its shape, say) is a constant in fact: start again without it
  const trained = planned.trained.filter(({ name }) => first.gradients.has(name));
  if (trained.length === 0)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${options.source}: nothing to train, expected float32 initializers that the output depends on`,
    );
  const plan = { ...planned, trained };
  const backward = trained.length === planned.trained.length ? first : differentiate(plan);
  const trainGraph = trainingGraph(plan, backward);
  const evaluation = draftGraph(plan, 'eval');
  const { graph, output, loss } = evaluation;
  const evalGraph = emitModel(graph, new Map([['output', output], ['loss', loss]])); // biome-ignore format: one pair a line says no more
  const hash = createHash('sha256');
  for (const bytes of [trainGraph, evalGraph]) hash.update(String(bytes.length)).update(bytes);
  return {
    ...describe(plan, evaluation, backward.draft.masks, hash.digest('hex')),
    trainGraph,
    evalGraph,
    gradientGraph: () => gradientGraph(plan),
  };
}
