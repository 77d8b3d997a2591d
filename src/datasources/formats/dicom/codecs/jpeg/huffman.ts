/**
 * Huffman codes and the bits of a scan.
 * @module
 */
import { CodecError } from '../../../codecs/codecError.ts';

const LOOKAHEAD = 9;

/** A table of codes of at most 16 bits. @source ITU-T T.81 Annex C, §F.2.2.3. */
export class HuffmanTable {
  /** Symbols in the order of their codes. */
  readonly symbols: Uint8Array;
  /** For the next {@link LOOKAHEAD} bits: 256 · length + symbol, or 0 when the code is longer. */
  readonly fast = new Uint16Array(1 << LOOKAHEAD);
  /** By length: largest code, or -1; and what to add to a code for the place of its symbol. */
  readonly largest = new Int32Array(18).fill(-1);
  readonly offset = new Int32Array(17);

  /** @param counts - Number of codes of 1 to 16 bits. @throws CodecError when these are more than there can be. */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.symbols = symbols;
    let code = 0;
    let place = 0;
    for (let length = 1; length <= 16; length++) {
      const count = counts[length - 1]!;
      this.offset[length] = place - code;
      if (count > 0) this.largest[length] = code + count - 1;
      if (code + count > 1 << length) throw new CodecError(`has a Huffman table with too many codes of ${length} bits`);
      const short = length <= LOOKAHEAD ? count : 0;
      for (let i = 0; i < short; i++) {
        const first = (code + i) << (LOOKAHEAD - length);
        this.fast.fill((length << 8) | symbols[place + i]!, first, first + (1 << (LOOKAHEAD - length)));
      }
      place += count;
      code = (code + count) << 1;
    }
  }
}

/** Bits of entropy-coded data; ends at a marker. @throws CodecError when more are asked for than there are. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #buffer = 0;
  /** Bits in the buffer, and how many of them stand in for bits that are not there. */
  #count = 0;
  #absent = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Place of the marker at which the data end, or of the first byte not looked at. */
  get position(): number {
    return this.#at;
  }

  #fill(): void {
    const bytes = this.#bytes;
    while (this.#count <= 24) {
      let byte = 0;
      if (this.#at >= bytes.length) this.#absent += 8;
      else if (bytes[this.#at] !== 0xff) byte = bytes[this.#at++]!;
      else if (bytes[this.#at + 1] === 0) {
        byte = 0xff;
        this.#at += 2;
      } else this.#absent += 8;
      this.#buffer = (this.#buffer << 8) | byte;
      this.#count += 8;
    }
  }

  #drop(bits: number): void {
    this.#count -= bits;
    if (this.#count < this.#absent) throw new CodecError(`has a JPEG scan that ends early, at byte ${this.#at}`);
  }

  /** The next symbol. */
  decode(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill();
    const entry = table.fast[(this.#buffer >>> (this.#count - LOOKAHEAD)) & ((1 << LOOKAHEAD) - 1)]!;
    if (entry !== 0) {
      this.#drop(entry >> 8);
      return entry & 0xff;
    }
    for (let length = LOOKAHEAD + 1; length <= 16; length++) {
      const code = (this.#buffer >>> (this.#count - length)) & ((1 << length) - 1);
      if (code <= table.largest[length]!) {
        this.#drop(length);
        return table.symbols[code + table.offset[length]!]!;
      }
    }
    throw new CodecError(`has a JPEG scan with bits before byte ${this.#at} that are no code`);
  }

  /** `bits` bits, at most 16, as an unsigned integer. */
  receive(bits: number): number {
    if (bits === 0) return 0;
    if (this.#count < bits) this.#fill();
    const value = (this.#buffer >>> (this.#count - bits)) & ((1 << bits) - 1);
    this.#drop(bits);
    return value;
  }

  /** A difference of category `bits`: negative ones are coded as their value minus 1. @source ITU-T T.81 §F.2.2.1. */
  receiveSigned(bits: number): number {
    if (bits === 0) return 0;
    const value = this.receive(bits);
    return value < 1 << (bits - 1) ? value - (1 << bits) + 1 : value;
  }

  /** Goes on after the restart marker. @throws CodecError when there is none. */
  restart(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < bytes.length && bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff || marker < 0xd0 || marker > 0xd7)
      throw new CodecError(`has no JPEG restart marker at byte ${this.#at}`);
    this.#at = at + 2;
    this.#buffer = 0;
    this.#count = 0;
    this.#absent = 0;
  }
}
