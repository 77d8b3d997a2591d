/**
 * Lists in pieces that a transport can carry: 32 bytes that bind the piece to its list, session and length, its index as
 * u32, and up to 4096 items of one width.
 * @module
 */
import { concatBytes, equalBytes, KonsilError, u32be } from '../base/index.ts';

/** Items of a chunk, except the last; 128 KiB of elements. */
export const CHUNK_ITEMS = 4096;

const HEADER_BYTES = 36;

/** A list both sides know the length of. */
export interface ListShape {
  /** 32 bytes, as `listBinding` gives them. */
  readonly binding: Uint8Array;
  /** What the list is called in errors. */
  readonly name: string;
  readonly count: number;
  /** Bytes of an item. */
  readonly width: number;
}

const chunksOf = ({ count }: ListShape): number => Math.ceil(count / CHUNK_ITEMS);

/** Items from `index` · 4096 on as a chunk; `items` are only those. */
export function toChunk({ binding }: ListShape, index: number, items: Uint8Array): Uint8Array {
  return concatBytes(binding, u32be(index), items);
}

/** The chunks of a list. */
export function* split(shape: ListShape, items: Uint8Array): Generator<Uint8Array> {
  const bytes = CHUNK_ITEMS * shape.width;
  for (let i = 0; i < chunksOf(shape); i++) yield toChunk(shape, i, items.subarray(i * bytes, (i + 1) * bytes));
}

/** Takes a list's chunks in order; holds no items, but what it needs to know that all of them differ. */
export class ListReader {
  readonly #shape: ListShape;
  readonly #seen = new Set<string>();
  #next = 0;

  constructor(shape: ListShape) {
    this.#shape = shape;
  }

  get isComplete(): boolean {
    return this.#next === chunksOf(this.#shape);
  }

  /**
   * The items of the next chunk, a copy, and the index of the first of them in the list.
   * @throws KonsilError PROTOCOL_VIOLATION when it is another list's or session's, out of order, of a wrong length, one too
   * many, or repeats an item. An element that came twice would count twice; distinct elements stay distinct under a scalar.
   */
  take(chunk: Uint8Array): { readonly first: number; readonly items: Uint8Array } {
    const { binding, name, count, width } = this.#shape;
    const refuse = (why: string): KonsilError => new KonsilError('PROTOCOL_VIOLATION', `${name}: ${why}`);
    const index = this.#next;
    if (this.isComplete) throw refuse(`more than the ${chunksOf(this.#shape)} chunks that were agreed`);
    if (!equalBytes(chunk.subarray(0, binding.length), binding))
      throw refuse('chunk is not of this list in this session');
    if (!equalBytes(chunk.subarray(binding.length, HEADER_BYTES), u32be(index)))
      throw refuse(`chunk is out of order, expected chunk ${index}`);
    const first = index * CHUNK_ITEMS;
    const expected = Math.min(CHUNK_ITEMS, count - first);
    if (chunk.length !== HEADER_BYTES + expected * width)
      throw refuse(`chunk ${index} has ${chunk.length} bytes, expected ${expected} items of ${width} bytes`);
    const items = new Uint8Array(chunk.subarray(HEADER_BYTES));
    for (let at = 0; at < items.length; at += width) this.#seen.add(itemText(items, at, width));
    if (this.#seen.size !== first + expected) throw refuse(`chunk ${index} repeats an item of the list`);
    this.#next++;
    if (this.isComplete) this.#seen.clear();
    return { first, items };
  }
}

/** An item as a text to look it up by. */
export function itemText(items: Uint8Array, at: number, width: number): string {
  return Buffer.from(items.buffer, items.byteOffset + at, width).toString('latin1');
}
