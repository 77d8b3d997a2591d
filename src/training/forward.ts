/**
 * Appends a model's forward pass, its loss and the loss's seed to a graph.
 * @module
 */
import { isKonsilError, KonsilError } from '../base/index.ts';
import { storedType } from './layout.ts';
import { adapted } from './lora.ts';
import { isWhole } from './losses/output.ts';
import type { TargetType } from './losses/rule.ts';
import { GraphBuilder } from './onnx/builder.ts';
import type { Name, Node } from './onnx/ir.ts';
import { decodeTensor, sizeOf } from './onnx/tensor.ts';
import { lowerNode, type MaskSource } from './operators/index.ts';
import type { Plan, PlannedInput } from './plan.ts';
import { listProblems, ModelProblems } from './problems.ts';
import { type DropoutMask, GRAPH_NAMES } from './program.ts';

/** One graph under construction. */
export interface Draft {
  readonly graph: GraphBuilder;
  readonly output: Name;
  /** Axis of the model's output that counts rows; `output` has them first. */
  readonly outputAxis: number;
  readonly loss: Name;
  /** Gradient of the loss with respect to `output`. */
  readonly seed: Name;
  /** See `LossNodes`. */
  readonly mass?: Name;
  /** Null where the loss has no target. */
  readonly target: TargetType | null;
  readonly masks: readonly DropoutMask[];
  /** New values of running statistics, by name in the model. */
  readonly buffers: ReadonlyMap<Name, Name>;
}

/** An input as it is fed: rows first. */
export function fedType({ type: { dtype, dims }, batchAxis }: PlannedInput): TargetType {
  // integers are fed as int32: indices and token numbers fit, and every device knows the type
  return {
    dtype: dtype === 'float32' ? 'float32' : 'int32',
    dims: [dims[batchAxis]!, ...dims.toSpliced(batchAxis, 1)],
  };
}

/** Declares an input under the name `fedName`, and gives it as the model wants it. */
function declare(graph: GraphBuilder, fedName: Name, input: PlannedInput): Name {
  const { dtype, dims } = input.type;
  const { batchAxis } = input;
  const fed = graph.input(fedName, fedType(input));
  const cast = dtype === 'int64' ? graph.cast(fed, 'int64') : dtype === 'bool' ? graph.cast(fed, 'bool') : fed;
  if (batchAxis === 0) return cast;
  const perm = dims.map((_, i) => (i === batchAxis ? 0 : i < batchAxis ? i + 1 : i));
  return graph.op('Transpose', [cast], { perm: { ints: perm } });
}

/** Collects what is wrong with each node, so that one attempt shows everything. */
class Problems {
  readonly #source: string;
  readonly #errors: { readonly node: Node; readonly error: KonsilError }[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  add(node: Node, error: unknown): void {
    if (!isKonsilError(error)) throw error;
    this.#errors.push({ node, error });
  }

  throwIfAny(): void {
    const first = this.#errors[0]?.error;
    if (first === undefined) return;
    const problems = this.#errors.map(({ node, error }) => ({ node, reason: error.message }));
    throw new ModelProblems(first.code, this.#source, listProblems(problems), problems, first);
  }
}

/** Appends the model's nodes; `values` maps names of the model to values of `graph` and grows on the way. */
function appendNodes(
  graph: GraphBuilder,
  { graph: model, nodes, options, output }: Plan,
  values: Map<Name, Name>,
  mask: MaskSource,
  buffers: Map<Name, Name> | undefined,
): void {
  const { source, initializers } = model;
  const problems = new Problems(source);
  const valueOf = (name: Name): Name => {
    const known = values.get(name);
    if (known !== undefined || name === '') return known ?? '';
    const made = graph.constant(decodeTensor(initializers.get(name)!, `${source}: initializer "${name}"`));
    values.set(name, made);
    return made;
  };
  const read = new Set([...nodes.flatMap((node) => node.inputs), output]);
  const isKnown = (name: Name): boolean => name === '' || values.has(name) || initializers.has(name);
  for (const node of nodes) {
    // what reads from a node that failed is not looked at
    if (!node.inputs.every(isKnown)) continue;
    const updateBuffer =
      buffers === undefined
        ? undefined
        : (index: number, value: Name): void => {
            buffers.set(node.inputs[index]!, value);
            // a module that is used twice updates its statistics twice
            values.set(node.inputs[index]!, value);
          };
    try {
      const inputs = node.inputs.map(valueOf);
      const { batchNorm } = options;
      // outputs that nobody reads need not exist, such as the mask of a Dropout
      const wanted = node.outputs.map((name) => (read.has(name) ? name : ''));
      const lowered = { ...node, outputs: wanted };
      const outputs = lowerNode({ graph, node: lowered, inputs, mask, updateBuffer, batchNorm });
      for (const [i, name] of wanted.entries()) if (name !== '') values.set(name, outputs[i]!);
    } catch (error) {
      problems.add(node, error);
    }
  }
  problems.throwIfAny();
}

