/**
 * RLE: byte planes of runs, the most significant byte of the first sample first.
 * @module
 */
import { CodecError } from '../../codecs/codecError.ts';

const HEADER_BYTES = 64;
const MAX_SEGMENTS = 15;

/**
 * Bytes of an uncompressed frame, little endian, samples of a pixel together.
 * @param pixels - Pixels of the frame.
 * @param samples - Samples of a pixel.
 * @param sampleBytes - Bytes of a sample.
 * @throws CodecError when the segments are not those of such a frame.
 * @source DICOM PS3.5 Annex G.
 */
export function decodeRle(bytes: Uint8Array, pixels: number, samples: number, sampleBytes: number): Uint8Array {
  if (bytes.length < HEADER_BYTES) throw new CodecError(`has ${bytes.length} bytes; expected an RLE header of 64`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== samples * sampleBytes || segments > MAX_SEGMENTS)
    throw new CodecError(`has ${segments} RLE segments; expected ${samples * sampleBytes}`);
  // a byte gives at most 64 others, so that little can come of a few
  if (pixels * segments > bytes.length * 64)
    throw new CodecError(`has ${bytes.length} bytes, too few for ${segments} RLE segments of ${pixels} bytes`);
  const stride = samples * sampleBytes;
  const out = new Uint8Array(pixels * stride);
  for (let i = 0; i < segments; i++) {
    const start = view.getUint32(4 + 4 * i, true);
    const end = i + 1 < segments ? view.getUint32(8 + 4 * i, true) : bytes.length;
    if (start < HEADER_BYTES || end > bytes.length || start > end)
      throw new CodecError(`has RLE segment ${i} outside of its ${bytes.length} bytes`);
    const byteInSample = sampleBytes - 1 - (i % sampleBytes);
    unpack(bytes, start, end, out, Math.floor(i / sampleBytes) * sampleBytes + byteInSample, stride, pixels, i);
  }
  return out;
}

/** Runs of one segment into every `stride`-th byte. @source PackBits, DICOM PS3.5 §G.3. */
function unpack(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  first: number,
  stride: number,
  pixels: number,
  segment: number,
): void {
  let at = start;
  let to = first;
  const last = first + pixels * stride;
  while (to < last) {
    if (at >= end) throw new CodecError(`has RLE segment ${segment} that ends before its ${pixels} bytes`);
    const control = bytes[at++]!;
    if (control < 128) {
      const stop = Math.min(at + control + 1, end);
      for (; at < stop && to < last; to += stride) out[to] = bytes[at++]!;
    } else if (control > 128) {
      const value = bytes[at++] ?? 0;
      for (let left = 257 - control; left > 0 && to < last; left--, to += stride) out[to] = value;
    }
  }
}
