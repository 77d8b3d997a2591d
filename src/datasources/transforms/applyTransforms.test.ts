/**
 * Whole pipelines: the default one against OpenCV, repeatable draws, and every transform on every kind of image.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { casesOf, hashOf } from '../../../test/fixtures/transforms/cases.ts';
import { apply, noise } from '../../../test/support/transformImages.ts';
import { isKonsilError } from '../../base/index.ts';
import { TRANSFORMS } from './catalogue.ts';
import { DEFAULT_TRANSFORMS } from './index.ts';

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
