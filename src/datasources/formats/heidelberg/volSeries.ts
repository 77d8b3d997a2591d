/**
 * Heidelberg's `.vol`, the export of HEYEX for research: a header of 2048 bytes, the picture of the fundus, and the
 * B-scans, each behind a header with its layers.
 * @module
 */
import { float32Of } from '../../../base/index.ts';
import { ByteReader } from '../byteReader.ts';
import { positive, textCell } from '../deviceColumns.ts';
import { fileTime, oleDate } from '../deviceTimes.ts';
import { MAX_PIXELS } from '../imageRecord.ts';
import { greyOfVol, volValue } from './grey.ts';
import { findPatient, type HeidelbergImage, type HeidelbergSeries, type Layer, NO_SPACING } from './series.ts';

const HEADER_BYTES = 2048;
/** Of a B-scan, before its layers. */
const BSCAN_FIELDS_BYTES = 88;
/** Names by the place in the file; the places between are not used. */
const LAYER_NAMES: Readonly<Record<number, string>> = {
  ...{
    0: 'ILM',
    1: 'BM',
    2: 'RNFL',
    3: 'GCL',
    4: 'IPL',
    5: 'INL',
    6: 'OPL',
    8: 'ELM',
    14: 'PR1',
    15: 'PR2',
    16: 'RPE',
  },
};
const SCAN_PATTERNS = new Map([
  [1, 'line'],
  [2, 'circle'],
  [3, 'volume'],
  [4, 'fast volume'],
  [5, 'radial'],
]);

/** Whether a file begins as one of these; the second magic is that of files written by eyepy. */
export function isVol(head: Uint8Array): boolean {
  const reader = new ByteReader(head, '');
  return reader.startsWith('HSF-OCT-') || reader.startsWith('ep-v');
}

/** The one series of a file. @throws KonsilError DATA_INVALID naming the place */
export function readVolSeries(bytes: Uint8Array, label: string): HeidelbergSeries {
  const reader = new ByteReader(bytes, label);
  reader.slice(0, HEADER_BYTES);
  const [width, count, height] = [reader.u32(12), reader.u32(16), reader.u32(20)];
  const [sloWidth, sloHeight] = [reader.u32(48), reader.u32(52)];
  if (width < 1 || height < 1 || width * height > MAX_PIXELS) throw reader.invalid(12, 'B-scans with pixels expected');
  if (sloWidth * sloHeight > MAX_PIXELS || !reader.has(HEADER_BYTES, sloWidth * sloHeight))
    throw reader.invalid(48, 'a picture of the fundus that lies in the file expected');
  const scans = findBscans(reader, HEADER_BYTES + sloWidth * sloHeight, { width, height, count });
  const time = fileTime(reader.u64(88));
  const patientId = textCell(reader.text(140, 21)) ?? textCell(String(reader.u32(136) || ''));
  const eye = reader.text(84, 4);
  return {
    patient: findPatient(patientId, null),
    ...{ patientId, patientName: null, sex: null, model: null, protocol: null },
    birthDate: oleDate(reader.f64(164)),
    studyId: textCell(reader.text(176, 24)),
    seriesNumber: null,
    studyDate: oleDate(reader.f64(200)),
    laterality: eye === 'OD' ? 'R' : eye === 'OS' ? 'L' : null,
    scanPattern: SCAN_PATTERNS.get(reader.i32(96)) ?? null,
    bscans: scans.map(({ pixelsAt }) => bscan(reader, pixelsAt, width, height)),
    bscanTime: time,
    bscanSpacing: {
      row: positive(reader.f64(40)),
      column: positive(reader.f64(24)),
      slice: positive(reader.f64(32)),
    },
    fundus: sloWidth * sloHeight > 0 ? [fundus(reader, sloWidth, sloHeight)] : [],
    fundusTime: time,
    fundusSpacing: { ...NO_SPACING, row: positive(reader.f64(64)), column: positive(reader.f64(56)) },
    layers: () => scans.flatMap((scan, i) => layersOf(reader, scan, i, width)),
  };
}

/** Where the parts of a B-scan lie. */
interface VolBscan {
  readonly layers: number;
  readonly layersAt: number;
  readonly pixelsAt: number;
}

/** Walks the B-scans: the length of the header stands in each, the file's own header may state another. */
function findBscans(
  reader: ByteReader,
  start: number,
  { width, height, count }: { width: number; height: number; count: number },
): readonly VolBscan[] {
  const scans: VolBscan[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    reader.slice(at, BSCAN_FIELDS_BYTES);
    const headerBytes = reader.u32(at + 12);
    const layers = reader.i32(at + 48);
    const layersOffset = reader.i32(at + 52);
    if (headerBytes < BSCAN_FIELDS_BYTES) throw reader.invalid(at + 12, `a header of B-scan ${i} expected`);
    if (
      layers < 0 ||
      (layers > 0 && (layersOffset < BSCAN_FIELDS_BYTES || layersOffset + 4 * layers * width > headerBytes))
    )
      throw reader.invalid(at + 48, `layers that lie in the header of B-scan ${i} expected`);
    reader.slice(at + headerBytes, 4 * width * height);
    scans.push({ layers, layersAt: at + layersOffset, pixelsAt: at + headerBytes });
    at += headerBytes + 4 * width * height;
  }
  return scans;
}

function bscan(reader: ByteReader, at: number, width: number, height: number): HeidelbergImage {
  const bytes = reader.slice(at, 4 * width * height);
  return {
    ...{ width, height },
    grey: () => ({ width, height, channels: 1, values: Uint8Array.from(float32Of(bytes), greyOfVol) }),
    raw: () => float32Of(bytes).map(volValue),
  };
}

function fundus(reader: ByteReader, width: number, height: number): HeidelbergImage {
  const data = reader.slice(HEADER_BYTES, width * height);
  return {
    ...{ width, height },
    grey: () => ({ width, height, channels: 1, values: data.slice() }),
    raw: () => Float32Array.from(data),
  };
}

function layersOf(reader: ByteReader, scan: VolBscan, bscanIndex: number, width: number): Layer[] {
  return Array.from({ length: scan.layers }, (_, id) => ({
    ...{ bscan: bscanIndex, id, name: LAYER_NAMES[id] ?? null },
    rows: Float32Array.from({ length: width }, (_unused, x) => {
      const row = volValue(reader.f32(scan.layersAt + 4 * (id * width + x)));
      return row >= 0 ? row : Number.NaN;
    }),
  }));
}
