/**
 * Pictures: JPEG, PNG, TIFF (a frame a page), WebP and BMP. Only size and kind become columns: EXIF, XMP, IPTC and text
 * of a file can name whoever is on it or took it, so they are never read.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import type { Cell } from '../../dataSource.ts';
import type { ImageFormat, ImageRecord } from '../imageRecord.ts';
import { readBmpHeader, readBmpPixels } from './bmp.ts';
import { readInfo, readPixels } from './rasterImage.ts';

/** First bytes; of WebP the four after the length of the RIFF chunk too. 43 is BigTIFF. */
const SIGNATURES: readonly { readonly format: string; readonly at: number; readonly bytes: readonly number[] }[] = [
  { format: 'jpeg', at: 0, bytes: [0xff, 0xd8, 0xff] },
  { format: 'png', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { format: 'tiff', at: 0, bytes: [0x49, 0x49, 42, 0] },
  { format: 'tiff', at: 0, bytes: [0x4d, 0x4d, 0, 42] },
  { format: 'tiff', at: 0, bytes: [0x49, 0x49, 43, 0] },
  { format: 'tiff', at: 0, bytes: [0x4d, 0x4d, 0, 43] },
  { format: 'webp', at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
  { format: 'bmp', at: 0, bytes: [0x42, 0x4d] },
];

const COLUMNS = ['Rows', 'Columns', 'SamplesPerPixel', 'BitsAllocated', 'NumberOfFrames', 'format'] as const;

function findFormat(head: Uint8Array): string | undefined {
  const begins = (at: number, bytes: readonly number[]): boolean => bytes.every((byte, i) => head[at + i] === byte);
  return SIGNATURES.find(
    ({ format, at, bytes }) => begins(at, bytes) && (format !== 'webp' || begins(0, [0x52, 0x49, 0x46, 0x46])),
  )?.format;
}

function checkFrame(index: number, frames: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= frames)
    throw new RangeError(`frame expected in [0, ${frames}), got ${index}`);
}

function readBmp(bytes: Uint8Array, label: string): ImageRecord {
  const header = readBmpHeader(bytes, label);
  return {
    columns: columnsOf([header.height, header.width, header.channels, 8, 1, 'bmp']),
    frames: 1,
    frame: async (index) => {
      checkFrame(index, 1);
      return readBmpPixels(bytes, header, label);
    },
  };
}

function columnsOf(cells: readonly Cell[]): Readonly<Record<string, Cell>> {
  return Object.fromEntries(COLUMNS.map((name, i) => [name, cells[i]!]));
}

/** Reads pictures. `Rows` and `Columns` are those of the first frame, upright; the pages of a TIFF may differ. */
export const rasterFormat: ImageFormat = {
  extensions: ['.jpg', '.jpeg', '.png', '.tif', '.tiff', '.webp', '.bmp'],
  headBytes: 12,
  matches: (head) => findFormat(head) !== undefined,
  read: async (bytes, label) => {
    const format = findFormat(bytes);
    if (format === undefined)
      throw new KonsilError('DATA_INVALID', `${label}: byte 0: expected the signature of JPEG, PNG, TIFF, WebP or BMP`);
    if (format === 'bmp') return [readBmp(bytes, label)];
    const info = await readInfo(bytes, 0, label);
    const { width, height, channels, bits, frames } = info;
    return [
      {
        columns: columnsOf([height, width, channels, bits, frames, format]),
        frames,
        frame: async (index) => {
          checkFrame(index, frames);
          return readPixels(bytes, index, label);
        },
      },
    ];
  },
  openColumns: new Set(COLUMNS),
};
