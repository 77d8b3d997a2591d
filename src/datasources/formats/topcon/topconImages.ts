/**
 * Images of Topcon's files: B-scans and pictures of the fundus, as JPEG 2000 (.fda) or as they are (.fds).
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import type { ByteReader } from '../byteReader.ts';
import { decodeJ2k, readJ2kHeader } from '../codecs/openjpeg.ts';
import { MAX_PIXELS, type PixelData } from '../imageRecord.ts';
import { findChunk, type TopconChunk } from './topconChunks.ts';

/** Images of one size. */
export interface TopconImages {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Of one sample. */
  readonly bits: 8 | 16;
  readonly frames: number;
  readonly scanPattern: string | null;
  /** @throws KonsilError DATA_INVALID, DATA_UNSUPPORTED */
  frame(index: number): Promise<PixelData>;
}

const SCAN_PATTERNS = new Map([
  [0, 'line'],
  [2, 'volume'],
  [3, 'radial'],
  [7, '7 lines'],
  [11, '5 lines cross'],
]);

/** B-scans: as taken before motion-compensated, since those hold what was measured. */
export function findBscans(chunks: readonly TopconChunk[]): TopconImages | undefined {
  const jpeg = findChunk(chunks, '@IMG_JPEG');
  if (jpeg !== undefined) return jpegBscans(jpeg.data);
  const raw = findChunk(chunks, '@IMG_SCAN_03', '@IMG_SCAN_02', '@IMG_MOT_COMP_03', '@IMG_MOT_COMP_02');
  return raw === undefined ? undefined : rawBscans(raw.data);
}

/** The colour photograph, else the picture by which the operator aimed. */
export function findFundus(chunks: readonly TopconChunk[]): TopconImages | undefined {
  const photograph = findChunk(chunks, '@IMG_FUNDUS');
  if (photograph !== undefined) return fundusPhotograph(photograph.data);
  const observed = findChunk(chunks, '@IMG_OBS');
  return observed === undefined ? undefined : observation(observed.data);
}

/** u8 pattern, u32 ?, u32 ?, u32 width, u32 height, u32 B-scans, u32 kind; each B-scan u32 size and a codestream. */
function jpegBscans(data: ByteReader): TopconImages {
  const [width, height, frames] = [data.u32(9), data.u32(13), data.u32(17)];
  checkSize(data, 9, width, height);
  const streams: Uint8Array[] = [];
  for (let i = 0, at = 25; i < frames; i++) {
    const size = data.u32(at);
    streams.push(data.slice(at + 4, size));
    at += 4 + size;
  }
  return {
    ...{ width, height, channels: 1, bits: 8, frames },
    scanPattern: SCAN_PATTERNS.get(data.u8(0)) ?? null,
    frame: async (index) => j2kFrame(streams[index]!, { width, height, channels: 1 }, `${data.label}: B-scan ${index}`),
  };
}

/**
 * u8 pattern, u32 width, u32 height, u32 bits, u32 B-scans, fields that differ by version, u8 kind, u32 size, samples. Where
 * the samples begin is where their size fits: 22, with two more numbers (positions of the scan) 30 or 38.
 */
function rawBscans(data: ByteReader): TopconImages {
  const [width, height, bits, frames] = [data.u32(1), data.u32(5), data.u32(9), data.u32(13)];
  checkSize(data, 1, width, height);
  if (bits !== 16) throw new KonsilError('DATA_UNSUPPORTED', `${data.label}: B-scans other than of 16 bits`);
  const samples = width * height;
  const size = 2 * samples * frames;
  const start = [22, 30, 38].find((at) => data.length - at === size && data.u32(at - 4) === size);
  if (start === undefined) throw data.invalid(17, 'B-scans of the size that they state expected');
  return {
    ...{ width, height, channels: 1, bits: 16, frames },
    scanPattern: SCAN_PATTERNS.get(data.u8(0)) ?? null,
    frame: async (index) => {
      // a copy: 16-bit numbers may begin anywhere in a file, but not in an array
      const copy = new Uint8Array(data.slice(start + 2 * samples * index, 2 * samples));
      return { width, height, channels: 1, values: new Uint16Array(copy.buffer) };
    },
  };
}

/** u32 width, u32 height, u32 bits of a pixel, u32 pictures, u32 kind, u32 size, codestream. */
function fundusPhotograph(data: ByteReader): TopconImages {
  const [width, height, frames] = [data.u32(0), data.u32(4), data.u32(12)];
  checkSize(data, 0, width, height);
  const channels = channelsOf(data);
  if (frames !== 1) throw data.invalid(12, 'one photograph expected');
  const stream = data.slice(24, data.u32(20));
  return {
    ...{ width, height, channels, bits: 8, frames, scanPattern: null },
    frame: async () => {
      const { values, ...size } = await j2kFrame(stream, { width, height, channels }, `${data.label}: photograph`);
      return { ...size, values: channels === 3 ? swapRedBlue(values) : values };
    },
  };
}

/** u32 width, u32 height, u32 bits of a pixel, u32 pictures, u8 kind, u32 size, samples. */
function observation(data: ByteReader): TopconImages {
  const [width, height, frames] = [data.u32(0), data.u32(4), data.u32(12)];
  checkSize(data, 0, width, height);
  const channels = channelsOf(data);
  const bytes = width * height * channels;
  if (frames < 1 || data.u32(17) !== bytes * frames || !data.has(21, bytes * frames))
    throw data.invalid(17, 'pictures of the size that they state expected');
  return {
    ...{ width, height, channels, bits: 8, frames, scanPattern: null },
    frame: async (index) => {
      const values = data.slice(21 + bytes * index, bytes);
      return { width, height, channels, values: channels === 3 ? swapRedBlue(values) : values.slice() };
    },
  };
}

function checkSize(data: ByteReader, at: number, width: number, height: number): void {
  if (width < 1 || height < 1 || width * height > MAX_PIXELS)
    throw data.invalid(at, `images of 1 to ${MAX_PIXELS} pixels expected`);
}

function channelsOf(data: ByteReader): 1 | 3 {
  const bits = data.u32(8);
  if (bits !== 8 && bits !== 24)
    throw new KonsilError('DATA_UNSUPPORTED', `${data.label}: a picture other than of 8 or 24 bits`);
  return bits === 24 ? 3 : 1;
}

type Eight = PixelData & { readonly values: Uint8Array };

async function j2kFrame(
  stream: Uint8Array,
  expected: { readonly width: number; readonly height: number; readonly channels: 1 | 3 },
  label: string,
): Promise<Eight> {
  // before decoding: what the stream claims would be allocated
  const { width, height, channels } = readJ2kHeader(stream, label);
  if (width !== expected.width || height !== expected.height || channels !== expected.channels)
    throw new KonsilError('DATA_INVALID', `${label}: the image is of another size than its chunk states`);
  const { values } = await decodeJ2k(stream, label);
  if (!(values instanceof Uint8Array)) throw new KonsilError('DATA_UNSUPPORTED', `${label}: more than 8 bits`);
  return { ...expected, values };
}

/** Blue, green, red to red, green, blue; a copy. */
function swapRedBlue(values: Uint8Array): Uint8Array {
  const out = values.slice();
  for (let i = 0; i + 2 < out.length; i += 3) [out[i], out[i + 2]] = [out[i + 2]!, out[i]!];
  return out;
}
