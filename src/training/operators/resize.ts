/**
 * Resize: every output element is a weighted sum of input elements, axis by axis, so that a constant matrix per axis says
 * all about it and its transpose is the way back.
 * @module
 * @source ONNX operator specification, Resize-13 to Resize-19; coordinates are rounded to float32 as in ORT.
 */
import type { Backward } from '../onnx/builder.ts';
import { type Attributes, findInts, floatOf, intOf, type Name, type Node, textOf } from '../onnx/ir.ts';
import { axisOf, invalid } from '../onnx/shapeRule.ts';
import { intVector } from '../onnx/tensor.ts';
import { multiplyAxis } from './axisMatrix.ts';
import { checkedCount, findNumbers, inputOf, type LowerContext, type LowerRule, unsupported } from './context.ts';

/** One axis that changes: `from` elements become `to`. */
interface Scaling {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludesOutside: boolean;
}

const f = Math.fround;

/** Coordinate in the input of output element `i`. */
function sourceOf({ from, to, scale }: Scaling, i: number, coordinates: string): number {
  const centre = (): number => f(f(f(i + 0.5) / f(scale)) - 0.5);
  switch (coordinates) {
    case 'half_pixel':
      return centre();
    case 'pytorch_half_pixel':
      return to > 1 ? centre() : 0;
    case 'align_corners':
      return to === 1 ? 0 : f(f(i * (from - 1)) / (to - 1));
    case 'asymmetric':
      return f(i / f(scale));
    default:
      return unsupported(`coordinate_transformation_mode "${coordinates}"`);
  }
}

function nearestOf(x: number, mode: string): number {
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    default:
      return unsupported(`nearest_mode "${mode}"`);
  }
}

/** Keys' convolution kernel. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** Input places around `x` and their weights; places outside may occur. */
function tapsAt(x: number, how: Interpolation): (readonly [place: number, weight: number])[] {
  if (how.mode === 'nearest') return [[nearestOf(x, how.nearest), 1]];
  const low = Math.floor(x);
  if (how.mode === 'linear')
    return [
      [low, 1 - (x - low)],
      [low + 1, x - low],
    ];
  if (how.mode === 'cubic') return [-1, 0, 1, 2].map((k) => [low + k, cubic(x - low - k, how.cubicA)]);
  return unsupported(`mode "${how.mode}", expected nearest, linear or cubic`);
}

/** The matrix [to, from] of one axis. */
function matrixOf(scaling: Scaling, how: Interpolation): Float32Array {
  const { from, to } = scaling;
  const matrix = new Float32Array(checkedCount(to * from));
  for (let i = 0; i < to; i++) {
    const taps = tapsAt(sourceOf(scaling, i, how.coordinates), how);
    const kept = how.excludesOutside ? taps.filter(([place]) => place >= 0 && place < from) : taps;
    const total = how.excludesOutside ? kept.reduce((sum, [, weight]) => sum + weight, 0) : 1;
    // places outside are those at the edge
    for (const [place, weight] of kept) matrix[i * from + Math.min(Math.max(place, 0), from - 1)]! += weight / total;
  }
  return matrix;
}

/** Scales and sizes are of all axes, or of those in `axes` (opset 18). */
function scalingsOf({ graph, inputs, node }: LowerContext, scales?: number[], sizes?: number[]): Scaling[] {
  const dims = graph.dims(inputs[0]!);
  const axes = findInts(node.attributes, 'axes')?.map((axis) => axisOf(axis, dims.length)) ?? dims.map((_, i) => i);
  const given = sizes ?? scales ?? invalid('neither scales nor sizes');
  if (given.length !== axes.length || given.some((v) => !(v > 0)))
    invalid(`scales or sizes [${given.join(', ')}] of ${axes.length} axes`);
  const policy = textOf(node.attributes, 'keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') unsupported(`keep_aspect_ratio_policy "${policy}", expected "stretch"`);
  return axes.flatMap((axis, i) => {
    const from = dims[axis]!;
    const scale = sizes === undefined ? scales![i]! : sizes[i]! / from;
    const to = sizes === undefined ? Math.floor(from * scale) : sizes[i]!;
    return scale === 1 ? [] : [{ axis, from, to, scale }];
  });
}

/** Whether ORT's own Resize is sure to compute what the matrices say; it is faster than products. */
function isNative(how: Interpolation, rank: number, scalings: readonly Scaling[]): boolean {
  const isPlain = scalings.every(({ from, to, scale }) => f(to / from) === f(scale));
  if (how.mode === 'nearest') return isPlain;
  return how.mode === 'linear' && isPlain && rank === 4 && scalings.every(({ axis }) => axis >= 2);
}

function nativeAttributes(how: Interpolation): Attributes {
  return {
    mode: { text: how.mode },
    coordinate_transformation_mode: { text: how.coordinates },
    nearest_mode: { text: how.nearest },
  };
}

function resized(context: LowerContext, scalings: readonly Scaling[], how: Interpolation): Name {
  const { graph, inputs } = context;
  const x = inputs[0]!;
  const dims = graph.dims(x);
  if (scalings.length === 0) return x;
  const out = scalings.reduce<readonly number[]>((all, { axis, to }) => all.with(axis, to), dims);
  const matrices = scalings.map((scaling) => ({ axis: scaling.axis, matrix: matrixOf(scaling, how) }));
  return graph.composite('Resize', [x], () => {
    const y = isNative(how, dims.length, scalings)
      ? graph.op('Resize', [x, '', '', graph.constant(intVector(out))], nativeAttributes(how))
      : matrices.reduce((value, { axis, matrix }) => multiplyAxis(graph, value, axis, matrix, false), x);
    // the largest axis shrinks first
    const backward = ({ dy: [dy] }: Backward): Name[] => [
      matrices.reduceRight((value, { axis, matrix }) => multiplyAxis(graph, value, axis, matrix, true), dy!),
    ];
    return { outputs: [y], backward };
  })[0]!;
}

function interpolationOf({ attributes }: Node): Interpolation {
  if (intOf(attributes, 'antialias', 0) !== 0) unsupported('antialias');
  return {
    mode: textOf(attributes, 'mode', 'nearest'),
    coordinates: textOf(attributes, 'coordinate_transformation_mode', 'half_pixel'),
    nearest: textOf(attributes, 'nearest_mode', 'round_prefer_floor'),
    cubicA: floatOf(attributes, 'cubic_coeff_a', -0.75),
    excludesOutside: intOf(attributes, 'exclude_outside', 0) !== 0,
  };
}

const resize: LowerRule = (context) => {
  // an empty list stands for "not given"
  const part = (i: number): number[] | undefined => {
    const numbers = findNumbers(context, i);
    return numbers?.length === 0 ? undefined : numbers;
  };
  return resized(context, scalingsOf(context, part(2), part(3)), interpolationOf(context.node));
};

/** The operator before Resize: nearest takes the element at or before, linear interpolates from the corner. */
const upsample: LowerRule = (context) => {
  inputOf(context, 1);
  const how = { ...interpolationOf(context.node), coordinates: 'asymmetric', nearest: 'floor' };
  return resized(context, scalingsOf(context, findNumbers(context, 1)), how);
};

export const RESIZE: Readonly<Record<string, LowerRule>> = { Resize: resize, Upsample: upsample };
