/**
 * Decoding of one block's coefficients: sequential, and the four kinds of progressive scans.
 * @module
 */
import { CodecError } from '../../../codecs/codecError.ts';
import type { BitReader, HuffmanTable } from './huffman.ts';

/** Row-major place of the coefficients in the order in which they are coded. @source ITU-T T.81 Figure A.6. */
export const ZIGZAG: Uint8Array = zigzag();

function zigzag(): Uint8Array {
  const order = new Uint8Array(64);
  let at = 0;
  for (let diagonal = 0; diagonal < 15; diagonal++)
    for (let i = 0; i <= diagonal; i++) {
      // odd diagonals run down to the left, even ones up to the right
      const row = diagonal % 2 === 1 ? i : diagonal - i;
      if (row < 8 && diagonal - row < 8) order[at++] = row * 8 + diagonal - row;
    }
  return order;
}

/** What a scan decodes, and what it remembers from block to block. */
export interface ScanState {
  readonly bits: BitReader;
  /** Band of coefficients, and how many bits each was shifted by, now and in the scan before. */
  readonly first: number;
  readonly last: number;
  readonly high: number;
  readonly low: number;
  /** Blocks, after this one, of which nothing more comes in this band. */
  endOfBandRun: number;
}

/** What a scan knows of one component. */
export interface ScanComponent {
  readonly dc: HuffmanTable | undefined;
  readonly ac: HuffmanTable | undefined;
  /** Constant term of the block before. */
  prediction: number;
}

export type DecodeBlock = (scan: ScanState, component: ScanComponent, coefficients: Int16Array, at: number) => void;

/** The decoder of a scan's blocks. */
export function blockDecoder(isProgressive: boolean, { first, high }: ScanState): DecodeBlock {
  if (!isProgressive) return decodeSequential;
  if (first === 0) return high === 0 ? decodeDcFirst : refineDc;
  return high === 0 ? decodeAcFirst : refineAc;
}

function need(table: HuffmanTable | undefined): HuffmanTable {
  if (table === undefined) throw new CodecError('has a JPEG scan that names a Huffman table that is not there');
  return table;
}

/** Constant term. @source ITU-T T.81 §F.2.2.1. */
function decodeDifference({ bits }: ScanState, component: ScanComponent): number {
  const category = bits.decode(need(component.dc));
  if (category > 15) throw new CodecError(`has a JPEG scan with a difference of ${category} bits; expected at most 15`);
  component.prediction += bits.receiveSigned(category);
  return component.prediction;
}

/** @source ITU-T T.81 §F.2.2.2. */
const decodeSequential: DecodeBlock = (scan, component, coefficients, at) => {
  coefficients[at] = decodeDifference(scan, component);
  const ac = need(component.ac);
  for (let k = 1; k < 64; k++) {
    const symbol = scan.bits.decode(ac);
    const size = symbol & 15;
    k += symbol >> 4;
    if (size === 0) {
      if (symbol !== 0xf0) return;
      continue;
    }
    if (k > 63) throw new CodecError('has a JPEG block of more than 64 coefficients');
    coefficients[at + ZIGZAG[k]!] = scan.bits.receiveSigned(size);
  }
};

/** @source ITU-T T.81 §G.1.2.1. */
const decodeDcFirst: DecodeBlock = (scan, component, coefficients, at) => {
  coefficients[at] = decodeDifference(scan, component) << scan.low;
};

const refineDc: DecodeBlock = (scan, _component, coefficients, at) => {
  if (scan.bits.receive(1) === 1) coefficients[at]! |= 1 << scan.low;
};

/** @source ITU-T T.81 §G.1.2.2. */
const decodeAcFirst: DecodeBlock = (scan, component, coefficients, at) => {
  if (scan.endOfBandRun > 0) {
    scan.endOfBandRun--;
    return;
  }
  const ac = need(component.ac);
  for (let k = scan.first; k <= scan.last; k++) {
    const symbol = scan.bits.decode(ac);
    const [run, size] = [symbol >> 4, symbol & 15];
    if (size === 0 && run < 15) {
      scan.endOfBandRun = (1 << run) - 1 + scan.bits.receive(run);
      return;
    }
    k += run;
    if (size === 0) continue;
    if (k > scan.last) throw new CodecError('has a JPEG block of more coefficients than its scan');
    coefficients[at + ZIGZAG[k]!] = scan.bits.receiveSigned(size) << scan.low;
  }
};

/** One more bit of coefficients that are known, between new ones. @source ITU-T T.81 §G.1.2.3. */
const refineAc: DecodeBlock = (scan, component, coefficients, at) => {
  const { bits, last } = scan;
  const unit = 1 << scan.low;
  let k = scan.first;
  const refine = (place: number): void => {
    if (bits.receive(1) === 1) coefficients[place]! += coefficients[place]! > 0 ? unit : -unit;
  };
  if (scan.endOfBandRun === 0) {
    const ac = need(component.ac);
    while (k <= last) {
      const symbol = bits.decode(ac);
      const size = symbol & 15;
      let zeros = symbol >> 4;
      if (size > 1) throw new CodecError('has a JPEG refinement of more than one bit');
      if (size === 0 && zeros < 15) {
        scan.endOfBandRun = (1 << zeros) + bits.receive(zeros);
        break;
      }
      const added = size === 0 ? 0 : bits.receive(1) === 1 ? unit : -unit;
      for (; k <= last; k++) {
        const place = at + ZIGZAG[k]!;
        if (coefficients[place] !== 0) refine(place);
        else if (zeros-- === 0) {
          coefficients[place] = added;
          k++;
          break;
        }
      }
    }
  }
  if (scan.endOfBandRun === 0) return;
  for (; k <= last; k++) {
    const place = at + ZIGZAG[k]!;
    if (coefficients[place] !== 0) refine(place);
  }
  scan.endOfBandRun--;
};
