/**
 * The parts of dicom-parser that are used: sequences and what lies in them. Its own types leave these out.
 * @module
 */
import { createRequire } from 'node:module';

/** An attribute and the place of its value. */
export interface Element {
  /** `x00080018`. */
  readonly tag: string;
  /** Missing in implicit data sets where the dictionary has none. */
  readonly vr?: string | undefined;
  /** Bytes of the value; may reach beyond the file in items of sequences. */
  readonly length: number;
  readonly dataOffset: number;
  readonly hadUndefinedLength?: boolean;
  /** Of a sequence that was parsed. */
  readonly items?: readonly { readonly dataSet?: { readonly elements: Elements } }[] | undefined;
}

export type Elements = Readonly<Record<string, Element>>;

interface ByteStream {
  readonly position: number;
}

type SequenceReader<Last> = (stream: ByteStream, element: Element, last: Last) => void;

interface DicomParser {
  readonly ByteStream: new (parser: object, bytes: Uint8Array, position: number) => ByteStream;
  readonly littleEndianByteArrayParser: object;
  readonly bigEndianByteArrayParser: object;
  readonly readSequenceItemsExplicit: SequenceReader<string[]>;
  readonly readSequenceItemsImplicit: SequenceReader<(tag: string) => string | undefined>;
}

const library = createRequire(import.meta.url)('dicom-parser') as DicomParser;

/** How a data set is written. */
export interface Encoding {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
}

/**
 * Parses the items of a sequence whose header was read.
 * @param vrOf - Value representation of a tag, for implicit data sets.
 * @returns The element with its items, and the place after it.
 * @throws Anything, of no meaning to others: the library throws texts, and a deep nesting exhausts the stack.
 */
export function parseSequence(
  bytes: Uint8Array,
  element: Element,
  encoding: Encoding,
  vrOf: (tag: string) => string | undefined,
): { readonly element: Element; readonly end: number } {
  const parsed = { ...element };
  const order = encoding.littleEndian ? library.littleEndianByteArrayParser : library.bigEndianByteArrayParser;
  const stream = new library.ByteStream(order, bytes, element.dataOffset);
  // an undefined length with representation UN holds implicit items, PS3.5 §6.2.2
  if (encoding.explicit && element.vr !== 'UN') library.readSequenceItemsExplicit(stream, parsed, []);
  else library.readSequenceItemsImplicit(stream, parsed, vrOf);
  return { element: parsed, end: stream.position };
}
