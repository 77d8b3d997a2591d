/**
 * Where the fields of a NIfTI header lie: NIfTI-2 has the same fields, wider and in another order.
 * @module
 */

/** How a file begins. */
export interface NiftiLayout {
  readonly version: 1 | 2;
  readonly bigEndian: boolean;
  /** Values lie in another file. */
  readonly isPair: boolean;
}

/** What the header says of the space of the scanner. */
export interface AffineFields {
  readonly qformCode: number;
  readonly sformCode: number;
  /** Handedness of the quaternion's axes. */
  readonly qfac: 1 | -1;
  /** b, c, d of a unit quaternion a + bi + cj + dk. */
  readonly quaternion: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
  /** Three rows of four. */
  readonly sform: readonly number[];
}

/** Offsets in bytes; int16 and float32 in version 1, int64, int32 and float64 in version 2. */
export const FIELDS = {
  1: {
    ...{ dim: 40, datatype: 70, pixdim: 76, dataOffset: 108, slope: 112, units: 123, intentCode: 68 },
    ...{ formCodes: 252, quaternion: 256, sform: 280, description: 148, auxFile: 228, intentName: 328 },
  },
  2: {
    ...{ dim: 16, datatype: 12, pixdim: 104, dataOffset: 168, slope: 176, units: 500, intentCode: 504 },
    ...{ formCodes: 344, quaternion: 352, sform: 400, description: 240, auxFile: 320, intentName: 508 },
  },
} as const;
