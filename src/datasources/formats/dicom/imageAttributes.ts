/**
 * What a data set says of its pixels, checked: sizes, bits, colours, frames.
 * @module
 */
import { MAX_PIXELS } from '../imageRecord.ts';
import type { DataSet } from './dataSet.ts';
import { PIXEL_DATA } from './elements.ts';
import { invalid, tagText, unsupported } from './invalid.ts';

export const FLOAT_PIXEL_DATA = 'x7fe00008';
export const DOUBLE_PIXEL_DATA = 'x7fe00009';

/** Image Pixel module. @source DICOM PS3.3 §C.7.6.3. */
export interface ImageAttributes {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly samples: 1 | 3 | 4;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  /** `MONOCHROME2`, `RGB`, … */
  readonly photometric: string;
  /** Whether each frame holds all red samples, then all green ones, then all blue ones. */
  readonly isPlanar: boolean;
  /** Whether two pixels share their colours, Y Y Cb Cr, so that a pixel takes two samples. */
  readonly isSubsampled: boolean;
  /** Attribute that holds the pixels. */
  readonly pixelTag: string;
}

/** Most frames of a file: 16 bits of slices times as many times. */
const MAX_FRAMES = 0x7fffffff;

/** Pixels of a data set; undefined when it has none. @throws KonsilError DATA_INVALID or DATA_UNSUPPORTED. */
export function imageAttributesOf(dataSet: DataSet, label: string): ImageAttributes | undefined {
  const pixelTag = [PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA].find((tag) => dataSet.elements[tag]);
  if (pixelTag === undefined) return undefined;
  const need = (tag: string, name: string, low: number, high: number, absent?: number): number => {
    const value = dataSet.number(tag) ?? absent;
    if (value !== undefined && Number.isInteger(value) && value >= low && value <= high) return value;
    throw invalid(label, `has no ${name} ${tagText(tag)} that is an integer in [${low}, ${high}]`);
  };
  const height = need('x00280010', 'Rows', 1, 0xffff);
  const width = need('x00280011', 'Columns', 1, 0xffff);
  if (width * height > MAX_PIXELS) throw invalid(label, `has an image of more than ${MAX_PIXELS} pixels`);
  // 0 frames are written for one; the attribute is for multi-frame images only
  const frames = Math.max(1, need('x00280008', 'NumberOfFrames', 0, MAX_FRAMES, 1));
  const samples = need('x00280002', 'SamplesPerPixel', 1, 4, 1);
  if (samples === 2) throw unsupported(label, 'has 2 samples per pixel; expected 1, 3 or 4');
  const bitsAllocated = need('x00280100', 'BitsAllocated', 1, 64, floatBits(pixelTag));
  if (!isWidth(bitsAllocated, pixelTag))
    throw unsupported(label, `has ${bitsAllocated} bits allocated per sample; expected 1, 8, 16 or 32`);
  const bitsStored = need('x00280101', 'BitsStored', 1, bitsAllocated, bitsAllocated);
  const photometric = dataSet.text('x00280004') ?? (samples === 1 ? 'MONOCHROME2' : 'RGB');
  const { length } = dataSet.elements[pixelTag]!;
  // some declare shared colours and write those of every pixel
  const isSubsampled =
    photometric === 'YBR_FULL_422' && samples === 3 && length * 8 < width * height * frames * 3 * bitsAllocated;
  return {
    ...{ width, height, frames, samples: samples as 1 | 3 | 4, bitsAllocated, bitsStored, pixelTag },
    highBit: need('x00280102', 'HighBit', bitsStored - 1, bitsAllocated - 1, bitsStored - 1),
    isSigned: need('x00280103', 'PixelRepresentation', 0, 1, 0) === 1,
    ...{ photometric, isSubsampled },
    isPlanar: samples > 1 && need('x00280006', 'PlanarConfiguration', 0, 1, 0) === 1,
  };
}

function floatBits(pixelTag: string): number | undefined {
  return pixelTag === PIXEL_DATA ? undefined : pixelTag === FLOAT_PIXEL_DATA ? 32 : 64;
}

function isWidth(bits: number, pixelTag: string): boolean {
  const float = floatBits(pixelTag);
  return float === undefined ? [1, 8, 16, 32].includes(bits) : bits === float;
}

/** Bits of one uncompressed frame. */
export function frameBits({ width, height, samples, bitsAllocated, isSubsampled }: ImageAttributes): number {
  return width * height * (isSubsampled ? 2 : samples) * bitsAllocated;
}
