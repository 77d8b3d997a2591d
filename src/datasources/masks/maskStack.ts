/**
 * Masks as a model gives them, and in other sizes.
 * @module
 */

/** A class for each pixel of the pictures of a row. */
export interface MaskStack {
  /** Shape `[frames, height, width]`, in [0, classes). */
  readonly values: Uint8Array;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** At most 256. */
  readonly classes: number;
}

/** A mask in another size: each pixel takes the class of the nearest one. */
export function resized(
  mask: Uint8Array,
  from: { readonly height: number; readonly width: number },
  to: { readonly height: number; readonly width: number },
): Uint8Array {
  if (from.height === to.height && from.width === to.width) return mask;
  const out = new Uint8Array(to.height * to.width);
  for (let y = 0; y < to.height; y++) {
    const row = Math.floor(((y + 0.5) * from.height) / to.height) * from.width;
    for (let x = 0; x < to.width; x++)
      out[y * to.width + x] = mask[row + Math.floor(((x + 0.5) * from.width) / to.width)]!;
  }
  return out;
}
