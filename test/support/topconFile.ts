/**
 * Writes .fda and .fds files of Topcon devices from known values.
 * @module
 */
import { bytesOf, concatBytes } from '../../src/base/index.ts';
import { ByteWriter } from './byteWriter.ts';
import { encodeJ2k } from './j2kEncoder.ts';

export type TopconChunkSpec = readonly [name: string, data: Uint8Array];

/** A file with these chunks, in order. */
export function writeTopcon(kind: 'FDA' | 'FDS', chunks: readonly TopconChunkSpec[]): Uint8Array {
  const head = new ByteWriter(15).text(0, `FOCT${kind}`).u32(7, 1, 1001).bytes;
  const parts = chunks.map(([name, data]) => {
    const before = new ByteWriter(5 + name.length)
      .u8(0, name.length)
      .text(1, name)
      .u32(1 + name.length, data.length);
    return concatBytes(before.bytes, data);
  });
  return concatBytes(head, ...parts, Uint8Array.of(0));
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** `@IMG_JPEG` of 8-bit B-scans. */
export async function jpegScans(scans: readonly Uint8Array[], size: Size, pattern = 2): Promise<TopconChunkSpec> {
  const head = new ByteWriter(25).u8(0, pattern).u32(9, size.width, size.height, scans.length, 0xa02).bytes;
  const streams: Uint8Array[] = [];
  for (const scan of scans) {
    const stream = await encodeJ2k(scan, size);
    streams.push(new ByteWriter(4).u32(0, stream.length).bytes, stream);
  }
  return ['@IMG_JPEG', concatBytes(head, ...streams)];
}

/** `@IMG_SCAN_03` and its like: `extra` bytes stand before the kind and the size. */
export function rawScans(name: string, scans: readonly Uint16Array[], size: Size, extra = 0): TopconChunkSpec {
  const data = concatBytes(...scans.map(bytesOf));
  const head = new ByteWriter(22 + extra).u8(0, 2).u32(1, size.width, size.height, 16, scans.length);
  return [name, concatBytes(head.u32(18 + extra, data.length).bytes, data)];
}

/** `@IMG_FUNDUS`. @param bgr - Shape `[height, width, 3]`, blue first. */
export async function photograph(bgr: Uint8Array, size: Size): Promise<TopconChunkSpec> {
  const stream = await encodeJ2k(bgr, { ...size, channels: 3 });
  const head = new ByteWriter(24).u32(0, size.width, size.height, 24, 1, 0xa02, stream.length).bytes;
  return ['@IMG_FUNDUS', concatBytes(head, stream)];
}

/** `@IMG_OBS`. @param bgr - Shape `[height, width, 3]`, blue first. */
export function observation(bgr: Uint8Array, size: Size): TopconChunkSpec {
  const head = new ByteWriter(21).u32(0, size.width, size.height, 24, 1).u32(17, bgr.length).bytes;
  return ['@IMG_OBS', concatBytes(head, bgr)];
}

/** `@PARAM_SCAN_04`: millimetres, millimetres, micrometres. */
export function scanSize(x: number, y: number, z: number): TopconChunkSpec {
  return ['@PARAM_SCAN_04', new ByteWriter(61).f64(12, x, y, z).bytes];
}

/** `@CAPTURE_INFO_02`: the eye, and year, month, day, hour, minute, second. */
export function capture(eye: number, time: readonly number[]): TopconChunkSpec {
  return [
    '@CAPTURE_INFO_02',
    new ByteWriter(118)
      .u8(0, eye)
      .text(6, 'a label')
      .u16(106, ...time).bytes,
  ];
}

/** `@PATIENT_INFO_02`. */
export function patientInfo(fields: {
  id: string;
  given: string;
  family: string;
  middle: string;
  sex: number;
  birth: readonly number[];
}): TopconChunkSpec {
  const data = new ByteWriter(615).text(0, fields.id).text(32, fields.given).text(64, fields.family);
  return [
    '@PATIENT_INFO_02',
    data
      .text(96, fields.middle)
      .u8(104, fields.sex)
      .u16(105, ...fields.birth).bytes,
  ];
}

/** `@HW_INFO_03`. */
export function hardware(model: string): TopconChunkSpec {
  return ['@HW_INFO_03', new ByteWriter(100).text(0, model).text(16, 'serial').bytes];
}

/** `@CONTOUR_INFO` of distances from the bottom, shape `[bscans, width]`: 16-bit, or float64. */
export function contour(name: string, width: number, values: Uint16Array | Float64Array): TopconChunkSpec {
  const type = values instanceof Uint16Array ? 0 : 0x100;
  const head = new ByteWriter(34)
    .text(0, name)
    .u16(20, type)
    .u32(22, width, values.length / width, values.byteLength);
  return ['@CONTOUR_INFO', concatBytes(head.bytes, bytesOf(values))];
}
