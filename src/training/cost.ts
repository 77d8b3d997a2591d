/**
 * What one training step costs, counted from the compiled graph: arithmetic and memory. Pure; nothing is run.
 * @module
 */
import type { GraphBuilder } from './onnx/builder.ts';
import { liveNodes } from './onnx/emit.ts';
import { type Attributes, findInts, intOf, type Name, type Node } from './onnx/ir.ts';
import { byteSize, sizeOf } from './onnx/tensor.ts';

/** Operations of one part of a step; a multiplication and an addition are two. */
export interface Flops {
  /** Gemm, MatMul, Conv, ConvTranspose. */
  readonly matrix: number;
  /** Everything else that computes: one operation per element, more for reductions, pools and normalisations. */
  readonly elementwise: number;
}

/**
 * Bytes that a step needs at the same time. onnxruntime keeps freed memory for the next step and takes it in growing
 * pieces: measured were 2.3 to 2.9 times the total.
 */
export interface StepMemory {
  /** Before and after the step. */
  readonly parameters: number;
  readonly gradients: number;
  /** Before and after the step. */
  readonly optimiser: number;
  /** Features, targets, masks, and weights that do not train. */
  readonly inputs: number;
  /** What else lives at the fullest moment. */
  readonly activations: number;
  readonly total: number;
}

/** One run of the training graph. */
export interface StepCost {
  /** The model and its loss. */
  readonly forward: Flops;
  readonly backward: Flops;
  /** Clipping and optimiser. */
  readonly update: Flops;
  readonly memory: StepMemory;
}

/** A training graph, and where in its list of nodes its parts end. */
export interface CostedGraph {
  readonly graph: GraphBuilder;
  /** Values that the step gives. */
  readonly outputs: readonly Name[];
  readonly forwardEnd: number;
  readonly backwardEnd: number;
  /** Gradients of the trained weights. */
  readonly gradients: readonly Name[];
  /** Elements of all parameters, of those that train, and of the optimiser's state. */
  readonly parameters: number;
  readonly state: number;
}

const FLOAT_BYTES = 4;

/** Operators that move, select or name values without computing any. */
const MOVES: ReadonlySet<string> = new Set(
  `Reshape Transpose Expand Concat Slice Pad ConstantOfShape Gather GatherElements GatherND ScatterElements ScatterND
   Resize Shape Cast MaxUnpool`.split(/\s+/),
);
/** Operations per element of the input: sums and maxima one, softmax max, minus, exp, sum and division, … */
const PER_INPUT: Readonly<Record<string, number>> = {
  ...{ ReduceSum: 1, ReduceMean: 1, ReduceMax: 1, ReduceMin: 1, ReduceProd: 1, ReduceL2: 2, ReduceLogSumExp: 3 },
  ...{ ArgMax: 1, ArgMin: 1, TopK: 1, CumSum: 1 },
  ...{ Softmax: 5, LogSoftmax: 5, BatchNormalization: 8, LayerNormalization: 8 },
};

function productOf(attributes: Attributes, name: string): number {
  return sizeOf(findInts(attributes, name) ?? []);
}

/** Operations of one node. */
export function flopsOf(node: Node, dims: (name: Name) => readonly number[]): Flops {
  const { op, attributes } = node;
  const size = (name: Name): number => sizeOf(dims(name));
  const [a, b, c] = node.inputs as [Name, Name, Name | undefined];
  const out = size(node.outputs[0]!);
  const matrix = (products: number): Flops => ({ matrix: 2 * products, elementwise: c ? out : 0 });
  const elementwise = (count: number): Flops => ({ matrix: 0, elementwise: count });
  switch (op) {
    case 'Gemm':
      return matrix(out * dims(a)[intOf(attributes, 'transA', 0) === 1 ? 0 : 1]!);
    case 'MatMul':
      return matrix(out * dims(a).at(-1)!);
    case 'Conv': // the weight is [out channels, in channels of a group, taps...]
      return matrix(out * sizeOf(dims(b).slice(1)));
    case 'ConvTranspose': // the weight is [in channels, out channels of a group, taps...]
      return matrix(size(a) * sizeOf(dims(b).slice(1)));
    case 'MaxPool':
    case 'AveragePool':
      return elementwise(out * productOf(attributes, 'kernel_shape'));
    case 'Sum':
      return elementwise(out * (node.inputs.length - 1));
    default:
      return elementwise(MOVES.has(op) ? 0 : op in PER_INPUT ? PER_INPUT[op]! * size(a) : out);
  }
}

