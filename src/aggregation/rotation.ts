/**
 * Random rotation: signs flipped by a public seed, then a Walsh–Hadamard transform of blocks, scaled to be orthogonal. It
 * spreads every coordinate over its block, so that all of them get about one magnitude and few bits suffice for each;
 * norms and means are unchanged. The same rotation is applied by all pods before quantising and undone once after the sum.
 *
 * Blocks have a power of two coordinates, at most 2^16. What remains after the last full block is covered by one more
 * block that ends with the vector and overlaps the one before: a product of orthogonal maps is orthogonal, and nothing
 * has to be padded.
 * @source Suresh et al., "Distributed mean estimation with limited communication" (ICML 2017), §3; the overlap is own.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { hkdf } from '../crypto/index.ts';

/** A block stays in the second-level cache, and 2^16 coordinates are flat within a few per cent. */
export const ROTATION_BLOCK = 2 ** 16;
const SEED_BYTES = 32;
const LABEL = 'konsil/rotation/v1';

interface Block {
  readonly at: number;
  readonly size: number;
}

/** Blocks in the order in which they are transformed. */
function blocksOf(length: number): Block[] {
  if (length === 0) return [];
  const size = Math.min(ROTATION_BLOCK, 2 ** Math.floor(Math.log2(length)));
  const blocks = Array.from({ length: Math.floor(length / size) }, (_, i) => ({ at: i * size, size }));
  if (length % size !== 0) blocks.push({ at: length - size, size });
  return blocks;
}

/** Lengths of the stretches of a rotated vector that have a magnitude of their own: full blocks, then what remains. */
export function rotatedStretches(length: number): number[] {
  const ends = blocksOf(length).map(({ at, size }) => at + size);
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

/** Random bytes, one bit a sign, of all blocks one after another. */
function signBytes(seed: Uint8Array, blocks: readonly Block[]): Uint8Array {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a rotation seed has ${SEED_BYTES} bytes, got ${seed.length}`);
  const bits = blocks.reduce((sum, { size }) => sum + size, 0);
  const cipher = createCipheriv('aes-256-ctr', hkdf(seed, new Uint8Array(0), LABEL, 32), new Uint8Array(16));
  return cipher.update(new Uint8Array(Math.ceil(bits / 8)));
}

const signOf = (signs: Uint8Array, bit: number): number => 1 - 2 * ((signs[bit >>> 3]! >>> (bit & 7)) & 1);

/**
 * The rotated update, a new array; `update` is not changed.
 * @param seed 32 public bytes, the same at all pods.
 */
export function rotate<T extends Float32Array | Float64Array>(update: T, seed: Uint8Array): T {
  const rotated = update.slice() as T;
  const blocks = blocksOf(update.length);
  const signs = signBytes(seed, blocks);
  let bit = 0;
  for (const { at, size } of blocks) {
    const block = new Float64Array(size);
    for (let i = 0; i < size; i++) block[i] = signOf(signs, bit + i) * rotated[at + i]!;
    hadamard(block);
    rotated.set(block, at);
    bit += size;
  }
  return rotated;
}

/** Inverse of {@link rotate}, in place. */
export function unrotate(rotated: Float64Array, seed: Uint8Array): void {
  const blocks = blocksOf(rotated.length);
  const signs = signBytes(seed, blocks);
  let bit = blocks.reduce((sum, { size }) => sum + size, 0);
  for (const { at, size } of blocks.toReversed()) {
    const block = rotated.subarray(at, at + size);
    hadamard(block); // symmetric and orthogonal, so its own inverse
    bit -= size;
    for (let i = 0; i < size; i++) block[i]! *= signOf(signs, bit + i);
  }
}

/** Orthonormal Walsh–Hadamard transform in place; a power of two elements. Two stages at a time, as far as possible. */
function hadamard(block: Float64Array): void {
  const n = block.length;
  let width = 1;
  for (; 4 * width <= n; width *= 4)
    for (let start = 0; start < n; start += 4 * width)
      for (let i = start; i < start + width; i++) {
        const [a, b, c, d] = [block[i]!, block[i + width]!, block[i + 2 * width]!, block[i + 3 * width]!];
        const [sum, difference, sum2, difference2] = [a + b, a - b, c + d, c - d];
        block[i] = sum + sum2;
        block[i + width] = difference + difference2;
        block[i + 2 * width] = sum - sum2;
        block[i + 3 * width] = difference - difference2;
      }
  if (width < n)
    for (let i = 0; i < width; i++) {
      const [a, b] = [block[i]!, block[i + width]!];
      block[i] = a + b;
      block[i + width] = a - b;
    }
  const scale = 1 / Math.sqrt(n);
  for (let i = 0; i < n; i++) block[i]! *= scale;
}
