/**
 * Where the bytes of each frame lie: one after another, or in fragments with or without a table of offsets.
 * @module
 */
import { concatBytes } from '../../../base/index.ts';
import type { DataSet } from './dataSet.ts';
import { UNDEFINED_LENGTH } from './elements.ts';
import { frameBits, type ImageAttributes } from './imageAttributes.ts';
import { invalid } from './invalid.ts';

/** Encoded bytes of frames. */
export interface FrameBytes {
  /** Whether the frames are encapsulated, so that a codec decodes each. */
  readonly isEncapsulated: boolean;
  /** Bytes of frame `index`, a view where they lie together. `bit` is the place of its first bit in the first byte. */
  frame(index: number): { readonly bytes: Uint8Array; readonly bit: number };
}

/** A fragment's value: place of its item, relative to the first, and of its bytes. */
interface Fragment {
  readonly offset: number;
  readonly start: number;
  readonly end: number;
}

const EXTENDED_OFFSETS = 'x7fe00001';

/** @throws KonsilError DATA_INVALID when the frames cannot all be there. */
export function locateFrames(bytes: Uint8Array, dataSet: DataSet, image: ImageAttributes, label: string): FrameBytes {
  const element = dataSet.elements[image.pixelTag]!;
  if (element.length === UNDEFINED_LENGTH) return encapsulated(bytes, dataSet, element.dataOffset, image.frames, label);
  const bits = frameBits(image);
  const held = Math.min(element.length, bytes.length - element.dataOffset);
  const needed = Math.ceil((bits * image.frames) / 8);
  if (needed > held)
    throw invalid(label, `has ${held} bytes of pixels at byte ${element.dataOffset}; expected ${needed}`);
  const data = bytes.subarray(element.dataOffset, element.dataOffset + held);
  const isSwapped = !dataSet.encoding.littleEndian && element.vr === 'OW' && image.bitsAllocated <= 8;
  const ordered = isSwapped ? swapWords(data) : data;
  return {
    isEncapsulated: false,
    frame(index) {
      // frames of single bits follow one another within a byte
      const first = bits * index;
      return { bytes: ordered.subarray(Math.floor(first / 8), Math.ceil((first + bits) / 8)), bit: first % 8 };
    },
  };
}

/** Bytes that were written as big-endian words of 16 bits, two samples in each. @source DICOM PS3.5 §7.3, §8.1.1. */
function swapWords(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => bytes[i ^ 1] ?? byte);
}

function encapsulated(bytes: Uint8Array, dataSet: DataSet, start: number, frames: number, label: string): FrameBytes {
  const { table, fragments } = readFragments(bytes, start, label);
  if (fragments.length === 0) throw invalid(label, `has no fragment of pixels after byte ${start}`);
  const offsets = extendedOffsets(dataSet) ?? table;
  const firsts = firstFragments(bytes, fragments, offsets, frames);
  if (firsts === undefined)
    throw invalid(label, `has ${fragments.length} fragments of pixels that are not ${frames} frames`);
  return {
    isEncapsulated: true,
    frame(index) {
      const parts = fragments
        .slice(firsts[index], firsts[index + 1])
        .map((part) => bytes.subarray(part.start, part.end));
      return { bytes: parts.length === 1 ? parts[0]! : concatBytes(...parts), bit: 0 };
    },
  };
}

/** Items of encapsulated pixel data, which are little endian. @source DICOM PS3.5 §A.4. */
function readFragments(bytes: Uint8Array, start: number, label: string) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Fragment[] = [];
  let at = start;
  let base = 0;
  while (at + 8 <= bytes.length) {
    const tag = view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true);
    if (tag === 0xfffee0dd) return { table: readTable(view, items[0]), fragments: items.slice(1) };
    const length = view.getUint32(at + 4, true);
    if (tag !== 0xfffee000) throw invalid(label, `has no item (FFFE,E000) of pixels at byte ${at}`);
    const end = at + 8 + length;
    if (end > bytes.length)
      throw invalid(label, `ends at byte ${bytes.length}, in an item of pixels that says that it ends at byte ${end}`);
    // offsets count from the first item after that of the table
    if (items.length === 1) base = at;
    items.push({ offset: at - base, start: at + 8, end });
    at = end;
  }
  // nothing but the delimiter is missing
  if (at === bytes.length && items.length > 1) return { table: readTable(view, items[0]), fragments: items.slice(1) };
  throw invalid(label, `ends at byte ${bytes.length}; expected an item of pixels or their delimiter at byte ${at}`);
}

function readTable(view: DataView, item: Fragment | undefined): readonly number[] {
  if (item === undefined) return [];
  const table: number[] = [];
  for (let at = item.start; at + 4 <= item.end; at += 4) table.push(view.getUint32(at, true));
  return table;
}

/** Extended Offset Table, 64-bit offsets. @source DICOM PS3.3 §C.7.6.3.1.8. */
function extendedOffsets(dataSet: DataSet): readonly number[] | undefined {
  const bytes = dataSet.bytesOf(EXTENDED_OFFSETS);
  if (bytes === undefined || bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length >> 3 }, (_, i) => Number(view.getBigUint64(8 * i, true)));
}

/** Index of the first fragment of each frame, and after the last; undefined when the frames cannot be told apart. */
function firstFragments(
  bytes: Uint8Array,
  fragments: readonly Fragment[],
  offsets: readonly number[],
  frames: number,
): readonly number[] | undefined {
  if (frames > fragments.length) return undefined;
  if (frames === 1) return [0, fragments.length];
  if (offsets.length === frames) {
    const byOffset = new Map(fragments.map(({ offset }, i) => [offset, i]));
    const firsts = offsets.map((offset) => byOffset.get(offset) ?? -1);
    const isAscending = firsts.every((first, i) => first > (i === 0 ? -1 : firsts[i - 1]!));
    if (isAscending && firsts[0] === 0) return [...firsts, fragments.length];
  }
  if (frames === fragments.length) return Array.from({ length: frames + 1 }, (_, i) => i);
  // without a table a frame begins after each fragment that ends an image
  const firsts = [0];
  fragments.forEach((fragment, i) => {
    if (endsImage(bytes, fragment)) firsts.push(i + 1);
  });
  return firsts.length === frames + 1 && firsts[frames] === fragments.length ? firsts : undefined;
}

/** Whether the last bytes are the end marker of JPEG, JPEG-LS or JPEG 2000, FFD9, and perhaps padding. */
function endsImage(bytes: Uint8Array, { start, end }: Fragment): boolean {
  for (let at = end - 2; at >= Math.max(start, end - 4); at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}
