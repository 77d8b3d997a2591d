/**
 * Pixels of files as images: ranges, windows, opacity, order of values.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { roundHalfEven, toRgb, toTensor } from './image.ts';
import { toImage } from './index.ts';

describe('toImage', () => {
  it('keeps 8 and 16 bits', () => {
    for (const values of [Uint8Array.of(1, 2), Uint16Array.of(3, 60000)])
      expect(toImage({ width: 2, height: 1, channels: 1, values }).values).toBe(values);
  });

  it('brings signed, 32-bit and floating values from their least and greatest to 0 and 1', () => {
    for (const values of [
      Int16Array.of(-1024, 0, 3072),
      Int32Array.of(-1024, 0, 3072),
      Float32Array.of(-1024, 0, 3072),
    ])
      expect([...toImage({ width: 3, height: 1, channels: 1, values }).values]).toEqual([0, 0.25, 1]);
  });

  it('brings a window to 0 and 1 and clips what is outside', () => {
    const pixels = { width: 4, height: 1, channels: 1, values: Int16Array.of(-1000, -160, 40, 3000) } as const;
    expect([...toImage({ ...pixels, window: { low: -160, high: 240 } }).values]).toEqual([0, 0, 0.5, 1]);
    const bytes = { width: 2, height: 1, channels: 1, values: Uint8Array.of(10, 20) } as const;
    expect([...toImage({ ...bytes, window: { low: 0, high: 40 } }).values]).toEqual([0.25, 0.5]);
  });

  it('of equal values is 0, and what is not a number becomes 0', () => {
    const flat = toImage({ width: 2, height: 1, channels: 1, values: Float32Array.of(7, 7) });
    expect([...flat.values]).toEqual([0, 0]);
    const holes = Float32Array.of(Number.NaN, 0, 4, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    expect([...toImage({ width: 5, height: 1, channels: 1, values: holes }).values]).toEqual([0, 0, 1, 1, 0]);
    const nothing = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY);
    expect([...toImage({ width: 2, height: 1, channels: 1, values: nothing }).values]).toEqual([0, 0]);
  });

  it('leaves opacity out', () => {
    const values = Uint8Array.of(1, 2, 3, 99, 4, 5, 6, 99);
    const image = toImage({ width: 2, height: 1, channels: 4, values });
    expect(image.channels).toBe(3);
    expect([...image.values]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

it('toTensor puts channels first', () => {
  const values = Uint8Array.of(1, 10, 100, 2, 20, 200, 3, 30, 50, 4, 40, 60);
  const tensor = toTensor({ width: 2, height: 2, channels: 3, values });
  expect([...tensor.values]).toEqual([1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 50, 60]);
});

it('toRgb repeats grey', () => {
  expect([...toRgb({ width: 2, height: 1, channels: 1, values: Uint16Array.of(5, 9) }).values]).toEqual([
    5, 5, 5, 9, 9, 9,
  ]);
});

it('roundHalfEven rounds as IEEE 754', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4, 2.6, -2.6].map(roundHalfEven).map((v) => v + 0)).toEqual([
    ...[0, 2, 2, 0, -2, -2, 2, 3, -3],
  ]);
});
