/**
 * Shapes of operators that move, pick and place elements.
 * @module
 * @source ONNX operator specification, opset 17.
 */
import { findInts, intOf } from './ir.ts';
import { axisOf, broadcast, constantOf, inputOf, invalid, type ShapeRule, show } from './shapeRule.ts';
import { sizeOf } from './tensor.ts';

const transpose: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const perm = findInts(context.attributes, 'perm') ?? dims.map((_, i) => dims.length - 1 - i);
  if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== dims.length)
    invalid(`perm ${show(perm)} does not permute ${show(dims)}`);
  return { dtype, dims: perm.map((axis) => dims[axis]!) };
};

const reshape: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const zeroIsZero = intOf(context.attributes, 'allowzero', 0) === 1;
  const wanted = constantOf(context, 1, 'the shape of Reshape');
  const out = wanted.map((dim, i) => (dim === 0 && !zeroIsZero ? (dims[i] ?? 0) : dim));
  const free = out.indexOf(-1);
  if (free >= 0) out[free] = sizeOf(dims) / sizeOf(out.filter((_, i) => i !== free));
  if (sizeOf(out) !== sizeOf(dims) || out.some((dim) => dim < 0 || !Number.isInteger(dim)))
    invalid(`${show(dims)} does not reshape to ${show(wanted)}`);
  return { dtype, dims: out };
};

const expand: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  return { dtype, dims: broadcast(dims, constantOf(context, 1, 'the shape of Expand')) };
};

const concat: ShapeRule = (context) => {
  const first = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', Number.NaN), first.dims.length);
  const parts = context.inputs.map((_, i) => inputOf(context, i));
  const fits = parts.every(
    (p) =>
      p.dtype === first.dtype &&
      p.dims.length === first.dims.length &&
      p.dims.every((d, i) => i === axis || d === first.dims[i]),
  );
  if (!fits) invalid(`shapes ${parts.map((part) => show(part.dims)).join(' ')} do not concatenate on axis ${axis}`);
  const total = parts.reduce((n, part) => n + part.dims[axis]!, 0);
  return { dtype: first.dtype, dims: first.dims.map((dim, i) => (i === axis ? total : dim)) };
};

/** Start, step and count along each axis of a Slice over `dims`. */
export function sliceOf(
  dims: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] | undefined,
  steps: readonly number[] | undefined,
): { start: number; step: number; count: number }[] {
  const out = dims.map((dim) => ({ start: 0, step: 1, count: dim }));
  for (const [i, rawStart] of starts.entries()) {
    const axis = axisOf(axes?.[i] ?? i, dims.length);
    const [dim, step] = [dims[axis]!, steps?.[i] ?? 1];
    if (step === 0 || ends[i] === undefined) invalid('Slice needs as many ends as starts, and steps other than 0');
    const clamp = (at: number, low: number, high: number): number =>
      Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    const start = step > 0 ? clamp(rawStart, 0, dim) : clamp(rawStart, 0, dim - 1);
    const end = step > 0 ? clamp(ends[i], 0, dim) : clamp(ends[i], -1, dim - 1);
    out[axis] = { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  }
  return out;
}

const slice: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const part = (i: number): number[] | undefined =>
    context.inputs[i] === undefined ? undefined : constantOf(context, i, 'a bound of Slice');
  return { dtype, dims: sliceOf(dims, part(1) ?? [], part(2) ?? [], part(3), part(4)).map((axis) => axis.count) };
};

const gather: ShapeRule = (context) => {
  const [data, indices] = [inputOf(context, 0), inputOf(context, 1)];
  const axis = axisOf(intOf(context.attributes, 'axis', 0), data.dims.length);
  return { dtype: data.dtype, dims: [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)] };
};

const pad: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const pads = constantOf(context, 1, 'the padding of Pad');
  if (pads.length !== 2 * dims.length) invalid(`pads ${show(pads)}, expected two for each axis of ${show(dims)}`);
  return { dtype, dims: dims.map((dim, i) => dim + pads[i]! + pads[i + dims.length]!) };
};

const constantOfShape: ShapeRule = (context) => {
  const value = context.attributes['value'];
  const dims = constantOf(context, 0, 'the shape of ConstantOfShape');
  return { dtype: value !== undefined && 'tensor' in value ? value.tensor.dtype : 'float32', dims };
};

/** Coordinates in the last axis of the indices, then what is left of the data. */
const gatherND: ShapeRule = (context) => {
  const [data, indices] = [inputOf(context, 0), inputOf(context, 1)];
  const depth = indices.dims.at(-1) ?? invalid('indices of GatherND are a scalar');
  if (intOf(context.attributes, 'batch_dims', 0) !== 0) invalid('batch_dims are lowered before');
  if (depth < 1 || depth > data.dims.length) invalid(`indices ${show(indices.dims)} do not fit ${show(data.dims)}`);
  return { dtype: data.dtype, dims: [...indices.dims.slice(0, -1), ...data.dims.slice(depth)] };
};

const gatherElements: ShapeRule = (context) => {
  const [data, indices] = [inputOf(context, 0), inputOf(context, 1)];
  if (data.dims.length !== indices.dims.length) invalid(`indices ${show(indices.dims)} do not fit ${show(data.dims)}`);
  axisOf(intOf(context.attributes, 'axis', 0), data.dims.length);
  return { dtype: data.dtype, dims: indices.dims };
};

const scatterND: ShapeRule = (context) => {
  const [data, indices, updates] = [inputOf(context, 0), inputOf(context, 1), inputOf(context, 2)];
  const wanted = [...indices.dims.slice(0, -1), ...data.dims.slice(indices.dims.at(-1) ?? 0)];
  if (show(wanted) !== show(updates.dims)) invalid(`updates ${show(updates.dims)}, expected ${show(wanted)}`);
  return data;
};

const scatterElements: ShapeRule = (context) => {
  const [data, indices, updates] = [inputOf(context, 0), inputOf(context, 1), inputOf(context, 2)];
  if (show(indices.dims) !== show(updates.dims))
    invalid(`updates ${show(updates.dims)}, expected ${show(indices.dims)}`);
  return data;
};

/** The `k` best along an axis, and where they were. */
const topK: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', -1), dims.length);
  const count = constantOf(context, 1, 'the count of TopK')[0] ?? 0;
  if (count < 0 || count > dims[axis]!) invalid(`${count} of ${dims[axis]} elements`);
  const out = dims.with(axis, count);
  return [
    { dtype, dims: out },
    { dtype: 'int64', dims: out },
  ];
};

/** Only by sizes: the importer turns scales into sizes. */
const resize: ShapeRule = (context) => ({
  dtype: inputOf(context, 0).dtype,
  dims: constantOf(context, 3, 'the size of Resize'),
});

export const LAYOUT_SHAPES: Readonly<Record<string, ShapeRule>> = {
  Transpose: transpose,
  Reshape: reshape,
  Expand: expand,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  ConstantOfShape: constantOfShape,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
  Resize: resize,
};
