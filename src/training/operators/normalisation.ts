/**
 * Batch, layer, instance and group normalisation, with backward steps in closed form.
 * @module
 * @source Ioffe and Szegedy, "Batch Normalization" (2015), §3; Ba et al., "Layer Normalization" (2016). Running statistics
 * as PyTorch keeps them.
 */
import type { Backward, Gradients, GraphBuilder } from '../onnx/builder.ts';
import { floatOf, intOf, type Name, type Node } from '../onnx/ir.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { floatTensor, sizeOf } from '../onnx/tensor.ts';
import { type BatchNormUse, inputOf, invalid, type LowerRule, unsupported } from './context.ts';

/** ONNX's default for every normalisation. */
const EPSILON = Math.fround(1e-5);

/** Whether `node` is a batch normalisation and which statistics it uses when the model trains. */
export function batchNormMode(node: Node, use: BatchNormUse = 'as_exported'): 'train' | 'frozen' | undefined {
  if (node.op !== 'BatchNormalization') return undefined;
  if (use !== 'as_exported') return use;
  return intOf(node.attributes, 'training_mode', 0) === 1 ? 'train' : 'frozen';
}

/** `[C]` as `[1, C, 1, ...]` of rank `rank`. */
function perChannel(graph: GraphBuilder, value: Name, rank: number): Name {
  return graph.reshape(value, [1, -1, ...Array.from({ length: rank - 2 }, () => 1)]);
}

function channelAxes(rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((i) => i !== 1);
}

/** y = γ(x - m)/√(v + ε) + β with given m and v. */
function frozenBatchNorm(graph: GraphBuilder, x: Name, stats: readonly Name[], epsilon: number): readonly Name[] {
  const [gamma, beta, mean, variance] = stats as [Name, Name, Name, Name];
  const rank = graph.dims(x).length;
  return graph.composite('BatchNormalization', [x, gamma, beta, mean, variance], () => {
    const y = graph.op('BatchNormalization', [x, gamma, beta, mean, variance], { epsilon: { float: epsilon } });
    const backward = ({ dy: [dy], needs }: Backward): Gradients => {
      const root = graph.op('Sqrt', [graph.op('Add', [variance, graph.scalar(epsilon)])]);
      const dx = (): Name => graph.op('Mul', [dy!, perChannel(graph, graph.op('Div', [gamma, root]), rank)]);
      const dGamma = (): Name => {
        const centred = graph.op('Sub', [x, perChannel(graph, mean, rank)]);
        return graph.op('Div', [graph.sum(graph.op('Mul', [dy!, centred]), channelAxes(rank), false), root]);
      };
      return [
        needs(0) ? dx() : null,
        needs(1) ? dGamma() : null,
        needs(2) ? graph.sum(dy!, channelAxes(rank), false) : null,
        null,
        null,
      ];
    };
    return { outputs: [y], backward };
  });
}

/** y, mean and biased variance of the batch. */
function batchStatistics(graph: GraphBuilder, x: Name, gamma: Name, beta: Name, epsilon: number): [Name, Name, Name] {
  const dims = graph.dims(x);
  const inputs = [x, gamma, beta];
  if (graph.target === 'cpu') {
    // with nothing kept of the old ones, the operator's new running statistics are those of the batch: one node for all.
    // onnxruntime 1.30 writes them over its inputs 3 and 4, even if those are weights or constants that others read, so
    // each gets a value of its own that nobody else sees: any does
    const last = dims.map((dim, i) => (i === 1 ? 0 : dim - 1));
    const scratch = [dims.map(() => 0), last].map((at) => {
      const ends = at.map((start, i) => (i === 1 ? dims[1]! : start + 1));
      return graph.reshape(graph.op('Slice', [x, graph.ints(at), graph.ints(ends)]), [dims[1]!]);
    });
    const attributes = { epsilon: { float: epsilon }, momentum: { float: 0 }, training_mode: { int: 1 } };
    return graph.ops('BatchNormalization', [...inputs, ...scratch], attributes, 3) as [Name, Name, Name];
  }
  const share = graph.scalar(dims[1]! / sizeOf(dims));
  const meanOf = (value: Name): Name => graph.op('Mul', [graph.sum(value, channelAxes(dims.length), false), share]);
  const mean = meanOf(x);
  const centred = graph.op('Sub', [x, perChannel(graph, mean, dims.length)]);
  const variance = meanOf(graph.op('Mul', [centred, centred]));
  const y = graph.op('BatchNormalization', [...inputs, mean, variance], { epsilon: { float: epsilon } });
  return [y, mean, variance];
}

