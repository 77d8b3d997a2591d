/**
 * Cases of operators that move elements.
 * @module
 */
import { sizeOf } from '../../../src/training/onnx/tensor.ts';
import {
  type CaseMaker,
  constant,
  type Draw,
  float,
  given,
  int,
  ints,
  type OperatorCase,
  text,
  vector,
} from './draw.ts';

/** A random order of 0..n-1. */
function permutation(draw: Draw, n: number): number[] {
  const rest = Array.from({ length: n }, (_, i) => i);
  return draw.list(n, () => rest.splice(draw.int(0, rest.length - 1), 1)[0]!);
}

const reshape: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const total = sizeOf(dims);
  const first = draw.pick([1, 2, 3, 4].filter((n) => total % n === 0));
  const shape = draw.pick([
    [total],
    [first, total / first],
    [first, -1],
    [-1],
    [1, -1, first],
    [...dims.slice(0, 1).map(() => 0), -1],
  ]);
  return { inputs: [draw.normals(dims), vector(shape)] };
};

const flatten: CaseMaker = (draw) => {
  const dims = draw.shape(1, 4);
  return { inputs: [draw.normals(dims)], attributes: given({ axis: draw.maybe(() => int(draw.axis(dims.length))) }) };
};

const squeeze: CaseMaker = (draw) => {
  const dims = draw.dims(draw.int(1, 4), 1, 2);
  const ones = dims.flatMap((d, i) => (d === 1 && draw.flag() ? [draw.flag() ? i : i - dims.length] : []));
  return { inputs: ones.length === 0 ? [draw.normals(dims)] : [draw.normals(dims), vector(ones)] };
};

const unsqueeze: CaseMaker = (draw) => {
  const dims = draw.shape(0, 2);
  const rank = dims.length + draw.int(1, 2);
  const axes = permutation(draw, rank).slice(0, rank - dims.length);
  return { inputs: [draw.normals(dims), vector(axes.map((axis) => (draw.flag() ? axis : axis - rank)))] };
};

const transpose: CaseMaker = (draw) => {
  const dims = draw.shape(1, 4);
  return {
    inputs: [draw.normals(dims)],
    attributes: given({ perm: draw.maybe(() => ints(permutation(draw, dims.length))) }),
  };
};

const expand: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const own = draw.narrowed(dims);
  return {
    inputs: [
      draw.normals(own),
      vector(draw.flag() ? dims : dims.map((d, i) => (own.length === dims.length && own[i] === d ? 1 : d))),
    ],
  };
};

const concat: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const axis = draw.axis(dims.length);
  const place = axis < 0 ? axis + dims.length : axis;
  return {
    inputs: draw.list(draw.int(1, 4), () => draw.normals(dims.with(place, draw.int(1, 3)))),
    attributes: { axis: int(axis) },
  };
};

const split: CaseMaker = (draw): OperatorCase => {
  const dims = draw.shape(1, 3);
  const axis = draw.axis(dims.length);
  const place = axis < 0 ? axis + dims.length : axis;
  const outputs = draw.int(1, 3);
  const attributes = { axis: int(axis) };
  const kind = draw.int(0, 2);
  if (kind === 0) {
    const sizes = draw.list(outputs, () => draw.int(1, 3));
    const whole = dims.with(
      place,
      sizes.reduce((n, s) => n + s, 0),
    );
    return { inputs: [draw.normals(whole), vector(sizes)], attributes, outputs };
  }
  if (kind === 1) return { inputs: [draw.normals(dims.with(place, outputs * draw.int(1, 2)))], attributes, outputs };
  // the last part may be smaller, not empty
  const chunk = draw.int(1, 3);
  const whole = dims.with(place, chunk * (outputs - 1) + draw.int(1, chunk));
  return {
    inputs: [draw.normals(whole)],
    attributes: { ...attributes, num_outputs: int(outputs) },
    outputs,
    opset: 18,
  };
};

const slice: CaseMaker = (draw) => {
  const dims = draw.dims(draw.int(1, 3), 1, 6);
  const axes = permutation(draw, dims.length).slice(0, draw.int(1, dims.length));
  const steps = axes.map(() => draw.pick([1, 1, 2, 3, -1, -2]));
  const bounds = axes.map((axis, i) => {
    const n = dims[axis]!;
    const [a, b] = [draw.int(0, n - 1), draw.int(0, n - 1)];
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    // beyond the end, or from the back; never empty
    const far = draw.flag();
    if (steps[i]! > 0) return [draw.flag() ? low : low - n, far ? 2 ** 31 : high + 1];
    return [far ? 2 ** 31 : high, low === 0 ? -n - 1 : low - 1];
  });
  const lists = [
    bounds.map(([s]) => s!),
    bounds.map(([, e]) => e!),
    axes.map((a) => (draw.flag() ? a : a - dims.length)),
  ];
  if (steps.some((s) => s !== 1)) lists.push(steps);
  return { inputs: [draw.normals(dims), ...lists.map(vector)] };
};

const tile: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  return { inputs: [draw.normals(dims), vector(dims.map(() => draw.int(1, 3)))] };
};

