/**
 * Awkward points and signatures.
 * @module
 */

const P = 2n ** 255n - 19n;
/** Order of the base point of Ed25519. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const littleEndian = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
const valueOf = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);

/** u-coordinates of order 8, https://cr.yp.to/ecdh.html#validate. */
const ORDER_8 = [
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

/** Every 32-byte string that X25519 reads as a point of small order on the curve or its twist, the top bit set or not. */
export const LOW_ORDER_U: readonly Uint8Array[] = [0n, 1n, ...ORDER_8, P - 1n]
  .flatMap((u) => [u, u + P].filter((value) => value < 2n ** 255n))
  .flatMap((u) => [littleEndian(u), littleEndian(u + 2n ** 255n)]);

/** u-coordinates in [p, 2^255) that are no small-order points, each with the value it is read as (RFC 7748 §5). */
export const NON_CANONICAL_U: readonly (readonly [Uint8Array, Uint8Array])[] = [2n, 3n, 5n, 9n, 18n].map((u) => [
  littleEndian(u + P),
  littleEndian(u),
]);

/** u = 2 is on the twist: 2³ + 486662·2² + 2 is no square mod p. */
export const TWIST_U = littleEndian(2n);

/** The same signature with S + L in the place of S, which RFC 8032 §5.1.7 forbids. */
export function malleated(signature: Uint8Array): Uint8Array {
  const s = valueOf(signature.subarray(32)) + L;
  return new Uint8Array([...signature.subarray(0, 32), ...littleEndian(s)]);
}
