/**
 * Stored values of one frame, whatever coded them.
 * @module
 */
import { inflateRawSync } from 'node:zlib';
import { CodecError } from '../codecs/codecError.ts';
import { decodeJpeg } from './codecs/jpeg.ts';
import { decodeJpeg2000, findCodestream } from './codecs/jpeg2000.ts';
import { decodeJpegLs } from './codecs/jpegLs.ts';
import { decodeRle } from './codecs/rle.ts';
import { type Samples } from './codecs/samples.ts';
import { interleave } from './codecs/wasmSamples.ts';
import { expand422 } from './colour.ts';
import type { DataSet } from './dataSet.ts';
import type { FrameBytes } from './frames.ts';
import { frameBits, type ImageAttributes } from './imageAttributes.ts';
import { invalid, unsupported } from './invalid.ts';
import { decodedValues, storedValues, unpackSamples, type Values } from './storedValues.ts';
import { type FrameCoding, TRANSFER_SYNTAXES } from './transferSyntax.ts';

/** A deflated frame may end in a byte that makes its length even. */
const MAX_PADDING = 1;

/** A file's image and all that decoding a frame of it needs. */
export interface Image {
  readonly label: string;
  readonly dataSet: DataSet;
  readonly attributes: ImageAttributes;
  readonly frames: FrameBytes;
  readonly transferSyntax: string | undefined;
}

/** Stored values of a frame, and the colours that they are of. */
export interface Stored {
  /** Shape `[height, width, samples]`. */
  readonly values: Values;
  readonly photometric: string;
}

/** @throws KonsilError DATA_INVALID or DATA_UNSUPPORTED, RangeError when there is no such frame. */
export async function readStored(image: Image, index: number): Promise<Stored> {
  const { attributes, label, frames } = image;
  if (!Number.isInteger(index) || index < 0 || index >= attributes.frames)
    throw new RangeError(`frame needs an integer in [0, ${attributes.frames}), got ${index}`);
  const { bytes, bit } = frames.frame(index);
  const coding = codingOf(image, bytes);
  try {
    if (coding === 'native') return unpackNative(image, bytes, bit, image.dataSet.encoding.littleEndian);
    if (coding === 'deflatedFrame') return unpackNative(image, inflateFrame(bytes, attributes), 0, true);
    if (coding === 'rle') return unpackRle(image, bytes);
    const decoded = await decodeWith(coding, bytes, image);
    return { values: decodedValues(decoded, attributes), photometric: decodedPhotometric(decoded, attributes) };
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    const make = error.isUnsupported ? unsupported : invalid;
    throw make(label, `cannot be decoded: frame ${index} ${error.message}`);
  }
}

/** What decodes a frame. Streams know themselves: without a declared syntax, or with a wrong one, they are looked at. */
function codingOf({ transferSyntax, frames }: Image, bytes: Uint8Array): FrameCoding {
  if (!frames.isEncapsulated) return 'native';
  const coding = TRANSFER_SYNTAXES[transferSyntax ?? '']?.coding;
  if (coding !== undefined && coding !== 'native') return coding;
  if (findCodestream(bytes) !== undefined) return 'jpeg2000';
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return bytes.includes(0xf7) && isJpegLs(bytes) ? 'jpegLs' : 'jpeg';
  return 'rle';
}

function isJpegLs(bytes: Uint8Array): boolean {
  for (let at = 2; at + 3 < bytes.length && bytes[at] === 0xff; at += 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!))
    if (bytes[at + 1] === 0xf7) return true;
  return false;
}

async function decodeWith(
  coding: 'jpeg' | 'jpegLs' | 'jpeg2000' | 'htj2k',
  bytes: Uint8Array,
  { attributes, dataSet, label }: Image,
): Promise<Samples> {
  const { width, height, samples, photometric } = attributes;
  const expected = { width, height, components: samples };
  const isJpeg2000 = coding === 'jpeg2000' || coding === 'htj2k';
  const isStream = isJpeg2000 ? findCodestream(bytes) !== undefined : bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isStream && dataSet.text('x00080070')?.startsWith('Carl Zeiss Meditec'))
    throw unsupported(
      label,
      "has pixels that the maker's device scrambled; export it with Zeiss' unlocked DICOM export for research",
    );
  if (coding === 'jpegLs') return await decodeJpegLs(bytes, expected);
  return await (isJpeg2000 ? decodeJpeg2000(bytes, expected) : decodeJpeg(bytes, expected, photometric === 'RGB'));
}

/** Colours after decoding: codecs give every pixel its chroma, and some give red, green, blue. */
function decodedPhotometric({ isRgb, components }: Samples, { photometric }: ImageAttributes): string {
  if (components === 1) return photometric;
  if (isRgb || photometric === 'YBR_RCT' || photometric === 'YBR_ICT') return 'RGB';
  return photometric === 'YBR_FULL_422' ? 'YBR_FULL' : photometric;
}

function unpackRle({ attributes }: Image, bytes: Uint8Array): Stored {
  const { width, height, samples, bitsAllocated, photometric } = attributes;
  if (bitsAllocated < 8) throw new CodecError('has single bits in RLE, which is not read', true);
  const unpacked = decodeRle(bytes, width * height, samples, bitsAllocated / 8);
  const values = unpackSamples(unpacked, 0, width * height * samples, attributes, true);
  return { values: storedValues(values, attributes), photometric };
}

function unpackNative({ attributes }: Image, bytes: Uint8Array, bit: number, littleEndian: boolean): Stored {
  const { width, height, samples, isPlanar, isSubsampled, photometric } = attributes;
  const length = width * height * (isSubsampled ? 2 : samples);
  const unpacked = unpackSamples(bytes, bit, length, attributes, littleEndian);
  const values = storedValues(unpacked, attributes);
  if (isSubsampled) return { values: expand422(values), photometric };
  return { values: isPlanar ? interleave(values, samples) : values, photometric };
}

/** Bytes of a frame that was deflated by itself. @source DICOM PS3.5 §A.4.15. */
function inflateFrame(bytes: Uint8Array, attributes: ImageAttributes): Uint8Array {
  const needed = Math.ceil(frameBits(attributes) / 8);
  let inflated: Uint8Array;
  try {
    inflated = inflateRawSync(bytes, { maxOutputLength: needed + MAX_PADDING });
  } catch {
    throw new CodecError('is no deflated frame');
  }
  if (inflated.length < needed) throw new CodecError(`gave ${inflated.length} bytes when inflated; expected ${needed}`);
  // not as a Buffer, whose slices are views
  return new Uint8Array(inflated.buffer, inflated.byteOffset, needed);
}
