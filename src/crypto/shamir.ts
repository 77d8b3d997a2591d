/**
 * Shamir secret sharing of 32-byte secrets over GF(2^8) (polynomial 0x11b), byte by byte.
 *
 * No tables and no branches on secrets: the only scalars that steer a loop are evaluation points and Lagrange
 * coefficients, which are public; secret bytes are multiplied four at a time inside 32-bit words.
 * @source Shamir, "How to share a secret" (CACM 1979); the field is that of FIPS 197 §4.
 * @module
 */
import { type RandomBytes, wipe } from './primitives.ts';

/** Length of a secret and of a share in bytes. */
export const SECRET_BYTES = 32;
const WORDS = SECRET_BYTES / 4;

/** x·v in each of the four bytes of a word. */
function double4(v: number): number {
  return ((v & 0x7f7f7f7f) << 1) ^ (((v >>> 7) & 0x01010101) * 0x1b);
}

/** `target ^= scalar · source`; `scalar` is public, the words are secret. */
function addScaled(target: Uint32Array, source: Uint32Array, scalar: number): void {
  for (let i = 0; i < WORDS; i++) {
    let power = source[i]!;
    let sum = 0;
    for (let bits = scalar; bits !== 0; bits >>>= 1) {
      if (bits & 1) sum ^= power;
      power = double4(power);
    }
    target[i] = target[i]! ^ sum;
  }
}

/** Product of two public field elements. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bits = b, power = a; bits !== 0; bits >>>= 1) {
    if (bits & 1) product ^= power;
    power = double4(power) & 0xff; // the neighbours of the lowest byte are zero, so nothing carries into it
  }
  return product;
}

/** a^254 = a^-1 for public a ≠ 0. */
function invert(a: number): number {
  let result = 1;
  for (let i = 0, power = multiply(a, a); i < 7; i++, power = multiply(power, power)) result = multiply(result, power);
  return result;
}

function checkPoints(points: readonly number[]): void {
  const valid = points.every((x) => Number.isInteger(x) && x >= 1 && x <= 255);
  if (!valid || new Set(points).size !== points.length)
    throw new RangeError(`evaluation points must be distinct integers in [1, 255], got ${points.join(',')}`);
}

function toWords(bytes: Uint8Array): Uint32Array {
  if (bytes.length !== SECRET_BYTES)
    throw new RangeError(`a secret or share has ${SECRET_BYTES} bytes, got ${bytes.length}`);
  return new Uint32Array(bytes.slice().buffer);
}

function wipeWords(...all: readonly Uint32Array[]): void {
  for (const words of all) words.fill(0);
}

/**
 * One share of `secret` for each evaluation point; any `threshold` of them give it back, fewer tell nothing.
 *
 * @param secret 32 bytes; stays the caller's to wipe.
 * @param points distinct, in [1, 255]; public.
 * @param random must be unpredictable; asked once for 32·(threshold−1) bytes, the polynomial's other coefficients.
 */
export function splitSecret(
  secret: Uint8Array,
  threshold: number,
  points: readonly number[],
  random: RandomBytes,
): Uint8Array[] {
  checkPoints(points);
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > points.length)
    throw new RangeError(`threshold must be an integer in [1, ${points.length}], got ${threshold}`);
  const randomness = random(SECRET_BYTES * (threshold - 1));
  if (randomness.length !== SECRET_BYTES * (threshold - 1))
    throw new RangeError(`random source gave ${randomness.length} bytes for ${SECRET_BYTES * (threshold - 1)}`);
  const coefficients = [toWords(secret)];
  for (let k = 0; k < threshold - 1; k++)
    coefficients.push(toWords(randomness.subarray(k * SECRET_BYTES, (k + 1) * SECRET_BYTES)));
  const shares = points.map((x) => {
    const value = new Uint32Array(WORDS);
    for (let k = 0, power = 1; k < threshold; k++, power = multiply(power, x))
      addScaled(value, coefficients[k]!, power);
    return new Uint8Array(value.buffer);
  });
  wipeWords(...coefficients);
  wipe(randomness);
  return shares;
}

/**
 * The function that rebuilds secrets from shares at exactly these points, its Lagrange coefficients computed once.
 *
 * @param points the points of the shares, in the order the shares will be given; at least the threshold many, else the
 *   result is a wrong secret and not an error: check it against a commitment.
 */
export function reconstructor(points: readonly number[]): (shares: readonly Uint8Array[]) => Uint8Array {
  checkPoints(points);
  // L_i(0) = Π_{j≠i} x_j / (x_j − x_i), and − is xor here
  const lagrange = points.map((xi, i) =>
    points.reduce((product, xj, j) => (i === j ? product : multiply(product, multiply(xj, invert(xj ^ xi)))), 1),
  );
  return (shares) => {
    if (shares.length !== points.length)
      throw new RangeError(`expected ${points.length} shares, one a point, got ${shares.length}`);
    const secret = new Uint32Array(WORDS);
    shares.forEach((share, i) => {
      const words = toWords(share);
      addScaled(secret, words, lagrange[i]!);
      wipeWords(words);
    });
    return new Uint8Array(secret.buffer);
  };
}
