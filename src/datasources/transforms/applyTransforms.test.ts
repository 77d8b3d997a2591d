/**
 * Whole pipelines: the default one against OpenCV, repeatable draws, limits and probabilities, and every transform on
 * every kind of image.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { casesOf, formula, hashOf } from '../../../test/fixtures/transforms/cases.ts';
import { isKonsilError, seededRng } from '../../base/index.ts';
import { TRANSFORMS } from './catalogue.ts';
import { applyTransforms, DEFAULT_TRANSFORMS, type Image, parseTransforms, type Samples } from './index.ts';

const DRAWS = { seed: 5, epoch: 2, key: 'row 17' } as const;

function apply(image: Image, list: unknown, draws: Partial<Parameters<typeof applyTransforms>[2]> = {}) {
  return applyTransforms(image, parseTransforms(list, 'list'), { ...DRAWS, autoConvertGrayscale: false, ...draws });
}

function grey(height: number, width: number, of: (y: number, x: number) => number): Image {
  const values = Uint8Array.from({ length: height * width }, (_, i) => of(Math.floor(i / width), i % width));
  return { height, width, channels: 1, values };
}

function noise(height: number, width: number, channels: 1 | 3, like: Samples): Image {
  const rng = seededRng(3, 'noise');
  const most = like instanceof Uint8Array ? 255 : like instanceof Uint16Array ? 65535 : 1;
  const make = (): number => (most === 1 ? rng() : Math.floor(rng() * (most + 1)));
  const list = Array.from({ length: height * width * channels }, make);
  const values = most === 255 ? Uint8Array.from(list) : most === 1 ? Float32Array.from(list) : Uint16Array.from(list);
  return { height, width, channels, values };
}

/** Results of the same list for many rows. */
function forRows(image: Image, list: unknown, rows: number): Float32Array[] {
  const pipeline = parseTransforms(list, 'list');
  return Array.from({ length: rows }, (_, key) => {
    return applyTransforms(image, pipeline, { seed: 1, epoch: 0, key, autoConvertGrayscale: false }).values;
  });
}

describe('a pipeline', () => {
  it('by default gives what OpenCV and numpy give, to the bit', () => {
    const [{ input, expected }] = casesOf('pipeline') as [ReturnType<typeof casesOf>[number]];
    const tensor = apply(input, DEFAULT_TRANSFORMS);
    expect([tensor.channels, tensor.height, tensor.width]).toEqual([3, 224, 224]);
    expect([...tensor.values.subarray(0, 16)]).toEqual(expected.head);
    expect(hashOf(tensor.values)).toBe(expected.sha256);
  });

  it('draws the same for the same seed, epoch, row and place, and something else for others', () => {
    const image = noise(31, 47, 3, new Uint8Array());
    const list = [{ ShiftScaleRotate: { p: 1 } }, { GaussNoise: { p: 1 } }];
    const first = apply(image, list).values;
    expect(apply(image, list).values).toEqual(first);
    for (const other of [{ seed: 6 }, { epoch: 3 }, { key: 'row 18' }])
      expect(apply(image, list, other).values).not.toEqual(first);
    const noises = [{ GaussNoise: { p: 1 } }, { GaussNoise: { p: 1 } }];
    const single = apply(image, noises.slice(0, 1)).values;
    const both = apply(image, noises).values;
    const added = both.map((value, i) => value - single[i]!);
    expect(added).not.toEqual(single.map((value, i) => value - image.values[Math.floor(i / 1457) + 3 * (i % 1457)]!));
  });

  it('keeps the draws of a transform when others are added after it', () => {
    const image = noise(20, 20, 1, new Uint8Array());
    const turned = apply(image, [{ RandomRotate90: { p: 1 } }]).values;
    expect(apply(image, [{ RandomRotate90: { p: 1 } }, { InvertImg: { p: 1 } }]).values).toEqual(
      turned.map((value) => 255 - value),
    );
  });

  it('makes grey images red, green and blue first, unless told not to', () => {
    const image = noise(6, 5, 1, new Uint8Array());
    const three = apply(image, [], { autoConvertGrayscale: true });
    expect(three.channels).toBe(3);
    for (let c = 0; c < 3; c++) expect([...three.values.subarray(30 * c, 30 * (c + 1))]).toEqual([...image.values]);
    expect(apply(image, []).channels).toBe(1);
  });

  it('scales by what the type calls white when Normalize has no max_pixel_value', () => {
    const list = [{ Normalize: { mean: 0, std: 1 } }];
    for (const like of [new Uint8Array(), new Uint16Array(), new Float32Array()]) {
      const { values } = apply(noise(8, 8, 1, like), list);
      expect(Math.max(...values)).toBeGreaterThan(0.9);
      expect(Math.max(...values)).toBeLessThanOrEqual(1);
    }
    const given = apply(noise(8, 8, 1, new Uint8Array()), [{ Normalize: { mean: 0, std: 1, max_pixel_value: 510 } }]);
    expect(Math.max(...given.values)).toBeLessThanOrEqual(0.5);
  });
});

