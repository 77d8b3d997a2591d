/** Images on their way to a model: the same numbers whoever decodes them, next to the row's own, and clear failures. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { KonsilError } from '../../base/index.ts';
import type { DataStructure, ImageTransform } from '../dataStructure.ts';
import { loadDataset } from '../loadDataset.ts';
import { openDataset } from '../openDataset.ts';
import { subsetOf } from '../splits.ts';
import { DecodePool } from './decodePool.ts';
import { ImageLoader, type MadeImageRows } from './imageRows.ts';

const pools = [new DecodePool(1), new DecodePool(3)];
afterAll(() => Promise.all(pools.map((pool) => pool.close())));

/** Grey pictures, 4 x 3, in folders a and b; pixel i of picture n is 10 n + i. */
async function pictures(count: number): Promise<string> {
  const root = tempFolder();
  for (let n = 0; n < count; n++) {
    const pixels = Uint8Array.from({ length: 12 }, (_, i) => 10 * n + i);
    const png = await sharp(pixels, { raw: { width: 4, height: 3, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const folder = join(root, n % 2 === 0 ? 'a' : 'b');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${n}.png`), png);
  }
  return root;
}

/** Leaves the header as it is: nobody knows before the pixels are asked for. */
function breakPicture(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf('IDAT') + 4;
  writeFileSync(file, bytes.fill(0xff, at, bytes.indexOf('IEND') - 8));
}

const RAW: readonly ImageTransform[] = (['train', 'validation', 'test'] as const).map((step) => ({
  step,
  transformations: [{ Normalize: { mean: [0], std: [1], max_pixel_value: 1 } }, 'ToTensorV2'],
}));

function structureOf(transforms: readonly ImageTransform[], changes: Partial<DataStructure> = {}): DataStructure {
  return {
    select: { include: ['Rows', 'Pixel Data'] },
    target: 'BITFOUNT_INFERRED_LABEL',
    categories: { BITFOUNT_INFERRED_LABEL: ['a', 'b'] },
    split: {
      splitter: 'percentage',
      testPercentage: 0,
      validationPercentage: 0,
      shuffle: false,
      stratify: false,
      seed: 0,
    },
    images: { transforms, convertsGreyscale: false },
    ...changes,
  };
}

async function load(root: string, structure: DataStructure) {
  const source = await openDataset({ name: 'p', datasource: 'ImageSource', path: root, infersLabels: true });
  const dataset = await loadDataset(source, structure);
  source.close();
  return dataset;
}

const all = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i);

describe('ImageLoader', () => {
  it('puts images beside the numbers of their row, in the order of the columns', async () => {
    const structure = structureOf(RAW);
    const dataset = await load(await pictures(4), structure);
    const loader = (await ImageLoader.open(dataset, structure.images!, { pool: pools[0] }))!;
    expect(loader.width).toBe(13);
    const subset = subsetOf(dataset, Uint32Array.of(2, 0));
    const { x } = await loader.rows(subset, 'test').read({ rows: Uint32Array.of(1, 0) });
    // the files are a/0, a/2, b/1, b/3
    const picture = (n: number): number[] => [3, ...Array.from({ length: 12 }, (_, i) => 10 * n + i)];
    expect([...x]).toEqual([...picture(0), ...picture(1)]);
    expect([...subset.y]).toEqual([1, 0]);
  });

  it('gives the same numbers with one thread and with several, with random transforms too', async () => {
    const random: readonly ImageTransform[] = [
      { step: 'train', transformations: ['HorizontalFlip', { RandomBrightnessContrast: { p: 1 } }, 'ToTensorV2'] },
      { step: 'test', transformations: ['ToTensorV2'] },
    ];
    const structure = structureOf(random);
    const dataset = await load(await pictures(8), structure);
    const read = async (pool: DecodePool, step: number): Promise<Float32Array> => {
      const loader = (await ImageLoader.open(dataset, structure.images!, { pool: pool }))!;
      const rows = loader.rows(subsetOf(dataset, all(8)), 'train');
      return (await rows.read({ rows: all(8), draw: { seed: 5, step } })).x;
    };
    const one = await read(pools[0]!, 0);
    expect(await read(pools[1]!, 0)).toEqual(one);
    expect(await read(pools[1]!, 1)).not.toEqual(one);
  });

  it('refuses images of other sizes unless they are brought to one', async () => {
    const root = await pictures(2);
    const png = await sharp(Buffer.alloc(20), { raw: { width: 5, height: 4, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    writeFileSync(join(root, 'b', 'other.png'), png);
    const plain = structureOf(RAW);
    const dataset = await load(root, plain);
    const loader = (await ImageLoader.open(dataset, plain.images!, { pool: pools[0] }))!;
    const rows = loader.rows(subsetOf(dataset, all(3)), 'test');
    await expect(rows.read({ rows: all(3) })).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(
        /column "Pixel Data" is \[1, 4, 5\] in row 2 and \[1, 3, 4\] in the first row; .*Resize/,
      ),
    });
    const resized = structureOf([
      { step: 'test', transformations: [{ Resize: { height: 2, width: 2 } }, 'ToTensorV2'] },
    ]);
    const small = (await ImageLoader.open(
      dataset,
      {
        ...resized.images!,
        transforms: ['train', 'test'].map((step) => ({ ...resized.images!.transforms[0]!, step: step as 'train' })),
      },
      { pool: pools[0] },
    ))!;
    expect((await small.rows(subsetOf(dataset, all(3)), 'test').read({ rows: all(3) })).x.length).toBe(3 * (1 + 4));
  });

  it('leaves out a row whose image cannot be decoded, from any split, and tells its name at the site once', async () => {
    const root = await pictures(4); // the files are a/0, a/2, b/1, b/3
    const structure = structureOf(RAW);
    const dataset = await load(root, structure);
    breakPicture(join(root, 'b', '1.png'));
    for (const pool of pools) {
      const told: string[] = [];
      const onProblem = (text: string): void => void told.push(text);
      const loader = (await ImageLoader.open(dataset, structure.images!, { pool, onProblem }))!;
      const subset = subsetOf(dataset, Uint32Array.of(3, 2, 1));
      const rows = loader.rows(subset, 'test');
      expect([0, 1, 2].map((row) => loader.canRead(subset, row))).toEqual([true, true, true]);
      const made = await rows.read({ rows: Uint32Array.of(2, 1, 0) });
      const [, whole] = [await rows.read({ rows: Uint32Array.of(1) }), await rows.read({ rows: Uint32Array.of(2, 0) })];
      expect(made).toEqual(whole);
      expect([...made.rows]).toEqual([2, 0]);
      expect([made.x[1], made.x[14]]).toEqual([20, 30]);
      expect([0, 1, 2].map((row) => loader.canRead(subset, row))).toEqual([true, false, true]);
      const again = await loader.rows(subsetOf(dataset, all(4)), 'train').read({ rows: all(4) });
      expect([...again.rows]).toEqual([0, 1, 3]);
      expect(told).toEqual([
        expect.stringMatching(/^an image of \S+b.1\.png cannot be used \(DATA_INVALID: .+\); its row is left out$/),
      ]);
    }
  });

  it('finds the shapes behind a first row that cannot be decoded', async () => {
    const root = await pictures(3);
    const structure = structureOf(RAW);
    const dataset = await load(root, structure);
    rmSync(join(root, 'a', '0.png'));
    const loader = (await ImageLoader.open(dataset, structure.images!, { pool: pools[0] }))!;
    expect(loader.width).toBe(13);
    const made = await loader.rows(subsetOf(dataset, all(3)), 'test').read({ rows: all(3) });
    expect([...made.rows]).toEqual([1, 2]);
  });

  it('gives up when more than 5 % of the rows cannot be decoded, without names or numbers of rows', async () => {
    const root = await pictures(40);
    const structure = structureOf(RAW);
    const dataset = await load(root, structure);
    const read = async (): Promise<{ made: Promise<unknown>; told: string[] }> => {
      const told: string[] = [];
      const options = { pool: pools[1], onProblem: (text: string): void => void told.push(text) };
      const loader = (await ImageLoader.open(dataset, structure.images!, options))!;
      return { made: loader.rows(subsetOf(dataset, all(40)), 'train').read({ rows: all(40) }), told };
    };
    for (const n of [10, 20]) breakPicture(join(root, 'a', `${n}.png`));
    expect(((await (await read()).made) as MadeImageRows).rows).toHaveLength(38);
    breakPicture(join(root, 'b', '7.png'));
    const { made, told } = await read();
    const error = (await made.catch((thrown: unknown) => thrown)) as KonsilError;
    expect(error).toBeInstanceOf(KonsilError);
    expect(error.code).toBe('DATA_INVALID');
    expect(error.message).toMatch(/^more than 5 % of the rows have an image that cannot be decoded/);
    expect(`${error.message} ${JSON.stringify(error.facts)}`).not.toMatch(/png|40|7/);
    expect(told.at(-1)).toBe('3 of 40 rows have an image that cannot be decoded; at most 2 are left out');
  });

  it('does not leave out rows for what is wrong with the task', async () => {
    const tooSmall = [{ step: 'train' as const, transformations: [{ RandomCrop: { height: 9, width: 9 } }] }];
    const structure = structureOf(tooSmall);
    const dataset = await load(await pictures(30), structure);
    await expect(ImageLoader.open(dataset, structure.images!, { pool: pools[0] })).rejects.toMatchObject({
      message: expect.stringContaining('RandomCrop: expected at least'),
    });
  });

  it('uses the default transforms where a task names none: 3 x 224 x 224', async () => {
    const structure = structureOf([], { select: { include: ['Pixel Data'] } });
    const dataset = await load(await pictures(2), structure);
    const loader = await ImageLoader.open(dataset, { transforms: [], convertsGreyscale: true }, { pool: pools[0] });
    expect(loader!.width).toBe(3 * 224 * 224);
  });

  it('leaves out rows without the image, and says how many', async () => {
    const root = await pictures(2);
    writeFileSync(join(root, 'a', 'broken.png'), '');
    const dataset = await load(root, structureOf(RAW));
    expect(dataset.rows).toBe(2);
    expect(dataset.features).toEqual(['Rows']);
  });
});