/** The axis of the output that counts rows: the one symbolic axis the file gives it, else the first. */
function outputAxisOf(graph: GraphBuilder, value: Name, { options, output, graph: model }: Plan): number {
  const dims = graph.dims(value);
  const declared = model.outputs.find(({ name }) => name === output)?.dims ?? [];
  const symbolic = declared.flatMap((dim, i) => (typeof dim === 'string' ? [i] : []));
  const axis = symbolic.length === 1 && declared.length === dims.length ? symbolic[0]! : 0;
  return dims[axis] === options.batchSize ? axis : 0;
}

function rowsFirst(graph: GraphBuilder, value: Name, axis: number): Name {
  if (axis === 0) return value;
  const axes = graph.dims(value).map((_, i) => i);
  return graph.op('Transpose', [value], { perm: { ints: [axis, ...axes.toSpliced(axis, 1)] } });
}

/** Weights and inputs of the model as values of the graph, by name in the model. */
function declareAll(graph: GraphBuilder, plan: Plan): Map<Name, Name> {
  const { graph: model, inputs, targetInput, trained, buffers, adapters } = plan;
  const values = new Map(inputs.map((input, i) => [input.name, declare(graph, GRAPH_NAMES.input(i), input)]));
  if (targetInput !== undefined) values.set(targetInput.name, declare(graph, 'y', targetInput));
  for (const { name, type } of [...trained, ...buffers])
    values.set(name, graph.reshape(graph.input(GRAPH_NAMES.parameter(name), storedType(type)), type.dims));
  for (const adapter of adapters) {
    const { weight, a, b } = adapter;
    const base = decodeTensor(model.initializers.get(weight)!, `${model.source}: initializer "${weight}"`);
    values.set(weight, adapted(graph, graph.constant(base), values.get(a)!, values.get(b)!, adapter));
  }
  return values;
}

/** @throws KonsilError MODEL_UNSUPPORTED unless the output has a row for each row of the batch, or is the batch's loss. */
function checkOutput(graph: GraphBuilder, value: Name, { options, loss, output }: Plan): void {
  const { dtype, dims } = graph.typeOf(value);
  const { source, batchSize } = options;
  if (dtype === 'float32' && (dims[0] === batchSize || (loss.kind === 'output' && isWhole(dims, batchSize)))) return;
  throw new KonsilError(
    'MODEL_UNSUPPORTED',
    `${source}: output "${output}" is ${dtype} [${dims.join(', ')}] for a batch of ${batchSize}, expected float32 [${batchSize}, ...]; was the model exported with a fixed batch size?`,
  );
}

/** The forward pass in training (Dropout active, statistics of the batch) or evaluation. */
export function draftGraph(plan: Plan, mode: 'train' | 'eval'): Draft {
  const { options, rule, targetInput } = plan;
  const graph = new GraphBuilder(options.target);
  const masks: DropoutMask[] = [];
  const mask: MaskSource = (ratio, dims) => {
    masks.push({ name: GRAPH_NAMES.mask(masks.length), dims, ratio });
    return graph.input(masks.at(-1)!.name, { dtype: 'float32', dims });
  };
  const values = declareAll(graph, plan);
  const updated = new Map<Name, Name>();
  const isTraining = mode === 'train';
  appendNodes(graph, plan, values, isTraining ? mask : undefined, isTraining ? updated : undefined);
  const raw = values.get(plan.output)!;
  const outputAxis = outputAxisOf(graph, raw, plan);
  const output = rowsFirst(graph, raw, outputAxis);
  checkOutput(graph, output, plan);
  const wanted = rule.target(graph.dims(output), options.source);
  const target = wanted === null ? '' : graph.input('y', wanted);
  const weight = graph.input('weight', { dtype: 'float32', dims: [options.batchSize] });
  const share = graph.op('Div', [weight, graph.total(weight)]);
  const nodes = rule.build({ graph, output, target, weight, share });
  return {
    ...{ graph, output, outputAxis, masks, buffers: updated, ...nodes },
    target: wanted ?? (targetInput === undefined ? null : fedType(targetInput)),
  };
}

/** Elements of one row of an input. */
export function rowWidth({ type, batchAxis }: PlannedInput): number {
  return sizeOf(type.dims.toSpliced(batchAxis, 1));
}
