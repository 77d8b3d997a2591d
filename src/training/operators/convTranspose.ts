/**
 * Transposed convolution: its forward pass is a convolution's gradient, so its gradients are that convolution's forward
 * pass and weight gradient.
 * @module
 */
import type { Backward, Gradients, GraphBuilder } from '../onnx/builder.ts';
import { intOf, type Name } from '../onnx/ir.ts';
import { convolution } from '../onnx/portable.ts';
import { spatialOf, transposedSizes, transposedWindow, windowAttributes } from '../onnx/spatial.ts';
import { inputOf, type LowerRule } from './context.ts';
import { biasGradient, forwardByColumns, inputByColumns, plusBias, weightGradient } from './convolution.ts';
import { type ConvShape, isTransposable, isVolumeOnGpu } from './convShape.ts';

/** y where the operator cannot be used. */
function byProduct(graph: GraphBuilder, shape: ConvShape, x: Name, w: Name, bias: Name): Name {
  const y = inputByColumns(graph, shape, x, w);
  return bias === '' ? y : plusBias(graph, y, bias);
}

export const convTranspose: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const [x, w, bias] = [inputOf(context, 0), inputOf(context, 1), inputs[2] ?? ''];
  const spatial = spatialOf(graph.dims(x));
  const groups = intOf(node.attributes, 'group', 1);
  const { window, extra } = transposedWindow(node.attributes, spatial, graph.dims(w).slice(2));
  const all = bias === '' ? [x, w] : [x, w, bias];
  return graph.composite('ConvTranspose', all, () => {
    const attributes = { ...windowAttributes(window), group: { int: groups } };
    const [n, k] = graph.dims(x) as [number, number];
    const input = transposedSizes(spatial, window, extra);
    // the convolution that this one transposes: from y to x
    const shape: ConvShape = { n, c: graph.dims(w)[1]! * groups, k, groups, input, output: spatial, window };
    const y = !isTransposable(shape, graph.target)
      ? byProduct(graph, shape, x, w, bias)
      : graph.op('ConvTranspose', all, { ...attributes, output_padding: { ints: extra } });
    const backward = ({ dy: [dy], needs }: Backward): Gradients => {
      const dx = (): Name => {
        if (isVolumeOnGpu(shape, graph.target)) return forwardByColumns(graph, shape, dy!, w, '');
        const full = convolution(graph, [dy!, w], attributes);
        const axes = spatial.map((_, i) => i + 2);
        const isFull = graph.dims(full).every((dim, i) => i < 2 || dim === spatial[i - 2]);
        return isFull
          ? full
          : graph.slice(
              full,
              axes,
              axes.map(() => 0),
              spatial,
            );
      };
      return [
        needs(0) ? dx() : null,
        needs(1) ? weightGradient(graph, shape, dy!, x) : null,
        needs(2) ? biasGradient(graph, dy!) : null,
      ];
    };
    return { outputs: [y], backward };
  });
};
