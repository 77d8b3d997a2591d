/**
 * The values of a NIfTI file: slices as images, or the volume whole.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import type { PixelData } from '../imageRecord.ts';
import { affineOf, type NiftiAffine } from './niftiAffine.ts';
import { bytesAt, headOf } from './niftiBytes.ts';
import { type NiftiHeader, readNiftiHeader } from './niftiHeader.ts';

/** Most values of a volume that is read whole: 2 GiB of float32. */
const MAX_VALUES = 2 ** 29;

/** A volume. */
export interface NiftiVolume {
  /** `[t, z, y, x]`, each at least 1. */
  readonly dims: readonly [number, number, number, number];
  /** Samples of a voxel. */
  readonly channels: 1 | 3 | 4;
  /** Distances `[t, z, y, x]` in the file's units; 0 where it does not say. */
  readonly spacing: readonly [number, number, number, number];
  readonly affine: NiftiAffine | null;
  /** Scaled values, shape `[t, z, y, x]`, with channels a last axis; rounded to float32. */
  readonly values: Float32Array;
}

/** @throws KonsilError DATA_INVALID, DATA_UNSUPPORTED as `niftiFormat.read` and its frames do. */
export async function readVolume(bytes: Uint8Array, label: string): Promise<NiftiVolume> {
  const header = readNiftiHeader(headOf(bytes), label);
  if ((header.dataBytes / header.datatype.bytes) * header.datatype.channels > MAX_VALUES)
    throw new KonsilError('DATA_UNSUPPORTED', `${label}: a volume of more than ${MAX_VALUES} values`);
  const raw = await bytesAt(bytes, header.dataAt, header.dataBytes, label);
  const [x, y, z, t] = header.dims;
  const [dx, dy, dz, dt] = header.pixdim.map((distance) => (Number.isFinite(distance) ? distance : 0));
  const values = valuesOf(header, raw);
  return {
    dims: [t, z, y, x],
    channels: header.datatype.channels,
    spacing: [dt!, dz!, dy!, dx!],
    affine: affineOf(header),
    values: values instanceof Float32Array ? values : new Float32Array(values),
  };
}

/** Slice `index` of [0, z·t) of the values `raw`: z fastest, then t. Rows are y, from 0. */
export function sliceOf(header: NiftiHeader, raw: Uint8Array, index: number): PixelData {
  const [width, height] = header.dims;
  const { bytes, channels } = header.datatype;
  const size = width * height * bytes;
  return { width, height, channels, values: valuesOf(header, raw.subarray(index * size, (index + 1) * size)) };
}

/** Scaled in double precision, then rounded; colours are never scaled, as the standard says. */
function valuesOf({ datatype, bigEndian, scaling }: NiftiHeader, raw: Uint8Array): PixelData['values'] {
  const { slope, intercept } = scaling ?? { slope: 1, intercept: 0 };
  if (datatype.channels > 1 || (slope === 1 && intercept === 0)) return datatype.numbers(raw, bigEndian);
  const stored = datatype.doubles(raw, bigEndian);
  const values = new Float32Array(stored.length);
  for (let i = 0; i < values.length; i++) values[i] = stored[i]! * slope + intercept;
  return values;
}
