/**
 * Files broken on purpose, the same ones every time: cut short, bits flipped, lengths made huge, parts repeated.
 * @module
 */
import { seededRng } from '../../src/base/index.ts';

/** Values that lengths, counts and addresses go wrong with. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** `count` broken copies of `bytes`, each with a name that says what was done. */
export function* brokenCopies(
  bytes: Uint8Array,
  count: number,
  seed: number,
): Generator<{ readonly what: string; readonly bytes: Uint8Array }> {
  const rng = seededRng(seed, 'fuzz');
  const below = (n: number): number => Math.floor(rng() * n);
  // headers are where the damage is: half of all places are among the first 4096 bytes
  const place = (): number => (rng() < 0.5 ? below(Math.min(bytes.length, 4096)) : below(bytes.length));
  for (let i = 0; i < count; i++) {
    const kind = i % 5;
    if (kind === 0) {
      const length = place();
      yield { what: `cut to ${length} bytes`, bytes: bytes.slice(0, length) };
      continue;
    }
    const copy = bytes.slice();
    if (kind === 1) {
      const flips = 1 + below(8);
      for (let k = 0; k < flips; k++) copy[place()]! ^= 1 << below(8);
      yield { what: `${flips} bits flipped (case ${i})`, bytes: copy };
    } else if (kind === 2 || kind === 3) {
      const at = Math.min(place(), Math.max(0, copy.length - 4));
      const value = EXTREMES[below(EXTREMES.length)]!;
      const width = kind === 2 ? 4 : 2;
      for (let k = 0; k < width && at + k < copy.length; k++) copy[at + k] = (value >>> (8 * k)) & 0xff;
      yield { what: `${width} bytes at ${at} set to ${value}`, bytes: copy };
    } else {
      const length = 1 + below(Math.min(256, copy.length));
      const from = below(copy.length - length + 1);
      const to = below(copy.length - length + 1);
      copy.copyWithin(to, from, from + length);
      yield { what: `${length} bytes of ${from} repeated at ${to}`, bytes: copy };
    }
  }
}
