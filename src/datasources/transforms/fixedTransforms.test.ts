/**
 * Transforms whose arguments leave nothing to chance.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { casesOf, formula, hashOf } from '../../../test/fixtures/transforms/cases.ts';
import { apply, forRows, grey, noise } from '../../../test/support/transformImages.ts';

describe('fixed arguments', () => {
  const spot = grey(8, 8, (y, x) => (y === 2 && x === 3 ? 200 : 0));

  it('of ShiftScaleRotate move by shares of the sides, turn and scale about the centre', () => {
    const still = { shift_limit: 0, scale_limit: 0, rotate_limit: 0, border_mode: 0, p: 1 };
    const at = (args: object): number => apply(spot, [{ ShiftScaleRotate: { ...still, ...args } }]).values.indexOf(200);
    expect(at({})).toBe(2 * 8 + 3);
    expect(at({ shift_limit: [0.25, 0.25] })).toBe(4 * 8 + 5);
    expect(at({ shift_limit_x: [0.5, 0.5] })).toBe(2 * 8 + 7);
    expect(at({ shift_limit_y: [-0.125, -0.125] })).toBe(8 + 3);
    expect(at({ rotate_limit: [90, 90] })).toBe(4 * 8 + 2);
    // weights ¼ ¾ ¾ ¼ in both directions, rounded
    const middle = grey(8, 8, (y, x) => (y === 3 && x === 3 ? 160 : 0));
    const enlarged = apply(middle, [{ ShiftScaleRotate: { ...still, scale_limit: [1, 1] } }]).values;
    expect(enlarged.reduce((sum, value) => sum + value, 0)).toBe(4 * 160);
  });

  it('of a constant border fill as OpenCV does: a single number is that of red', () => {
    const image = noise(4, 4, 3, new Uint8Array());
    const fill = (value: unknown): number[] => {
      const list = [{ PadIfNeeded: { min_height: 6, min_width: 4, border_mode: 0, value } }];
      const { values } = apply(image, list);
      return [values[0]!, values[24]!, values[48]!];
    };
    expect(fill(9)).toEqual([9, 0, 0]);
    expect(fill([9, 8, 300])).toEqual([9, 8, 255]);
    expect(fill(null)).toEqual([0, 0, 0]);
  });

  it('of ToFloat and FromFloat lead back', () => {
    const image = noise(9, 7, 1, new Uint8Array());
    expect([...apply(image, ['ToFloat', { FromFloat: { dtype: 'uint8' } }]).values]).toEqual([...image.values]);
    const wide = apply(image, ['ToFloat', { FromFloat: { dtype: 'uint16' } }]).values;
    expect([...wide]).toEqual(Array.from(image.values, (value) => value * 257));
  });

  it('of the largest and smallest side keep the shape of the image', () => {
    const size = (list: unknown): number[] => {
      const { height, width } = apply(
        grey(30, 45, () => 1),
        list,
      );
      return [height, width];
    };
    expect(size([{ LongestMaxSize: { max_size: 90 } }])).toEqual([60, 90]);
    expect(size([{ LongestMaxSize: { max_size: [15] } }])).toEqual([10, 15]);
    expect(size([{ SmallestMaxSize: { max_size: 20 } }])).toEqual([20, 30]);
  });

  it('of Normalize by the image give mean 0 and variance 1, or 0 to 1', () => {
    const image = noise(40, 40, 3, new Uint16Array());
    const by = (normalization: string): Float32Array => apply(image, [{ Normalize: { normalization } }]).values;
    for (const values of [by('image'), by('image_per_channel').subarray(0, 1600)]) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean).toBeCloseTo(0, 4);
      expect(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length).toBeCloseTo(1, 3);
    }
    for (const values of [by('min_max'), by('min_max_per_channel').subarray(1600, 3200)]) {
      expect(Math.min(...values)).toBe(0);
      expect(Math.max(...values)).toBeCloseTo(1, 4);
    }
  });

  it('of Normalize for other channels than the image has are refused', () => {
    const list = [{ Normalize: { mean: [1, 2], std: [1, 2] } }];
    expect(() => apply(noise(4, 4, 3, new Uint8Array()), list)).toThrow('Normalize: mean: 2 numbers for an image of 3');
    expect(() => apply(noise(4, 4, 1, new Uint8Array()), ['Normalize'])).toThrow(
      'Normalize: mean: 3 numbers for an image of 1',
    );
  });
});

describe('Affine', () => {
  for (const { title, args, input, values, expected } of casesOf('affine'))
    it(`equals OpenCV: ${title}`, () => {
      const fixed = args as { scale: number[]; translate: number[]; rotate: number; shear: number[] };
      const both = ([x, y]: number[]): object => ({ x, y });
      const list = [
        {
          Affine: {
            ...{ scale: both(fixed.scale), translate_px: both(fixed.translate), shear: both(fixed.shear) },
            ...{ rotate: fixed.rotate, p: 1 },
          },
        },
      ];
      const tensor = apply(input, list);
      const count = input.width * input.height;
      const rows = Uint8Array.from(
        tensor.values,
        (_, i) => tensor.values[(i % input.channels) * count + Math.floor(i / input.channels)]!,
      );
      if (values !== undefined) expect(rows).toEqual(values);
      else expect(hashOf(rows)).toBe(expected.sha256);
    });

  it('without arguments moves, turns and scales a little', () => {
    const image = formula(40, 40, 1);
    const results = forRows(image, [{ Affine: { p: 1 } }], 20).map((values) => values.join());
    expect(new Set(results).size).toBe(20);
  });
});