describe('every transform', () => {
  const needed: Readonly<Record<string, object>> = {
    ...{ Resize: { height: 9, width: 7 }, RandomResizedCrop: { height: 9, width: 7 } },
    ...{ CenterCrop: { height: 5, width: 3 }, RandomCrop: { height: 5, width: 3 } },
    ...{ PadIfNeeded: { min_height: 40, min_width: 40 }, LongestMaxSize: { max_size: 30 } },
    ...{ SmallestMaxSize: { max_size: 30 }, MedianBlur: { blur_limit: 5 } },
    ...{ Compose: { transforms: ['Flip'] }, Sequential: { transforms: ['Flip'] } },
    ...{ OneOf: { transforms: ['Flip', 'ToGray'] }, SomeOf: { n: 2, transforms: ['Flip', 'ToGray'] } },
  };
  const eightBit = new Set(['CLAHE', 'Equalize']);

  for (const name of TRANSFORMS.keys())
    for (const like of [new Uint8Array(), new Uint16Array(), new Float32Array()])
      it(`gives finite values of the right size and leaves its input: ${name}, ${like.constructor.name}`, () => {
        for (const channels of [1, 3] as const)
          for (const [height, width] of [
            [13, 21],
            [1, 1],
            [2, 9],
          ] as const) {
            const image = noise(height, width, channels, like);
            const before = hashOf(image.values);
            const list = [
              {
                [name]: {
                  ...needed[name],
                  p: 1,
                  ...(name === 'Normalize' && channels === 1 && { mean: 0.5, std: 0.5 }),
                },
              },
            ];
            try {
              const { values, ...size } = apply(image, list);
              expect(values.length).toBe(size.channels * size.height * size.width);
              expect(size.channels).toBe(channels);
              expect(values.every(Number.isFinite)).toBe(true);
            } catch (error) {
              // too small to crop, or not 8 bits
              expect(isKonsilError(error, 'DATA_UNSUPPORTED'), String(error)).toBe(true);
              expect(name.includes('Crop') || (eightBit.has(name) && !(like instanceof Uint8Array))).toBe(true);
            }
            expect(hashOf(image.values)).toBe(before);
          }
      });

  it('that needs 8 bits says how to get them', () => {
    const image = noise(9, 9, 1, new Uint16Array());
    expect(() => apply(image, [{ CLAHE: { p: 1 } }])).toThrow('CLAHE takes 8-bit images, this one has 16 bits');
    const list = ['ToFloat', { FromFloat: { dtype: 'uint8' } }, { CLAHE: { p: 1 } }];
    expect(apply(image, list).values.length).toBe(81);
  });

  it('that crops says when an image is too small', () => {
    expect(() => apply(noise(9, 9, 1, new Uint8Array()), [{ CenterCrop: { height: 10, width: 3 } }])).toThrow(
      'CenterCrop: expected at least 3 × 10 pixels, got 9 × 9; put PadIfNeeded before it',
    );
  });

  it('that enlarges does not go beyond 4096', () => {
    expect(() => apply(noise(1, 100, 1, new Uint8Array()), [{ SmallestMaxSize: { max_size: 64 } }])).toThrow(
      'more than 4096',
    );
  });
});

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
