/**
 * Low-rank adapters: a frozen matrix W is used as W + s·A·B, and only A and B train.
 * @module
 * @source Hu et al., "LoRA" (2022), §4.1; initial values and the scale alpha/rank as in its code.
 */
import { KonsilError, seededRng } from '../base/index.ts';
import type { Adapter } from './layout.ts';
import type { GraphBuilder } from './onnx/builder.ts';
import { intOf, type Name, type Node } from './onnx/ir.ts';
import { matchNames } from './patterns.ts';

export interface LoraSpec {
  /** Inner size of the product, in [1, smaller size of the matrix]. */
  readonly rank: number;
  /** The product is scaled by alpha/rank; in (0, ∞). */
  readonly alpha: number;
  /** Names or patterns of matrices that a MatMul or Gemm uses. */
  readonly targets: readonly string[];
  /** Of the initial values. @default 0 */
  readonly seed?: number;
}

/** A matrix of the model that may have an adapter. */
export interface Matrix {
  readonly name: Name;
  readonly dims: readonly number[];
  /** Whether the rows of the stored matrix are the inputs: x·W rather than x·Wᵀ. */
  readonly isInputFirst: boolean;
}

/** Float32 matrices that a MatMul or Gemm uses, at once or through a Transpose, by name. */
export function findMatrices(nodes: readonly Node[], shapes: ReadonlyMap<Name, readonly number[]>): Matrix[] {
  const origin = new Map<Name, { name: Name; isFlipped: boolean }>();
  for (const [name, dims] of shapes) if (dims.length === 2) origin.set(name, { name, isFlipped: false });
  const found = new Map<Name, Matrix>();
  for (const { op, inputs, outputs, attributes } of nodes) {
    const moved = op === 'Transpose' ? origin.get(inputs[0]!) : undefined;
    if (moved !== undefined) origin.set(outputs[0]!, { name: moved.name, isFlipped: !moved.isFlipped });
    if (op !== 'MatMul' && op !== 'Gemm') continue;
    for (const [side, key] of (['transA', 'transB'] as const).entries()) {
      const used = origin.get(inputs[side] ?? '');
      if (used === undefined || found.has(used.name)) continue;
      const isTransposed = op === 'Gemm' && intOf(attributes, key, 0) !== 0;
      // on the right of a product the rows are the inputs, on the left the columns
      const isInputFirst = (side === 1) !== (isTransposed !== used.isFlipped);
      found.set(used.name, { name: used.name, dims: shapes.get(used.name)!, isInputFirst });
    }
  }
  return [...found.values()];
}

/** An adapter with the initial values of its two matrices. */
export interface PlannedAdapter extends Adapter {
  readonly aDims: readonly [number, number];
  readonly bDims: readonly [number, number];
  readonly aInitial: Float32Array;
}

function checkSpec({ rank, alpha }: LoraSpec, matrices: readonly Matrix[]): void {
  const largest = matrices.reduce((least, { dims }) => Math.min(least, ...dims), Number.POSITIVE_INFINITY);
  if (!Number.isInteger(rank) || rank < 1 || rank > largest)
    throw new KonsilError('CONFIG_INVALID', `lora rank is ${rank}, expected an integer in [1, ${largest}]`);
  if (!(Number.isFinite(alpha) && alpha > 0))
    throw new KonsilError('CONFIG_INVALID', `lora alpha is ${alpha}, expected (0, ∞)`);
}

/**
 * The adapters that `spec` asks for. B starts at 0, so that the model starts as it is; A is uniform in ±1/√inputs.
 * @throws KonsilError CONFIG_INVALID when a pattern matches no matrix or a number is out of range.
 */
export function planAdapters(spec: LoraSpec, matrices: readonly Matrix[], source: string): PlannedAdapter[] {
  const { rank, alpha, targets, seed = 0 } = spec;
  const names = matrices.map(({ name }) => name);
  const chosen = matchNames(names, targets, `${source}: lora target`);
  const adapted = matrices.filter(({ name }) => chosen.has(name));
  checkSpec(spec, adapted);
  return adapted.map(({ name, dims, isInputFirst }): PlannedAdapter => {
    const [rows, columns] = dims as [number, number];
    const inputs = isInputFirst ? rows : columns;
    const rng = seededRng(seed, `lora ${name}`);
    const bound = 1 / Math.sqrt(inputs);
    return {
      weight: name,
      a: `${name}.lora_A`,
      b: `${name}.lora_B`,
      isInputFirst,
      scale: alpha / rank,
      aDims: isInputFirst ? [rows, rank] : [rank, columns],
      bDims: isInputFirst ? [rank, columns] : [rows, rank],
      aInitial: Float32Array.from({ length: inputs * rank }, () => (2 * rng() - 1) * bound),
    };
  });
}

/** `weight` with its adapter: W + s·A·B, or W + s·B·A where W is stored output first. */
export function adapted(graph: GraphBuilder, weight: Name, a: Name, b: Name, { isInputFirst, scale }: Adapter): Name {
  const product = graph.op('MatMul', isInputFirst ? [a, b] : [b, a]);
  return graph.op('Add', [weight, scale === 1 ? product : graph.op('Mul', [product, graph.scalar(scale)])]);
}

/** The values of `weight` `[rows, columns]` with those of its adapter added, computed in float64. */
export function mergedWeight(
  weight: Float32Array,
  dims: readonly number[],
  a: Float32Array,
  b: Float32Array,
  { isInputFirst, scale }: Adapter,
): Float32Array {
  const [rows, columns] = dims as [number, number];
  const [left, right] = isInputFirst ? [a, b] : [b, a];
  const rank = left.length / rows;
  return weight.map((value, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += left[row * rank + k]! * right[k * columns + column]!;
    return value + scale * sum;
  });
}