/** Batch normalisation with the batch's statistics: y, mean and biased variance, the last two without gradients. */
function batchNormOfBatch(graph: GraphBuilder, x: Name, gamma: Name, beta: Name, epsilon: number): readonly Name[] {
  const dims = graph.dims(x);
  const [rank, axes] = [dims.length, channelAxes(dims.length)];
  return graph.composite('BatchNormalization', [x, gamma, beta], () => {
    const [y, mean, variance] = batchStatistics(graph, x, gamma, beta, epsilon);
    // with s = 1/√(v + ε): dβ = Σdy; dγ = s·Σdy·(x - m); dx = γs·dy - (γs·dγ/M)·(x - m)s - γs·dβ/M.
    // The last two terms are a batch normalisation of x again, with other factors. x - m is computed anew: to keep it
    // would double what the forward pass leaves in memory
    const backward = ({ dy: [dy], needs }: Backward): Gradients => {
      const s = graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Add', [variance, graph.scalar(epsilon)])])]);
      const centred = graph.op('Sub', [x, perChannel(graph, mean, rank)]);
      const dBeta = graph.sum(dy!, axes, false);
      const dGamma = graph.op('Mul', [graph.sum(graph.op('Mul', [dy!, centred]), axes, false), s]);
      const dx = (): Name => {
        const scale = graph.op('Mul', [gamma, s]);
        const share = graph.op('Mul', [scale, graph.scalar(-dims[1]! / sizeOf(dims))]);
        const factors = [graph.op('Mul', [share, dGamma]), graph.op('Mul', [share, dBeta]), mean, variance];
        const rest = graph.op('BatchNormalization', [x, ...factors], { epsilon: { float: epsilon } });
        return graph.op('Add', [graph.op('Mul', [dy!, perChannel(graph, scale, rank)]), rest]);
      };
      return [needs(0) ? dx() : null, needs(1) ? dGamma : null, needs(2) ? dBeta : null];
    };
    return { outputs: [y, mean, variance], backward };
  });
}

export const batchNormalization: LowerRule = (context) => {
  const { graph, node, updateBuffer, batchNorm } = context;
  const [x, gamma, beta] = [inputOf(context, 0), inputOf(context, 1), inputOf(context, 2)];
  const [runningMean, runningVariance] = [inputOf(context, 3), inputOf(context, 4)];
  const dims = graph.dims(x);
  if (dims.length < 2) invalid(`input [${dims.join(', ')}] has no channel axis`);
  const epsilon = floatOf(node.attributes, 'epsilon', EPSILON);
  if (updateBuffer === undefined || batchNormMode(node, batchNorm) === 'frozen')
    return [
      frozenBatchNorm(graph, x, [gamma, beta, runningMean, runningVariance], epsilon)[0]!,
      runningMean,
      runningVariance,
    ];
  const count = sizeOf(dims) / dims[1]!;
  if (count < 2)
    unsupported('batch normalisation in training needs more than one value per channel; use a larger batch');
  const [y, mean, variance] = batchNormOfBatch(graph, x, gamma, beta, epsilon) as [Name, Name, Name];
  const keep = floatOf(node.attributes, 'momentum', Math.fround(0.9));
  const blend = (old: Name, now: Name, weight: number): Name =>
    graph.op('Add', [graph.op('Mul', [old, graph.scalar(keep)]), graph.op('Mul', [now, graph.scalar(weight)])]);
  // Deviation from ONNX BatchNormalization-15 (biased): PyTorch keeps the unbiased variance
  const next = graph.untaped(() => [
    blend(runningMean, mean, 1 - keep),
    blend(runningVariance, variance, ((1 - keep) * count) / (count - 1)),
  ]) as [Name, Name];
  updateBuffer(3, next[0]);
  updateBuffer(4, next[1]);
  return [y, ...next];
};

