/**
 * Every kernel against OpenCV 4.6: to the bit, or within what `docs/reference/transforms.md` says.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { casesOf, hashOf, type TransformCase } from '../../../../test/fixtures/transforms/cases.ts';
import type { Image } from '../image.ts';
import type { Border } from './border.ts';
import { clahe } from './clahe.ts';
import { equalize } from './equalize.ts';
import { gaussianBlur } from './gaussianBlur.ts';
import { flipHorizontal, flipVertical, type Padding, pad, rotate90, transpose } from './geometry.ts';
import { adjustGamma, brightnessContrast, standardize, toGray } from './intensity.ts';
import type { Interpolation } from './interpolation.ts';
import { labToRgb, rgbToLab } from './lab.ts';
import { medianBlur } from './medianBlur.ts';
import { type ImageNormalization, normalizeByImage } from './normalize.ts';
import { resize } from './resize.ts';
import { rotationMatrix, warpAffine } from './warpAffine.ts';

type Arguments = TransformCase['args'];

const n = (args: Arguments, name: string): number => args[name] as number;
const bytes = (image: Image): Uint8Array => image.values as Uint8Array;

function rotate(image: Image, args: Arguments): Image {
  const { width, height } = image;
  const [a, b, tx, c, d, ty] = rotationMatrix(width / 2 - 0.5, height / 2 - 0.5, n(args, 'angle'), n(args, 'scale'));
  const value = args['value'] as number | number[];
  return warpAffine(image, {
    ...{ height, width, value: typeof value === 'number' ? [value, value, value] : value },
    matrix: [a, b, tx + n(args, 'dx') * width, c, d, ty + n(args, 'dy') * height],
    interpolation: args['interpolation'] as Interpolation,
    border: args['border_mode'] as Border,
  });
}

function normalize(image: Image, args: Arguments): Image {
  const f = Math.fround;
  const most = n(args, 'max_pixel_value');
  const [mean, std] = [args['mean'] as number[], args['std'] as number[]];
  const scale = std.map((value) => f(1 / f(f(value) * most)));
  return standardize(
    image,
    mean.map((value) => f(f(value) * most)),
    scale,
  ); // prettier-ignore
}

/** Largest difference that floats, and 16 bits where stated, may have. */
interface Operation {
  readonly run: (image: Image, args: Arguments) => Image;
  /** @default 0 */
  readonly tolerance?: number;
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  resize: { run: (i, a) => resize(i, n(a, 'height'), n(a, 'width'), a['interpolation'] as Interpolation) },
  rotate: { run: rotate, tolerance: 3e-7 },
  gaussianBlur: { run: (i, a) => gaussianBlur(i, n(a, 'ksize'), n(a, 'sigma')), tolerance: 2.4e-7 },
  medianBlur: { run: (i, a) => medianBlur(i, n(a, 'ksize')) },
  clahe: {
    run: (i, a) =>
      clahe(i, bytes(i), { clipLimit: n(a, 'clip_limit'), tiles: a['tile_grid_size'] as [number, number] }),
  },
  rgbToLab: { run: (i) => ({ ...i, values: rgbToLab(bytes(i)) }) },
  labToRgb: { run: (i) => ({ ...i, values: labToRgb(bytes(i)) }) },
  equalize: { run: (i, a) => equalize(i, bytes(i), a['by_channels'] as boolean) },
  toGray: { run: toGray, tolerance: 1.2e-7 },
  pad: {
    run: (i, a) => pad(i, a as unknown as Padding, a['border_mode'] as Border, [n(a, 'value')]),
  },
  flip: {
    run: (i, a) => (a['code'] === 1 ? flipHorizontal(i) : a['code'] === 0 ? flipVertical(i) : rotate90(i, 2)),
  },
  transpose: { run: transpose },
  rot90: { run: (i, a) => rotate90(i, n(a, 'factor')) },
  brightnessContrast: {
    run: (i, a) => brightnessContrast(i, n(a, 'alpha'), n(a, 'beta'), a['brightness_by_max'] as boolean),
    tolerance: 1.2e-7,
  },
  gamma: { run: (i, a) => adjustGamma(i, n(a, 'gamma')), tolerance: 6e-8 },
  normalize: { run: normalize },
  // numpy sums in single precision
  normalizeByImage: {
    run: (i, a) => normalizeByImage(i, a['normalization'] as ImageNormalization),
    tolerance: 4e-6,
  },
};

for (const [op, { run, tolerance = 0 }] of Object.entries(OPERATIONS))
  describe(op, () => {
    const cases = casesOf(op);
    it('has cases', () => expect(cases.length).toBeGreaterThan(0));
    for (const { title, args, input, exact, expected, values } of cases)
      it(`${exact ? 'equals' : 'is near'} OpenCV: ${title}`, () => {
        const before = hashOf(input.values);
        const result = run(input, args);
        expect(hashOf(input.values), 'the input is left as it was').toBe(before);
        expect([result.height, result.width, result.channels]).toEqual([
          ...[expected.height, expected.width, expected.channels],
        ]);
        expect(result.values.length).toBe(expected.height * expected.width * expected.channels);
        if (values === undefined) {
          expect([...result.values.subarray(0, 16)]).toEqual(expected.head);
          expect(hashOf(result.values)).toBe(expected.sha256);
          return;
        }
        // 16 bits mixed in single precision: a sum next to a half may round to the other side
        const most = exact ? 0 : values instanceof Uint16Array ? 1 : tolerance;
        let worst = 0;
        for (const [i, value] of values.entries()) worst = Math.max(worst, Math.abs(value - result.values[i]!));
        expect(worst).toBeLessThanOrEqual(most);
      });
  });
