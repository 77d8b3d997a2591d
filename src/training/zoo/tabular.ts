/**
 * Models of rows of numbers: linear ones and dense networks.
 * @module
 */
import { type Architecture, build, count, SEED } from './architecture.ts';
import { activate, linear } from './layers.ts';

/** A dense network. Sizes are integers of 1 or more. */
export interface MlpSpec {
  readonly inputs: number;
  /** Width of each hidden layer; empty for a linear model. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation: 'relu' | 'tanh';
  /** Of the initial weights. */
  readonly seed: number;
}

/** Dense layers as `nn.Sequential` in an attribute `layers`: `layers.0.weight` `[out, in]`, then `layers.2.weight`, ... */
export const mlp: Architecture<MlpSpec> = {
  name: 'mlp',
  title: 'multi-layer perceptron: dense layers with a non-linearity between them',
  source: 'Rumelhart, Hinton, Williams, Learning representations by back-propagating errors (1986)',
  options: {
    inputs: count('features of a row'),
    hidden: { kind: 'counts', max: 65_536, default: [16], doc: 'width of each hidden layer' },
    outputs: count('values given: one a class, or 1', { default: 1 }),
    activation: { kind: 'choice', of: ['relu', 'tanh'], default: 'relu', doc: 'function between the layers' },
    seed: SEED,
  },
  define(net, { inputs, hidden, outputs, activation }) {
    let value = net.input([inputs]);
    for (const [i, width] of [...hidden, outputs].entries()) {
      value = linear(net, value, `layers.${2 * i}`, { outputs: width });
      if (i < hidden.length) value = activate(net, value, `layers.${2 * i + 1}`, activation);
    }
    return value;
  },
};

/** ONNX bytes of a dense network, see {@link mlp}. @throws KonsilError CONFIG_INVALID when a size is out of range. */
export function builtinMlp(spec: MlpSpec): Uint8Array {
  return build(mlp, spec);
}

export interface LogisticRegressionOptions {
  readonly inputs: number;
  /** 1 for two classes (loss bce_with_logits), else the number of classes (softmax regression, cross_entropy). @default 1 */
  readonly outputs?: number;
  /** @default 0 */
  readonly seed?: number;
}

/** One dense layer, `linear.weight` `[outputs, inputs]` and `linear.bias`; the loss makes probabilities of its outputs. */
export const logisticRegression: Architecture<LogisticRegressionOptions> = {
  name: 'logistic_regression',
  title: 'logistic regression; with several outputs, softmax (multinomial) regression',
  source: 'Cox, The Regression Analysis of Binary Sequences (1958)',
  options: {
    inputs: count('features of a row'),
    outputs: count('1 for two classes, else the number of classes', { default: 1 }),
    seed: SEED,
  },
  define: (net, { inputs, outputs }) => linear(net, net.input([inputs]), 'linear', { outputs }),
};

export interface CoxRegressionOptions {
  readonly inputs: number;
  /** @default 0 */
  readonly seed?: number;
}

/** The log hazard ratio of a row, for the loss `cox`; no bias, which would cancel in the partial likelihood. */
export const coxRegression: Architecture<CoxRegressionOptions> = {
  name: 'cox_regression',
  title: 'proportional hazards: one linear score a row, for the loss cox',
  source: 'Cox, Regression Models and Life-Tables (1972)',
  options: { inputs: count('features of a row'), seed: SEED },
  define: (net, { inputs }) => linear(net, net.input([inputs]), 'linear', { outputs: 1, bias: false }),
};
