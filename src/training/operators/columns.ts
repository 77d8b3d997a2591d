/**
 * Convolution as one matrix product: the values under each tap of the kernel, laid out as rows ("im2col"), and back.
 * Samples and positions share the last axis, so the product runs over the whole batch at once.
 * @module
 * @source Chellapilla et al., "High performance convolutional neural networks for document processing" (2006), §3.
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { sizeOf } from '../onnx/tensor.ts';
import type { ConvShape } from './convShape.ts';

/** Every index of a grid of `sizes`, last axis fastest. */
export function gridOf(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (all, size) => all.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

/** `[a, b, ...]` to `[b, a, ...]`: between samples first and channels first. */
export function swapped(graph: GraphBuilder, value: Name): Name {
  const dims = graph.dims(value);
  if (dims[0] === 1 || dims[1] === 1) return graph.reshape(value, [dims[1]!, dims[0]!, ...dims.slice(2)]);
  return graph.op('Transpose', [value], { perm: { ints: [1, 0, ...dims.map((_, i) => i).slice(2)] } });
}

/** The part of channels-first, padded input under tap `tap`, as `[c, 1, n·positions]`. */
function underTap(graph: GraphBuilder, padded: Name, shape: ConvShape, tap: readonly number[]): Name {
  const { c, n, output, window } = shape;
  const starts = tap.map((t, i) => t * window.dilations[i]!);
  const ends = starts.map((start, i) => start + (output[i]! - 1) * window.strides[i]! + 1);
  const axes = tap.map((_, i) => i + 2);
  return graph.reshape(graph.slice(padded, axes, starts, ends, window.strides), [c, 1, n * sizeOf(output)]);
}

/** x, channels first and padded: `[c, n, ...]`. */
export function paddedChannels(graph: GraphBuilder, x: Name, { window }: ConvShape): Name {
  const flipped = swapped(graph, x);
  return graph.pad(flipped, [0, 0, ...window.begin], [0, 0, ...window.end]);
}

/** The values of x `[n, c, ...]` under some taps of the kernel: `[c, taps, n·positions]`. */
export function columnsOf(graph: GraphBuilder, padded: Name, shape: ConvShape, taps: readonly number[][]): Name {
  return graph.concat(
    taps.map((tap) => underTap(graph, padded, shape, tap)),
    1,
  );
}

/**
 * Inverse of {@link columnsOf} for gradients: `[c, taps, n·positions]`, all taps, summed to x's `[n, c, ...]`.
 */
export function sumColumns(graph: GraphBuilder, columns: Name, shape: ConvShape): Name {
  const { c, n, output, window } = shape;
  const taps = sizeOf(window.kernel);
  const parts = Array.from({ length: taps }, (_, i) =>
    graph.reshape(graph.slice(columns, [1], [i], [i + 1]), [c, n, ...output]),
  );
  return swapped(graph, sumTaps(graph, parts, shape));
}

/**
 * Gradients of the values under each tap, `[.., .., ...output]` in the order of {@link gridOf}, summed to the input's
 * `[.., .., ...input]`. A stride s splits each axis into s phases, which no tap mixes.
 */
export function sumTaps(
  graph: GraphBuilder,
  parts: readonly Name[],
  { input, output, window }: Pick<ConvShape, 'input' | 'output' | 'window'>,
): Name {
  const { strides, dilations, begin } = window;
  const lead = graph.dims(parts[0]!).slice(0, 2);
  const taps = gridOf(window.kernel);
  const rows = input.map((size, i) => Math.ceil(size / strides[i]!));
  const phases = gridOf(strides).map((phase) => {
    const moved = taps.flatMap((tap, index) => {
      const offset = tap.map((t, i) => t * dilations[i]! - begin[i]! - phase[i]!);
      if (offset.some((o, i) => o % strides[i]! !== 0)) return [];
      const shift = offset.map((o, i) => o / strides[i]!);
      const after = shift.map((s, i) => rows[i]! - s - output[i]!);
      return [graph.pad(parts[index]!, [0, 0, ...shift], [0, 0, ...after])];
    });
    return moved.length === 0 ? graph.expand(graph.scalar(0), [...lead, ...rows]) : graph.addAll(moved);
  });
  return interleave(graph, phases, lead, { input, window }, rows);
}

/** Phases of each axis, in the order of {@link gridOf}, woven into the whole: `[...lead, ...input]`. */
function interleave(
  graph: GraphBuilder,
  phases: readonly Name[],
  lead: readonly number[],
  { input, window }: Pick<ConvShape, 'input' | 'window'>,
  rows: readonly number[],
): Name {
  let level = phases;
  const sizes = [...rows];
  // the last axis varies fastest: weave it first
  for (let axis = rows.length - 1; axis >= 0; axis--) {
    const stride = window.strides[axis]!;
    const split = [...lead, ...sizes.slice(0, axis + 1), 1, ...sizes.slice(axis + 1)];
    sizes[axis]! *= stride;
    const woven: Name[] = [];
    for (let at = 0; at < level.length; at += stride) {
      const parts = level.slice(at, at + stride).map((part) => graph.reshape(part, split));
      woven.push(graph.reshape(graph.concat(parts, axis + 3), [...lead, ...sizes]));
    }
    level = woven;
  }
  const axes = input.map((_, i) => i + 2);
  return graph.slice(
    level[0]!,
    axes,
    axes.map(() => 0),
    input,
  );
}

/** a·b over the last two axes of `[groups, ...]` operands, either of them transposed. */
export function product(graph: GraphBuilder, a: Name, b: Name, transA: boolean, transB: boolean): Name {
  const [da, db] = [graph.dims(a), graph.dims(b)];
  const out = [da[0]!, transA ? da[2]! : da[1]!, transB ? db[1]! : db[2]!];
  if (da[0] === 1) {
    const flat = (value: Name, dims: readonly number[]): Name => graph.reshape(value, dims.slice(1));
    const attributes = { transA: { int: transA ? 1 : 0 }, transB: { int: transB ? 1 : 0 } };
    return graph.reshape(graph.op('Gemm', [flat(a, da), flat(b, db)], attributes), out);
  }
  // ORT fuses the transposes into the product
  const turned = (value: Name, isTurned: boolean): Name =>
    isTurned ? graph.op('Transpose', [value], { perm: { ints: [0, 2, 1] } }) : value;
  return graph.op('MatMul', [turned(a, transA), turned(b, transB)]);
}
