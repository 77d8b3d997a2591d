/**
 * How a vector lies in memory while it is masked and summed: stretches of unsigned lanes of one width each, little-endian.
 * Arithmetic is modulo 2^bits in every lane. A stretch is padded with zero lanes to whole AES blocks, so that byte i of a
 * mask's key stream always belongs to byte i of the vector; the padding is masked and summed like everything else.
 * @module
 */

/** Width of a lane in bits. */
export type LaneBits = 8 | 16 | 32;

/** A stretch of equal lanes. */
export interface LaneRun {
  readonly bits: LaneBits;
  /** Lanes in use, at least 1; the padding is not counted. */
  readonly length: number;
}

/** A vector's stretches, in order. */
export type VectorShape = readonly LaneRun[];

const BLOCK_BYTES = 16;

/** Bytes of one stretch, padding included: a multiple of 16. */
export function runBytes({ bits, length }: LaneRun): number {
  return Math.ceil((length * bits) / 8 / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Bytes of a vector of this shape: a multiple of 16. */
export function shapeBytes(shape: VectorShape): number {
  return shape.reduce((sum, run) => sum + runBytes(run), 0);
}

/** A zero vector of this shape in memory that threads share. */
export function allocateVector(shape: VectorShape): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(shapeBytes(shape)));
}

/** A mask to apply: a key stream added to (`1`) or subtracted from (`-1`) every lane. `key`: 32 bytes, secret. */
export interface MaskKey {
  readonly key: Uint8Array;
  readonly sign: 1 | -1;
}
