/**
 * Writes DICOM files: attributes by keyword, pixels in any syntax that needs no codec, or streams that are given.
 * @module
 */
import { deflateRawSync } from 'node:zlib';
import { concatBytes, utf8 } from '../../src/base/index.ts';
import { DICTIONARY } from '../../src/datasources/formats/dicom/gen/dictionary.ts';
import { encodeRle } from './dicomRle.ts';

/** Value of an attribute: texts and numbers by its representation, bytes as they are, items of a sequence. */
export type TagValue = string | number | Uint8Array | readonly (string | number)[] | readonly Tags[];
/** Attributes by keyword, `PatientID`; or by tag and representation, `00091010LO`. */
export interface Tags {
  readonly [keyword: string]: TagValue;
}

type PixelValues = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

export interface WrittenPixels {
  readonly width: number;
  readonly height: number;
  /** @default 1 */
  readonly samples?: number;
  /** Shape `[height, width, samples]` each. */
  readonly frames: readonly PixelValues[];
  /** @default all bits of a value */
  readonly bitsStored?: number;
}

export interface WrittenFile {
  readonly tags?: Tags;
  /** @default explicit little endian */
  readonly transferSyntax?: string;
  /** Adds the attributes that describe them; `tags` has the last word. */
  readonly pixels?: WrittenPixels;
  /** Streams of the frames in place of their values, each in one fragment or more. */
  readonly encoded?: readonly (readonly Uint8Array[])[];
  /** Table of offsets in encapsulated pixels. @default 'basic' */
  readonly offsets?: 'none' | 'basic' | 'extended';
  /** Whether preamble, `DICM` and meta information are written. @default true */
  readonly isWhole?: boolean;
  /** Whether sequences have delimiters instead of lengths. @default false */
  readonly isDelimited?: boolean;
}

interface Style {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
  readonly isDelimited: boolean;
}

export const SYNTAX = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  bigEndian: '1.2.840.10008.1.2.2',
  rle: '1.2.840.10008.1.2.5',
  jpegBaseline: '1.2.840.10008.1.2.4.50',
  jpegExtended: '1.2.840.10008.1.2.4.51',
  jpegLossless: '1.2.840.10008.1.2.4.70',
  jpeg2000: '1.2.840.10008.1.2.4.90',
  deflatedFrame: '1.2.840.10008.1.2.8.1',
} as const;

const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const UNDEFINED = 0xffffffff;

/** The whole file. */
export function writeDicom(file: WrittenFile): Uint8Array {
  const { transferSyntax = SYNTAX.explicit, pixels, isWhole = true, isDelimited = false } = file;
  const littleEndian = transferSyntax !== SYNTAX.bigEndian;
  const style: Style = { explicit: transferSyntax !== SYNTAX.implicit, littleEndian, isDelimited };
  const tags: Tags = {
    ...{ SOPClassUID: '1.2.840.10008.5.1.4.1.1.7', SOPInstanceUID: '2.25.1', Modality: 'OT' },
    ...(pixels ? describePixels(pixels) : {}),
    ...file.tags,
  };
  const frames = file.encoded ?? encodedFrames(transferSyntax, pixels);
  const extended = frames && file.offsets === 'extended' ? { ExtendedOffsetTable: extendedTable(frames) } : {};
  const body = concatBytes(
    writeTags({ ...tags, ...extended }, style),
    frames
      ? encapsulate(frames, file.offsets ?? 'basic', style)
      : pixels
        ? nativePixels(pixels, style)
        : new Uint8Array(),
  );
  const dataSet = transferSyntax === SYNTAX.deflated ? new Uint8Array(deflateRawSync(body)) : body;
  if (!isWhole) return dataSet;
  const metaStyle: Style = { explicit: true, littleEndian: true, isDelimited: false };
  const meta = writeTags(
    { MediaStorageSOPClassUID: tags['SOPClassUID']!, TransferSyntaxUID: transferSyntax },
    metaStyle,
  );
  const length = writeTags({ FileMetaInformationGroupLength: meta.length }, metaStyle);
  return concatBytes(new Uint8Array(128), utf8('DICM'), length, meta, dataSet);
}

function describePixels({ width, height, samples = 1, frames, bitsStored }: WrittenPixels): Tags {
  const values = frames[0]!;
  const bits = values.BYTES_PER_ELEMENT * 8;
  const isSigned = values instanceof Int8Array || values instanceof Int16Array || values instanceof Int32Array;
  return {
    ...{ SamplesPerPixel: samples, PhotometricInterpretation: samples === 1 ? 'MONOCHROME2' : 'RGB' },
    ...(samples > 1 ? { PlanarConfiguration: 0 } : {}),
    ...(frames.length > 1 ? { NumberOfFrames: String(frames.length) } : {}),
    ...{ Rows: height, Columns: width, BitsAllocated: bits, BitsStored: bitsStored ?? bits },
    ...{ HighBit: (bitsStored ?? bits) - 1, PixelRepresentation: isSigned ? 1 : 0 },
  };
}

/** Streams of the frames where the syntax is one of those written here. */
function encodedFrames(transferSyntax: string, pixels: WrittenPixels | undefined) {
  if (pixels === undefined) return undefined;
  if (transferSyntax === SYNTAX.rle)
    return pixels.frames.map((values) => [encodeRle(values, pixels.samples ?? 1, values.BYTES_PER_ELEMENT)]);
  if (transferSyntax === SYNTAX.deflatedFrame)
    return pixels.frames.map((values) => [even(new Uint8Array(deflateRawSync(bytesIn(values, true))))]);
  return undefined;
}

function bytesIn(values: PixelValues, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  const width = values.BYTES_PER_ELEMENT;
  if (littleEndian) return bytes;
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
  return bytes;
}

