/**
 * Convolution in one to three dimensions, with stride, padding, dilation and groups.
 * @module
 * @source Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), §4: gradients of a convolution
 * are convolutions.
 */
import type { Backward, Gradients, GraphBuilder } from '../onnx/builder.ts';
import { type Attributes, intOf, type Name } from '../onnx/ir.ts';
import { convolution } from '../onnx/portable.ts';
import { kernelOf, outputSizes, reach, spatialOf, windowAttributes, windowOf } from '../onnx/spatial.ts';
import { floatTensor, sizeOf } from '../onnx/tensor.ts';
import { columnsOf, gridOf, paddedChannels, product, sumColumns, swapped } from './columns.ts';
import { inputOf, type LowerRule } from './context.ts';
import {
  type ConvShape,
  forwardForm,
  inputForm,
  isMatrixDepthwise,
  isPointwise,
  tapsOf,
  weightTaps,
} from './convShape.ts';
import { depthwise } from './depthwise.ts';

function groupsOf(groups: number): Attributes {
  return { group: { int: groups } };
}

/** dx by the transposed convolution, which fits every window. */
function inputByTranspose(graph: GraphBuilder, shape: ConvShape, dy: Name, w: Name): Name {
  const { input, output, window, groups } = shape;
  const extra = input.map((size, i) => {
    const full = (output[i]! - 1) * window.strides[i]! + reach(window.kernel[i]!, window.dilations[i]!);
    return size + window.begin[i]! + window.end[i]! - full;
  });
  return graph.op('ConvTranspose', [dy, w], {
    ...windowAttributes(window),
    ...groupsOf(groups),
    output_padding: { ints: extra },
  });
}

/** dw by a convolution of x with dy, samples as channels; stride and dilation change places. */
function weightByConv(graph: GraphBuilder, shape: ConvShape, x: Name, dy: Name): Name {
  const { n, c, k, groups, input, output, window } = shape;
  const spatial = input.map((_, i) => i);
  // x as [c/groups, groups·n, ...]: group j sees its own channels of every sample
  const split = graph.reshape(x, [n, groups, c / groups, ...input]);
  const regrouped = graph.op('Transpose', [split], { perm: { ints: [2, 1, 0, ...spatial.map((i) => i + 3)] } });
  const images = graph.reshape(regrouped, [c / groups, groups * n, ...input]);
  const filters = graph.op('Transpose', [dy], { perm: { ints: [1, 0, ...spatial.map((i) => i + 2)] } });
  const swapped = { ...window, kernel: output, strides: window.dilations, dilations: window.strides };
  const raw = graph.op('Conv', [images, filters], { ...windowAttributes(swapped), ...groupsOf(groups) });
  // rows of x that no window reached give surplus taps at the end
  const sizes = graph.dims(raw).slice(2);
  const needsCrop = sizes.some((size, i) => size !== window.kernel[i]);
  const taps = needsCrop
    ? graph.slice(
        raw,
        spatial.map((i) => i + 2),
        spatial.map(() => 0),
        window.kernel,
      )
    : raw;
  const dw = graph.op('Transpose', [taps], { perm: { ints: [1, 0, ...spatial.map((i) => i + 2)] } });
  return graph.reshape(dw, [k, c / groups, ...window.kernel]);
}

/** The weight for the way back: taps in reverse order, channels exchanged within each group. */
function flippedWeight(graph: GraphBuilder, shape: ConvShape, w: Name): Name {
  const { c, k, groups, window } = shape;
  const taps = tapsOf(shape);
  const split = graph.reshape(w, [groups, k / groups, c / groups, taps]);
  const turned = graph.op('Transpose', [split], { perm: { ints: [0, 2, 1, 3] } });
  return graph.reshape(reversed(graph, turned, taps), [c, k / groups, ...window.kernel]);
}

/** `value` with its last axis, of size `size`, in reverse: times the matrix that does it, the fastest way by far. */
function reversed(graph: GraphBuilder, value: Name, size: number): Name {
  if (size === 1) return value;
  const matrix = new Float32Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + size - 1 - i] = 1;
  const dims = graph.dims(value);
  const flat = graph.reshape(value, [-1, size]);
  return graph.reshape(graph.op('MatMul', [flat, graph.constant(floatTensor([size, size], matrix))]), dims);
}

/** dx of a convolution with stride 1: the convolution of dy with the flipped weight. */
function inputByFlip(graph: GraphBuilder, shape: ConvShape, dy: Name, w: Name): Name {
  const { window, groups } = shape;
  const reaches = window.kernel.map((size, i) => window.dilations[i]! * (size - 1));
  const back = {
    ...window,
    begin: reaches.map((r, i) => r - window.begin[i]!),
    end: reaches.map((r, i) => r - window.end[i]!),
  };
  return convolution(graph, [dy, flippedWeight(graph, shape, w)], { ...windowAttributes(back), ...groupsOf(groups) });
}

/** `[n, k, ...]` as `[groups, k/groups, n·positions]`. */
function groupedRows(graph: GraphBuilder, { n, groups }: ConvShape, value: Name): Name {
  const dims = graph.dims(value);
  return graph.reshape(swapped(graph, value), [groups, dims[1]! / groups, n * sizeOf(dims.slice(2))]);
}

