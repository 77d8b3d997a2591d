/**
 * Max, average and global pooling.
 * @module
 */
import type { Backward, Gradients, GraphBuilder } from '../onnx/builder.ts';
import { intOf, type Name } from '../onnx/ir.ts';
import { kernelOf, outputSizes, reach, spatialOf, type Window, windowAttributes, windowOf } from '../onnx/spatial.ts';
import { intVector, sizeOf, tensorFrom } from '../onnx/tensor.ts';
import { multiplyAxis } from './axisMatrix.ts';
import { gridOf, sumTaps } from './columns.ts';
import { inputOf, type LowerContext, type LowerRule } from './context.ts';

interface Pool {
  readonly graph: GraphBuilder;
  readonly x: Name;
  readonly dims: readonly number[];
  readonly spatial: readonly number[];
  readonly window: Window;
  readonly ceil: boolean;
}

function poolOf(context: LowerContext): Pool {
  const { graph, node } = context;
  const x = inputOf(context, 0);
  const dims = graph.dims(x);
  const spatial = spatialOf(dims);
  const window = windowOf(node.attributes, spatial, kernelOf(node.attributes, undefined, spatial.length));
  return { graph, x, dims, spatial, window, ceil: intOf(node.attributes, 'ceil_mode', 0) === 1 };
}

/** dx scattered to the places of the maxima; `indices` count over the whole input, as ONNX defines them. */
function scatterMaxima({ graph, dims }: Pool, dy: Name, indices: Name): Name {
  const zeros = graph.expand(graph.scalar(0), [sizeOf(dims)]);
  const flat = graph.op('ScatterElements', [zeros, graph.reshape(indices, [-1]), graph.reshape(dy, [-1])], {
    axis: { int: 0 },
    reduction: { text: 'add' },
  });
  return graph.reshape(flat, dims);
}

/**
 * Whether windows tile the input: none overlap, so maxima go back one to one. MaxUnpool also wants the last window to end
 * inside the padded input.
 */
function isTiling({ window, spatial, ceil }: Pool): boolean {
  const output = outputSizes(spatial, window, ceil);
  return window.kernel.every((size, i) => {
    const end = output[i]! * size - window.begin[i]! - window.end[i]!;
    return size === window.strides[i] && window.dilations[i] === 1 && end <= spatial[i]!;
  });
}

/** dx where windows do not overlap: each maximum goes to its own place. */
function unpool(pool: Pool, dy: Name, indices: Name): Name {
  const { graph, dims, window } = pool;
  const shape = graph.constant(intVector(dims));
  return graph.op('MaxUnpool', [dy, indices, shape], {
    kernel_shape: { ints: window.kernel },
    strides: { ints: window.strides },
    pads: { ints: [...window.begin, ...window.end] },
  });
}

/** x padded, or cut, to what the windows cover, and no more. */
function covered({ graph, x, spatial, window, ceil }: Pool): Name {
  const output = outputSizes(spatial, window, ceil);
  const over = spatial.map((size, i) => {
    const last = (output[i]! - 1) * window.strides[i]! + reach(window.kernel[i]!, window.dilations[i]!);
    return last - size - window.begin[i]!;
  });
  return graph.pad(x, [0, 0, ...window.begin], [0, 0, ...over], Number.NEGATIVE_INFINITY);
}

/**
 * dx without indices, which WebGPU does not give: under each tap, whether its value is the maximum and none before it
 * was.
 */
function firstHits(pool: Pool, y: Name, dy: Name): Name {
  const { graph, spatial, window } = pool;
  const output = graph.dims(y).slice(2);
  const axes = spatial.map((_, i) => i + 2);
  const padded = covered(pool);
  let rest = dy;
  const parts = gridOf(window.kernel).map((tap) => {
    const starts = tap.map((t, i) => t * window.dilations[i]!);
    const ends = starts.map((start, i) => start + (output[i]! - 1) * window.strides[i]! + 1);
    const value = graph.slice(padded, axes, starts, ends, window.strides);
    const hit = graph.op('Equal', [value, y]);
    const part = graph.op('Where', [hit, rest, graph.scalar(0)]);
    rest = graph.op('Where', [hit, graph.scalar(0), rest]);
    return part;
  });
  return sumTaps(graph, parts, { input: spatial, output, window });
}

export const maxPool: LowerRule = (context) => {
  const pool = poolOf(context);
  const { graph, x, window, ceil } = pool;
  return graph.composite('MaxPool', [x], () => {
    const attributes = { ...windowAttributes(window), ceil_mode: { int: ceil ? 1 : 0 } };
    if (graph.target === 'gpu') {
      // WebGPU counts windows that start in the padding at the end, which ONNX does not
      const inner = { ...window, begin: window.begin.map(() => 0), end: window.end.map(() => 0) };
      const y = ceil
        ? graph.op('MaxPool', [covered(pool)], windowAttributes(inner))
        : graph.op('MaxPool', [x], windowAttributes(window));
      return { outputs: [y], backward: ({ dy: [dy] }: Backward): Gradients => [firstHits(pool, y, dy!)] };
    }
    const [y, indices] = graph.ops('MaxPool', [x], attributes, 2) as [Name, Name];
    const backward = ({ dy: [dy] }: Backward): Gradients => [
      isTiling(pool) ? unpool(pool, dy!, indices) : scatterMaxima(pool, dy!, indices),
    ];
    return { outputs: [y], backward };
  });
};

