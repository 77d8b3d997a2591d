/**
 * Losses that compare outputs with targets one by one, averaged over samples and outputs.
 * @module
 * @source PyTorch's BCEWithLogitsLoss, MSELoss, L1Loss, HuberLoss and SmoothL1Loss with reduction "mean".
 */
import type { Name } from '../onnx/ir.ts';
import { sign } from '../onnx/portable.ts';
import { floatTensor } from '../onnx/tensor.ts';
import {
  channelDims,
  elementShare,
  type LossInputs,
  type LossNodes,
  type LossRule,
  mismatch,
  perElement,
  softplusOfMinusAbs,
} from './rule.ts';
import type { BceSpec } from './spec.ts';

// l = max(z, 0) - z·t + ln(1 + exp(-|z|)); dl/dz = σ(z) - t
export function plainBce(inputs: LossInputs): LossNodes {
  const { graph, output: z, target } = inputs;
  const factor = elementShare(inputs);
  const linear = graph.op('Sub', [graph.op('Relu', [z]), graph.op('Mul', [z, target])]);
  const log = softplusOfMinusAbs(graph, z);
  return {
    loss: graph.total(graph.op('Mul', [graph.op('Add', [linear, log]), factor])),
    seed: graph.op('Mul', [graph.op('Sub', [graph.op('Sigmoid', [z]), target]), factor]),
  };
}

// l = (1-t)·z + q·(max(-z, 0) + ln(1 + exp(-|z|))) with q = 1 + (p-1)·t; dl/dz = q·σ(z) - p·t
function weightedBce(inputs: LossInputs, p: Name): LossNodes {
  const { graph, output: z, target: t } = inputs;
  const factor = elementShare(inputs);
  const one = graph.scalar(1);
  const q = graph.op('Add', [graph.op('Mul', [graph.op('Sub', [p, one]), t]), one]);
  const log = graph.op('Add', [graph.op('Relu', [graph.op('Neg', [z])]), softplusOfMinusAbs(graph, z)]);
  const linear = graph.op('Mul', [graph.op('Sub', [one, t]), z]);
  const value = graph.op('Add', [linear, graph.op('Mul', [q, log])]);
  const slope = graph.op('Sub', [graph.op('Mul', [q, graph.op('Sigmoid', [z])]), graph.op('Mul', [p, t])]);
  return { loss: graph.total(graph.op('Mul', [value, factor])), seed: graph.op('Mul', [slope, factor]) };
}

export function bceWithLogits({ posWeight }: BceSpec): LossRule {
  return {
    target(dims, source) {
      if (posWeight !== undefined && typeof posWeight !== 'number' && posWeight.length !== (dims[1] ?? 1))
        mismatch(source, `loss has ${posWeight.length} posWeights, the model has ${dims[1] ?? 1} outputs`);
      return perElement(dims);
    },
    build(inputs) {
      if (posWeight === undefined) return plainBce(inputs);
      const { graph, output } = inputs;
      if (typeof posWeight === 'number') return weightedBce(inputs, graph.scalar(posWeight));
      const dims = graph.dims(output).length === 1 ? [1] : channelDims(posWeight.length, graph.dims(output).length);
      return weightedBce(inputs, graph.constant(floatTensor(dims, Float32Array.from(posWeight))));
    },
  };
}

// l = (z - t)²; dl/dz = 2(z - t)
export const meanSquaredError: LossRule = {
  target: perElement,
  build(inputs) {
    const { graph, output, target } = inputs;
    const error = graph.op('Sub', [output, target]);
    const weighted = graph.op('Mul', [error, elementShare(inputs)]);
    return { loss: graph.total(graph.op('Mul', [weighted, error])), seed: graph.op('Add', [weighted, weighted]) };
  },
};

// l = |z - t|; dl/dz = sign(z - t), 0 at 0
export const meanAbsoluteError: LossRule = {
  target: perElement,
  build(inputs) {
    const { graph, output, target } = inputs;
    const error = graph.op('Sub', [output, target]);
    const factor = elementShare(inputs);
    return {
      loss: graph.total(graph.op('Mul', [graph.op('Abs', [error]), factor])),
      seed: graph.op('Mul', [sign(graph, error), factor]),
    };
  },
};

/**
 * l = c·(e - c/2)/divisor with e = z - t, c = min(max(e, -δ), δ): e²/2 up to δ, δ(|e| - δ/2) beyond; dl/dz = c/divisor.
 */
export function huber(delta: number, divisor: number): LossRule {
  return {
    target: perElement,
    build(inputs) {
      const { graph, output, target } = inputs;
      const error = graph.op('Sub', [output, target]);
      const share = elementShare(inputs);
      const factor = divisor === 1 ? share : graph.op('Mul', [share, graph.scalar(1 / divisor)]);
      const clipped = graph.op('Clip', [error, graph.scalar(-delta), graph.scalar(delta)]);
      const seed = graph.op('Mul', [clipped, factor]);
      const rest = graph.op('Sub', [error, graph.op('Mul', [clipped, graph.scalar(0.5)])]);
      return { loss: graph.total(graph.op('Mul', [seed, rest])), seed };
    },
  };
}
