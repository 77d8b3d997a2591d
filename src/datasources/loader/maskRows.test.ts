/** Masks on their way to a model: read with their pictures, moved as these are, left out where they cannot be read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import type { DataStructure } from '../dataStructure.ts';
import { loadDataset } from '../loadDataset.ts';
import { openDataset } from '../openDataset.ts';
import { greysOf, withOutcome } from '../outcomes.ts';
import { subsetOf } from '../splits.ts';
import { DecodePool } from './decodePool.ts';
import { ImageLoader } from './imageRows.ts';

const pool = new DecodePool(2);
afterAll(() => pool.close());

const [WIDTH, HEIGHT, ROWS] = [6, 4, 24];
const PIXELS = WIDTH * HEIGHT;

/** Picture n: grey values n + 10 i, the mask of which is 255 where i is a multiple of 3 + n mod 4. */
const picture = (n: number): Uint8Array => Uint8Array.from({ length: PIXELS }, (_, i) => n + 10 * i);
const classes = (n: number): Uint8Array =>
  Uint8Array.from({ length: PIXELS }, (_, i) => Number(i % (3 + (n % 4)) === 0));

const write = async (file: string, values: Uint8Array, width = WIDTH): Promise<void> => {
  mkdirSync(dirname(file), { recursive: true });
  await sharp(values, { raw: { width, height: values.length / width, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(file);
};

const FLIPPED = [{ HorizontalFlip: { p: 1 } }];
const RAW = [{ Normalize: { mean: [0], std: [1], max_pixel_value: 1 } }];
const structure = {
  select: {},
  target: 'mask',
  outcome: { kind: 'segmentation', columns: ['mask'] },
  categories: { mask: ['0', '255'] },
  split: {
    ...{ splitter: 'percentage', testPercentage: 0, validationPercentage: 0 },
    ...{ shuffle: false, stratify: false, seed: 0 },
  },
  images: {
    columns: ['scan'],
    transforms: [
      { step: 'train', transformations: [...FLIPPED, ...RAW] },
      { step: 'test', transformations: RAW },
    ],
    convertsGreyscale: false,
  },
} as const satisfies DataStructure;

it('comes with its picture, moved as that is; a larger one is made of its size, a wrong one is left out', async () => {
  const root = tempFolder();
  const rows = ['scan,mask'];
  for (let n = 0; n < ROWS; n++) {
    await write(join(root, `p/${n}.png`), picture(n));
    await write(
      join(root, `p/${n}m.png`),
      classes(n).map((c) => 255 * c),
    );
    rows.push(n === 5 ? `p/${n}.png,` : `p/${n}.png,p/${n}m.png`);
  }
  // twice as large; of another grey value; no picture at all
  const doubled = Uint8Array.from({ length: 4 * PIXELS }, (_, i) => {
    const [x, y] = [(i % (2 * WIDTH)) >> 1, Math.floor(i / (2 * WIDTH)) >> 1];
    return 255 * classes(7)[y * WIDTH + x]!;
  });
  await write(join(root, 'p/7m.png'), doubled, 2 * WIDTH);
  await write(
    join(root, 'p/9m.png'),
    classes(9).map((c) => 254 * c),
  );
  writeFileSync(join(root, 'table.csv'), `${rows.join('\n')}\n`);
  const source = await openDataset({
    ...{ name: 'scans', datasource: 'CSVSource', path: join(root, 'table.csv') },
    forceStypes: { image: ['scan', 'mask'] },
  });
  const { dataset, isComplete } = await withOutcome(source, structure, await loadDataset(source, structure));
  // the row without a mask is none
  expect([dataset.rows, isComplete.every(Boolean), dataset.warnings]).toEqual([
    ...[ROWS - 1, true],
    ['1 of 24 rows have no "mask" and are left out'],
  ]);
  const told: string[] = [];
  const loader = (await ImageLoader.open(dataset, structure.images, {
    ...{ pool, greys: greysOf(structure), onProblem: (text) => void told.push(text) },
  }))!;
  const part = subsetOf(dataset, Uint32Array.of(8, 2, 6, 3));
  const numbers = [9, 2, 7, 3];
  expect(Array.from(dataset.keys.filter((_, i) => [8, 2, 6, 3].includes(i)))).toEqual([2, 3, 7, 9]);
  const wanted = { rows: Uint32Array.of(0, 1, 2, 3) };
  const asIs = await loader.rows(part, 'test').read(wanted);
  expect(loader.rows(part, 'test').targetWidth).toBe(PIXELS);
  // row 9 has a mask of unlisted values
  expect(Array.from(asIs.rows)).toEqual([1, 2, 3]);
  const kept = numbers.slice(1);
  expect(Array.from(asIs.x)).toEqual(kept.flatMap((n) => Array.from(picture(n))));
  expect(Array.from(asIs.y!)).toEqual(kept.flatMap((n) => Array.from(classes(n))));
  expect(told).toEqual([
    `an image of ${join(root, 'p/9m.png')} cannot be used (DATA_INVALID: a pixel of the mask is none of the task's grey values; expected 0, 255); its row is left out`,
  ]);
  const flip = (values: Uint8Array): number[] =>
    Array.from(values, (_, i) => values[Math.floor(i / WIDTH) * WIDTH + WIDTH - 1 - (i % WIDTH)]!);
  const flipped = await loader.rows(part, 'train').read({ ...wanted, draw: { seed: 1, step: 0 } });
  expect(Array.from(flipped.x)).toEqual(kept.flatMap((n) => flip(picture(n))));
  expect(Array.from(flipped.y!)).toEqual(kept.flatMap((n) => flip(classes(n))));
  source.close();
});
