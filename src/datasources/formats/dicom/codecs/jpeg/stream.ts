/**
 * A JPEG stream read segment by segment: tables, then scans.
 * @module
 */
import { CodecError } from '../../../codecs/codecError.ts';
import { ZIGZAG } from './blocks.ts';
import { type JpegHeader, nextSegment, type Segment } from './header.ts';
import { HuffmanTable } from './huffman.ts';

/** Tables as they stand when a scan begins. */
export interface JpegTables {
  /** In rows, not zigzag. */
  readonly quantisation: (Uint16Array | undefined)[];
  readonly dc: (HuffmanTable | undefined)[];
  readonly ac: (HuffmanTable | undefined)[];
  /** Units between restart markers; 0 for none. */
  restartInterval: number;
}

/** Header of a scan. @source ITU-T T.81 §B.2.3. */
export interface ScanHeader {
  /** Index of the component in the frame, and its tables. */
  readonly components: readonly { readonly index: number; readonly dc: number; readonly ac: number }[];
  /** Band of coefficients; of a lossless scan the first is the predictor. */
  readonly first: number;
  readonly last: number;
  readonly high: number;
  readonly low: number;
  /** Place of the entropy-coded data. */
  readonly data: number;
}

/**
 * Hands every scan to `decode`, which returns the place after it.
 * @throws CodecError when a segment is broken, or the stream ends before its first scan.
 */
export function readScans(
  bytes: Uint8Array,
  header: JpegHeader,
  decode: (scan: ScanHeader, tables: JpegTables) => number,
): JpegTables {
  const tables: JpegTables = { quantisation: [], dc: [], ac: [], restartInterval: 0 };
  let at = 2;
  let scans = 0;
  for (;;) {
    // the end marker may be missing: what was decoded is whole
    if (scans > 0 && at + 1 >= bytes.length) return tables;
    const segment = scans > 0 ? findSegment(bytes, at) : nextSegment(bytes, at);
    if (segment === undefined || segment.marker === 0xd9) break;
    at = segment.end;
    if (segment.marker === 0xdb) readQuantisation(bytes, segment, tables);
    else if (segment.marker === 0xc4) readHuffman(bytes, segment, tables);
    else if (segment.marker === 0xdd) tables.restartInterval = (bytes[segment.start]! << 8) | bytes[segment.start + 1]!;
    else if (segment.marker === 0xda) {
      scans++;
      at = decode(readScan(bytes, segment, header), tables);
    }
  }
  if (scans === 0) throw new CodecError('has no JPEG scan');
  return tables;
}

/** After a scan, bytes that are no segment are padding. */
function findSegment(bytes: Uint8Array, at: number): Segment | undefined {
  try {
    return nextSegment(bytes, at);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/** @source ITU-T T.81 §B.2.4.1. */
function readQuantisation(bytes: Uint8Array, { start, end }: Segment, tables: JpegTables): void {
  for (let at = start; at < end; ) {
    const [wide, index] = [bytes[at]! >> 4, bytes[at]! & 15];
    const size = wide === 0 ? 64 : 128;
    if (wide > 1 || index > 3 || at + 1 + size > end)
      throw new CodecError(`has a broken JPEG quantisation table at byte ${at}`);
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      const place = at + 1 + (wide === 0 ? k : 2 * k);
      table[ZIGZAG[k]!] = wide === 0 ? bytes[place]! : (bytes[place]! << 8) | bytes[place + 1]!;
    }
    tables.quantisation[index] = table;
    at += 1 + size;
  }
}

/** @source ITU-T T.81 §B.2.4.2. */
function readHuffman(bytes: Uint8Array, { start, end }: Segment, tables: JpegTables): void {
  for (let at = start; at < end; ) {
    const [kind, index] = [bytes[at]! >> 4, bytes[at]! & 15];
    const counts = bytes.subarray(at + 1, at + 17);
    const symbols = at + 17 + counts.reduce((sum, count) => sum + count, 0);
    if (kind > 1 || index > 3 || symbols > end) throw new CodecError(`has a broken JPEG Huffman table at byte ${at}`);
    (kind === 0 ? tables.dc : tables.ac)[index] = new HuffmanTable(counts, bytes.subarray(at + 17, symbols));
    at = symbols;
  }
}

function readScan(bytes: Uint8Array, { start, end }: Segment, header: JpegHeader): ScanHeader {
  const count = bytes[start]!;
  if (count < 1 || count > 4 || end - start !== 4 + 2 * count)
    throw new CodecError(`has a JPEG scan at byte ${start} of ${count} components; expected 1 to 4`);
  const components = Array.from({ length: count }, (_, i) => {
    const [id, tables] = [bytes[start + 1 + 2 * i]!, bytes[start + 2 + 2 * i]!];
    return { index: header.parts.findIndex((part) => part.id === id), dc: tables >> 4, ac: tables & 15 };
  });
  const indices = components.map(({ index }) => index);
  if (indices.includes(-1) || new Set(indices).size !== count)
    throw new CodecError(`has a JPEG scan at byte ${start} of components that its frame has not`);
  const [first, last, shifts] = [bytes[end - 3]!, bytes[end - 2]!, bytes[end - 1]!];
  return { components, first, last, high: shifts >> 4, low: shifts & 15, data: end };
}
