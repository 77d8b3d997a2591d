/** Masks go wherever the pixels of their images go, and nowhere else. */
import { expect, it } from 'vitest';
import { seededRng } from '../../base/index.ts';
import { applyTransforms } from './applyTransforms.ts';
import { parseTransforms } from './parseTransforms.ts';

const [HEIGHT, WIDTH] = [24, 31];
const NEAREST = { interpolation: 0, border_mode: 0, value: 0, p: 1 };
const SIZED = { height: 12, width: 17 };

/** A mask of four classes that shows where each pixel has gone. */
const labels = Uint8Array.from({ length: HEIGHT * WIDTH }, (_, i) =>
  Math.floor((i % WIDTH) / 8) > 3 ? 0 : (Math.floor((i % WIDTH) / 8) + Math.floor(i / WIDTH / 6)) % 4,
);
const mask = { width: WIDTH, height: HEIGHT, channels: 1, values: labels } as const;
const DRAWS = { seed: 3, epoch: 1, key: 'row', autoConvertGrayscale: false };

const MOVES: readonly (string | object)[] = [
  ...['HorizontalFlip', 'VerticalFlip', 'Flip', 'Transpose', 'RandomRotate90'].map((name) => ({ [name]: { p: 1 } })),
  { Rotate: { limit: 60, ...NEAREST } },
  { ShiftScaleRotate: { ...NEAREST } },
  { Affine: { rotate: [-30, 30], interpolation: 0, p: 1 } },
  { Resize: { ...SIZED, interpolation: 0 } },
  { LongestMaxSize: { max_size: 20, interpolation: 0 } },
  { SmallestMaxSize: { max_size: [10, 15, 20], interpolation: 0 } },
  { CenterCrop: SIZED },
  { RandomCrop: SIZED },
  { RandomResizedCrop: { ...SIZED, interpolation: 0 } },
  { PadIfNeeded: { min_height: 40, min_width: 40, position: 'random', border_mode: 0, value: 0 } },
];

it.each(MOVES.map((move) => [Object.keys(move)[0]!, move] as const))(
  '%s moves a mask as an image of the same values, drawing nothing else',
  (_name, move) => {
    for (let epoch = 0; epoch < 20; epoch++) {
      const pipeline = parseTransforms([move], 'list');
      const draws = { ...DRAWS, epoch };
      const moved = applyTransforms({ ...mask, mask }, pipeline, draws);
      expect(Array.from(moved.mask!)).toEqual(Array.from(moved.values));
      // and the image is moved as it is without a mask
      expect(moved.values).toEqual(applyTransforms(mask, pipeline, draws).values);
    }
  },
);

it('a group of moves and changes of values, chosen at random, keeps both together', () => {
  const pipeline = parseTransforms(
    [
      { OneOf: { transforms: MOVES.slice(0, 5), p: 0.8 } },
      {
        SomeOf: {
          n: 2,
          transforms: [{ HorizontalFlip: { p: 1 } }, { Rotate: { limit: 45, ...NEAREST } }, { Transpose: { p: 1 } }],
        },
      },
      { Compose: { transforms: ['VerticalFlip', { RandomCrop: { height: 10, width: 10 } }] } },
    ],
    'list',
  );
  const seen = new Set<string>();
  for (let epoch = 0; epoch < 60; epoch++) {
    const moved = applyTransforms({ ...mask, mask }, pipeline, { ...DRAWS, epoch });
    expect(Array.from(moved.mask!)).toEqual(Array.from(moved.values));
    seen.add(moved.values.join());
  }
  expect(seen.size).toBeGreaterThan(20);
});

it('changes of values leave a mask as it is, also when they blur, draw or need three channels', () => {
  const rng = seededRng(1, 'image');
  const values = Uint8Array.from({ length: 3 * HEIGHT * WIDTH }, () => Math.floor(256 * rng()));
  const image = { width: WIDTH, height: HEIGHT, channels: 3, values, mask } as const;
  const list = ['GaussianBlur', 'RandomBrightnessContrast', 'GaussNoise', 'CLAHE', 'ToGray'].map((name) => ({
    [name]: { p: 1 },
  }));
  const changed = applyTransforms(image, parseTransforms([...list, 'Normalize', 'ToTensorV2'], 'list'), DRAWS);
  expect(changed.mask).toEqual(labels);
  expect(changed.channels).toBe(3);
});

it('smooth moves of the image take the nearest class of the mask, and the background where nothing is', () => {
  const list = [
    { Rotate: { limit: [45, 45], interpolation: 2, border_mode: 0, value: 200, p: 1 } },
    { Resize: { height: 50, width: 50 } },
  ];
  const moved = applyTransforms({ ...mask, mask }, parseTransforms(list, 'list'), DRAWS);
  expect(moved.mask).toHaveLength(2500);
  expect(new Set(moved.mask)).toEqual(new Set([0, 1, 2, 3]));
  expect(moved.mask![0]).toBe(0);
});
