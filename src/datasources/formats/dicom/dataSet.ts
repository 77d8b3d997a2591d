/**
 * Values of a data set by tag: numbers, text in its character set, and the data sets of sequences.
 * @module
 */
import { printable } from '../../../base/index.ts';
import { type CharacterSet, characterSetOf, DEFAULT_CHARACTER_SET, decodeText } from './characterSet.ts';
import { findAttribute } from './dictionary.ts';
import { sequenceAt } from './elements.ts';
import type { Element, Elements, Encoding } from './parser.ts';

/** Bytes of one number by representation. */
const NUMBER_BYTES: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, SV: 8, UV: 8 };
/** Representations whose text is in the character set of the data set. @source DICOM PS3.5 §6.1.2.3. */
const LOCAL_TEXT = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);
/** Text that a backslash does not part. */
const SINGLE_TEXT = new Set(['LT', 'ST', 'UT', 'UR']);
const PLAIN_TEXT = new Set(['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI', 'UR']);

/** Longest text, in bytes, and most numbers of one value that are looked at: cells are for tables, not for documents. */
const MAX_TEXT_BYTES = 1 << 16;
const MAX_NUMBERS = 1 << 12;

/** A decimal or integer text of the standard. @source DICOM PS3.5 Table 6.2-1, DS and IS. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export class DataSet {
  readonly elements: Elements;
  readonly encoding: Encoding;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #characterSet: CharacterSet;
  readonly #label: string;
  readonly #items = new Map<string, readonly DataSet[]>();

  constructor(bytes: Uint8Array, elements: Elements, encoding: Encoding, label: string, outer = DEFAULT_CHARACTER_SET) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.elements = elements;
    this.encoding = encoding;
    this.#label = label;
    // an item without a character set of its own is in that of the data set around it
    this.#characterSet = elements['x00080005'] === undefined ? outer : characterSetOf(this.texts('x00080005'));
  }

  /** Representation of an element: the file's, or the dictionary's where the file has none or only UN. */
  vrOf({ tag, vr }: Element): string {
    const known = vr === undefined || vr === 'UN' ? (findAttribute(tag)?.vr ?? 'UN') : vr;
    if (known !== 'XS') return known;
    // PixelRepresentation
    return this.number('x00280103') === 1 ? 'SS' : 'US';
  }

  /** Bytes of a value, a view; undefined when it is absent, of undefined length or reaches beyond the file. */
  bytesOf(tag: string): Uint8Array | undefined {
    const element = this.elements[tag];
    if (element === undefined || element.hadUndefinedLength) return undefined;
    const end = element.dataOffset + element.length;
    return end <= this.#bytes.length ? this.#bytes.subarray(element.dataOffset, end) : undefined;
  }

  /**
   * Texts of a value, cut at its first NUL and after 64 KiB, trimmed and without control characters; none when it is
   * empty.
   */
  texts(tag: string): readonly string[] {
    const bytes = this.bytesOf(tag);
    if (bytes === undefined || bytes.length === 0) return [];
    const vr = this.vrOf(this.elements[tag]!);
    // writers exist that leave the rest of a longer value after the NUL
    const nul = bytes.indexOf(0);
    const used = bytes.subarray(0, Math.min(nul < 0 ? bytes.length : nul, MAX_TEXT_BYTES));
    // most text is plain, and decoders are slow to start
    const isPlain = isPlainText(used);
    const isLocal = !isPlain && LOCAL_TEXT.has(vr);
    const text = isLocal ? decodeText(used, this.#characterSet, vr === 'PN') : latin1(used);
    const values = text.includes('\\') && !SINGLE_TEXT.has(vr) ? text.split('\\') : [text];
    const trimmed = values.map((value) => {
      // a name's empty last groups may be left out or written
      const whole = vr === 'PN' && value.includes('=') ? value.replace(/=+ *$/, '') : value;
      return (isPlain ? whole : printable(whole)).trim();
    });
    return trimmed.every((value) => value === '') ? [] : trimmed;
  }

  /** First text of a value. */
  text(tag: string): string | undefined {
    return this.texts(tag)[0];
  }

  /** The first 4096 numbers of a value, binary or text; texts that are no number are NaN. */
  numbers(tag: string): readonly number[] {
    const bytes = this.bytesOf(tag);
    if (bytes === undefined) return [];
    const element = this.elements[tag]!;
    const vr = this.vrOf(element);
    const width = NUMBER_BYTES[vr];
    if (width === undefined) return this.texts(tag).map((value) => (DECIMAL.test(value) ? Number(value) : Number.NaN));
    const start = element.dataOffset;
    return Array.from({ length: Math.min(Math.floor(bytes.length / width), MAX_NUMBERS) }, (_, i) =>
      this.#numberAt(start + i * width, vr),
    );
  }

  /** First number of a value; undefined when it is absent or none. */
  number(tag: string): number | undefined {
    const value = this.numbers(tag)[0];
    return Number.isFinite(value) ? value : undefined;
  }

  /** Data sets of a sequence's items; none when it is absent. @throws KonsilError DATA_INVALID when it breaks off. */
  items(tag: string): readonly DataSet[] {
    const element = this.elements[tag];
    if (element === undefined) return [];
    const known = this.#items.get(tag);
    if (known !== undefined) return known;
    const { items } = element.items ? element : this.#parse(element);
    const encoding = element.vr === 'UN' ? { ...this.encoding, explicit: false } : this.encoding;
    const dataSets = (items ?? []).flatMap(({ dataSet }) =>
      dataSet ? [new DataSet(this.#bytes, dataSet.elements, encoding, this.#label, this.#characterSet)] : [],
    );
    this.#items.set(tag, dataSets);
    return dataSets;
  }

  #parse(element: Element): Element {
    const isInside = element.dataOffset + element.length <= this.#bytes.length;
    if (!isInside || element.length === 0) return element;
    return sequenceAt(this.#bytes, element, this.encoding, this.#label).element;
  }

  /** What kind of cell an element gives; undefined for bytes, sequences and what is not in the standard. */
  kindOf(element: Element): 'number' | 'text' | 'tag' | undefined {
    const vr = this.vrOf(element);
    if (vr in NUMBER_BYTES || vr === 'DS' || vr === 'IS') return 'number';
    if (vr === 'AT') return 'tag';
    return LOCAL_TEXT.has(vr) || PLAIN_TEXT.has(vr) ? 'text' : undefined;
  }

  #numberAt(at: number, vr: string): number {
    const { littleEndian } = this.encoding;
    const view = this.#view;
    switch (vr) {
      case 'US':
        return view.getUint16(at, littleEndian);
      case 'SS':
        return view.getInt16(at, littleEndian);
      case 'UL':
        return view.getUint32(at, littleEndian);
      case 'SL':
        return view.getInt32(at, littleEndian);
      case 'FL':
        return view.getFloat32(at, littleEndian);
      case 'FD':
        return view.getFloat64(at, littleEndian);
      case 'SV':
        return Number(view.getBigInt64(at, littleEndian));
      default:
        return Number(view.getBigUint64(at, littleEndian));
    }
  }
}

/** Whether all bytes are visible characters of ASCII or blanks. */
function isPlainText(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) return false;
  return true;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
