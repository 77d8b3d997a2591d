/**
 * Softmax cross-entropy against class indices, for outputs `[batch, classes, positions...]`.
 * @module
 * @source PyTorch's CrossEntropyLoss with reduction "mean"; Szegedy et al., "Rethinking the Inception Architecture" (2016),
 * §7, for label smoothing.
 */
import type { Name } from '../onnx/ir.ts';
import { logSoftmax } from '../onnx/portable.ts';
import { floatTensor, sizeOf, tensorFrom } from '../onnx/tensor.ts';
import {
  channelDims,
  column,
  indicator,
  type LossInputs,
  type LossNodes,
  type LossRule,
  mismatch,
  showBatch,
  TINY,
} from './rule.ts';
import type { CrossEntropySpec } from './spec.ts';

/** `[batch, classes, ...]`: whether an entry is the target's class. */
function hits({ graph, output, target }: LossInputs): Name {
  const [batch, classes, ...positions] = graph.dims(output) as [number, number, ...number[]];
  const range = [...Array(classes).keys()];
  const indices = graph.constant(tensorFrom('int32', channelDims(classes, positions.length + 2), range));
  return graph.op('Equal', [graph.reshape(target, [batch, 1, ...positions]), indices]);
}

// l = -log p[t] with p = softmax z; dl/dz = p - onehot
function plain(inputs: LossInputs): LossNodes {
  const { graph, output, share } = inputs;
  const hit = hits(inputs);
  const logs = logSoftmax(graph, output, 1);
  const positions = sizeOf(graph.dims(output).slice(2));
  const rows = column(inputs, share);
  const factor = positions === 1 ? rows : graph.op('Mul', [rows, graph.scalar(1 / positions)]);
  // Where, not a product: log softmax may be -inf for a class that is not the target
  const picked = graph.op('Where', [hit, graph.op('Mul', [logs, factor]), graph.scalar(0)]);
  const seed = graph.op('Sub', [graph.op('Exp', [logs]), indicator(graph, hit)]);
  return { loss: graph.op('Neg', [graph.total(picked)]), seed: graph.op('Mul', [seed, factor]) };
}

/**
 * l = -Σ a·log p, dl/dz = p·Σa - a with a = (1-ε)·w[t]·onehot + ε/C·w, all 0 for an ignored target; the mean divides by
 * Σ w[t]. Deviation from PyTorch: a batch in which that is 0 has loss 0, not NaN.
 */
function weighted(inputs: LossInputs, { classWeights, labelSmoothing = 0 }: CrossEntropySpec): LossNodes {
  const { graph, output, weight } = inputs;
  const [rank, classes] = [graph.dims(output).length, graph.dims(output)[1]!];
  const onehot = indicator(graph, hits(inputs));
  const weights = Float32Array.from(classWeights ?? Array.from({ length: classes }, () => 1));
  const w = graph.constant(floatTensor(channelDims(classes, rank), weights));
  const own = classWeights === undefined ? onehot : graph.op('Mul', [onehot, w]);
  const ownWeight = graph.sum(own, [1], true);
  const total = graph.total(graph.op('Mul', [ownWeight, column(inputs, weight)]));
  const positions = sizeOf(graph.dims(output).slice(2));
  const isCounted = indicator(graph, graph.op('Greater', [total, graph.scalar(0)]));
  const perMass = graph.op('Div', [isCounted, graph.op('Max', [total, graph.scalar(TINY)])]);
  const factor = graph.op('Mul', [column(inputs, weight), perMass]);
  const scaled = (x: Name, by: number): Name => (by === 1 ? x : graph.op('Mul', [x, graph.scalar(by)]));
  let [a, sum] = [own, ownWeight];
  if (labelSmoothing > 0) {
    const counts = graph.sum(onehot, [1], true);
    const even = scaled(graph.op('Mul', [counts, w]), labelSmoothing / classes);
    const evenSum = scaled(counts, (labelSmoothing / classes) * weights.reduce((total, v) => total + v, 0));
    a = graph.op('Add', [scaled(own, 1 - labelSmoothing), even]);
    sum = graph.op('Add', [scaled(ownWeight, 1 - labelSmoothing), evenSum]);
  }
  const logs = logSoftmax(graph, output, 1);
  const terms = graph.op('Mul', [graph.op('Mul', [logs, a]), factor]);
  const counted = graph.op('Where', [graph.op('Greater', [a, graph.scalar(0)]), terms, graph.scalar(0)]);
  const slope = graph.op('Sub', [graph.op('Mul', [graph.op('Exp', [logs]), sum]), a]);
  return {
    loss: graph.op('Neg', [graph.total(counted)]),
    seed: graph.op('Mul', [slope, factor]),
    // in rows, so that one row without weights counts as one
    mass: scaled(total, 1 / positions),
  };
}

export function crossEntropy(spec: CrossEntropySpec): LossRule {
  const { classWeights, labelSmoothing = 0, ignoreIndex } = spec;
  const isPlain = classWeights === undefined && labelSmoothing === 0 && ignoreIndex === undefined;
  return {
    target(dims, source) {
      const classes = dims[1] ?? 0;
      if (classes < 2)
        mismatch(
          source,
          `cross_entropy needs a model output [batch, classes] with 2 or more classes, got ${showBatch(dims)}`,
        );
      if (classWeights !== undefined && classWeights.length !== classes)
        mismatch(source, `loss has ${classWeights.length} classWeights, the model's output has ${classes} classes`);
      const type = { dtype: 'int32', dims: [dims[0]!, ...dims.slice(2)], classes } as const;
      return ignoreIndex === undefined ? type : { ...type, ignoreIndex };
    },
    build: (inputs) => (isPlain ? plain(inputs) : weighted(inputs, spec)),
  };
}
