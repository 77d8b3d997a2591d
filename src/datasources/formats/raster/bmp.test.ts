/**
 * Windows bitmaps: every depth, either direction, and what is refused.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { bitmap } from '../../../../test/support/bitmap.ts';
import { isKonsilError } from '../../../base/index.ts';
import type { PixelData } from '../imageRecord.ts';
import { rasterFormat } from './rasterFormat.ts';

const WIDTH = 23;
const HEIGHT = 11;

async function decode(bytes: Uint8Array): Promise<PixelData> {
  const [record] = await rasterFormat.read(bytes, 'picture');
  return record!.frame(0);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isKonsilError(error) ? error.code : String(error);
  }
  return 'none';
}

describe('bitmaps', () => {
  const colour = (x: number, y: number): number[] => [(x * 7) & 255, (y * 31) & 255, (x * y) & 255];

  it.each([
    [24, HEIGHT],
    [24, -HEIGHT],
    [32, HEIGHT],
    [32, -HEIGHT],
  ] as const)('of %i bits and height %i come from the top left, red first', async (bits, height) => {
    const file = bitmap({ bits, height, pixel: (x, y) => colour(x, y).toReversed() });
    const pixels = await decode(file);
    expect(pixels).toMatchObject({ width: WIDTH, height: HEIGHT, channels: 3 });
    const expected = Array.from({ length: WIDTH * HEIGHT }, (_, i) => colour(i % WIDTH, Math.floor(i / WIDTH))).flat();
    expect([...pixels.values]).toEqual(expected);
  });

  it('with a grey palette have one channel', async () => {
    const palette = Array.from({ length: 256 }, (_, i) => [255 - i, 255 - i, 255 - i, 0]);
    const file = bitmap({ bits: 8, height: HEIGHT, palette, pixel: (x, y) => [(x * y) & 255] });
    const pixels = await decode(file);
    expect(pixels.channels).toBe(1);
    expect(pixels.values[2 * WIDTH + 5]).toBe(245);
  });

  it('of one bit take two colours', async () => {
    const palette = [
      [1, 2, 3, 0],
      [250, 251, 252, 0],
    ]; // prettier-ignore
    const file = bitmap({ bits: 1, height: HEIGHT, palette, pixel: (x, y) => [(x + y) & 1] });
    const pixels = await decode(file);
    expect([...pixels.values.slice(0, 6)]).toEqual([3, 2, 1, 252, 251, 250]);
  });

  it('are refused when an index is beyond the palette, compressed, or cut', async () => {
    const palette = [
      [0, 0, 0, 0],
      [9, 9, 9, 0],
    ]; // prettier-ignore
    const file = bitmap({ bits: 8, height: HEIGHT, palette, pixel: () => [2] });
    await expect(decode(file)).rejects.toThrow('picture: byte 302: expected colours below 2 in row 0');
    const compressed = bitmap({ bits: 8, height: HEIGHT, palette, pixel: () => [1] });
    compressed[30] = 1;
    expect(await codeOf(decode(compressed))).toBe('DATA_UNSUPPORTED');
    expect(await codeOf(decode(file.subarray(0, file.length - 1)))).toBe('DATA_INVALID');
  });
});
