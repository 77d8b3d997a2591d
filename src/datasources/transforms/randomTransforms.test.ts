/**
 * Random transforms: probabilities, limits, distributions.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { apply, forRows, grey, noise } from '../../../test/support/transformImages.ts';
import type { Image } from './index.ts';

describe('random transforms', () => {
  const ROWS = 2000;
  /** Five standard deviations of a share. */
  const within = (p: number): number => 5 * Math.sqrt((p * (1 - p)) / ROWS);

  it.each([0, 0.1, 0.5, 0.9, 1])('are applied with probability %d', (p) => {
    const image = grey(1, 2, (_, x) => x);
    const flipped = forRows(image, [{ HorizontalFlip: { p } }], ROWS).filter((values) => values[0] === 1).length;
    expect(Math.abs(flipped / ROWS - p)).toBeLessThanOrEqual(within(p));
  });

  it('RandomRotate90 takes every quarter turn alike', () => {
    const image = grey(2, 2, (y, x) => 2 * y + x);
    const counts = new Map<string, number>();
    for (const values of forRows(image, [{ RandomRotate90: { p: 1 } }], ROWS))
      counts.set(values.join(), (counts.get(values.join()) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual(['0,1,2,3', '1,3,0,2', '2,0,3,1', '3,2,1,0']);
    for (const count of counts.values()) expect(Math.abs(count / ROWS - 0.25)).toBeLessThanOrEqual(within(0.25));
  });

  it('RandomCrop reaches every place, and no other', () => {
    const image = grey(5, 7, (y, x) => 10 * y + x);
    const corners = new Set(
      forRows(image, [{ RandomCrop: { height: 2, width: 3 } }], ROWS).map((values) => values[0]!),
    );
    const expected = [0, 1, 2, 3].flatMap((y) => [0, 1, 2, 3, 4].map((x) => 10 * y + x));
    expect([...corners].sort((a, b) => a - b)).toEqual(expected);
  });

  it('RandomBrightnessContrast stays within its limits and fills them', () => {
    const image: Image = { height: 1, width: 1, channels: 1, values: Float32Array.of(0.5) };
    const list = (args: object) => [{ RandomBrightnessContrast: { p: 1, ...args } }];
    const bright = forRows(image, list({ brightness_limit: 0.2, contrast_limit: 0 }), ROWS).map(([value]) => value!);
    expect(Math.min(...bright)).toBeGreaterThanOrEqual(0.3 - 1e-6);
    expect(Math.min(...bright)).toBeLessThan(0.31);
    expect(Math.max(...bright)).toBeLessThanOrEqual(0.7 + 1e-6);
    expect(Math.max(...bright)).toBeGreaterThan(0.69);
    const darker = forRows(image, list({ brightness_limit: [-0.3, -0.1], contrast_limit: 0 }), ROWS);
    for (const [value] of darker) expect(value).toBeLessThanOrEqual(0.4 + 1e-6);
  });

  it('GaussNoise has the variance it was asked for', () => {
    const image: Image = { height: 100, width: 100, channels: 1, values: new Float32Array(10_000).fill(0.5) };
    const [values] = forRows(image, [{ GaussNoise: { var_limit: [0.01, 0.01], p: 1 } }], 1) as [Float32Array];
    const mean = values.reduce((sum, value) => sum + value, 0) / 10_000;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 10_000;
    expect(mean).toBeCloseTo(0.5, 2);
    expect(Math.abs(variance / 0.01 - 1)).toBeLessThan(0.08); // 5 · √(2/10⁴)
    const rgb: Image = { height: 4, width: 4, channels: 3, values: new Float32Array(48).fill(0.5) };
    const [shared] = forRows(rgb, [{ GaussNoise: { var_limit: [0.01, 0.01], per_channel: false, p: 1 } }], 1) as [
      Float32Array,
    ];
    expect([...shared.subarray(0, 16)]).toEqual([...shared.subarray(16, 32)]);
  });

  it('Rotate by a fixed angle of 90° is a quarter turn', () => {
    const image = noise(15, 15, 1, new Uint8Array());
    const turned = apply(image, [{ Rotate: { limit: [90, 90], p: 1 } }]).values;
    const expected = Array.from({ length: 225 }, (_, i) => image.values[(i % 15) * 15 + 14 - Math.floor(i / 15)]!);
    expect([...turned]).toEqual(expected);
  });

  it('CoarseDropout makes as many holes, as large as asked', () => {
    const image = grey(40, 40, () => 9);
    for (const values of forRows(
      image,
      [{ CoarseDropout: { max_holes: 1, max_height: 5, max_width: 0.1, p: 1 } }],
      200,
    ))
      expect(values.filter((value) => value === 0).length).toBe(20);
    const counts = forRows(
      image,
      [{ CoarseDropout: { max_holes: 3, min_holes: 1, max_height: 2, max_width: 2, fill_value: 7, p: 1 } }],
      500,
    ).map((values) => values.filter((value) => value === 7).length);
    expect(Math.max(...counts)).toBe(12);
    expect(Math.min(...counts)).toBe(4);
  });

  it('RandomResizedCrop takes parts of the wanted area and shape', () => {
    const image = grey(100, 100, (y) => y);
    // a column of the crop, resized: its slope is the share of the height
    const heights = forRows(
      image,
      [{ RandomResizedCrop: { height: 2, width: 1, scale: [0.25, 0.25], ratio: [1, 1], interpolation: 0 } }],
      300,
    );
    for (const [top, bottom] of heights) expect(bottom! - top!).toBe(25);
  });

  it('OneOf chooses by p, and applies what it chose', () => {
    const image = grey(1, 1, () => 100);
    const fill = (value: number, p: number) => ({
      CoarseDropout: { max_holes: 1, max_height: 1, max_width: 1, fill_value: value, p },
    });
    const results = forRows(image, [{ OneOf: { transforms: [fill(1, 0.1), fill(2, 0.3)], p: 0.8 } }], ROWS).map(
      ([value]) => value,
    );
    const share = (value: number): number => results.filter((result) => result === value).length / ROWS;
    for (const [value, p] of [
      [100, 0.2],
      [1, 0.2],
      [2, 0.6],
    ] as const)
      expect(Math.abs(share(value) - p)).toBeLessThanOrEqual(within(p));
  });

  it('SomeOf without replacement takes each at most once', () => {
    const image = grey(1, 1, () => 10);
    const list = [{ SomeOf: { n: 2, replace: false, transforms: [{ InvertImg: { p: 1 } }, { InvertImg: { p: 1 } }] } }];
    for (const [value] of forRows(image, list, 50)) expect(value).toBe(10);
    const one = [{ SomeOf: { n: 3, replace: false, transforms: [{ InvertImg: { p: 1 } }] } }];
    for (const [value] of forRows(image, one, 50)) expect(value).toBe(245);
  });

  it('PadIfNeeded puts the image where it is told', () => {
    const image = grey(1, 1, () => 5);
    const at = (position: string): number => {
      const list = [{ PadIfNeeded: { min_height: 3, min_width: 3, border_mode: 0, position } }];
      return apply(image, list).values.indexOf(5);
    };
    const places = ['center', 'top_left', 'top_right', 'bottom_left', 'bottom_right'].map(at);
    expect(places).toEqual([4, 0, 2, 6, 8]);
    const divisible = [
      { PadIfNeeded: { min_height: null, min_width: null, pad_height_divisor: 4, pad_width_divisor: 3 } },
    ];
    const padded = apply(
      grey(5, 6, () => 1),
      divisible,
    );
    expect([padded.height, padded.width]).toEqual([8, 6]);
  });
});
