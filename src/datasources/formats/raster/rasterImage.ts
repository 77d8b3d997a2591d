/**
 * JPEG, PNG, TIFF and WebP by libvips, with the values that the file holds: no colour management, 16 bits stay 16.
 * @module
 */
import sharp, { type Metadata, type Sharp } from 'sharp';
import { KonsilError } from '../../../base/index.ts';
import { MAX_PIXELS, type PixelData } from '../imageRecord.ts';

/** Most bytes of one decoded image: four channels of 8 bits at {@link MAX_PIXELS}. */
const MAX_BYTES = 4 * MAX_PIXELS;
/** Pages of a TIFF, pictures of a moving WebP. libvips stops at 100 000; each is decoded by itself. */
const MAX_FRAMES = 10_000;

/**
 * What libvips calls the samples, how many bytes each has, and how they are held here. Signed 16 bits are missing:
 * libvips 8.18 gives its negative values as 0.
 */
const DEPTHS: Readonly<Record<string, { readonly bits: 8 | 16 | 32; readonly spaces: readonly string[] }>> = {
  uchar: { bits: 8, spaces: ['b-w', 'srgb'] },
  char: { bits: 8, spaces: ['b-w'] },
  ushort: { bits: 16, spaces: ['grey16', 'rgb16'] },
  int: { bits: 32, spaces: ['b-w'] },
  uint: { bits: 32, spaces: ['b-w'] },
  float: { bits: 32, spaces: ['b-w'] },
};

/** How an image is held, found out without decoding it. */
export interface RasterInfo {
  readonly format: string;
  /** After the rotation that EXIF asks for. */
  readonly width: number;
  readonly height: number;
  /** 2 is grey with opacity. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 8 | 16 | 32;
  readonly frames: number;
  readonly depth: string;
  readonly space: string;
}

let isSet = false;

/** Once a process: no other decoder than these four whatever the bytes look like, one thread an image, no cache. */
function settle(): void {
  if (isSet) return;
  isSet = true;
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadTiff', 'VipsForeignLoadWebp'],
  });
}

/** `failOn: error`: libvips warns of odd tags and of stray bytes between segments, which harm no pixel. */
function open(bytes: Uint8Array, page: number): Sharp {
  settle();
  return sharp(bytes, { ignoreIcc: true, failOn: 'error', limitInputPixels: MAX_PIXELS, page });
}

function unsupported(label: string, frame: number, what: string): KonsilError {
  return new KonsilError('DATA_UNSUPPORTED', `${label}: frame ${frame}: ${what}`);
}

/** The library's words may quote text of the file, so they are left out. */
function broken(label: string, frame: number, what: string): KonsilError {
  return new KonsilError('DATA_INVALID', `${label}: frame ${frame}: ${what}`);
}

/**
 * Size and kind of frame `frame`; pixels are not decoded.
 * @throws KonsilError DATA_INVALID for a broken header, DATA_UNSUPPORTED for samples that are not read here.
 */
export async function readInfo(bytes: Uint8Array, frame: number, label: string): Promise<RasterInfo> {
  let found: Metadata;
  try {
    found = await open(bytes, frame).metadata();
  } catch {
    throw broken(label, frame, `the header is broken, or claims more than ${MAX_PIXELS} pixels`);
  }
  const { channels, depth, space } = found;
  const { width, height } = found.autoOrient;
  const kind = DEPTHS[depth];
  if (kind === undefined || !kind.spaces.includes(space))
    throw unsupported(label, frame, `expected grey or RGB samples of 8 or 16 bits, or grey ones of 32 bits`);
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4)
    throw unsupported(label, frame, `expected 1 to 4 channels`);
  if (kind.bits === 32 && channels !== 1) throw unsupported(label, frame, `expected one channel of 32 bits`);
  if (
    !(width > 0 && height > 0) ||
    width * height > MAX_PIXELS ||
    (width * height * channels * kind.bits) / 8 > MAX_BYTES
  )
    throw broken(label, frame, `claims more than ${MAX_PIXELS} pixels or ${MAX_BYTES} bytes of pixels`);
  const frames = found.pages ?? 1;
  if (frames > MAX_FRAMES) throw broken(label, frame, `claims more than ${MAX_FRAMES} frames`);
  return { format: found.format, width, height, channels, bits: kind.bits, frames, depth, space };
}

/**
 * Decodes frame `frame`, upright as EXIF says. Opacity is left out when every pixel is opaque; grey with opacity
 * becomes red = green = blue with opacity.
 * @throws KonsilError DATA_INVALID for broken pixels, DATA_UNSUPPORTED as {@link readInfo}.
 */
export async function readPixels(bytes: Uint8Array, frame: number, label: string): Promise<PixelData> {
  const { width, height, channels: held, bits, depth, space } = await readInfo(bytes, frame, label);
  // sharp drops the opacity of 8-bit grey when it writes samples, not that of red green blue
  const [channels, target] = held === 2 && depth !== 'ushort' ? ([4, 'srgb'] as const) : ([held, space] as const);
  let data: Uint8Array;
  let info: { readonly width: number; readonly height: number; readonly channels: number };
  try {
    const pixels = open(bytes, frame).autoOrient().pipelineColourspace(space).toColourspace(target);
    ({ data, info } = await pixels.raw({ depth: depth as 'uchar' }).toBuffer({ resolveWithObject: true }));
  } catch {
    throw broken(label, frame, 'the pixels are broken or end too early');
  }
  const expected = (width * height * channels * bits) / 8;
  if (info.width !== width || info.height !== height || info.channels !== channels || data.length !== expected)
    throw broken(label, frame, `the pixels are not of the size that the header says`);
  // of its own: the memory is the library's, and may begin at any byte
  const values = samplesOf(new Uint8Array(data).buffer, depth);
  return withoutOpacity({ width, height, channels, values, isGrey: held <= 2 });
}

function samplesOf(memory: ArrayBuffer, depth: string): PixelData['values'] {
  if (depth === 'uchar') return new Uint8Array(memory);
  if (depth === 'char') return Int16Array.from(new Int8Array(memory));
  if (depth === 'ushort') return new Uint16Array(memory);
  if (depth === 'int') return new Int32Array(memory);
  if (depth === 'uint') return new Uint32Array(memory);
  return new Float32Array(memory);
}

function withoutOpacity(image: {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly values: PixelData['values'];
  readonly isGrey: boolean;
}): PixelData {
  const { width, height, channels, values, isGrey } = image;
  if (channels === 1 || channels === 3) return { width, height, channels, values };
  const opaque = values instanceof Uint8Array ? 0xff : 0xffff;
  let isOpaque = true;
  for (let i = channels - 1; i < values.length && isOpaque; i += channels) isOpaque = values[i] === opaque;
  if (!isOpaque && channels === 4) return { width, height, channels, values };
  const kept = isOpaque ? (isGrey ? 1 : 3) : 4;
  const packed =
    values.BYTES_PER_ELEMENT === 1 ? new Uint8Array(width * height * kept) : new Uint16Array(width * height * kept);
  // grey with opacity of 16 bits: grey thrice, then the opacity
  const source = channels === 4 ? [0, 1, 2, 3] : [0, 0, 0, 1];
  for (let i = 0, at = 0; i < values.length; i += channels)
    for (let c = 0; c < kept; c++) packed[at++] = values[i + source[c]!]!;
  return { width, height, channels: kept, values: packed };
}