const pad: CaseMaker = (draw) => {
  const dims = draw.dims(draw.int(1, 3), 2, 4);
  const mode = draw.pick(['constant', 'constant', 'reflect', 'edge', 'wrap']);
  const chosen = draw.maybe(() => permutation(draw, dims.length).slice(0, draw.int(1, dims.length)));
  const axes = chosen ?? dims.map((_, i) => i);
  const least = mode === 'constant' ? -1 : 0;
  const most = (axis: number): number => (mode === 'reflect' ? dims[axis]! - 1 : Math.min(2, dims[axis]!));
  const pads = [...axes, ...axes].map((axis) => draw.int(dims[axis]! > 2 ? least : 0, most(axis)));
  const value = mode === 'constant' && draw.flag() ? [constant('float32', [], [1.5])] : [];
  const inputs = [draw.normals(dims), vector(pads), ...value];
  if (chosen !== undefined) {
    if (value.length === 0) inputs.push({ kind: 'absent' });
    inputs.push(vector(chosen));
  }
  const opset = mode === 'wrap' ? 19 : chosen === undefined ? 17 : 18;
  return { inputs, attributes: mode === 'constant' && draw.flag() ? {} : { mode: text(mode) }, opset };
};

const trilu: CaseMaker = (draw) => {
  const dims = draw.dims(draw.int(2, 3), 1, 4);
  const inputs = [draw.normals(dims), ...(draw.flag() ? [constant('int64', [], [draw.int(-2, 2)])] : [])];
  return { inputs, attributes: given({ upper: draw.maybe(() => int(draw.int(0, 1))) }) };
};

const depthToSpace: CaseMaker = (draw) => {
  const b = draw.int(1, 3);
  const dims = [draw.int(1, 2), b * b * draw.int(1, 2), draw.int(1, 3), draw.int(1, 3)];
  return {
    inputs: [draw.normals(dims)],
    attributes: given({ blocksize: int(b), mode: draw.maybe(() => text(draw.pick(['DCR', 'CRD']))) }),
  };
};

const spaceToDepth: CaseMaker = (draw) => {
  const b = draw.int(1, 3);
  const dims = [draw.int(1, 2), draw.int(1, 2), b * draw.int(1, 2), b * draw.int(1, 2)];
  return { inputs: [draw.normals(dims)], attributes: { blocksize: int(b) } };
};

const shape: CaseMaker = (draw) => ({
  inputs: [draw.normals(draw.shape(0, 4))],
  attributes: given({ start: draw.maybe(() => int(draw.int(-3, 2))), end: draw.maybe(() => int(draw.int(-2, 3))) }),
});

/** Output sizes between half and three times the input's. */
const resize: CaseMaker = (draw): OperatorCase => {
  const mode = draw.pick(['nearest', 'linear', 'cubic']);
  const image = [draw.int(1, 2), draw.int(1, 2), draw.int(2, 5), draw.int(2, 5)];
  const scales = [1, 1, draw.pick([1, 2, 3, 0.5, 1.5]), draw.pick([2, 3, 0.5, 1.5])];
  const coordinates = draw.pick(['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric']);
  const attributes = given({
    mode: text(mode),
    coordinate_transformation_mode: draw.flag() || coordinates !== 'half_pixel' ? text(coordinates) : undefined,
    nearest_mode:
      mode === 'nearest'
        ? draw.maybe(() => text(draw.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'])))
        : undefined,
    cubic_coeff_a: mode === 'cubic' ? draw.maybe(() => float(-0.5)) : undefined,
    exclude_outside: mode === 'cubic' ? draw.maybe(() => int(1)) : undefined,
  });
  const kind = draw.int(0, 3);
  const x = draw.normals(image);
  const none = { kind: 'absent' } as const;
  const sizes = image.map((d, i) => Math.max(1, Math.floor(d * scales[i]!)));
  if (kind === 0) return { inputs: [x, none, none, vector(sizes)], attributes };
  if (kind === 1)
    return {
      inputs: [x, none, none, vector(sizes.slice(2))],
      attributes: { ...attributes, axes: ints([2, 3]) },
      opset: 18,
    };
  return { inputs: [x, none, constant('float32', [4], scales)], attributes };
};

const upsample: CaseMaker = (draw) => {
  const dims = [draw.int(1, 2), draw.int(1, 2), draw.int(2, 4), draw.int(2, 4)];
  return {
    inputs: [draw.normals(dims), constant('float32', [4], [1, 1, draw.pick([1, 2, 3]), draw.pick([2, 1.5])])],
    attributes: given({ mode: draw.maybe(() => text(draw.pick(['nearest', 'linear']))) }),
    // gone since opset 10
    ort: false,
  };
};

export const LAYOUT: Record<string, CaseMaker> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Tile: tile,
  Pad: pad,
  Trilu: trilu,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape: shape,
  Size: (draw) => ({ inputs: [draw.normals(draw.shape(0, 4))] }),
  Resize: resize,
  Upsample: upsample,
};
