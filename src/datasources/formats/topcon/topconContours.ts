/**
 * Borders of the layers of the retina that Topcon's files hold.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import type { ByteReader } from '../byteReader.ts';
import { readTopconChunks } from './topconChunks.ts';
import { findBscans } from './topconImages.ts';

/** One border on all B-scans. */
export interface TopconContour {
  /** The file's name of it, `MULTILAYERS_1` or `RETINA_1`: not text that a person typed. */
  readonly name: string;
  readonly width: number;
  readonly bscans: number;
  /** Row in the B-scan, in pixels from the top; shape `[bscans, width]`; NaN where there is none. */
  readonly rows: Float32Array;
}

/** Type of the samples to their bytes. */
const SAMPLE_BYTES = new Map([
  [0, 2],
  [0x100, 8],
]);
/** id[20], u16 type, u32 width, u32 B-scans, u32 size. */
const HEADER_BYTES = 34;

/**
 * Contours of an .fda or .fds in the order of the file. They stand in the file as distance from the bottom, so B-scans must
 * be there; trimmed files have contours of more B-scans than they hold.
 * @throws KonsilError DATA_INVALID, DATA_UNSUPPORTED
 */
export function readTopconContours(bytes: Uint8Array, label: string): readonly TopconContour[] {
  const chunks = readTopconChunks(bytes, label);
  const contours = chunks.filter(({ name }) => name === '@CONTOUR_INFO');
  if (contours.length === 0) return [];
  const scans = findBscans(chunks);
  if (scans === undefined) throw new KonsilError('DATA_INVALID', `${label}: contours without B-scans`);
  return contours.map(({ data }) => readContour(data, scans.height));
}

function readContour(data: ByteReader, height: number): TopconContour {
  const type = data.u16(20);
  const sampleBytes = SAMPLE_BYTES.get(type);
  if (sampleBytes === undefined)
    throw new KonsilError('DATA_UNSUPPORTED', `${data.label}: a contour of a kind that is not known`);
  const [width, bscans, size] = [data.u32(22), data.u32(26), data.u32(30)];
  if (width * bscans * sampleBytes !== size || !data.has(HEADER_BYTES, size))
    throw data.invalid(22, 'a contour of the size that it states expected');
  const rows = Float32Array.from({ length: width * bscans }, (_, i) => {
    const at = HEADER_BYTES + sampleBytes * i;
    const fromBottom = sampleBytes === 2 ? data.u16(at) : data.f64(at);
    return fromBottom >= 0 && fromBottom <= height ? height - fromBottom : Number.NaN;
  });
  return { name: data.text(0, 20), width, bscans, rows };
}
