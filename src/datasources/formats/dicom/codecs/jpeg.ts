/**
 * JPEG (ITU-T T.81): which decoder reads a stream is for the stream to say, not for the transfer syntax.
 * @module
 */

import { CodecError } from '../../codecs/codecError.ts';
import { decodeDct } from './jpeg/dct.ts';
import { readJpegHeader } from './jpeg/header.ts';
import { decodeLossless } from './jpeg/lossless.ts';
import { decodeJpegTurbo } from './jpegTurbo.ts';
import { checkSize, type Expected, type Samples } from './samples.ts';

/** More scans than any encoder makes: each costs a pass over the image, however few its bytes. */
const MAX_SCANS = 128;
/** A block of 64 pixels has at least one bit, for its constant term. */
const MAX_PIXELS_PER_BYTE = 512;

/** @param isRgb - Whether the data set says that the components are red, green, blue. @throws CodecError */
export async function decodeJpeg(bytes: Uint8Array, expected: Expected, isRgb: boolean): Promise<Samples> {
  const header = readJpegHeader(bytes);
  const { process, precision, components } = header;
  checkSize('JPEG', header, expected);
  if (header.width * header.height > bytes.length * MAX_PIXELS_PER_BYTE)
    throw new CodecError(`has ${bytes.length} bytes, too few for its pixels`);
  if (countScans(bytes) > MAX_SCANS) throw new CodecError(`has more than ${MAX_SCANS} JPEG scans`);
  if (process === 0xc3) return decodeLossless(bytes, header, expected);
  if (process > 0xc3) throw new CodecError('is a hierarchical or arithmetic-coded JPEG, which is not read', true);
  if (precision === 8 && (components === 1 || components === 3))
    return await decodeJpegTurbo(bytes, header, expected, isRgb);
  if (precision !== 8 && precision !== 12)
    throw new CodecError(`has ${precision} bits per sample; expected 8 or 12`, true);
  return decodeDct(bytes, header, expected);
}

function countScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) if (bytes[at + 1] === 0xda) scans++;
  return scans;
}
