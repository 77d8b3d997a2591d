/**
 * Colours: luma and chroma, and palettes, to red, green, blue.
 * @module
 */
import type { DataSet } from './dataSet.ts';
import { invalid, tagText, unsupported } from './invalid.ts';
import type { Values } from './storedValues.ts';

/** Y Y Cb Cr for two pixels as Y Cb Cr for each. @source DICOM PS3.3 §C.7.6.3.1.2. */
export function expand422<Kind extends Values>(packed: Kind): Kind {
  const pixels = packed.length / 2;
  const out = new (packed.constructor as new (length: number) => Kind)(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = (pixel >> 1) * 4;
    out[pixel * 3] = packed[from + (pixel & 1)]!;
    out[pixel * 3 + 1] = packed[from + 2]!;
    out[pixel * 3 + 2] = packed[from + 3]!;
  }
  return out;
}

/**
 * Red, green, blue of full-range luma and chroma, rounded to nearest.
 * @source DICOM PS3.3 §C.7.6.3.1.2, inverse of the equations for YBR_FULL (ITU-R BT.601).
 */
export function ybrToRgb<Kind extends Values>(values: Kind, bits: number): Kind {
  const out = values.slice() as Kind;
  const half = 2 ** (bits - 1);
  const limit = 2 * half - 1;
  const clip = (value: number): number => Math.min(limit, Math.max(0, Math.floor(value + 0.5)));
  for (let i = 0; i + 2 < values.length; i += 3) {
    const [y, b, r] = [values[i]!, values[i + 1]! - half, values[i + 2]! - half];
    out[i] = clip(y + 1.402 * r);
    out[i + 1] = clip(y - (0.114 * 1.772 * b + 0.299 * 1.402 * r) / 0.587);
    out[i + 2] = clip(y + 1.772 * b);
  }
  return out;
}

/** Table that gives values to stored ones from `first` on; those outside have the nearest entry. */
export interface LookupTable {
  readonly first: number;
  readonly entries: Uint8Array | Uint16Array;
}

/**
 * A lookup table: descriptor (entries, first value mapped, bits) and data.
 * @throws KonsilError DATA_INVALID when the data are fewer than the descriptor says. @source DICOM PS3.3 §C.11.1.1.
 */
export function readLookupTable(
  dataSet: DataSet,
  descriptorTag: string,
  dataTag: string,
  isSigned: boolean,
  label: string,
): LookupTable {
  const descriptor = dataSet.bytesOf(descriptorTag);
  const data = dataSet.bytesOf(dataTag);
  if (descriptor === undefined || descriptor.length < 6 || data === undefined)
    throw invalid(label, `has no lookup table ${tagText(descriptorTag)}, ${tagText(dataTag)}`);
  const { littleEndian } = dataSet.encoding;
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, 6);
  const count = view.getUint16(0, littleEndian) || 0x10000;
  const first = isSigned ? view.getInt16(2, littleEndian) : view.getUint16(2, littleEndian);
  // entries of 8 bits are written as bytes, or each in 16 bits
  const width = data.length >= count * 2 ? 2 : 1;
  if (data.length < count * width || ![8, 10, 12, 14, 16].includes(view.getUint16(4, littleEndian)))
    throw invalid(label, `has a lookup table ${tagText(dataTag)} of ${data.length} bytes; expected ${count} entries`);
  const bits = view.getUint16(4, littleEndian);
  if (width === 1 && bits > 8)
    throw invalid(label, `has a lookup table ${tagText(dataTag)} of ${data.length} bytes; expected ${2 * count}`);
  const entries = bits > 8 ? new Uint16Array(count) : new Uint8Array(count);
  const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i < count; i++) entries[i] = width === 1 ? data[i]! : words.getUint16(2 * i, littleEndian);
  return { first, entries };
}

/** Entries for `values`, at every `step`-th place of `out` from `at`. */
export function applyLookupTable(values: Values, { first, entries }: LookupTable, out: Values, at = 0, step = 1): void {
  const last = entries.length - 1;
  for (let i = 0; i < values.length; i++) {
    const index = values[i]! - first;
    out[at + i * step] = entries[index < 0 ? 0 : index > last ? last : index]!;
  }
}

/** Palette of a data set: descriptor and data of red, green, blue. */
const PALETTE = [
  ['x00281101', 'x00281201'],
  ['x00281102', 'x00281202'],
  ['x00281103', 'x00281203'],
] as const;

/** Reads the palette once; the function gives red, green, blue for stored values. @throws KonsilError DATA_INVALID. */
export function readPalette(
  dataSet: DataSet,
  isSigned: boolean,
  label: string,
): (values: Values) => Uint8Array | Uint16Array {
  if (dataSet.elements['x00281221'] !== undefined)
    throw unsupported(label, 'has a segmented palette, which is not read');
  const tables = PALETTE.map(([descriptor, data]) => readLookupTable(dataSet, descriptor, data, isSigned, label));
  const isWide = tables.some(({ entries }) => entries.BYTES_PER_ELEMENT > 1);
  return (values) => {
    const out = isWide ? new Uint16Array(values.length * 3) : new Uint8Array(values.length * 3);
    tables.forEach((table, channel) => applyLookupTable(values, table, out, channel, 3));
    return out;
  };
}
