/**
 * A vector as the numbers in it: what attackers compute with.
 * @module
 */
import { fromWire, type PodInput, packLanes, shapeOf, type VectorSpec } from '../../../src/aggregation/index.ts';
import { lanesAt } from '../../../src/aggregation/packing.ts';
import { bytesOf } from '../../../src/base/index.ts';
import { randomBytes, runBytes, SECRET_BYTES, type VectorShape } from '../../../src/crypto/index.ts';

/** Words of the update, each the number nearest to zero that is equal to it modulo 2^bits. */
export function wordsOf(lanes: Uint8Array, spec: VectorSpec): Int32Array {
  const shape = shapeOf(spec);
  const shift = 32 - (spec.bits ?? 32);
  return Int32Array.from(lanesAt(lanes, shape[0]!.bits, spec.updateLength), (word) => (word << shift) >> shift);
}

/** Words of a plain input. */
export function wordsOfInput(input: PodInput, spec: VectorSpec): Int32Array {
  return wordsOf(packLanes(input, spec, { seed: randomBytes(SECRET_BYTES) }), spec);
}

/** a − b, word by word, again nearest to zero. */
export function minus(a: Int32Array, b: Int32Array, { bits = 32 }: Pick<VectorSpec, 'bits'>): Int32Array {
  return a.map((word, i) => ((word - b[i]!) << (32 - bits)) >> (32 - bits));
}

/** `lanes` less all of `others`. */
export function lanesWithout(lanes: Uint8Array, others: readonly Uint8Array[], shape: VectorShape): Uint8Array {
  const left = lanes.slice();
  let at = 0;
  for (const { bits, length } of shape) {
    const target = lanesAt(left.subarray(at), bits, length);
    for (const other of others) {
      const source = lanesAt(other.subarray(at), bits, length);
      for (let i = 0; i < length; i++) target[i]! -= source[i]!;
    }
    at += runBytes({ bits, length });
  }
  return left;
}

/**
 * The part of a vector on the wire in which every bit is masked, cut to whole words: the update's last byte may be padded,
 * so that of odd widths its last word is left out.
 */
export function maskedPart(wire: Uint8Array, { updateLength, bits = 32 }: VectorSpec): Uint8Array {
  const packed = Math.ceil((updateLength * bits) / 8);
  const whole = 4 * Math.floor((updateLength * bits) / 32);
  const part = new Uint8Array(whole + wire.length - packed);
  part.set(wire.subarray(0, whole));
  part.set(wire.subarray(packed), whole);
  return part;
}

/** The wire's bytes of words in 32-bit lanes: vectors after masks were taken off. */
export function bytesOfLanes(lanes: Uint8Array, spec: VectorSpec): Uint8Array {
  const words = wordsOf(lanes, spec);
  const bits = spec.bits ?? 32;
  // of narrower lanes only the low bits are masked: whole bytes of them
  if (bits === 32) return bytesOf(words).slice();
  const bytes = Uint8Array.from(words, (word) => word & 0xff);
  return bytes.subarray(0, bytes.length - (bytes.length % 4));
}

/** The vector on the wire as lanes. */
export function lanesOf(wire: Uint8Array, spec: VectorSpec): Uint8Array {
  return fromWire(wire, spec).slice();
}
