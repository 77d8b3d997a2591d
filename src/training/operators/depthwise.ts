/**
 * Depthwise convolution of small images. ORT multiplies each channel of each image by itself, which for a few positions
 * is all overhead; here each channel's kernel becomes the matrix from input to output positions, and one product per
 * channel serves the whole batch.
 * @module
 */
import type { Backward, Gradients, GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { floatTensor, sizeOf } from '../onnx/tensor.ts';
import { gridOf, swapped } from './columns.ts';
import { type ConvShape, tapsOf } from './convShape.ts';

/** `[taps, inputs·outputs]`: 1 where tap t takes output position p to input position i. */
function placement(shape: ConvShape): Float32Array {
  const { input, output, window } = shape;
  const [inputs, outputs] = [sizeOf(input), sizeOf(output)];
  const matrix = new Float32Array(tapsOf(shape) * inputs * outputs);
  for (const [t, tap] of gridOf(window.kernel).entries())
    for (const [p, position] of gridOf(output).entries()) {
      const at = position.map(
        (o, axis) => o * window.strides[axis]! - window.begin[axis]! + tap[axis]! * window.dilations[axis]!,
      );
      if (at.some((i, axis) => i < 0 || i >= input[axis]!)) continue;
      const flat = at.reduce((n, i, axis) => n * input[axis]! + i, 0);
      matrix[(t * inputs + flat) * outputs + p] = 1;
    }
  return matrix;
}

/** y and the backward step of a convolution with one kernel a channel: x `[n, c, ...]`, w `[c, 1, ...]`. */
export function depthwise(
  graph: GraphBuilder,
  shape: ConvShape,
  x: Name,
  w: Name,
): { readonly y: Name; readonly backward: (context: Backward) => Gradients } {
  const { n, c, input, output, window } = shape;
  const [inputs, outputs, taps] = [sizeOf(input), sizeOf(output), tapsOf(shape)];
  const places = graph.constant(floatTensor([taps, inputs * outputs], placement(shape)));
  const kernels = graph.reshape(graph.op('Gemm', [graph.reshape(w, [c, taps]), places]), [c, inputs, outputs]);
  const rows = (value: Name, width: number): Name => graph.reshape(swapped(graph, value), [c, n, width]);
  const images = (value: Name, sizes: readonly number[]): Name =>
    swapped(graph, graph.reshape(value, [c, n, ...sizes]));
  // ORT fuses the transposes into the products
  const turned = (value: Name): Name => graph.op('Transpose', [value], { perm: { ints: [0, 2, 1] } });
  const y = images(graph.op('MatMul', [rows(x, inputs), kernels]), output);
  const backward = ({ dy: [dy], needs }: Backward): Gradients => {
    const dRows = rows(dy!, outputs);
    const dw = (): Name => {
      const dKernels = graph.op('MatMul', [turned(rows(x, inputs)), dRows]);
      const flat = graph.reshape(dKernels, [c, inputs * outputs]);
      return graph.reshape(graph.op('Gemm', [flat, places], { transB: { int: 1 } }), [c, 1, ...window.kernel]);
    };
    return [needs(0) ? images(graph.op('MatMul', [dRows, turned(kernels)]), input) : null, needs(1) ? dw() : null];
  };
  return { y, backward };
}
