/**
 * Mask streams: a 32-byte key stretched to lanes uniform modulo their width, added to or subtracted from a vector in
 * place. Byte i of the stream is byte i of AES-256-CTR(key, zero initial counter block) and belongs to byte i of the vector.
 *
 * A key must mask one vector only; every caller derives a fresh one (HKDF over a context) for each mask.
 * The vector goes through the cache once: each stretch of 32 KiB takes all masks before the next one is touched. Longer
 * outputs of `update()` leave glibc's small-block path and cost up to twice as much a byte.
 * @module
 */
import { type Cipher, createCipheriv } from 'node:crypto';
import { type LaneBits, type MaskKey, runBytes, shapeBytes, type VectorShape } from './lanes.ts';
import { type LaneKernel, openLaneKernel, STRETCH_BYTES } from './lanesKernel/laneKernel.ts';
import { wipe } from './primitives.ts';

const BLOCK_BYTES = 16;
const ZEROS = new Uint8Array(STRETCH_BYTES);

let shared: LaneKernel | undefined;
/** This thread's kernel; nothing here waits between load and store, so one is enough. */
const threadKernel = (): LaneKernel => (shared ??= openLaneKernel());

/** `ArrayBuffer.prototype.transfer`: standard since Node 22, in Node 20 behind a flag. */
const transfer = (ArrayBuffer.prototype as { transfer?: (this: ArrayBufferLike, bytes: number) => unknown }).transfer;

/**
 * Overwrites a cipher's output and, where the engine can, gives its memory back at once: left to the garbage collector,
 * outputs pile up to tens of MiB and each is written to memory that is no longer in cache.
 */
function discard(output: Uint8Array): void {
  wipe(output);
  if (output.byteLength === output.buffer.byteLength) transfer?.call(output.buffer, 0);
}

/** A stretch of one lane width: bytes [from, to) of the vector. */
interface Stretch {
  readonly bits: LaneBits;
  readonly from: number;
  readonly to: number;
}

/** Bytes [from, to) of a vector of this shape, cut at ends of runs and into pieces of at most {@link STRETCH_BYTES}. */
function* stretches(shape: VectorShape, from: number, to: number): Generator<Stretch> {
  let start = 0;
  for (const run of shape) {
    const end = start + runBytes(run);
    for (let at = Math.max(start, from); at < Math.min(end, to); at += STRETCH_BYTES)
      yield { bits: run.bits, from: at, to: Math.min(at + STRETCH_BYTES, end, to) };
    start = end;
  }
}

/** AES-256-CTR whose first output byte is byte `from` of the stream; `from` is a multiple of 16. */
function cipherAt(key: Uint8Array, from: number): Cipher {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(from / BLOCK_BYTES), 8);
  return createCipheriv('aes-256-ctr', key, counter);
}

/** Where in its vector a {@link Masking} begins, and what it works with. */
export interface MaskingOptions {
  /** Byte of the vector that the first piece begins with, a multiple of 16. @default 0 */
  readonly from?: number;
  /** @default the thread's own, WebAssembly where the engine has SIMD */
  readonly kernel?: LaneKernel;
  /** Whether to stop, asked once in {@link STRETCH_BYTES}; the rest of the vector then stays as it is. @default never */
  readonly isCancelled?: () => boolean;
}

/** Masks a vector that comes piece by piece, in order. Holds ciphers under the keys, but not the keys themselves. */
export class Masking {
  readonly #shape: VectorShape;
  readonly #streams: readonly { readonly cipher: Cipher; readonly sign: 1 | -1 }[];
  readonly #kernel: LaneKernel;
  readonly #isCancelled: () => boolean;
  #at: number;

  constructor(shape: VectorShape, masks: readonly MaskKey[], options: MaskingOptions = {}) {
    this.#shape = shape;
    this.#at = options.from ?? 0;
    this.#kernel = options.kernel ?? threadKernel();
    this.#isCancelled = options.isCancelled ?? (() => false);
    this.#streams = masks.map(({ key, sign }) => ({ cipher: cipherAt(key, this.#at), sign }));
  }

  /**
   * Masks the vector's next bytes, in place.
   * @param piece a multiple of 16 bytes, over any kind of memory.
   * @throws RangeError when it is not, or reaches beyond the vector's end.
   */
  apply(piece: Uint8Array): void {
    const start = this.#at;
    const end = start + piece.length;
    if (piece.length % BLOCK_BYTES !== 0 || end > shapeBytes(this.#shape))
      throw new RangeError(`a piece has a multiple of ${BLOCK_BYTES} bytes inside its vector, got ${piece.length}`);
    for (const { bits, from, to } of stretches(this.#shape, start, end)) {
      if (this.#isCancelled()) break;
      this.#maskStretch(piece.subarray(from - start, to - start), bits);
    }
    this.#kernel.wipe();
    this.#at = end;
  }

  #maskStretch(stretch: Uint8Array, bits: LaneBits): void {
    const zeros = ZEROS.subarray(0, stretch.length);
    this.#kernel.load(stretch);
    for (const { cipher, sign } of this.#streams) {
      const stream = cipher.update(zeros);
      this.#kernel.combine(stream, bits, sign);
      discard(stream);
    }
    this.#kernel.store(stretch);
  }
}

function checkLength(name: string, vector: Uint8Array, shape: VectorShape): void {
  if (vector.length !== shapeBytes(shape))
    throw new RangeError(`${name} has ${vector.length} bytes, its shape ${shapeBytes(shape)}`);
}

/**
 * Applies masks to a vector, in place.
 * @param vector `shapeBytes(shape)` bytes.
 * @throws RangeError when it has another length.
 */
export function applyMasks(vector: Uint8Array, shape: VectorShape, masks: readonly MaskKey[]): void {
  checkLength('vector', vector, shape);
  if (masks.length > 0) new Masking(shape, masks).apply(vector);
}

/**
 * `target += source` for bytes [from, to) of vectors of one shape, in place.
 * @param from,to multiples of 16.
 */
export function addRange(
  target: Uint8Array,
  source: Uint8Array,
  shape: VectorShape,
  { from, to }: { readonly from: number; readonly to: number },
  kernel: LaneKernel = threadKernel(),
): void {
  for (const stretch of stretches(shape, from, to)) {
    const into = target.subarray(stretch.from, stretch.to);
    kernel.load(into);
    kernel.combine(source.subarray(stretch.from, stretch.to), stretch.bits, 1);
    kernel.store(into);
  }
  kernel.wipe();
}

/**
 * `target += source` for whole vectors of one shape, in place.
 * @throws RangeError when either is not `shapeBytes(shape)` long.
 */
export function addVectors(target: Uint8Array, source: Uint8Array, shape: VectorShape): void {
  checkLength('target', target, shape);
  checkLength('source', source, shape);
  addRange(target, source, shape, { from: 0, to: target.length });
}
