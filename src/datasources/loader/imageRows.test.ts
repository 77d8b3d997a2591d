/** Images on their way to a model: the same numbers whoever decodes them, next to the row's own, and clear failures. */
import { mkdirSync, writeFileSync } from 'node:fs';
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
import { ImageLoader } from './imageRows.ts';

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
    const loader = (await ImageLoader.open(dataset, structure.images!, pools[0]))!;
    expect(loader.width).toBe(13);
    const subset = subsetOf(dataset, Uint32Array.of(2, 0));
    const rows = await loader.rows(subset, 'test').read({ rows: Uint32Array.of(1, 0) });
    // the files are a/0, a/2, b/1, b/3
    const picture = (n: number): number[] => [3, ...Array.from({ length: 12 }, (_, i) => 10 * n + i)];
    expect([...rows]).toEqual([...picture(0), ...picture(1)]);
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
      const loader = (await ImageLoader.open(dataset, structure.images!, pool))!;
      return loader.rows(subsetOf(dataset, all(8)), 'train').read({ rows: all(8), draw: { seed: 5, step } });
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
    const loader = (await ImageLoader.open(dataset, plain.images!, pools[0]))!;
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
      pools[0],
    ))!;
    expect((await small.rows(subsetOf(dataset, all(3)), 'test').read({ rows: all(3) })).length).toBe(3 * (1 + 4));
  });

  it('says which file is broken or gone, and goes on with others', async () => {
    const root = await pictures(3);
    const structure = structureOf(RAW);
    const dataset = await load(root, structure);
    const loader = (await ImageLoader.open(dataset, structure.images!, pools[0]))!;
    const rows = loader.rows(subsetOf(dataset, all(3)), 'test');
    writeFileSync(join(root, 'b', '1.png'), 'no picture any more');
    const broken: unknown = await rows.read({ rows: all(3) }).catch((error: unknown) => error);
    expect(broken).toBeInstanceOf(KonsilError);
    expect((broken as KonsilError).facts['file']).toBe(join(root, 'b', '1.png'));
    expect((await rows.read({ rows: Uint32Array.of(0) })).length).toBe(13);
  });

  it('uses the default transforms where a task names none: 3 x 224 x 224', async () => {
    const structure = structureOf([], { select: { include: ['Pixel Data'] } });
    const dataset = await load(await pictures(2), structure);
    const loader = await ImageLoader.open(dataset, { transforms: [], convertsGreyscale: true }, pools[0]);
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
