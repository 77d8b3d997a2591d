/**
 * Shamir sharing over GF(2^8) by the schoolbook: polynomial products, division by 0x11b, inverses by trying all.
 * @module
 */

/** a·b in GF(2^8) mod 0x11b. */
export function referenceGfMultiply(a: number, b: number): number {
  let product = 0;
  for (let i = 0; i < 8; i++) if ((b >> i) & 1) product ^= a << i;
  for (let i = 15; i >= 8; i--) if ((product >> i) & 1) product ^= 0x11b << (i - 8);
  return product;
}

function inverse(a: number): number {
  for (let b = 1; b < 256; b++) if (referenceGfMultiply(a, b) === 1) return b;
  throw new RangeError('0 has no inverse');
}

/** Value at `x` of the polynomial with constant term `secret` and the other coefficients from `stream`, 32 bytes each. */
export function shareAt(secret: Uint8Array, stream: Uint8Array, t: number, x: number): Uint8Array {
  return secret.map((constant, byte) => {
    let value = constant;
    let power = 1;
    for (let j = 1; j < t; j++) {
      power = referenceGfMultiply(power, x);
      value ^= referenceGfMultiply(stream[32 * (j - 1) + byte]!, power);
    }
    return value;
  });
}

/** The polynomials' values at 0 from shares at `points`. */
export function interpolateAtZero(points: readonly number[], shares: readonly Uint8Array[]): Uint8Array {
  const weights = points.map((xi) => {
    let weight = 1;
    for (const xj of points)
      if (xj !== xi) weight = referenceGfMultiply(weight, referenceGfMultiply(xj, inverse(xj ^ xi)));
    return weight;
  });
  return Uint8Array.from({ length: 32 }, (_, byte) =>
    shares.reduce((sum, share, i) => sum ^ referenceGfMultiply(share[byte]!, weights[i]!), 0),
  );
}
