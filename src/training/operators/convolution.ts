/**
 * Convolution in one to three dimensions, with stride, padding, dilation and groups.
 * @module
 * @source Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), §4: gradients of a convolution
 * are convolutions.
 */
import type { Backward, Gradients, GraphBuilder } from '../onnx/builder.ts';
import { type Attributes, intOf, type Name } from '../onnx/ir.ts';
import { kernelOf, reach, spatialOf, type Window, windowAttributes, windowOf } from '../onnx/spatial.ts';
import { sizeOf } from '../onnx/tensor.ts';
import { inputOf, type LowerRule } from './context.ts';

/** One convolution: x `[n, c, ...input]`, weight `[k, c/groups, ...kernel]`, y `[n, k, ...output]`. */
export interface ConvShape {
  readonly n: number;
  readonly c: number;
  readonly k: number;
  readonly groups: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly window: Window;
}

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

export function inputGradient(graph: GraphBuilder, shape: ConvShape, dy: Name, w: Name): Name {
  return inputByTranspose(graph, shape, dy, w);
}

export function weightGradient(graph: GraphBuilder, shape: ConvShape, x: Name, dy: Name): Name {
  return weightByConv(graph, shape, x, dy);
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
  return graph.composite('Conv', all, () => {
    const y = graph.op('Conv', all, { ...windowAttributes(window), ...groupsOf(groups) });
    const [n, k, ...output] = graph.dims(y) as [number, number, ...number[]];
    const shape = { n, c: dims[1]!, k, groups, input, output, window };
    const backward = ({ dy: [dy], needs }: Backward): Gradients => [
      needs(0) ? inputGradient(graph, shape, dy!, w) : null,
      needs(1) ? weightGradient(graph, shape, x, dy!) : null,
      needs(2) ? biasGradient(graph, dy!) : null,
    ];
    return { outputs: [y], backward };
  });
};

/** Elements of one image and channel. */
export function positionsOf(shape: ConvShape): number {
  return sizeOf(shape.output);
}
