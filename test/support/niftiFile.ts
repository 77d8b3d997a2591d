/**
 * Writes NIfTI files from known values, whole or wrong in a given field.
 * @module
 */
import { bytesOf, concatBytes } from '../../src/base/index.ts';
import { ByteWriter } from './byteWriter.ts';

export interface NiftiSpec {
  readonly version?: 1 | 2;
  readonly bigEndian?: boolean;
  /** `dim`, the first of them the number of dimensions. */
  readonly dim: readonly number[];
  /** `pixdim`, the first of them the handedness of the quaternion. */
  readonly pixdim?: readonly number[];
  readonly datatype: number;
  /** In the order of bytes of this machine; turned when the file is big-endian. */
  readonly values: ArrayBufferView & { readonly BYTES_PER_ELEMENT: number };
  readonly slope?: number;
  readonly intercept?: number;
  readonly units?: number;
  readonly description?: string;
  /** `n+1` in version 1, `n+2` in version 2 when left out. */
  readonly magic?: string;
  readonly dataAt?: number;
  readonly quaternion?: { readonly code: number; readonly bcd: readonly number[]; readonly offset: readonly number[] };
  readonly sform?: { readonly code: number; readonly rows: readonly number[] };
}

/** The file, not compressed. */
export function writeNifti(spec: NiftiSpec): Uint8Array {
  const { version = 1, bigEndian = false, pixdim = [1, 1, 1, 1, 1], slope = 0, intercept = 0 } = spec;
  const writer = new ByteWriter(version === 1 ? 352 : 544, { bigEndian });
  const { dataAt = writer.bytes.length, quaternion, sform } = spec;
  if (version === 1) {
    writer
      .u32(0, 348)
      .text(14, 'database')
      .u16(40, ...spec.dim)
      .u16(70, spec.datatype)
      .f32(76, ...pixdim);
    writer
      .f32(108, dataAt, slope, intercept)
      .u8(123, spec.units ?? 10)
      .text(148, spec.description ?? '');
    writer
      .text(228, 'auxiliary')
      .text(328, 'intent')
      .text(344, spec.magic ?? 'n+1');
    if (quaternion) writer.u16(252, quaternion.code).f32(256, ...quaternion.bcd, ...quaternion.offset);
    if (sform) writer.u16(254, sform.code).f32(280, ...sform.rows);
  } else {
    writer
      .u32(0, 540)
      .text(4, `${spec.magic ?? 'n+2'}\0\r\n\x1a\n`)
      .u16(12, spec.datatype);
    writer
      .u64(16, ...spec.dim.map(BigInt))
      .f64(104, ...pixdim)
      .u64(168, BigInt(dataAt))
      .f64(176, slope, intercept);
    writer
      .text(240, spec.description ?? '')
      .text(320, 'auxiliary')
      .u32(500, spec.units ?? 10)
      .text(508, 'intent');
    if (quaternion) writer.u32(344, quaternion.code).f64(352, ...quaternion.bcd, ...quaternion.offset);
    if (sform) writer.u32(348, sform.code).f64(400, ...sform.rows);
  }
  const values = Buffer.from(bytesOf(spec.values));
  const { BYTES_PER_ELEMENT: size } = spec.values;
  if (bigEndian && size === 2) values.swap16();
  if (bigEndian && size === 4) values.swap32();
  if (bigEndian && size === 8) values.swap64();
  return concatBytes(writer.bytes, values);
}
