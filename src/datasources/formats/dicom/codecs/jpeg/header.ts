/**
 * Segments of a JPEG stream before its first scan.
 * @module
 */
import { CodecError } from '../../../codecs/codecError.ts';

export interface JpegComponent {
  readonly id: number;
  /** Sampling factors. */
  readonly h: number;
  readonly v: number;
  readonly quantisation: number;
}

export interface JpegHeader {
  /** Second byte of the start of frame: C0 baseline, C1 extended, C2 progressive, C3 lossless, others. */
  readonly process: number;
  readonly precision: number;
  readonly width: number;
  readonly height: number;
  readonly components: number;
  readonly parts: readonly JpegComponent[];
  readonly hasJfif: boolean;
  readonly adobeTransform: number | undefined;
}

/** A segment: its marker and the place of its contents. */
export interface Segment {
  readonly marker: number;
  readonly start: number;
  readonly end: number;
}

/** Next segment at or after `at`, over fill bytes and whatever an encoder left. @throws CodecError at the end. */
export function nextSegment(bytes: Uint8Array, from: number): Segment {
  for (let at = from; at + 1 < bytes.length; at++) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0 || marker === 0xff) continue;
    // markers without contents: start and end of image, restarts
    if (marker >= 0xd0 && marker <= 0xd9) return { marker, start: at + 2, end: at + 2 };
    if (at + 4 > bytes.length) break;
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (end < at + 4 || end > bytes.length)
      throw new CodecError(`has a JPEG segment at byte ${at} that ends outside of its ${bytes.length} bytes`);
    return { marker, start: at + 4, end };
  }
  throw new CodecError(`ends at byte ${bytes.length}; expected a JPEG marker after byte ${from}`);
}

export function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** @throws CodecError when there is no frame header. @source ITU-T T.81 §B.2.2. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new CodecError('is no JPEG stream; expected FFD8 at its beginning');
  let at = 2;
  let hasJfif = false;
  let adobeTransform: number | undefined;
  for (;;) {
    const segment = nextSegment(bytes, at);
    const { marker, start, end } = segment;
    if (marker === 0xd9 || marker === 0xda) throw new CodecError(`has no JPEG frame header before byte ${start}`);
    if (isStartOfFrame(marker)) return { ...readFrame(bytes, segment), hasJfif, adobeTransform };
    if (marker === 0xe0 && textAt(bytes, start, 4) === 'JFIF') hasJfif = true;
    if (marker === 0xee && end - start >= 12 && textAt(bytes, start, 5) === 'Adobe') adobeTransform = bytes[start + 11];
    at = end;
  }
}

function readFrame(bytes: Uint8Array, { marker, start, end }: Segment) {
  const word = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  const components = bytes[start + 5] ?? 0;
  if (end - start !== 6 + 3 * components || components < 1 || components > 4)
    throw new CodecError(`has a JPEG frame header at byte ${start} of ${components} components; expected 1 to 4`);
  const parts: JpegComponent[] = [];
  for (let at = start + 6; at < end; at += 3) {
    const part = { id: bytes[at]!, h: bytes[at + 1]! >> 4, v: bytes[at + 1]! & 15, quantisation: bytes[at + 2]! };
    if (part.h < 1 || part.h > 4 || part.v < 1 || part.v > 4 || part.quantisation > 3)
      throw new CodecError(`has a JPEG component at byte ${at} with sampling factors outside of [1, 4]`);
    parts.push(part);
  }
  return {
    ...{ process: marker, precision: bytes[start]!, height: word(start + 1), width: word(start + 3) },
    ...{ components, parts },
  };
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
