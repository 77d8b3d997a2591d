/**
 * Losses on tensors, the same as the graph losses: the weighted mean over samples, with its gradient with respect to
 * the model's output in closed form, so that both engines round alike.
 * @module
 * @source PyTorch's CrossEntropyLoss, BCEWithLogitsLoss, MSELoss, L1Loss, HuberLoss and SmoothL1Loss with reduction "mean".
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { KonsilError } from '../../base/index.ts';
import type { LossOptions } from '../losses/spec.ts';
import { tf } from './tf.ts';

/** `seed`: gradient of `loss`, in the output's shape. */
interface LossValue {
  readonly loss: Scalar;
  readonly seed: Tensor;
}

interface LossInputs {
  /** `[rows, ...]`. */
  readonly output: Tensor;
  readonly target: Tensor;
  /** Weight of each sample over the sum of weights, `[rows]`. */
  readonly share: Tensor1D;
}

export interface LossRule {
  readonly dtype: 'int32' | 'float32';
  /** Shape of the target of one row, for an output of shape `dims` a row. @throws KonsilError MODEL_MISMATCH */
  target(dims: readonly number[], source: string): readonly number[];
  value(inputs: LossInputs): LossValue;
}

/** `share` as `[rows, 1, ...]`. */
function column({ share, output }: LossInputs): Tensor {
  return tf.reshape(share, [share.shape[0], ...output.shape.slice(1).map(() => 1)]);
}

/** share/K as a column, K the number of outputs of one sample: PyTorch's mean runs over samples and outputs. */
function elementShare(inputs: LossInputs): Tensor {
  const width = inputs.output.shape.slice(1).reduce((n, dim) => n * dim, 1);
  return tf.mul(column(inputs), 1 / width);
}

const crossEntropy: LossRule = {
  dtype: 'int32',
  target(dims, source) {
    if (dims.length === 1 && dims[0]! >= 2) return [];
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: cross_entropy needs a model output [batch, classes] with 2 or more classes, got [${['batch', ...dims].join(', ')}]`,
    );
  },
  // l = -log softmax(z)[target]; dl/dz = softmax(z) - onehot
  value(inputs) {
    const { output, target } = inputs;
    const hit = tf.oneHot(target, output.shape[1]!) as Tensor2D;
    const logs = tf.logSoftmax(output);
    const factor = column(inputs);
    // where, not a product: log softmax may be -inf for a class that is not the target
    const picked = tf.where(tf.cast(hit, 'bool'), tf.mul(logs, factor), tf.zerosLike(logs));
    return {
      loss: tf.neg(tf.sum(picked)),
      seed: tf.mul(tf.sub(tf.exp(logs), tf.cast(hit, 'float32')), factor),
    };
  },
};

const perElement = { dtype: 'float32', target: (dims: readonly number[]) => dims } as const;

const bceWithLogits: LossRule = {
  ...perElement,
  // l = max(z, 0) - z·t + ln(1 + exp(-|z|)); dl/dz = σ(z) - t
  value(inputs) {
    const { output: z, target } = inputs;
    const factor = elementShare(inputs);
    const linear = tf.sub(tf.relu(z), tf.mul(z, target));
    const log = tf.softplus(tf.neg(tf.abs(z)));
    return {
      loss: tf.sum(tf.mul(tf.add(linear, log), factor)),
      seed: tf.mul(tf.sub(tf.sigmoid(z), target), factor),
    };
  },
};

const meanSquaredError: LossRule = {
  ...perElement,
  // l = (z - t)²; dl/dz = 2(z - t)
  value(inputs) {
    const error = tf.sub(inputs.output, inputs.target);
    const weighted = tf.mul(error, elementShare(inputs));
    return { loss: tf.sum(tf.mul(weighted, error)), seed: tf.add(weighted, weighted) };
  },
};

const meanAbsoluteError: LossRule = {
  ...perElement,
  // l = |z - t|; dl/dz = sign(z - t), 0 at 0
  value(inputs) {
    const error = tf.sub(inputs.output, inputs.target);
    const factor = elementShare(inputs);
    return { loss: tf.sum(tf.mul(tf.abs(error), factor)), seed: tf.mul(tf.sign(error), factor) };
  },
};

/** Huber's loss; divided by `divisor` it is the smooth L1 loss. */
function huber(delta: number, divisor: number): LossRule {
  return {
    ...perElement,
    // with c = clip(e, ±δ): l = c·(e - c/2), which is e²/2 inside and δ(|e| - δ/2) outside; dl/dz = c
    value(inputs) {
      const error = tf.sub(inputs.output, inputs.target);
      const clipped = tf.clipByValue(error, -delta, delta);
      const weighted = tf.mul(clipped, tf.mul(elementShare(inputs), 1 / divisor));
      return { loss: tf.sum(tf.mul(weighted, tf.sub(error, tf.mul(clipped, 0.5)))), seed: weighted };
    },
  };
}

/** The rule of a loss. @throws KonsilError CONFIG_INVALID when TensorFlow.js models cannot be trained with it. */
export function lossRule(options: LossOptions): LossRule {
  const refuse = (what: string): never => {
    throw new KonsilError('CONFIG_INVALID', `${what} is not available for TensorFlow.js models`);
  };
  for (const name of ['classWeights', 'labelSmoothing', 'ignoreIndex', 'posWeight'])
    if (name in options) refuse(`${name} of loss "${options.kind}"`);
  switch (options.kind) {
    case 'cross_entropy':
      return crossEntropy;
    case 'bce_with_logits':
      return bceWithLogits;
    case 'mse':
      return meanSquaredError;
    case 'mae':
      return meanAbsoluteError;
    case 'huber':
      return huber(options.delta ?? 1, 1);
    case 'smooth_l1':
      return huber(options.beta ?? 1, options.beta ?? 1);
    default:
      return refuse(`loss "${options.kind}"`);
  }
}

/** The loss of `rule` as a function to differentiate. */
export function lossOf(rule: LossRule, { output, target, share }: LossInputs): Scalar {
  const loss = tf.customGrad((z, save) => {
    const { loss: value, seed } = rule.value({ output: z as Tensor, target, share });
    (save as (tensors: Tensor[]) => void)([seed]);
    return { value, gradFunc: (dy, saved) => tf.mul(saved[0]!, dy) };
  });
  return loss(output) as Scalar;
}
