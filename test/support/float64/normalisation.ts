/**
 * Normalisations from their definitions: (x - mean) / √(variance + ε), then scale and shift.
 * @module
 */
import { floatOf, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { at, build, type Evaluator, flat, fromFront, type Index, indices, type Value } from './value.ts';

const epsilonOf = (node: Node): number => floatOf(node.attributes, 'epsilon', Math.fround(1e-5));

/** Mean and biased variance of the elements that share a key. */
function moments(
  x: Value,
  keyOf: (index: Index) => string,
): Map<string, { mean: number; variance: number; count: number }> {
  const groups = new Map<string, number[]>();
  for (const [i, index] of indices(x.dims).entries()) {
    const key = keyOf(index);
    groups.set(key, [...(groups.get(key) ?? []), x.data[i]!]);
  }
  const entries = [...groups].map(([key, values]) => {
    const mean = values.reduce((n, v) => n + v, 0) / values.length;
    const variance = values.reduce((n, v) => n + (v - mean) ** 2, 0) / values.length;
    return [key, { mean, variance, count: values.length }] as const;
  });
  return new Map(entries);
}

function normalise(x: Value, node: Node, keyOf: (index: Index) => string): (index: number[]) => number {
  const found = moments(x, keyOf);
  return (index) => {
    const { mean, variance } = found.get(keyOf(index))!;
    return (at(x, index) - mean) / Math.sqrt(variance + epsilonOf(node));
  };
}

export const batchNormalization: Evaluator = (node, [x, gamma, beta, mean, variance]) => {
  const keyOf = (index: Index): string => String(index[1]);
  const affine = (unit: (index: number[]) => number): Value =>
    build(x!.dims, (index) => unit(index) * gamma!.data[index[1]!]! + beta!.data[index[1]!]!);
  if (intOf(node.attributes, 'training_mode', 0) === 0)
    return affine((i) => (at(x!, i) - mean!.data[i[1]!]!) / Math.sqrt(variance!.data[i[1]!]! + epsilonOf(node)));
  const keep = floatOf(node.attributes, 'momentum', Math.fround(0.9));
  const batch = moments(x!, keyOf);
  // the running variance takes the unbiased one, as in PyTorch; ONNX says biased
  const next = (old: Value, now: (m: { mean: number; variance: number; count: number }) => number): Value => ({
    dims: old.dims,
    data: old.data.map((v, c) => v * keep + now(batch.get(String(c))!) * (1 - keep)),
  });
  return [
    affine(normalise(x!, node, keyOf)),
    next(mean!, (m) => m.mean),
    next(variance!, (m) => (m.variance * m.count) / (m.count - 1)),
  ];
};

export const layerNormalization: Evaluator = (node, [x, scale, bias]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', -1), x!.dims.length);
  const unit = normalise(x!, node, (index) => index.slice(0, axis).join());
  return build(x!.dims, (index) => {
    const own = index.slice(axis);
    return unit(index) * at(scale!, own) + (bias === undefined ? 0 : at(bias, own));
  });
};

export const instanceNormalization: Evaluator = (node, [x, scale, bias]) => {
  const unit = normalise(x!, node, (index) => index.slice(0, 2).join());
  return build(x!.dims, (index) => unit(index) * scale!.data[index[1]!]! + bias!.data[index[1]!]!);
};

export const groupNormalization: Evaluator = (node, [x, scale, bias]) => {
  const groups = intOf(node.attributes, 'num_groups', 1);
  const [channels, given] = [x!.dims[1]!, scale!.dims[0]!];
  const unit = normalise(x!, node, ([n, c]) =>
    flat([n!, Math.floor((c! * groups) / channels)], [0, groups]).toString(),
  );
  // opset 18 gives scale and bias per group, opset 21 per channel
  const own = (c: number): number => Math.floor((c * given) / channels);
  return build(x!.dims, (index) => unit(index) * scale!.data[own(index[1]!)]! + bias!.data[own(index[1]!)]!);
};
