/**
 * Windows bitmaps for tests.
 * @module
 */

/** A bitmap without compression; `pixel(x, y)` gives the bytes of a pixel, or the index in a palette. */
export function bitmap(options: {
  bits: 1 | 8 | 24 | 32;
  height: number;
  palette?: readonly (readonly number[])[];
  pixel: (x: number, y: number) => readonly number[];
  /** @default 23 */
  width?: number;
}): Uint8Array {
  const { bits, height, palette = [], pixel, width = 23 } = options;
  const stride = 4 * Math.ceil((width * bits) / 32);
  const start = 54 + 4 * palette.length;
  const bytes = new Uint8Array(start + stride * Math.abs(height));
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, start, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  view.setUint32(46, palette.length, true);
  for (const [i, colour] of palette.entries()) bytes.set(colour, 54 + 4 * i);
  for (let y = 0; y < Math.abs(height); y++) {
    const row = start + stride * (height < 0 ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      const value = pixel(x, y);
      if (bits === 1) bytes[row + (x >> 3)]! |= value[0]! << (7 - (x & 7));
      else bytes.set(value, row + (x * bits) / 8);
    }
  }
  return bytes;
}
