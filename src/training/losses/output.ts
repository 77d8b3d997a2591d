/**
 * The model computes its own loss.
 * @module
 */
import { floatTensor, sizeOf } from '../onnx/tensor.ts';
import { type LossRule, mismatch, showBatch } from './rule.ts';

/** Whether an output of shape `dims` is one number for the whole batch of `batchSize`. */
export function isWhole(dims: readonly number[], batchSize: number): boolean {
  return sizeOf(dims) === 1 && (dims.length === 0 || batchSize !== 1);
}

/** l = y for one number, Σ share·y for one per sample; dl/dy = 1 and share. */
export function outputLoss(batchSize: number): LossRule {
  return {
    target(dims, source) {
      if (!isWhole(dims, batchSize) && (dims[0] !== batchSize || sizeOf(dims) !== batchSize))
        mismatch(
          source,
          `loss output needs a model output of one number, [batch] or [batch, 1], got ${showBatch(dims)}`,
        );
      return null;
    },
    mixesRows: (dims) => isWhole(dims, batchSize),
    build({ graph, output, share }) {
      const dims = graph.dims(output);
      const seed = isWhole(dims, batchSize)
        ? graph.constant(floatTensor(dims, Float32Array.of(1)))
        : graph.reshape(share, dims);
      return { loss: graph.total(graph.op('Mul', [output, seed])), seed };
    },
  };
}
