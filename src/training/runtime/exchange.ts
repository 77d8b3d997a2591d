/**
 * Axes in another order.
 * @module
 */

/** `[a, b, rest]` as `[b, a, rest]`. */
export function exchanged<T extends Float32Array | Int32Array>(data: T, a: number, b: number): T {
  const inner = data.length / (a * b);
  const out = data.slice() as T;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      out.set(data.subarray((i * b + j) * inner, (i * b + j + 1) * inner), (j * a + i) * inner);
  return out;
}
