/**
 * Windows bitmaps, uncompressed, of 1, 8, 24 or 32 bits a pixel.
 *
 * @source Microsoft, "Bitmap Storage": BITMAPFILEHEADER, BITMAPINFOHEADER (also V4 and V5), BITMAPCOREHEADER.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { MAX_PIXELS, type PixelData } from '../imageRecord.ts';

/** BITMAPFILEHEADER, then at least the size of the next header. */
const FILE_HEADER = 14;
/** Lengths of the information headers that are known; the first is OS/2's. */
const INFO_HEADERS: readonly number[] = [12, 40, 52, 56, 64, 108, 124];
const BI_RGB = 0;
const BI_BITFIELDS = 3;
/** Masks of red, green and blue as 32-bit files without compression have them. */
const USUAL_MASKS: readonly number[] = [0x00ff0000, 0x0000ff00, 0x000000ff];

/** A checked header. */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: 1 | 8 | 24 | 32;
  /** 1 when every colour of the palette is grey. */
  readonly channels: 1 | 3;
  readonly isTopDown: boolean;
  /** Of the first row in the file. */
  readonly pixelOffset: number;
  /** Bytes from row to row, a multiple of 4. */
  readonly stride: number;
  /** Shape `[colours, 3]` red green blue; empty without a palette. */
  readonly palette: Uint8Array;
}

function broken(label: string, offset: number, expected: string): KonsilError {
  return new KonsilError('DATA_INVALID', `${label}: byte ${offset}: expected ${expected}`);
}

/**
 * Reads and checks the header: after this every row lies inside the file.
 * @throws KonsilError DATA_INVALID for a broken file, DATA_UNSUPPORTED for compressed ones and other depths.
 */
export function readBmpHeader(bytes: Uint8Array, label: string): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER + 12) throw broken(label, bytes.length, 'a bitmap header of 26 bytes or more');
  const infoBytes = view.getUint32(14, true);
  if (!INFO_HEADERS.includes(infoBytes) || FILE_HEADER + infoBytes > bytes.length)
    throw broken(label, 14, 'the length of a known information header inside the file');
  const isCore = infoBytes === 12;
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(isCore ? 24 : 28, true);
  const compression = isCore ? BI_RGB : view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0 || width * height > MAX_PIXELS)
    throw broken(label, 18, `a width and height of at most ${MAX_PIXELS} pixels together`);
  if (bitsPerPixel !== 1 && bitsPerPixel !== 8 && bitsPerPixel !== 24 && bitsPerPixel !== 32)
    throw new KonsilError('DATA_UNSUPPORTED', `${label}: byte 28: bitmaps are read with 1, 8, 24 or 32 bits a pixel`);
  if (compression !== BI_RGB && !(compression === BI_BITFIELDS && bitsPerPixel === 32))
    throw new KonsilError('DATA_UNSUPPORTED', `${label}: byte 30: compressed bitmaps are not read`);
  if (compression === BI_BITFIELDS) checkMasks(view, label);
  const pixelOffset = view.getUint32(10, true);
  const stride = 4 * Math.ceil((width * bitsPerPixel) / 32);
  if (pixelOffset < FILE_HEADER + infoBytes || pixelOffset + stride * height > bytes.length)
    throw broken(label, 10, `rows of ${stride} bytes that lie inside the file`);
  const palette = bitsPerPixel <= 8 ? readPalette(view, infoBytes, bitsPerPixel, pixelOffset, label) : new Uint8Array();
  const isGrey = palette.length > 0 && palette.every((value, i) => value === palette[i - (i % 3)]);
  return {
    ...{ width, height, bitsPerPixel, channels: isGrey ? 1 : 3, isTopDown: signedHeight < 0 },
    ...{ pixelOffset, stride, palette },
  };
}

function checkMasks(view: DataView, label: string): void {
  const at = FILE_HEADER + 40;
  if (at + 12 > view.byteLength) throw broken(label, view.byteLength, 'masks of the colours');
  if (USUAL_MASKS.some((mask, i) => view.getUint32(at + 4 * i, true) !== mask))
    throw new KonsilError(
      'DATA_UNSUPPORTED',
      `${label}: byte ${at}: bitmaps are read with 8 bits a colour, blue first`,
    );
}

function readPalette(view: DataView, infoBytes: number, bits: number, end: number, label: string): Uint8Array {
  const isCore = infoBytes === 12;
  const most = 1 << bits;
  const claimed = isCore ? most : view.getUint32(46, true);
  const colours = claimed === 0 ? most : claimed;
  const entry = isCore ? 3 : 4;
  const start = FILE_HEADER + infoBytes;
  if (colours > most || start + colours * entry > Math.min(end, view.byteLength))
    throw broken(label, 46, `a palette of at most ${most} colours before the rows`);
  const palette = new Uint8Array(3 * colours);
  for (let i = 0; i < colours; i++)
    for (let c = 0; c < 3; c++) palette[3 * i + c] = view.getUint8(start + i * entry + 2 - c);
  return palette;
}

/**
 * Pixels from the top left, red green blue; the fourth byte of 32 bits has no meaning in uncompressed bitmaps.
 * @throws KonsilError DATA_INVALID for an index beyond the palette.
 */
export function readBmpPixels(bytes: Uint8Array, header: BmpHeader, label: string): PixelData {
  const { width, height, channels, bitsPerPixel, palette, stride } = header;
  const values = new Uint8Array(width * height * channels);
  const colours = palette.length / 3;
  const step = bitsPerPixel / 8;
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = header.pixelOffset + stride * (header.isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      if (bitsPerPixel >= 24) {
        const from = row + x * step;
        values[to++] = bytes[from + 2]!;
        values[to++] = bytes[from + 1]!;
        values[to++] = bytes[from]!;
        continue;
      }
      const index = bitsPerPixel === 8 ? bytes[row + x]! : (bytes[row + (x >> 3)]! >> (7 - (x & 7))) & 1;
      if (index >= colours) throw broken(label, row, `colours below ${colours} in row ${y}`);
      for (let c = 0; c < channels; c++) values[to++] = palette[3 * index + c]!;
    }
  }
  return { width, height, channels, values };
}
