/**
 * The header of NIfTI-1 and NIfTI-2 files, of either byte order: one type for both.
 * @source NIfTI-1.1 (nifti1.h), NIfTI-2 (nifti2.h) of the NIfTI Data Format Working Group
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { ByteReader } from '../byteReader.ts';
import { MAX_PIXELS } from '../imageRecord.ts';
import { DATATYPES, type NiftiDatatype } from './niftiDatatypes.ts';
import { type AffineFields, FIELDS, type NiftiLayout } from './niftiLayout.ts';

/** What a file says of its values and of where they lie. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly bigEndian: boolean;
  /** `[x, y, z, t]`, each at least 1. */
  readonly dims: readonly [number, number, number, number];
  /** Number of dimensions as the file says, in [1, 7]. */
  readonly rank: number;
  /** Distances `[x, y, z, t]` in the file's units, not negative; 0 or NaN where it does not say. */
  readonly pixdim: readonly [number, number, number, number];
  readonly datatype: NiftiDatatype;
  /** Where the values begin. */
  readonly dataAt: number;
  readonly dataBytes: number;
  /** Values are `slope`·stored + `intercept`; null when the file does not scale. */
  readonly scaling: { readonly slope: number; readonly intercept: number } | null;
  readonly affine: AffineFields;
  /** Bits of `xyzt_units`. */
  readonly units: number;
  readonly intentCode: number;
  /** Free text, that may name a person. */
  readonly text: { description: string; auxFile: string; intentName: string; dbName: string };
}

/** The header of either version lies in so many bytes. */
export const HEADER_BYTES = 540;
/** Most bytes of values: what is decompressed lies in memory whole. */
export const MAX_DATA_BYTES = 2 ** 31;

/** How a file begins: its version and byte order, and whether the values lie in another file; undefined for others. */
export function findLayout(head: Uint8Array): NiftiLayout | undefined {
  const reader = new ByteReader(head, '');
  if (!reader.has(0, 348)) return undefined;
  const bigEndian = head[0] === 0;
  const version = new ByteReader(head, '', { bigEndian }).i32(0);
  if (version === 348 && (reader.startsWith('n+1\0', 344) || reader.startsWith('ni1\0', 344)))
    return { version: 1, bigEndian, isPair: reader.startsWith('ni1', 344) };
  if (version === 540 && (reader.startsWith('n+2\0', 4) || reader.startsWith('ni2\0', 4)))
    return { version: 2, bigEndian, isPair: reader.startsWith('ni2', 4) };
  return undefined;
}

/**
 * Reads the header at the beginning of `head`, the first {@link HEADER_BYTES} of the uncompressed file or all it has.
 * @throws KonsilError DATA_INVALID naming the place; DATA_UNSUPPORTED for values in another file, of a kind that is not read,
 * or of more than four dimensions.
 */
export function readNiftiHeader(head: Uint8Array, label: string): NiftiHeader {
  const layout = findLayout(head);
  if (layout === undefined) throw new KonsilError('DATA_INVALID', `${label}: byte 0: a NIfTI header expected`);
  const { version, bigEndian } = layout;
  if (layout.isPair)
    throw new KonsilError(
      'DATA_UNSUPPORTED',
      `${label}: header and values are in two files (.hdr and .img); convert them to one .nii file`,
    );
  const reader = new ByteReader(head, label, { bigEndian });
  const fields = FIELDS[version];
  const { dims, rank } = readDims(reader, version);
  const code = reader.i16(fields.datatype);
  const datatype = DATATYPES.get(code);
  if (datatype === undefined)
    throw new KonsilError('DATA_UNSUPPORTED', `${label}: byte ${fields.datatype}: values of type ${code} are not read`);
  const real = (at: number): number => (version === 1 ? reader.f32(at) : reader.f64(at));
  const step = version === 1 ? 4 : 8;
  // a single slice has a thickness, but a single volume no time
  const spacing = (axis: number): number =>
    axis <= Math.max(3, rank) ? Math.abs(real(fields.pixdim + axis * step)) : 0;
  const list = (at: number, count: number): number[] => Array.from({ length: count }, (_, i) => real(at + i * step));
  const [slope, intercept] = list(fields.slope, 2) as [number, number];
  const dataBytes = dims.reduce((product, size) => product * size, datatype.bytes);
  if (dataBytes > MAX_DATA_BYTES)
    throw new KonsilError('DATA_UNSUPPORTED', `${label}: values of more than ${MAX_DATA_BYTES} bytes`);
  const integer = (at: number): number => (version === 1 ? reader.i16(at) : reader.i32(at));
  return {
    ...{ version, bigEndian, dims, rank, datatype, dataBytes },
    dataAt: readDataAt(reader, version),
    pixdim: [spacing(1), spacing(2), spacing(3), spacing(4)],
    // a slope of 0, and one that is no number, mean that values are as stored
    scaling:
      slope === 0 || !Number.isFinite(slope) ? null : { slope, intercept: Number.isFinite(intercept) ? intercept : 0 },
    affine: {
      qformCode: integer(fields.formCodes),
      sformCode: integer(fields.formCodes + (version === 1 ? 2 : 4)),
      qfac: real(fields.pixdim) < 0 ? -1 : 1,
      quaternion: list(fields.quaternion, 3) as [number, number, number],
      offset: list(fields.quaternion + 3 * step, 3) as [number, number, number],
      sform: list(fields.sform, 12),
    },
    units: version === 1 ? reader.u8(fields.units) : reader.i32(fields.units) & 0xff,
    intentCode: integer(fields.intentCode),
    text: {
      description: reader.text(fields.description, 80),
      auxFile: reader.text(fields.auxFile, 24),
      intentName: reader.text(fields.intentName, 16),
      dbName: version === 1 ? reader.text(14, 18) : '',
    },
  };
}

function readDims(reader: ByteReader, version: 1 | 2) {
  const at = FIELDS[version].dim;
  const dim = (axis: number): number => (version === 1 ? reader.i16(at + 2 * axis) : Number(reader.i64(at + 8 * axis)));
  const rank = dim(0);
  if (!(rank >= 1 && rank <= 7)) throw reader.invalid(at, '1 to 7 dimensions expected');
  const size = (axis: number): number => {
    if (axis > rank) return 1;
    const count = dim(axis);
    if (!(count >= 1 && count <= MAX_PIXELS))
      throw reader.invalid(at, `a size in [1, ${MAX_PIXELS}] of axis ${axis} expected`);
    return count;
  };
  for (let axis = 5; axis <= rank; axis++)
    if (size(axis) !== 1)
      throw new KonsilError('DATA_UNSUPPORTED', `${reader.label}: values of more than four dimensions`);
  const dims = [size(1), size(2), size(3), size(4)] as const;
  if (dims[0] * dims[1] > MAX_PIXELS) throw reader.invalid(at, `slices of at most ${MAX_PIXELS} pixels expected`);
  return { rank, dims };
}

function readDataAt(reader: ByteReader, version: 1 | 2): number {
  const at = FIELDS[version].dataOffset;
  const offset = version === 1 ? reader.f32(at) : Number(reader.i64(at));
  // behind the header come four bytes that say whether there are extensions
  const least = version === 1 ? 352 : 544;
  if (offset === 0) return least;
  if (!(Number.isSafeInteger(offset) && offset >= least && offset <= MAX_DATA_BYTES))
    throw reader.invalid(at, `the beginning of the values, at least ${least}, expected`);
  return offset;
}
