/**
 * Losses as graph nodes: the weighted mean over samples, and its gradient with respect to the model's output in closed
 * form. Sample weights let a short batch be padded: a row of weight 0 changes neither loss nor gradient.
 * @module
 * @source PyTorch's CrossEntropyLoss, BCEWithLogitsLoss and MSELoss with reduction "mean".
 */
import { KonsilError } from '../../base/index.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { sizeOf, tensorFrom, type ValueType } from '../onnx/tensor.ts';

/** Names as task files use them. */
export const LOSS_KINDS = ['cross_entropy', 'bce_with_logits', 'mse'] as const;
export type LossKind = (typeof LOSS_KINDS)[number];

interface LossInputs {
  readonly graph: GraphBuilder;
  /** Model output, `[batch, ...]`. */
  readonly output: Name;
  readonly target: Name;
  /** Weight of each sample over the sum of weights, `[batch]`. */
  readonly share: Name;
}

/** `loss`: scalar, Σ share·l. `seed`: its gradient, in the output's shape. */
interface LossNodes {
  readonly loss: Name;
  readonly seed: Name;
}

interface LossRule {
  /** Shape and type of the target for a model output of shape `dims`. @throws KonsilError MODEL_MISMATCH naming `source` */
  target(dims: readonly number[], source: string): ValueType;
  build(inputs: LossInputs): LossNodes;
}

/** `share` as `[batch, 1, ...]`, to multiply an output with. */
function column({ graph, share, output }: LossInputs): Name {
  return graph.reshape(
    share,
    graph.dims(output).map((dim, i) => (i === 0 ? dim : 1)),
  );
}

const crossEntropy: LossRule = {
  target(dims, source) {
    if (dims.length !== 2 || dims[1]! < 2)
      throw new KonsilError(
        'MODEL_MISMATCH',
        `${source}: cross_entropy needs a model output [batch, classes] with 2 or more classes, got [${['batch', ...dims.slice(1)].join(', ')}]`,
      );
    return { dtype: 'int32', dims: [dims[0]!] };
  },
  // l = -log softmax(z)[target]; dl/dz = softmax(z) - onehot
  build(inputs) {
    const { graph, output, target } = inputs;
    const classes = graph.dims(output)[1]!;
    const indices = graph.constant(tensorFrom('int32', [1, classes], [...Array(classes).keys()]));
    const hit = graph.op('Equal', [graph.reshape(target, [-1, 1]), indices]);
    const logs = graph.op('LogSoftmax', [output], { axis: { int: 1 } });
    const factor = column(inputs);
    // Where, not a product: log softmax may be -inf for a class that is not the target
    const picked = graph.op('Where', [hit, graph.op('Mul', [logs, factor]), graph.scalar(0)]);
    const seed = graph.op('Sub', [graph.op('Exp', [logs]), graph.op('Cast', [hit], { to: { int: 1 } })]);
    return { loss: graph.op('Neg', [graph.total(picked)]), seed: graph.op('Mul', [seed, factor]) };
  },
};

function perElement(dims: readonly number[]): ValueType {
  return { dtype: 'float32', dims };
}

/** share/K as a column, K the number of outputs of one sample: PyTorch's mean runs over samples and outputs. */
function elementShare(inputs: LossInputs): Name {
  const { graph, output } = inputs;
  return graph.op('Mul', [column(inputs), graph.scalar(1 / sizeOf(graph.dims(output).slice(1)))]);
}

const bceWithLogits: LossRule = {
  target: perElement,
  // l = max(z, 0) - z·t + ln(1 + exp(-|z|)); dl/dz = σ(z) - t
  build(inputs) {
    const { graph, output: z, target } = inputs;
    const factor = elementShare(inputs);
    const linear = graph.op('Sub', [graph.op('Relu', [z]), graph.op('Mul', [z, target])]);
    const log = graph.op('Softplus', [graph.op('Neg', [graph.op('Abs', [z])])]);
    return {
      loss: graph.total(graph.op('Mul', [graph.op('Add', [linear, log]), factor])),
      seed: graph.op('Mul', [graph.op('Sub', [graph.op('Sigmoid', [z]), target]), factor]),
    };
  },
};

const meanSquaredError: LossRule = {
  target: perElement,
  // l = (z - t)²; dl/dz = 2(z - t)
  build(inputs) {
    const { graph, output, target } = inputs;
    const error = graph.op('Sub', [output, target]);
    const weighted = graph.op('Mul', [error, elementShare(inputs)]);
    return { loss: graph.total(graph.op('Mul', [weighted, error])), seed: graph.op('Add', [weighted, weighted]) };
  },
};

export const LOSSES: Readonly<Record<LossKind, LossRule>> = {
  cross_entropy: crossEntropy,
  bce_with_logits: bceWithLogits,
  mse: meanSquaredError,
};
