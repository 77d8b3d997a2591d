/**
 * Inverse discrete cosine transform of 8 × 8 blocks, in double precision.
 * @module
 */

/** cos(k·π/16) / 2; for k = 4 this is also the factor of the constant term, 1/√8. */
const [C1, C2, C3, C4, C5, C6, C7] = [1, 2, 3, 4, 5, 6, 7].map((k) => Math.cos((k * Math.PI) / 16) / 2) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

const work = new Float64Array(64);

/** One dimension, in place: 8 values `step` apart from `at`. Even and odd terms apart, T.81 §A.3.3. */
function transform(values: Float64Array, at: number, step: number): void {
  const x1 = values[at + step]!;
  const x2 = values[at + 2 * step]!;
  const x3 = values[at + 3 * step]!;
  const x5 = values[at + 5 * step]!;
  const x6 = values[at + 6 * step]!;
  const x7 = values[at + 7 * step]!;
  const sum = (values[at]! + values[at + 4 * step]!) * C4;
  const difference = (values[at]! - values[at + 4 * step]!) * C4;
  const wide = x2 * C2 + x6 * C6;
  const narrow = x2 * C6 - x6 * C2;
  const even0 = sum + wide;
  const even1 = difference + narrow;
  const even2 = difference - narrow;
  const even3 = sum - wide;
  const odd0 = x1 * C1 + x3 * C3 + x5 * C5 + x7 * C7;
  const odd1 = x1 * C3 - x3 * C7 - x5 * C1 - x7 * C5;
  const odd2 = x1 * C5 - x3 * C1 + x5 * C7 + x7 * C3;
  const odd3 = x1 * C7 - x3 * C5 + x5 * C3 - x7 * C1;
  values[at] = even0 + odd0;
  values[at + step] = even1 + odd1;
  values[at + 2 * step] = even2 + odd2;
  values[at + 3 * step] = even3 + odd3;
  values[at + 4 * step] = even3 - odd3;
  values[at + 5 * step] = even2 - odd2;
  values[at + 6 * step] = even1 - odd1;
  values[at + 7 * step] = even0 - odd0;
}

/**
 * Samples of the block of coefficients at `from`, rounded and clipped to `[0, 2·middle)`.
 * @param coefficients - In rows, not yet multiplied by `quantisation`, which is in rows too.
 * @param middle - What a constant of 0 stands for, 2^(precision − 1).
 * @param out - Samples of a plane; the block goes to `to` in rows `stride` apart.
 */
export function inverseDct(
  coefficients: Int16Array,
  from: number,
  quantisation: Uint16Array,
  middle: number,
  out: Uint16Array,
  to: number,
  stride: number,
): void {
  let last = 63;
  while (last > 0 && coefficients[from + last] === 0) last--;
  const limit = 2 * middle - 1;
  if (last === 0) {
    const level = Math.floor((coefficients[from]! * quantisation[0]!) / 8 + 0.5) + middle;
    const value = level < 0 ? 0 : level > limit ? limit : level;
    for (let row = 0; row < 8; row++) out.fill(value, to + row * stride, to + row * stride + 8);
    return;
  }
  for (let i = 0; i < 64; i++) work[i] = coefficients[from + i]! * quantisation[i]!;
  for (let row = 0; row <= last >> 3; row++) transform(work, row * 8, 1);
  for (let column = 0; column < 8; column++) transform(work, column, 8);
  for (let i = 0; i < 64; i++) {
    const level = Math.floor(work[i]! + 0.5) + middle;
    out[to + (i >> 3) * stride + (i & 7)] = level < 0 ? 0 : level > limit ? limit : level;
  }
}