function total(nodes: readonly Node[], dims: (name: Name) => readonly number[]): Flops {
  const counts = nodes.map((node) => flopsOf(node, dims));
  const sum = (key: keyof Flops): number => counts.reduce((n, count) => n + count[key], 0);
  return { matrix: sum('matrix'), elementwise: sum('elementwise') };
}

/** Whose memory each value is in: a Reshape shares its input's. */
function ownersOf(nodes: readonly Node[]): (name: Name) => Name {
  const owner = new Map<Name, Name>();
  const ownerOf = (name: Name): Name => owner.get(name) ?? name;
  for (const { op, inputs, outputs } of nodes) if (op === 'Reshape') owner.set(outputs[0]!, ownerOf(inputs[0]!));
  return ownerOf;
}

/**
 * Bytes of intermediate values at the fullest moment when `nodes` run in order: a value lives from the node that makes it
 * to the last that reads it. A Reshape shares its input's memory, and an elementwise node writes over an input that
 * nobody needs afterwards, as onnxruntime does.
 *
 * @param bytesOf - Size of a value; 0 for those that are counted elsewhere.
 */
export function peakBytes(nodes: readonly Node[], bytesOf: (name: Name) => number): number {
  const ownerOf = ownersOf(nodes);
  const lastUse = new Map<Name, number>();
  for (const [i, { inputs }] of nodes.entries()) for (const name of inputs) lastUse.set(ownerOf(name), i);
  const made = new Set<Name>();
  let [live, peak] = [0, 0];
  for (const [i, { op, inputs, outputs }] of nodes.entries()) {
    const own = outputs.filter((name) => ownerOf(name) === name);
    const dead = [...new Set(inputs.map(ownerOf))].filter((name) => made.has(name) && lastUse.get(name) === i);
    const size = own.reduce((n, name) => n + bytesOf(name), 0);
    const reused = isElementwise(op) ? dead.find((name) => bytesOf(name) === size) : undefined;
    peak = Math.max(peak, live + (reused === undefined ? size : 0));
    live += size;
    for (const name of own) made.add(name);
    for (const name of [...dead, ...own.filter((output) => !lastUse.has(output))]) {
      live -= bytesOf(name);
      made.delete(name);
    }
  }
  return peak;
}

function isElementwise(op: string): boolean {
  return !MOVES.has(op) && !(op in PER_INPUT) && !/^(?:Gemm|MatMul|Conv|ConvTranspose|MaxPool|AveragePool)$/.test(op);
}

/** Counts a training graph. */
export function stepCost(costed: CostedGraph): StepCost {
  const { graph, outputs, gradients, forwardEnd, backwardEnd, parameters, state } = costed;
  const dims = (name: Name): readonly number[] => graph.dims(name);
  const live = liveNodes(graph.nodes, outputs);
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const between = (from: number, to: number): Flops =>
    total(
      live.filter((node) => place.get(node)! >= from && place.get(node)! < to),
      dims,
    );
  const counted = new Set([...outputs, ...gradients].map(ownersOf(live)));
  const bytesOf = (name: Name): number => (counted.has(name) ? 0 : byteSize(graph.typeOf(name)));
  const read = new Set(live.flatMap(({ inputs }) => inputs));
  const given = [...graph.inputs.filter((name) => !isState(name)), ...graph.constants.keys()];
  const memory = {
    parameters: 2 * FLOAT_BYTES * parameters,
    gradients: gradients.reduce((n, name) => n + byteSize(graph.typeOf(name)), 0),
    optimiser: 2 * FLOAT_BYTES * state,
    inputs: given.filter((name) => read.has(name)).reduce((n, name) => n + byteSize(graph.typeOf(name)), 0),
    activations: peakBytes(live, bytesOf),
  };
  return {
    forward: between(0, forwardEnd),
    backward: between(forwardEnd, backwardEnd),
    update: between(backwardEnd, graph.nodes.length),
    memory: { ...memory, total: Object.values(memory).reduce((sum, bytes) => sum + bytes) },
  };
}

/** Parameters and optimiser state, which are counted by their number. */
function isState(name: Name): boolean {
  return /^(?:param|state\d+)\//.test(name);
}
