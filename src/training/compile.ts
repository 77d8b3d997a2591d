/**
 * Turns a forward model into a program: graphs for one training step, for gradients and for evaluation, over one flat
 * vector of parameters. Pure: no I/O, no clock, no randomness; equal inputs give equal bytes.
 * @module
 */
import { createHash } from 'node:crypto';
import { KonsilError } from '../base/index.ts';
import { type StepCost, stepCost } from './cost.ts';
import { exportModel } from './export.ts';
import { type Draft, draftGraph, rowWidth } from './forward.ts';
import { reverse } from './grad/reverse.ts';
import { type Layout, layOut, trainedLength, viewOf } from './layout.ts';
import type { GraphBuilder } from './onnx/builder.ts';
import { emitLoop, emitModel } from './onnx/emit.ts';
import type { Name } from './onnx/ir.ts';
import { sizeOf } from './onnx/tensor.ts';
import { createOptimiser } from './optim/optimisers.ts';
import type { CompileOptions } from './options.ts';
import { type Plan, planModel } from './plan.ts';
import {
  type CompiledModel,
  GRAPH_NAMES,
  type ProgramInput,
  type ProgramTarget,
  type TrainingProgram,
} from './program.ts';
import { appendUpdate, updateGraph } from './update.ts';

/** What describes a program, without its weights. */
type Description = Omit<TrainingProgram, 'initial'>;

interface Backward {
  readonly draft: Draft;
  /** Gradient of each trained weight that has one, by name in the model. */
  readonly gradients: ReadonlyMap<Name, Name>;
  /** Where the nodes of the forward pass end, and those of the backward pass. */
  readonly ends: readonly [forward: number, backward: number];
}

