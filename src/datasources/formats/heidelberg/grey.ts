/**
 * Reflectivity as Heidelberg's files hold it, and the grey that the HEYEX viewer shows for it.
 * @module
 */

/** Values of a `.vol` from here on mean "no value" (FLT_MAX). */
const NO_VALUE = 3e38;

/**
 * Reflectivity of a 16-bit code of an E2E B-scan: 6 bits of exponent e with bias 63, 10 bits of mantissa m, no sign:
 * (1 + m/1024)·2^(e-63), at e = 0 below 2^-62 and without the leading 1. The brightest code of an image, 0xFC00, is 1.
 */
export function decodeUfloat16(code: number): number {
  const exponent = code >>> 10;
  const mantissa = (code & 0x3ff) / 1024;
  return exponent === 0 ? mantissa * 2 ** -62 : (1 + mantissa) * 2 ** (exponent - 63);
}

/** Grey in [0, 255] of an E2E reflectivity: 255·(ln(2.37·x + 2.44e-4) + 8.3)/8.285, rounded; 0 for no value. */
export function greyOfE2e(x: number): number {
  return grey(2.37 * x);
}

/** Grey in [0, 255] of a `.vol` reflectivity: 255·(ln(x + 2.44e-4) + 8.3)/8.285, rounded; 0 for no value. */
export function greyOfVol(x: number): number {
  return x >= NO_VALUE ? 0 : grey(x);
}

/** The value of a `.vol`, or NaN for none. */
export function volValue(x: number): number {
  return x >= NO_VALUE ? Number.NaN : x;
}

function grey(x: number): number {
  // below 0 and NaN: nothing was measured
  if (!(x > 0)) return 0;
  return Math.min(255, Math.max(0, Math.round((255 * (Math.log(x + 2.44e-4) + 8.3)) / 8.285)));
}

let reflectivities: Float32Array | undefined;
let greys: Uint8Array | undefined;

/** {@link decodeUfloat16} of all 65,536 codes; not to be changed. */
export function ufloat16Table(): Float32Array {
  reflectivities ??= Float32Array.from({ length: 1 << 16 }, (_, code) => decodeUfloat16(code));
  return reflectivities;
}

/** {@link greyOfE2e} of all 65,536 codes; not to be changed. */
export function greyTable(): Uint8Array {
  greys ??= Uint8Array.from({ length: 1 << 16 }, (_, code) => greyOfE2e(decodeUfloat16(code)));
  return greys;
}