/** The weight as `[groups, k/groups, c/groups·taps]`. */
function groupedWeight(graph: GraphBuilder, { groups, k }: ConvShape, w: Name): Name {
  return graph.reshape(w, [groups, k / groups, -1]);
}

/** dx as a matrix product. */
export function inputByColumns(graph: GraphBuilder, shape: ConvShape, dy: Name, w: Name): Name {
  const columns = product(graph, groupedWeight(graph, shape, w), groupedRows(graph, shape, dy), true, false);
  const { c, n, input, output } = shape;
  if (isPointwise(shape)) return swapped(graph, graph.reshape(columns, [c, n, ...input]));
  return sumColumns(graph, graph.reshape(columns, [c, tapsOf(shape), n * sizeOf(output)]), shape);
}

/** All columns of x as `[groups, c/groups·taps, n·positions]`. */
function groupedColumns(graph: GraphBuilder, shape: ConvShape, x: Name, taps: readonly number[][]): Name {
  const columns = columnsOf(graph, paddedChannels(graph, x, shape), shape, taps);
  return graph.reshape(columns, [shape.groups, (shape.c / shape.groups) * taps.length, -1]);
}

/** dw = dy·columnsᵀ, some taps at a time. */
function weightByColumns(graph: GraphBuilder, shape: ConvShape, x: Name, dy: Name, atOnce: number): Name {
  const { groups, k, c, window } = shape;
  const taps = gridOf(window.kernel);
  const rows = groupedRows(graph, shape, dy);
  const parts: Name[] = [];
  for (let at = 0; at < taps.length; at += atOnce) {
    const some = taps.slice(at, at + atOnce);
    const part = product(graph, rows, groupedColumns(graph, shape, x, some), false, true);
    parts.push(graph.reshape(part, [groups, k / groups, c / groups, some.length]));
  }
  const dw = parts.length === 1 ? parts[0]! : graph.concat(parts, 3);
  return graph.reshape(dw, [k, c / groups, ...window.kernel]);
}

export function inputGradient(graph: GraphBuilder, shape: ConvShape, dy: Name, w: Name): Name {
  const form = inputForm(shape, graph.target);
  if (form === 'flipped') return inputByFlip(graph, shape, dy, w);
  return form === 'columns' ? inputByColumns(graph, shape, dy, w) : inputByTranspose(graph, shape, dy, w);
}

export function weightGradient(graph: GraphBuilder, shape: ConvShape, x: Name, dy: Name): Name {
  const taps = weightTaps(shape, graph.target);
  return taps === 0 ? weightByConv(graph, shape, x, dy) : weightByColumns(graph, shape, x, dy, taps);
}

/** y = w·columns, `[n, k, ...]`, plus the bias. */
export function forwardByColumns(graph: GraphBuilder, shape: ConvShape, x: Name, w: Name, bias: Name): Name {
  const { n, k, output } = shape;
  const columns = groupedColumns(graph, shape, x, gridOf(shape.window.kernel));
  const rows = product(graph, groupedWeight(graph, shape, w), columns, false, false);
  const y = swapped(graph, graph.reshape(rows, [k, n, ...output]));
  return bias === '' ? y : plusBias(graph, y, bias);
}

/** `y` plus one number a channel. */
export function plusBias(graph: GraphBuilder, y: Name, bias: Name): Name {
  return graph.op('Add', [
    y,
    graph.reshape(bias, [
      1,
      -1,
      ...graph
        .dims(y)
        .slice(2)
        .map(() => 1),
    ]),
  ]);
}

/** Sum over samples and positions. */
export function biasGradient(graph: GraphBuilder, dy: Name): Name {
  const axes = graph.dims(dy).map((_, i) => i);
  return graph.sum(dy, axes.toSpliced(1, 1), false);
}

export const conv: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const [x, w, bias] = [inputOf(context, 0), inputOf(context, 1), inputs[2] ?? ''];
  const dims = graph.dims(x);
  const input = spatialOf(dims);
  const groups = intOf(node.attributes, 'group', 1);
  const window = windowOf(node.attributes, input, kernelOf(node.attributes, graph.dims(w).slice(2), input.length));
  const all = bias === '' ? [x, w] : [x, w, bias];
  const [n, c] = [dims[0]!, dims[1]!];
  const k = graph.dims(w)[0]!;
  const shape: ConvShape = { n, c, k, groups, input, output: outputSizes(input, window), window };
  return graph.composite('Conv', all, () => {
    if (isMatrixDepthwise(shape, graph.target)) {
      const { y, backward } = depthwise(graph, shape, x, w);
      if (bias === '') return { outputs: [y], backward };
      const withBias = (context: Backward): Gradients => [
        ...backward(context),
        context.needs(2) ? biasGradient(graph, context.dy[0]!) : null,
      ];
      return { outputs: [plusBias(graph, y, bias)], backward: withBias };
    }
    const y =
      forwardForm(shape, graph.target) === 'columns'
        ? forwardByColumns(graph, shape, x, w, bias)
        : convolution(graph, all, { ...windowAttributes(window), ...groupsOf(groups) });
    const backward = ({ dy: [dy], needs }: Backward): Gradients => [
      needs(0) ? inputGradient(graph, shape, dy!, w) : null,
      needs(1) ? weightGradient(graph, shape, x, dy!) : null,
      needs(2) ? biasGradient(graph, dy!) : null,
    ];
    return { outputs: [y], backward };
  });
};