/**
 * The matrix `[out, in]` by which average pooling multiplies one axis: 1 where a window covers an element.
 * Division by the number of elements comes after, since corners count both axes.
 */
function coverage(input: number, output: number, pool: Pool, axis: number): Float32Array {
  const { window } = pool;
  const matrix = new Float32Array(output * input);
  for (let o = 0; o < output; o++)
    for (let t = 0; t < window.kernel[axis]!; t++) {
      const i = o * window.strides[axis]! - window.begin[axis]! + t * window.dilations[axis]!;
      if (i >= 0 && i < input) matrix[o * input + i] = 1;
    }
  return matrix;
}

/** Elements that each window of one axis divides by: the covered ones, with padding when that counts. */
function divisors(input: number, output: number, pool: Pool, axis: number, withPadding: boolean): Float32Array {
  const { window } = pool;
  const [low, high] = withPadding ? [-window.begin[axis]!, input + window.end[axis]!] : [0, input];
  return Float32Array.from({ length: output }, (_, o) => {
    let count = 0;
    for (let t = 0; t < window.kernel[axis]!; t++) {
      const i = o * window.strides[axis]! - window.begin[axis]! + t * window.dilations[axis]!;
      if (i >= low && i < high) count++;
    }
    return 1 / count;
  });
}

/** y = (A₁ ⊗ A₂ ⊗ ...) x / counts: dx multiplies by the transposed matrices, one axis after another. */
export const averagePool: LowerRule = (context) => {
  const pool = poolOf(context);
  const { graph, x, spatial, window, ceil } = pool;
  const withPadding = intOf(context.node.attributes, 'count_include_pad', 0) === 1;
  const output = outputSizes(spatial, window, ceil);
  return graph.composite('AveragePool', [x], () => {
    // dilation came with opset 19, and graphs are written in an older one
    const { dilations: _, ...undilated } = windowAttributes(window);
    const isDilated = window.dilations.some((d) => d !== 1);
    const y =
      isDilated || (ceil && graph.target === 'gpu')
        ? average(pool, output, withPadding)
        : graph.op('AveragePool', [x], {
            ...undilated,
            ceil_mode: { int: ceil ? 1 : 0 },
            count_include_pad: { int: withPadding ? 1 : 0 },
          });
    const backward = ({ dy: [dy] }: Backward): Gradients => {
      let value = dy!;
      for (const [i, size] of spatial.entries()) {
        const matrix = coverage(size, output[i]!, pool, i);
        const counts = divisors(size, output[i]!, pool, i, withPadding);
        for (let k = 0; k < matrix.length; k++) matrix[k]! *= counts[Math.floor(k / size)]!;
        value = multiplyAxis(graph, value, i + 2, matrix, true);
      }
      return [value];
    };
    return { outputs: [y], backward };
  });
};

function average(pool: Pool, output: readonly number[], withPadding: boolean): Name {
  let value = pool.x;
  for (const [i, size] of pool.spatial.entries()) {
    const matrix = coverage(size, output[i]!, pool, i);
    const counts = divisors(size, output[i]!, pool, i, withPadding);
    for (let k = 0; k < matrix.length; k++) matrix[k]! *= counts[Math.floor(k / size)]!;
    value = multiplyAxis(pool.graph, value, i + 2, matrix, false);
  }
  return value;
}

function spatialAxes(graph: GraphBuilder, x: Name): number[] {
  return graph.dims(x).flatMap((_, i) => (i < 2 ? [] : [i]));
}

export const globalAveragePool: LowerRule = (context) => {
  const x = inputOf(context, 0);
  const axes = { ints: spatialAxes(context.graph, x) };
  return context.graph.op('ReduceMean', [x], { axes, keepdims: { int: 1 } });
};

/** The gradient goes to the first maximum, as in max pooling (and PyTorch's adaptive one). */
export const globalMaxPool: LowerRule = (context) => {
  const { graph } = context;
  const x = inputOf(context, 0);
  const dims = graph.dims(x);
  const [rows, width] = [dims[0]! * dims[1]!, sizeOf(dims.slice(2))];
  return graph.composite('GlobalMaxPool', [x], () => {
    const flat = graph.reshape(x, [rows, width]);
    const y = graph.op('ReduceMax', [flat], { axes: { ints: [1] }, keepdims: { int: 1 } });
    const backward = ({ dy: [dy] }: Backward): Gradients => {
      const place = graph.op('ArgMax', [flat], { axis: { int: 1 }, keepdims: { int: 1 } });
      const hit = graph.op('Equal', [
        graph.cast(place, 'int32'),
        graph.constant(tensorFrom('int32', [1, width], [...Array(width).keys()])),
      ]);
      const spread = graph.op('Where', [hit, graph.reshape(dy!, [rows, 1]), graph.scalar(0)]);
      return [graph.reshape(spread, dims)];
    };
    return { outputs: [graph.reshape(y, [...dims.slice(0, 2), ...dims.slice(2).map(() => 1)])], backward };
  });
};
