/**
 * What a thread of a blinding pool does: a block of group elements under one scalar. A block is small, so its bytes are
 * copied to the thread and back; the scalar is not, both sides see the same memory.
 * @module
 */
import { createHash } from 'node:crypto';
import { concatBytes } from '../../base/index.ts';
import { ELEMENT_BYTES, elementOf, multiply, UNIFORM_BYTES } from '../../crypto/index.ts';

/** Bytes that all threads see. */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

/** What happens to every item of a list. */
export interface Blinding {
  /** `uniform`: items are 64 uniform bytes, mapped to the group first. `element`: 32 bytes of a peer, checked. */
  readonly from: 'uniform' | 'element';
  /** 32 bytes, secret, of whoever draws and wipes it. */
  readonly scalar: SharedBytes;
  /** The element itself, or the first `bytes` bytes of SHA-256(prefix ‖ element). */
  readonly to: 'element' | { readonly prefix: Uint8Array; readonly bytes: number };
}

/** A block for a thread. */
export interface BlindingOrder {
  readonly id: number;
  readonly blinding: Blinding;
  readonly items: Uint8Array;
}

/** `refused`: index of the first item that is no usable element. `error`: a fault of ours. */
export type BlindingReply =
  | { readonly id: number; readonly output: Uint8Array }
  | { readonly id: number; readonly refused: number }
  | { readonly id: number; readonly error: true };

/** Bytes of an item that goes in. */
export function widthIn({ from }: Blinding): number {
  return from === 'uniform' ? UNIFORM_BYTES : ELEMENT_BYTES;
}

/** Bytes of an item that comes out. */
export function widthOut({ to }: Blinding): number {
  return to === 'element' ? ELEMENT_BYTES : to.bytes;
}

/** Does an order; never throws. */
export function answer({ id, blinding, items }: BlindingOrder): BlindingReply {
  // a copy: the group's arithmetic reads no memory that others can write
  const scalar = new Uint8Array(blinding.scalar);
  try {
    const width = widthIn(blinding);
    const outputs: Uint8Array[] = [];
    for (let i = 0; i * width < items.length; i++) {
      const item = items.subarray(i * width, (i + 1) * width);
      const blinded = multiply(blinding.from === 'uniform' ? elementOf(item) : item, scalar);
      if (blinded === null) return { id, refused: i };
      outputs.push(outputOf(blinding, blinded));
    }
    return { id, output: concatBytes(...outputs) };
  } catch {
    return { id, error: true }; // what it says could hold a part of an element
  } finally {
    scalar.fill(0);
    items.fill(0);
  }
}

function outputOf({ to }: Blinding, element: Uint8Array): Uint8Array {
  return to === 'element'
    ? element
    : createHash('sha256').update(to.prefix).update(element).digest().subarray(0, to.bytes);
}
