/**
 * Lossless JPEG: each sample is predicted from its neighbours and its difference coded.
 * @module
 */
import { CodecError } from '../../../codecs/codecError.ts';
import { type Expected, type Samples } from '../samples.ts';
import type { JpegHeader } from './header.ts';
import { BitReader, type HuffmanTable } from './huffman.ts';
import { type JpegTables, readScans, type ScanHeader } from './stream.ts';

/** @throws CodecError when the stream, whose header was checked, is broken. @source ITU-T T.81 Annex H. */
export function decodeLossless(bytes: Uint8Array, header: JpegHeader, expected: Expected): Samples {
  const { width, height, components, precision } = header;
  if (precision < 2 || precision > 16) throw new CodecError(`has ${precision} bits per sample; expected 2 to 16`);
  const length = width * height * components;
  // a difference takes at least a bit
  if (length > bytes.length * 8) throw new CodecError(`has ${bytes.length} bytes, too few for its pixels`);
  const values = precision > 8 ? new Uint16Array(length) : new Uint8Array(length);
  const done = new Set<number>();
  readScans(bytes, header, (scan, tables) => {
    for (const { index } of scan.components) done.add(index);
    return decodeScan(bytes, header, scan, tables, values);
  });
  if (done.size !== components)
    throw new CodecError(`has JPEG scans of ${done.size} components; expected ${components}`);
  return { ...expected, values, isSigned: false, isRgb: false };
}

function decodeScan(
  bytes: Uint8Array,
  { width, height, components, precision, parts }: JpegHeader,
  { components: scanned, first: predictor, low: shift, data }: ScanHeader,
  tables: JpegTables,
  values: Uint8Array | Uint16Array,
): number {
  if (predictor < 1 || predictor > 7) throw new CodecError(`has JPEG predictor ${predictor}; expected 1 to 7`);
  if (scanned.length > 1 && parts.some(({ h, v }) => h !== 1 || v !== 1))
    throw new CodecError('has a lossless JPEG scan of components of different sizes', true);
  if (shift >= precision)
    throw new CodecError(`has a JPEG point transform of ${shift} bits; expected fewer than ${precision}`);
  const dc = scanned.map((part) => {
    const table = tables.dc[part.dc];
    if (table === undefined) throw new CodecError('has a JPEG scan that names a Huffman table that is not there');
    return { table, index: part.index };
  });
  const bits = new BitReader(bytes, data);
  const row = width * components;
  const middle = 1 << (precision - shift - 1);
  // rows since the last restart: the first of them is predicted from the left alone
  let rowOfInterval = 0;
  let unit = 0;
  for (let y = 0; y < height; y++, rowOfInterval++)
    for (let x = 0; x < width; x++, unit++) {
      const isRestart = tables.restartInterval > 0 && unit > 0 && unit % tables.restartInterval === 0;
      if (isRestart) {
        bits.restart();
        rowOfInterval = 0;
      }
      for (const { table, index } of dc) {
        const at = y * row + x * components + index;
        const isFirst = unit === 0 || isRestart;
        const prediction = isFirst
          ? middle
          : predict(values, at, components, row, x === 0 ? 2 : rowOfInterval === 0 ? 1 : predictor, shift);
        values[at] = (((prediction + difference(bits, table)) & 0xffff) << shift) & 0xffff;
      }
    }
  return bits.position;
}

/** Prediction from the samples to the left, above, and above to the left. @source ITU-T T.81 Table H.1. */
function predict(
  values: Uint8Array | Uint16Array,
  at: number,
  left: number,
  up: number,
  predictor: number,
  shift: number,
): number {
  const a = predictor === 2 || predictor === 3 ? 0 : values[at - left]! >> shift;
  const b = predictor === 1 || predictor === 3 ? 0 : values[at - up]! >> shift;
  const c = predictor < 3 ? 0 : values[at - up - left]! >> shift;
  switch (predictor) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return c;
    case 4:
      return a + b - c;
    case 5:
      return a + ((b - c) >> 1);
    case 6:
      return b + ((a - c) >> 1);
    default:
      return (a + b) >> 1;
  }
}

/** @source ITU-T T.81 §H.1.2.2: category 16 is 32768 and has no further bits. */
function difference(bits: BitReader, table: HuffmanTable): number {
  const category = bits.decode(table);
  if (category > 16) throw new CodecError(`has a JPEG difference of ${category} bits; expected at most 16`);
  return category === 16 ? 32768 : bits.receiveSigned(category);
}