function differentiate(plan: Plan): Backward {
  const draft = draftGraph(plan, 'train');
  const forwardEnd = draft.graph.nodes.length;
  const names = plan.trained.map(({ name }) => name);
  const found = reverse(draft.graph, draft.output, draft.seed, names.map(GRAPH_NAMES.parameter));
  const gradients = new Map<Name, Name>();
  for (const name of names) {
    const gradient = found.get(GRAPH_NAMES.parameter(name));
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return { draft, gradients, ends: [forwardEnd, draft.graph.nodes.length] };
}

/** What every graph with a loss gives. */
function lossOutputs({ loss, mass }: Draft): Map<Name, Name> {
  return new Map([['loss', loss], ...(mass === undefined ? [] : [['mass', mass] as const])]);
}

function gradientGraph(plan: Plan): Uint8Array {
  const { draft, gradients } = differentiate(plan);
  const outputs = lossOutputs(draft);
  for (const [name, gradient] of gradients) outputs.set(GRAPH_NAMES.gradient(name), gradient);
  for (const [name, value] of draft.buffers) outputs.set(GRAPH_NAMES.nextParameter(name), value);
  return emitModel(draft.graph, outputs);
}

/** Appends the optimiser; gives all values of one training step by output name. */
function trainingOutputs(plan: Plan, { draft, gradients }: Backward): ReadonlyMap<Name, Name> {
  const outputs = lossOutputs(draft);
  for (const [name, value] of appendUpdate(draft.graph, plan, gradients)) outputs.set(name, value);
  for (const [name, value] of draft.buffers) outputs.set(GRAPH_NAMES.nextParameter(name), value);
  return outputs;
}

/** Several steps as one graph: what one step gives, the next one takes. */
function loopGraph(plan: Plan, graph: GraphBuilder, outputs: ReadonlyMap<Name, Name>, steps: number): Uint8Array {
  const { trained, buffers, options } = plan;
  const carried = new Map<Name, Name>();
  for (const { name } of [...trained, ...buffers])
    carried.set(GRAPH_NAMES.parameter(name), GRAPH_NAMES.nextParameter(name));
  for (let slot = 0; slot < createOptimiser(options.optimiser).slots; slot++)
    for (const { name } of trained) carried.set(GRAPH_NAMES.state(slot, name), GRAPH_NAMES.nextState(slot, name));
  const fixed = trained.flatMap(({ name }) => [GRAPH_NAMES.anchor(name), GRAPH_NAMES.correction(name)]);
  return emitLoop(graph, outputs, { steps, carried, fixed: new Set(fixed) });
}

function costOf(backward: Backward, outputs: ReadonlyMap<Name, Name>, program: Description): StepCost {
  const { draft, gradients, ends } = backward;
  return stepCost({
    graph: draft.graph,
    outputs: [...outputs.values()],
    forwardEnd: ends[0],
    backwardEnd: ends[1],
    gradients: [...gradients.values()],
    parameters: program.layout.length,
    state: program.stateSlots * trainedLength(program.layout),
  });
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

function targetOf({ options }: Plan, { target }: Draft): ProgramTarget {
  if (target === null) return { dtype: 'float32', dims: [options.batchSize, 0], width: 0 };
  return { ...target, dtype: target.dtype as 'int32' | 'float32', width: sizeOf(target.dims.slice(1)) };
}

function layoutOf({ trained, buffers, adapters }: Plan): Layout {
  return layOut(
    [
      ...trained.map(({ name, type }) => ({ name, dims: type.dims, kind: 'trainable' as const })),
      ...buffers.map(({ name, type }) => ({ name, dims: type.dims, kind: 'buffer' as const })),
    ],
    adapters.map(({ weight, a, b, isInputFirst, scale }) => ({ weight, a, b, isInputFirst, scale })),
  );
}

/** The parameters in the model file. */
function initialOf({ trained, buffers }: Plan, layout: Layout): Float32Array {
  const initial = new Float32Array(layout.length);
  for (const [i, weight] of [...trained, ...buffers].entries()) weight.fill(viewOf(initial, layout.entries[i]!));
  return initial;
}

function describe(plan: Plan, evaluation: Draft, masks: Draft['masks'], hash: string): Description {
  const { options, rule, loss, buffers, output } = plan;
  const { batchSize, accumulate = 1, privacy, proximal, controlVariates = false } = options;
  const layout = layoutOf(plan);
  const dims = evaluation.graph.dims(evaluation.output);
  const isMixing = rule.mixesRows?.(dims) ?? false;
  const inputs = inputsOf(plan);
  const width = inputs.reduce((n, input) => n + input.width, 0);
  return {
    source: options.source,
    ...{ layout, batchSize, accumulate },
    ...(privacy && { privacy }),
    inputs,
    input:
      inputs.length === 1
        ? { name: inputs[0]!.name, dims: inputs[0]!.dims, width }
        : { name: inputs.map(({ name }) => name).join(', '), dims: [batchSize, width], width },
    output: { name: output, dims, width: sizeOf(dims.slice(1)) },
    target: targetOf(plan, evaluation),
    loss: loss.kind,
    hasMass: evaluation.mass !== undefined,
    hasAnchor: proximal !== undefined,
    hasCorrection: controlVariates,
    optimiser: options.optimiser,
    stateSlots: createOptimiser(options.optimiser).slots,
    masks,
    mixesRows: buffers.length > 0 || isMixing,
    hasRowOutputs: plan.targetInput === undefined && !(loss.kind === 'output' && isMixing),
    hash,
  };
}

/** @throws KonsilError MODEL_UNSUPPORTED when private training is asked for and a row has no gradient of its own. */
function checkPrivate({ mixesRows, privacy, source }: Description): void {
  if (privacy !== undefined && mixesRows)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: private training needs the gradient of each row, which a model with statistics of the batch, or a loss over the batch, does not have; freeze the statistics or use another normalisation`,
    );
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
  const adapters = planned.adapters.filter(({ a }) => first.gradients.has(a));
  const plan = { ...planned, trained, adapters };
  const backward = trained.length === planned.trained.length ? first : differentiate(plan);
  const { graph } = backward.draft;
  const outputs = trainingOutputs(plan, backward);
  const trainGraph = emitModel(graph, outputs);
  const evaluation = draftGraph(plan, 'eval');
  const evalGraph = emitModel(evaluation.graph, lossOutputs(evaluation));
  const hash = createHash('sha256');
  for (const bytes of [trainGraph, evalGraph]) hash.update(String(bytes.length)).update(bytes);
  const { accumulate = 1, privacy } = options;
  if (accumulate > 1 || privacy !== undefined) hash.update(JSON.stringify({ accumulate, privacy }));
  const program = describe(plan, evaluation, backward.draft.masks, hash.digest('hex'));
  checkPrivate(program);
  return {
    ...{ ...program, trainGraph, evalGraph },
    get initial() {
      return initialOf(plan, program.layout);
    },
    ports: {
      inputs: plan.inputs.map(({ type, batchAxis }) => ({ dtype: type.dtype, batchAxis })),
      outputAxis: evaluation.outputAxis,
    },
    gradientGraph: () => gradientGraph(plan),
    updateGraph: () => updateGraph(plan),
    cost: () => costOf(backward, outputs, program),
    loopGraph: (steps) => loopGraph(plan, graph, outputs, steps),
    inferenceModel: (parameters) =>
      exportModel(model, program.layout, parameters, {
        ...{ source: options.source, head: 'none', metadata: {} },
        output: program.output.name,
      }),
  };
}
