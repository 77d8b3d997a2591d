/**
 * Dense tensors in memory and their two stored forms in an ONNX file (`raw_data`, and one typed list per element type).
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { TensorProto } from './proto.ts';

/** Element types the trainer computes with. */
export type DType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool';

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A tensor value: `data` in C order, `data.length` = product of `dims` (1 for a scalar, whose `dims` is empty). */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Shape and element type of a value, without its data. */
export interface ValueType {
  readonly dtype: DType;
  readonly dims: readonly number[];
}

/** Largest tensor the compiler accepts, in elements: 2^31 - 1, beyond which Float32Array views and ORT both fail. */
export const MAX_ELEMENTS = 0x7fff_ffff;

const TYPES = {
  float32: { id: 1, array: Float32Array },
  float64: { id: 11, array: Float64Array },
  int32: { id: 6, array: Int32Array },
  int64: { id: 7, array: BigInt64Array },
  bool: { id: 9, array: Uint8Array },
} as const satisfies Record<DType, unknown>;

const NAMES: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};

/** ONNX TensorProto.DataType number of `dtype`. */
export function dtypeId(dtype: DType): number {
  return TYPES[dtype].id;
}

/** Name of ONNX data type `id`, known to the trainer or not. */
export function dtypeName(id: number | undefined): string {
  return NAMES[id ?? 0] ?? `type ${id ?? 0}`;
}

/** The trainer's element type for ONNX data type `id`, or undefined when it has none. */
export function findDType(id: number | undefined): DType | undefined {
  const name = dtypeName(id);
  return name in TYPES ? (name as DType) : undefined;
}

/** Number of elements of shape `dims`. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, dim) => n * dim, 1);
}

/** A zero-filled array of `count` elements. */
/** Bytes of a value of this type. */
export function byteSize({ dtype, dims }: ValueType): number {
  return sizeOf(dims) * TYPES[dtype].array.BYTES_PER_ELEMENT;
}

export function allocate(dtype: DType, count: number): TensorData {
  return new TYPES[dtype].array(count);
}

export function floatScalar(value: number): Tensor {
  return { dtype: 'float32', dims: [], data: Float32Array.of(value) };
}

export function floatTensor(dims: readonly number[], data: Float32Array): Tensor {
  return { dtype: 'float32', dims, data };
}

/**
 * A rank-1 int64 tensor, the form in which ONNX takes shapes and axes.
 * @throws KonsilError MODEL_INVALID when a value, which may come from a file, is no integer.
 */
export function intVector(values: readonly number[]): Tensor {
  const wrong = values.find((value) => !Number.isInteger(value));
  if (wrong !== undefined)
    throw new KonsilError('MODEL_INVALID', `${wrong} in a shape or a list of axes, expected integers`);
  return { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** Elements as doubles; int64 beyond 2^53 loses its low bits, which only happens for "to the end" sentinels of Slice. */
export function numbersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** A tensor of `dtype` from doubles, converted as ONNX Cast does (floats truncate toward zero, bool is "not 0"). */
export function tensorFrom(dtype: DType, dims: readonly number[], values: readonly number[]): Tensor {
  if (dtype === 'int64') {
    const clamp = (v: number): bigint => BigInt.asIntN(64, BigInt(Number.isFinite(v) ? Math.trunc(v) : 0));
    return { dtype, dims, data: BigInt64Array.from(values, clamp) };
  }
  if (dtype === 'bool') return { dtype, dims, data: Uint8Array.from(values, (v) => (v === 0 ? 0 : 1)) };
  return { dtype, dims, data: TYPES[dtype].array.from(values) };
}

function listOf(proto: TensorProto, dtype: DType): TensorData {
  if (dtype === 'float32') return Float32Array.from(proto.floatData);
  if (dtype === 'float64') return Float64Array.from(proto.doubleData);
  if (dtype === 'int64') return BigInt64Array.from(proto.int64Data);
  return dtype === 'int32' ? Int32Array.from(proto.int32Data, Number) : Uint8Array.from(proto.int32Data, Number);
}

function storedCount(proto: TensorProto, dtype: DType): number {
  if (proto.rawData !== undefined) return proto.rawData.length / TYPES[dtype].array.BYTES_PER_ELEMENT;
  if (dtype === 'float32') return proto.floatData.length;
  if (dtype === 'float64') return proto.doubleData.length;
  return dtype === 'int64' ? proto.int64Data.length : proto.int32Data.length;
}

/**
 * Shape and element type of the value stored in `proto`, which is all there.
 *
 * @param where - File and tensor, for error messages.
 * @throws KonsilError MODEL_UNSUPPORTED for element types other than {@link DType} or weights in external files,
 * MODEL_INVALID when the number of values does not fit the shape.
 */
export function tensorType(proto: TensorProto, where: string): ValueType {
  const dtype = findDType(proto.dataType);
  if (dtype === undefined)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${where}: element type ${dtypeName(proto.dataType)}, expected one of ${Object.keys(TYPES).join(', ')}`,
    );
  if (proto.dataLocation === 1)
    throw new KonsilError('MODEL_UNSUPPORTED', `${where}: values are in an external file, expected them in the model`);
  const count = sizeOf(proto.dims);
  if (proto.dims.some((dim) => dim < 0) || count > MAX_ELEMENTS)
    throw new KonsilError('MODEL_INVALID', `${where}: shape [${proto.dims.join(', ')}] is not possible`);
  const stored = storedCount(proto, dtype);
  if (stored !== count)
    throw new KonsilError(
      'MODEL_INVALID',
      `${where}: shape [${proto.dims.join(', ')}] needs ${count} values, found ${stored}`,
    );
  return { dtype, dims: [...proto.dims] };
}

/** The value stored in `proto`: a view on it where that is aligned, else a copy. @throws KonsilError as `tensorType` */
export function decodeTensor(proto: TensorProto, where: string): Tensor {
  const { dtype, dims } = tensorType(proto, where);
  const { rawData } = proto;
  if (rawData === undefined) return { dtype, dims, data: listOf(proto, dtype) };
  const { array } = TYPES[dtype];
  const isAligned = rawData.byteOffset % array.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = isAligned ? rawData : new Uint8Array(rawData);
  return { dtype, dims, data: new array(buffer as ArrayBuffer, byteOffset, sizeOf(dims)) };
}

/** Writes the float32 value stored in `proto`, checked by {@link tensorType}, to `out`. */
export function copyFloats(proto: TensorProto, out: Float32Array): void {
  if (proto.rawData === undefined) out.set(proto.floatData);
  else new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(proto.rawData);
}

/** The stored form of `tensor`, as `raw_data`: a view on its memory. */
export function encodeTensor(tensor: Tensor, name?: string): TensorProto {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return {
    dims: [...tensor.dims],
    dataType: dtypeId(tensor.dtype),
    floatData: [],
    int32Data: [],
    int64Data: [],
    doubleData: [],
    rawData: new Uint8Array(buffer, byteOffset, byteLength),
    unknown: [],
    ...(name === undefined ? {} : { name }),
  };
}
