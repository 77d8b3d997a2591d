/**
 * The attributes of a data set up to its pixels. Sequences are parsed only where their end or their items are needed.
 * @module
 */
import { findAttribute } from './dictionary.ts';
import { invalid, tagText } from './invalid.ts';
import { type Element, type Elements, type Encoding, parseSequence } from './parser.ts';

export const PIXEL_DATA = 'x7fe00010';
export const UNDEFINED_LENGTH = 0xffffffff;

/** Value representations whose length takes 4 bytes after 2 that are reserved. @source DICOM PS3.5 §7.1.2. */
const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const SHORT = new Set('AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' '));

/** Whether two letters are a value representation of the standard. */
export function isRepresentation(vr: string): boolean {
  return LONG.has(vr) || SHORT.has(vr);
}

/** Most tags that are remembered: those of the standard, and then some. */
const MAX_KNOWN_TAGS = 1 << 14;
const knownTags = new Map<number, string>();

/** The tag as a key, `x00100010`. Files have the same ones over and over: making each anew is a third of reading a header. */
function tagOf(number: number): string {
  let tag = knownTags.get(number);
  if (tag === undefined) {
    tag = `x${number.toString(16).padStart(8, '0')}`;
    if (knownTags.size < MAX_KNOWN_TAGS) knownTags.set(number, tag);
  }
  return tag;
}

const knownRepresentations = new Map([...LONG, ...SHORT].map((vr) => [vr.charCodeAt(0) * 256 + vr.charCodeAt(1), vr]));

function representationOf(first: number, second: number): string {
  return knownRepresentations.get(first * 256 + second) ?? String.fromCharCode(first, second);
}

/** Reads the header of the element at `at`. @throws KonsilError DATA_INVALID when the file ends in it. */
export function readElementHeader(bytes: Uint8Array, at: number, encoding: Encoding, label: string): Element {
  const { littleEndian, explicit } = encoding;
  if (at + 8 > bytes.length) throw invalid(label, `ends at byte ${bytes.length}; expected an attribute at byte ${at}`);
  const group = u16(bytes, at, littleEndian);
  const number = group * 0x10000 + u16(bytes, at + 2, littleEndian);
  const tag = tagOf(number);
  // items and delimiters never have a representation
  if (!explicit || group === 0xfffe) {
    const vr = findAttribute(tag)?.vr;
    return withUndefined({ tag, vr, length: u32(bytes, at + 4, littleEndian), dataOffset: at + 8 });
  }
  const vr = representationOf(bytes[at + 4]!, bytes[at + 5]!);
  if (!LONG.has(vr)) return { tag, vr, length: u16(bytes, at + 6, littleEndian), dataOffset: at + 8 };
  if (at + 12 > bytes.length) throw invalid(label, `ends at byte ${bytes.length}, in the attribute at byte ${at}`);
  return withUndefined({ tag, vr, length: u32(bytes, at + 8, littleEndian), dataOffset: at + 12 });
}

/**
 * Elements from `start` to the pixel data, which come last and whose length is not looked at.
 * @throws KonsilError DATA_INVALID naming the byte at which the data set breaks off.
 */
export function readElements(bytes: Uint8Array, start: number, encoding: Encoding, label: string): Elements {
  const elements: Record<string, Element> = {};
  const end = withoutPadding(bytes, start);
  let at = start;
  while (at < end) {
    const element = readElementHeader(bytes, at, encoding, label);
    if (element.tag === PIXEL_DATA) {
      elements[element.tag] = element;
      break;
    }
    const { read, end } = readValue(bytes, element, encoding, label);
    elements[element.tag] = read;
    at = end;
  }
  return elements;
}

function readValue(bytes: Uint8Array, element: Element, encoding: Encoding, label: string) {
  if (!element.hadUndefinedLength) {
    const end = element.dataOffset + element.length;
    if (end <= bytes.length) return { read: element, end };
    throw invalid(
      label,
      `ends at byte ${bytes.length}, in attribute ${tagText(element.tag)}, which says that it ends at byte ${end}`,
    );
  }
  const { element: read, end } = sequenceAt(bytes, element, encoding, label);
  if (end <= bytes.length && isDelimiter(bytes, end - 8, encoding)) return { read, end };
  throw invalid(
    label,
    `ends at byte ${bytes.length}, in sequence ${tagText(element.tag)} of byte ${element.dataOffset}`,
  );
}

/** The sequence with its items. @throws KonsilError DATA_INVALID when they cannot be told apart. */
export function sequenceAt(bytes: Uint8Array, element: Element, encoding: Encoding, label: string) {
  try {
    return parseSequence(bytes, element, encoding, (tag) => findAttribute(tag)?.vr);
  } catch {
    throw invalid(
      label,
      `has sequence ${tagText(element.tag)} at byte ${element.dataOffset} that breaks off; expected items and a delimiter`,
    );
  }
}

/** Where the data set ends: some writers fill up the last block of a file with zeros, which no attribute begins with. */
function withoutPadding(bytes: Uint8Array, start: number): number {
  let end = bytes.length;
  while (end > start && bytes[end - 1] === 0) end--;
  return end;
}

/** Whether a sequence's delimiter, (FFFE,E0DD), is at `at`: without it the sequence was cut short. */
function isDelimiter(bytes: Uint8Array, at: number, { littleEndian }: Encoding): boolean {
  return u16(bytes, at, littleEndian) === 0xfffe && u16(bytes, at + 2, littleEndian) === 0xe0dd;
}

function withUndefined(element: Element): Element {
  return element.length === UNDEFINED_LENGTH ? { ...element, hadUndefinedLength: true } : element;
}

function u16(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const [first, second] = [bytes[at]!, bytes[at + 1]!];
  return littleEndian ? first | (second << 8) : (first << 8) | second;
}

function u32(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const [first, second] = [u16(bytes, at, littleEndian), u16(bytes, at + 2, littleEndian)];
  return littleEndian ? first + second * 0x10000 : first * 0x10000 + second;
}