function nativePixels({ frames }: WrittenPixels, style: Style): Uint8Array {
  const bytes = concatBytes(...frames.map((values) => bytesIn(values, style.littleEndian)));
  return element('7fe00010', frames[0]!.BYTES_PER_ELEMENT > 1 ? 'OW' : 'OB', even(bytes), style);
}

function encapsulate(frames: readonly (readonly Uint8Array[])[], offsets: string, style: Style): Uint8Array {
  const table = offsets === 'basic' ? offsetsOf(frames) : [];
  const items = [
    concatBytes(...table.map((offset) => uint(offset, 4, true))),
    ...frames.flat().map((bytes) => even(bytes)),
  ];
  return concatBytes(
    header('7fe00010', 'OB', UNDEFINED, style),
    ...items.map((bytes) => concatBytes(header('fffee000', '', bytes.length, style), bytes)),
    header('fffee0dd', '', 0, style),
  );
}

function offsetsOf(frames: readonly (readonly Uint8Array[])[]): number[] {
  let at = 0;
  return frames.map((fragments) => {
    const start = at;
    for (const fragment of fragments) at += 8 + even(fragment).length;
    return start;
  });
}

function extendedTable(frames: readonly (readonly Uint8Array[])[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(offsetsOf(frames), BigInt).buffer);
}

function writeTags(tags: Tags, style: Style): Uint8Array {
  const isSigned = tags['PixelRepresentation'] === 1;
  const elements = Object.entries(tags).map(([name, value]) => {
    const { tag, vr } = attribute(name);
    // the dictionary's mark for unsigned or signed as the pixels are
    return { tag, vr: vr === 'XS' ? (isSigned ? 'SS' : 'US') : vr, value };
  });
  elements.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  return concatBytes(...elements.map(({ tag, vr, value }) => writeElement(tag, vr, value, style)));
}

function writeElement(tag: string, vr: string, value: TagValue, style: Style): Uint8Array {
  if (vr !== 'SQ') return element(tag, vr, even(valueBytes(vr, value, style), vr), style);
  const items = (value as readonly Tags[]).map((item) => {
    const bytes = writeTags(item, style);
    if (!style.isDelimited) return concatBytes(header('fffee000', '', bytes.length, style), bytes);
    return concatBytes(header('fffee000', '', UNDEFINED, style), bytes, header('fffee00d', '', 0, style));
  });
  if (!style.isDelimited) return element(tag, vr, concatBytes(...items), style);
  return concatBytes(header(tag, vr, UNDEFINED, style), ...items, header('fffee0dd', '', 0, style));
}

function valueBytes(vr: string, value: TagValue, { littleEndian }: Style): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const values = (Array.isArray(value) ? value : [value]) as readonly (string | number)[];
  switch (vr) {
    case 'US':
    case 'SS':
      return concatBytes(...values.map((one) => uint(Number(one) & 0xffff, 2, littleEndian)));
    case 'UL':
    case 'SL':
      return concatBytes(...values.map((one) => uint(Number(one) >>> 0, 4, littleEndian)));
    case 'FL':
    case 'FD':
      return concatBytes(...values.map((one) => float(Number(one), vr === 'FL' ? 4 : 8, littleEndian)));
    default:
      return utf8(values.join('\\'));
  }
}

function element(tag: string, vr: string, bytes: Uint8Array, style: Style): Uint8Array {
  return concatBytes(header(tag, vr, bytes.length, style), bytes);
}

function header(tag: string, vr: string, length: number, { explicit, littleEndian }: Style): Uint8Array {
  const [group, number] = [Number.parseInt(tag.slice(0, 4), 16), Number.parseInt(tag.slice(4), 16)];
  const start = [uint(group, 2, littleEndian), uint(number, 2, littleEndian)];
  if (!explicit || vr === '') return concatBytes(...start, uint(length, 4, littleEndian));
  if (LONG.has(vr)) return concatBytes(...start, utf8(vr), new Uint8Array(2), uint(length, 4, littleEndian));
  return concatBytes(...start, utf8(vr), uint(length, 2, littleEndian));
}

function uint(value: number, width: 2 | 4, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 2) view.setUint16(0, value, littleEndian);
  else view.setUint32(0, value, littleEndian);
  return bytes;
}

function float(value: number, width: 4 | 8, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 4) view.setFloat32(0, value, littleEndian);
  else view.setFloat64(0, value, littleEndian);
  return bytes;
}

/** Values have even lengths; UIDs and bytes are padded with NUL, texts with a blank. */
function even(bytes: Uint8Array, vr = 'OB'): Uint8Array {
  if (bytes.length % 2 === 0) return bytes;
  return concatBytes(bytes, Uint8Array.of(vr === 'UI' || vr.startsWith('O') || vr === 'UN' ? 0 : 0x20));
}

let keywords: Map<string, { readonly tag: string; readonly vr: string }> | undefined;

function attribute(name: string): { readonly tag: string; readonly vr: string } {
  if (/^[0-9a-f]{8}[A-Z]{2}$/.test(name)) return { tag: name.slice(0, 8), vr: name.slice(8) };
  keywords ??= new Map(
    DICTIONARY.flatMap((entries, i) =>
      i % 2 === 0
        ? []
        : entries.split(' ').map((entry) => {
            const tag = `${DICTIONARY[i - 1]!}${entry.slice(0, 4)}`;
            return [entry.slice(6), { tag, vr: entry.slice(4, 6) }] as const;
          }),
    ),
  );
  const found = keywords.get(name);
  if (found === undefined) throw new RangeError(`${name} is no keyword of the standard`);
  return found;
}
