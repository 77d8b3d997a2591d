/**
 * Stored values: the integers of a frame, each of as many bits as the data set says, with their sign.
 * @module
 */
import type { PixelData } from '../imageRecord.ts';
import type { Samples } from './codecs/samples.ts';
import type { ImageAttributes } from './imageAttributes.ts';

export type Values = PixelData['values'];

/**
 * Samples of an uncompressed frame, those of a pixel together where they lie so. A view where the file already holds
 * them as they are.
 * @param littleEndian - Order of the bytes of a sample.
 * @param bit - Place of the first bit of images of single bits, which begin with the lowest.
 * @param length - Number of samples.
 */
export function unpackSamples(
  bytes: Uint8Array,
  bit: number,
  length: number,
  image: ImageAttributes,
  littleEndian: boolean,
): Values {
  if (image.bitsAllocated === 1) {
    const values = new Uint8Array(length);
    for (let i = 0; i < length; i++) values[i] = (bytes[(bit + i) >> 3]! >> ((bit + i) & 7)) & 1;
    return values;
  }
  const width = image.bitsAllocated / 8;
  const isFloat = image.pixelTag !== 'x7fe00010';
  const ordered = inNativeOrder(bytes.subarray(0, length * width), width, littleEndian);
  const { buffer, byteOffset } = ordered;
  // float64 has no place among the kinds of pixels; its values are rounded to float32
  if (isFloat && width === 8) return Float32Array.from(new Float64Array(buffer, byteOffset, length));
  if (isFloat) return new Float32Array(buffer, byteOffset, length);
  if (width === 1) return ordered;
  return width === 2 ? new Uint16Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length);
}

/** The bytes themselves when they can be looked at as numbers of `width` bytes, else a copy that can. */
function inNativeOrder(bytes: Uint8Array, width: number, littleEndian: boolean): Uint8Array {
  if (width === 1 || (littleEndian && bytes.byteOffset % width === 0)) return bytes;
  const copy = new Uint8Array(bytes);
  if (littleEndian) return copy;
  for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse();
  return copy;
}

/** Shifts, masks and sign-extends integers as the data set says; the smallest kind that holds every such value. */
export function storedValues(values: Values, image: ImageAttributes): Values {
  if (values instanceof Float32Array) return values;
  const { bitsAllocated, bitsStored, highBit, isSigned } = image;
  const shift = highBit + 1 - bitsStored;
  if (!isSigned && bitsStored === bitsAllocated && values.BYTES_PER_ELEMENT * 8 === bitsAllocated) return values;
  const { buffer, byteOffset, length } = values;
  if (isSigned && bitsStored === 16 && values instanceof Int16Array) return values;
  if (isSigned && bitsStored === 16 && values instanceof Uint16Array) return new Int16Array(buffer, byteOffset, length);
  if (isSigned && bitsStored === 32 && values instanceof Uint32Array) return new Int32Array(buffer, byteOffset, length);
  const out = makeStored(bitsStored, isSigned, length);
  const unused = 32 - bitsStored;
  for (let i = 0; i < length; i++) {
    const bits = (values[i]! >>> shift) << unused;
    out[i] = isSigned ? bits >> unused : bits >>> unused;
  }
  return out;
}

function makeStored(bits: number, isSigned: boolean, length: number): Values {
  if (isSigned) return bits > 16 ? new Int32Array(length) : new Int16Array(length);
  return bits > 16 ? new Uint32Array(length) : bits > 8 ? new Uint16Array(length) : new Uint8Array(length);
}

/**
 * Values of a codec under the data set's description: a stream of fewer bits than allocated is not shifted, and one
 * that calls its values signed is believed.
 */
export function decodedValues({ values, isSigned }: Samples, image: ImageAttributes): Values {
  const width = values.BYTES_PER_ELEMENT * 8;
  const bitsStored = Math.min(image.bitsStored, width);
  const described = { ...image, bitsAllocated: width, bitsStored, highBit: bitsStored - 1 };
  return storedValues(values, { ...described, isSigned: isSigned || image.isSigned });
}
