/**
 * The kinds of values of NIfTI files that are read, and how their bytes become numbers.
 * @module
 */
import type { PixelData } from '../imageRecord.ts';

/** A kind of value. */
export interface NiftiDatatype {
  /** As the standard names it. */
  readonly name: string;
  /** Of one voxel. */
  readonly bytes: number;
  /** Samples of one voxel. */
  readonly channels: 1 | 3 | 4;
  /**
   * Values of whole voxels in the order of the file. int64, uint64 and float64 become float32, to the nearest: integers are
   * exact to 2^24, beyond the range of float32 a value is infinite.
   * @param bytes - In the file's order of bytes; not changed.
   */
  numbers(bytes: Uint8Array, bigEndian: boolean): PixelData['values'];
  /** The same in double precision, from 64-bit integers to the nearest; for scaling. */
  doubles(bytes: Uint8Array, bigEndian: boolean): ArrayLike<number>;
}

/** By `datatype` of the header. Not here: bits, complex numbers and float128. */
export const DATATYPES: ReadonlyMap<number, NiftiDatatype> = new Map([
  [2, plain('uint8', 1, (buffer) => new Uint8Array(buffer))],
  [4, plain('int16', 2, (buffer) => new Int16Array(buffer))],
  [8, plain('int32', 4, (buffer) => new Int32Array(buffer))],
  [16, plain('float32', 4, (buffer) => new Float32Array(buffer))],
  [64, wide('float64', (buffer) => new Float64Array(buffer))],
  [128, { ...plain('rgb24', 1, (buffer) => new Uint8Array(buffer)), bytes: 3, channels: 3 }],
  [256, plain('int8', 1, (buffer) => Int16Array.from(new Int8Array(buffer)))],
  [512, plain('uint16', 2, (buffer) => new Uint16Array(buffer))],
  [768, plain('uint32', 4, (buffer) => new Uint32Array(buffer))],
  [1024, wide('int64', (buffer) => integers64(buffer, new Int32Array(buffer)))],
  [1280, wide('uint64', (buffer) => integers64(buffer, new Uint32Array(buffer)))],
  [2304, { ...plain('rgba32', 1, (buffer) => new Uint8Array(buffer)), bytes: 4, channels: 4 }],
]);

function plain(name: string, bytes: number, view: (buffer: ArrayBuffer) => PixelData['values']): NiftiDatatype {
  const numbers = (raw: Uint8Array, bigEndian: boolean) => view(nativeOrder(raw, bigEndian ? bytes : 1));
  return { name, bytes, channels: 1, numbers, doubles: numbers };
}

function wide(name: string, view: (buffer: ArrayBuffer) => Float64Array): NiftiDatatype {
  const doubles = (raw: Uint8Array, bigEndian: boolean) => view(nativeOrder(raw, bigEndian ? 8 : 1));
  return { name, bytes: 8, channels: 1, doubles, numbers: (...args) => Float32Array.from(doubles(...args)) };
}

/** A copy that typed arrays can view; platforms are little-endian. */
function nativeOrder(raw: Uint8Array, swappedBytes: number): ArrayBuffer {
  const copy = new Uint8Array(raw);
  const buffer = Buffer.from(copy.buffer);
  if (swappedBytes === 2) buffer.swap16();
  else if (swappedBytes === 4) buffer.swap32();
  else if (swappedBytes === 8) buffer.swap64();
  return copy.buffer;
}

/** 64-bit integers to the nearest double: high half times 2^32 is exact, so the sum is rounded once. */
function integers64(buffer: ArrayBuffer, halves: Int32Array | Uint32Array): Float64Array {
  const low = new Uint32Array(buffer);
  const values = new Float64Array(halves.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = halves[2 * i + 1]! * 2 ** 32 + low[2 * i]!;
  return values;
}
