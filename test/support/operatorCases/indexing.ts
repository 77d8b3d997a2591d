/**
 * Cases of operators that read or write where indices say.
 * @module
 */
import { intVector, sizeOf, tensorFrom } from '../../../src/training/onnx/tensor.ts';
import {
  type CaseInput,
  type CaseMaker,
  constant,
  type Draw,
  fed,
  float,
  given,
  int,
  ints,
  text,
  vector,
} from './draw.ts';

/** Indices into an axis of `n`, negative ones too, known when the model is compiled or not. */
function indices(draw: Draw, dims: readonly number[], n: number, lowest = -n): CaseInput {
  const values = draw.integers(sizeOf(dims), lowest, n - 1);
  return draw.int(0, 2) === 0 ? constant('int64', dims, values) : fed('int64', dims, values);
}

/** One index per place, none twice: `n` or fewer along axis `axis`. */
function distinct(draw: Draw, dims: readonly number[], axis: number, n: number): number[] {
  const stride = sizeOf(dims.slice(axis + 1));
  const start = draw.list(sizeOf(dims), (i) => i - (Math.floor(i / stride) % dims[axis]!) * stride);
  // a shift by line keeps the indices of one line apart
  return start.map((line, i) => ((Math.floor(i / stride) % dims[axis]!) + line) % n);
}

const gather: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const axis = draw.axis(dims.length);
  const own = draw.pick([[], [1], draw.shape(1, 2)]);
  return {
    inputs: [draw.normals(dims), indices(draw, own, dims.at(axis)!)],
    attributes: given({ axis: axis === 0 ? undefined : int(axis) }),
  };
};

const gatherElements: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const axis = draw.axis(dims.length);
  const own = dims.map((d) => draw.int(1, d)).with(axis, draw.int(1, 4));
  return { inputs: [draw.normals(dims), indices(draw, own, dims.at(axis)!)], attributes: { axis: int(axis) } };
};

/** Coordinates in the last axis; the smallest of the addressed axes bounds them all. */
function coordinates(draw: Draw, lead: readonly number[], addressed: readonly number[]): CaseInput {
  return indices(draw, [...lead, addressed.length], Math.min(...addressed));
}

const gatherND: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const batch = draw.int(0, dims.length - 1);
  const depth = draw.int(1, dims.length - batch);
  const lead = [...dims.slice(0, batch), ...draw.shape(0, 2)];
  return {
    inputs: [draw.normals(dims), coordinates(draw, lead, dims.slice(batch, batch + depth))],
    attributes: given({ batch_dims: batch === 0 ? undefined : int(batch) }),
  };
};

const scatterND: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const depth = draw.int(1, dims.length);
  const isSum = draw.flag();
  if (isSum) {
    const lead = draw.shape(1, 2);
    return {
      inputs: [
        draw.normals(dims),
        coordinates(draw, lead, dims.slice(0, depth)),
        draw.normals([...lead, ...dims.slice(depth)]),
      ],
      attributes: { reduction: text('add') },
    };
  }
  // places written once each: a random part of all
  const places = draw.list(sizeOf(dims.slice(0, depth)), (i) => i).filter(() => draw.rng() < 0.6);
  const chosen = places.length === 0 ? [0] : places;
  const values = chosen.flatMap((place) => {
    let rest = place;
    return dims.slice(0, depth).map((_, axis) => {
      const stride = sizeOf(dims.slice(axis + 1, depth));
      const index = Math.floor(rest / stride);
      rest %= stride;
      return index;
    });
  });
  const which = fed('int64', [chosen.length, depth], values);
  return {
    inputs: [draw.normals(dims), which, draw.normals([chosen.length, ...dims.slice(depth)])],
    attributes: given({ reduction: draw.maybe(() => text('none')) }),
  };
};

const scatterElements: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const axis = draw.axis(dims.length);
  const place = axis < 0 ? axis + dims.length : axis;
  const isSum = draw.flag();
  const own = dims.map((d) => draw.int(1, d));
  const which = isSum ? indices(draw, own, dims[place]!) : fed('int64', own, distinct(draw, own, place, dims[place]!));
  return {
    inputs: [draw.normals(dims), which, draw.normals(own)],
    attributes: given({ axis: int(axis), reduction: isSum ? text('add') : undefined }),
  };
};

const oneHot: CaseMaker = (draw) => {
  const dims = draw.shape(1, 2);
  const depth = draw.int(1, 4);
  const which = fed('int64', dims, draw.integers(sizeOf(dims), -depth, depth - 1));
  return {
    inputs: [which, constant('int64', [], [depth]), draw.normals([2])],
    attributes: given({ axis: draw.maybe(() => int(draw.axis(dims.length + 1))) }),
  };
};

const range: CaseMaker = (draw) => {
  const dtype = draw.pick(['int64', 'int32', 'float32'] as const);
  const step = draw.pick([1, 2, 3, -1, -2]);
  const bound = (value: number): CaseInput => constant(dtype, [], [value]);
  return { inputs: [bound(draw.int(-3, 3)), bound(draw.int(-5, 5)), bound(step)] };
};

const nonZero: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  return { inputs: [constant('float32', dims, draw.integers(sizeOf(dims), -1, 1))] };
};

const eyeLike: CaseMaker = (draw) => ({
  inputs: [draw.normals(draw.dims(2))],
  attributes: given({ k: draw.maybe(() => int(draw.int(-2, 2))), dtype: draw.maybe(() => int(draw.pick([1, 6, 7]))) }),
});

const constantNode: CaseMaker = (draw) => ({
  inputs: [],
  attributes: draw.pick([
    { value: { tensor: tensorFrom('float32', [2], [1.5, -2]) } },
    { value_float: float(0.5) },
    { value_int: int(7) },
    { value_floats: { floats: [0.5, 1] } },
    { value_ints: ints([3, 4]) },
  ]),
});

const constantOfShape: CaseMaker = (draw) => ({
  inputs: [vector(draw.shape(1, 3))],
  attributes: draw.pick([
    {},
    { value: { tensor: tensorFrom('float32', [1], [2.5]) } },
    { value: { tensor: intVector([3]) } },
  ]),
});

export const INDEXING: Record<string, CaseMaker> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: scatterElements,
  OneHot: oneHot,
  Range: range,
  NonZero: nonZero,
  EyeLike: eyeLike,
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
};