/** Layer normalisation over the axes from `axis` on; `bias` may be empty. */
function layerNorm(graph: GraphBuilder, x: Name, scale: Name, bias: Name, axis: number, epsilon: number): Name {
  const dims = graph.dims(x);
  const inner = dims.map((_, i) => i).filter((i) => i >= axis);
  const outer = dims.map((_, i) => i).filter((i) => i < axis);
  return graph.composite('LayerNormalization', bias === '' ? [x, scale] : [x, scale, bias], () => {
    const attributes = { axis: { int: axis }, epsilon: { float: epsilon } };
    const inputs = bias === '' ? [x, scale] : [x, scale, bias];
    const [y, mean, s] = graph.ops('LayerNormalization', inputs, attributes, 3) as [Name, Name, Name];
    // x̂ = (x - m)s; dx = s(d - mean d - x̂·mean(d·x̂)) with d = dy·γ
    const backward = ({ dy: [dy], needs }: Backward): Gradients => {
      const unit = graph.op('Mul', [graph.op('Sub', [x, mean]), s]);
      const average = (value: Name): Name =>
        graph.op('ReduceMean', [value], { axes: { ints: inner }, keepdims: { int: 1 } });
      const overRows = (value: Name): Name => (outer.length === 0 ? value : graph.sum(value, outer, false));
      const dx = (): Name => {
        const d = graph.op('Mul', [dy!, scale]);
        const slope = average(graph.op('Mul', [d, unit]));
        const centred = graph.op('Sub', [graph.op('Sub', [d, average(d)]), graph.op('Mul', [unit, slope])]);
        return graph.op('Mul', [centred, s]);
      };
      return [
        needs(0) ? dx() : null,
        needs(1) ? overRows(graph.op('Mul', [dy!, unit])) : null,
        needs(2) ? overRows(dy!) : null,
      ];
    };
    return { outputs: [y], backward };
  })[0]!;
}

export const layerNormalization: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const [x, scale] = [inputOf(context, 0), inputOf(context, 1)];
  const axis = axisOf(intOf(node.attributes, 'axis', -1), graph.dims(x).length);
  const epsilon = floatOf(node.attributes, 'epsilon', EPSILON);
  return layerNorm(graph, x, scale, inputs[2] ?? '', axis, epsilon);
};

/** Normalises each of `groups` groups of channels of each sample, then γ and β per channel. */
function groupNorm(graph: GraphBuilder, x: Name, gamma: Name, beta: Name, groups: number, epsilon: number): Name {
  const dims = graph.dims(x);
  const width = sizeOf(dims.slice(1)) / groups;
  const rows = graph.reshape(x, [dims[0]! * groups, width]);
  const ones = graph.constant(floatTensor([width], new Float32Array(width).fill(1)));
  const unit = graph.reshape(layerNorm(graph, rows, ones, '', 1, epsilon), dims);
  const scaled = graph.op('Mul', [unit, perChannel(graph, gamma, dims.length)]);
  return graph.op('Add', [scaled, perChannel(graph, beta, dims.length)]);
}

export const instanceNormalization: LowerRule = (context) => {
  const { graph, node } = context;
  const x = inputOf(context, 0);
  const channels = graph.dims(x)[1] ?? invalid('input has no channel axis');
  const epsilon = floatOf(node.attributes, 'epsilon', EPSILON);
  return groupNorm(graph, x, inputOf(context, 1), inputOf(context, 2), channels, epsilon);
};

export const groupNormalization: LowerRule = (context) => {
  const { graph, node } = context;
  const [x, scale, bias] = [inputOf(context, 0), inputOf(context, 1), inputOf(context, 2)];
  const [channels, groups] = [graph.dims(x)[1] ?? 0, intOf(node.attributes, 'num_groups', 0)];
  if (groups < 1 || channels % groups !== 0) invalid(`${groups} groups do not divide ${channels} channels`);
  const epsilon = floatOf(node.attributes, 'epsilon', EPSILON);
  // opset 18 gives scale and bias per group, opset 21 per channel
  const spread = (value: Name): Name => {
    if (graph.dims(value)[0] === channels) return value;
    const column = graph.reshape(value, [groups, 1]);
    return graph.reshape(graph.expand(column, [groups, channels / groups]), [channels]);
  };
  return groupNorm(graph, x, spread(scale), spread(bias), groups, epsilon);
};
