/**
 * The uncompressed bytes of a NIfTI file, as many as its header speaks of and no more.
 * @module
 */
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { KonsilError } from '../../../base/index.ts';
import { HEADER_BYTES } from './niftiHeader.ts';

/** Compressed bytes that hold the header: it takes fewer bytes than it has, but for the name of a file before it. */
export const HEAD_BYTES = 4096;
/** Deflate makes at most so many bytes of one (258 bytes of 2 bits). */
const MAX_RATIO = 1032;

/** Bytes behind the values that are unpacked, to get at the checksum of the file. */
const MAX_TRAILING_BYTES = 1 << 20;

/** Whether `bytes` begin as a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The first {@link HEADER_BYTES} of the uncompressed file, or what there is of them; empty when it is no gzip file. */
export function headOf(bytes: Uint8Array): Uint8Array {
  if (!isGzip(bytes)) return bytes.subarray(0, HEADER_BYTES);
  try {
    // without the last 8 bytes: a small file is no other kind of file because its checksum is wrong
    const part = gunzipSync(bytes.subarray(0, Math.min(HEAD_BYTES, bytes.length - 8)), {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    return part.subarray(0, HEADER_BYTES);
  } catch {
    return new Uint8Array();
  }
}

/**
 * `size` bytes from `start` of the uncompressed file.
 * @throws KonsilError DATA_INVALID when the file ends before, or is no whole gzip file up to there.
 */
export async function bytesAt(bytes: Uint8Array, start: number, size: number, label: string): Promise<Uint8Array> {
  const ends = (): KonsilError =>
    new KonsilError('DATA_INVALID', `${label}: byte ${start}: ${size} bytes of values expected, the file ends before`);
  if (!isGzip(bytes)) {
    if (start + size > bytes.length) throw ends();
    return bytes.subarray(start, start + size);
  }
  if (start + size > bytes.length * MAX_RATIO) throw ends();
  const out = new Uint8Array(size);
  let at = 0;
  const gunzip = createGunzip();
  gunzip.end(bytes);
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      const from = Math.max(0, start - at);
      const to = Math.min(chunk.length, start + size - at);
      if (from < to) out.set(chunk.subarray(from, to), Math.max(0, at - start));
      at += chunk.length;
      // the checksum comes last: a file that goes on for long is not unpacked to find out
      if (at > start + size + MAX_TRAILING_BYTES) return out;
    }
  } catch {
    throw new KonsilError('DATA_INVALID', `${label}: the gzip file is broken`);
  } finally {
    gunzip.destroy();
  }
  if (at < start + size) throw ends();
  return out;
}
