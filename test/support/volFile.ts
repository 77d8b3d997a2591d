/**
 * Writes `.vol` files of Heidelberg devices from known values.
 * @module
 */
import { bytesOf, concatBytes } from '../../src/base/index.ts';
import { ByteWriter, fileTimeOf, oleDaysOf } from './byteWriter.ts';

export interface VolSpec {
  readonly width: number;
  readonly height: number;
  /** Each of shape `[height, width]`. */
  readonly bscans: readonly Float32Array[];
  /** One list a B-scan, of rows of shape `[width]`. */
  readonly layers?: readonly (readonly Float32Array[])[];
  readonly slo?: { readonly width: number; readonly height: number; readonly grey: Uint8Array };
  /** Millimetres between columns, B-scans, rows. */
  readonly scale: readonly [number, number, number];
  readonly eye: string;
  readonly time: string;
  readonly pattern: number;
  readonly patientId: string;
  readonly birthDate: string;
}

/** Bytes of the header of a B-scan; the header of the file states another length, as real ones may. */
const BSCAN_HEADER_BYTES = 512;

/** A file; layers must have room in 512 bytes. */
export function writeVol(spec: VolSpec): Uint8Array {
  const { width, height, bscans, slo = { width: 0, height: 0, grey: new Uint8Array() } } = spec;
  const header = new ByteWriter(2048)
    .text(0, 'HSF-OCT-103')
    .u32(12, width, bscans.length, height)
    .f64(24, ...spec.scale)
    .u32(48, slo.width, slo.height)
    .f64(56, 0.0118, 0.0119)
    .u32(72, 30)
    .text(84, spec.eye)
    .u64(88, fileTimeOf(spec.time))
    .u32(96, spec.pattern, 2 * BSCAN_HEADER_BYTES)
    .u32(136, 4711)
    .text(140, spec.patientId)
    .f64(164, oleDaysOf(spec.birthDate))
    .text(176, 'visit 9')
    .f64(200, oleDaysOf(spec.time.slice(0, 10)));
  const scans = bscans.flatMap((values, i) => {
    const layers = spec.layers?.[i] ?? [];
    const head = new ByteWriter(BSCAN_HEADER_BYTES).text(0, 'HSF-BS-103').u32(12, BSCAN_HEADER_BYTES);
    head.u32(48, layers.length, 256);
    layers.forEach((rows, k) => head.put(256 + 4 * width * k, bytesOf(rows)));
    return [head.bytes, bytesOf(values)];
  });
  return concatBytes(header.bytes, slo.grey, ...scans);
}
