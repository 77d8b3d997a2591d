/** Evaluation of a site's pictures, one of which cannot be decoded: it is in no count, and the others keep their targets. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { DecodePool, openDataset } from '../../datasources/index.ts';
import type { RowSource } from '../../training/index.ts';
import { loadSiteData, predictPart } from './siteData.ts';

const decoders = new DecodePool(2);
afterAll(() => decoders.close());

it('leaves out what cannot be decoded, with its target, and tells the site', async () => {
  const root = tempFolder();
  for (let n = 0; n < 30; n++) {
    const png = await sharp(Uint8Array.of(n), { raw: { width: 1, height: 1, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    mkdirSync(join(root, `c${n % 3}`), { recursive: true });
    writeFileSync(join(root, `c${n % 3}`, `${String(n).padStart(2, '0')}.png`), png);
  }
  const source = await openDataset({ name: 'p', datasource: 'ImageSource', path: root, infersLabels: true });
  const broken = join(root, 'c1', '13.png');
  const bytes = readFileSync(broken);
  writeFileSync(broken, bytes.fill(0xff, bytes.indexOf('IDAT') + 4, bytes.indexOf('IEND') - 8));
  const told: string[] = [];
  const transformations = [{ Normalize: { mean: [0], std: [1], max_pixel_value: 1 } }, 'ToTensorV2'];
  const data = await loadSiteData(
    source,
    {
      dataStructure: {
        select: { include: ['Pixel Data'] },
        target: 'BITFOUNT_INFERRED_LABEL',
        categories: { BITFOUNT_INFERRED_LABEL: ['c0', 'c1', 'c2'] },
        split: {
          ...{ splitter: 'percentage', testPercentage: 0, validationPercentage: 0 },
          ...{ shuffle: true, stratify: false, seed: 1 },
        },
        standardise: false,
        images: {
          transforms: [
            { step: 'train', transformations },
            { step: 'test', transformations },
          ],
          convertsGreyscale: false,
        },
      },
    },
    { decoders, onProblem: (text) => void told.push(text) },
  );
  source.close();
  // a model that says what it sees, twice, as the engines answer: 0 for rows that cannot be made
  const predict = async ({ x, rows }: { x: unknown; rows: number }): Promise<Float32Array> => {
    const outputs = new Float32Array(2 * rows);
    const made = await (x as RowSource).read({ rows: Uint32Array.from(Array(rows).keys()) });
    for (const [i, row] of made.rows.entries()) outputs.fill(made.x[i]!, 2 * row, 2 * row + 2);
    return outputs;
  };
  const { part, outputs } = await predictPart({ predict }, data, data.train, {
    parameters: new Float32Array(0),
    step: 'test',
  });
  expect(part.rows).toBe(29);
  const seen = [...outputs].filter((_, i) => i % 2 === 0);
  expect([...seen].sort((a, b) => a - b)).toEqual([...Array(30).keys()].filter((n) => n !== 13));
  expect([...part.y]).toEqual(seen.map((n) => n % 3));
  expect(part.images!.handles).toHaveLength(29);
  expect(told).toEqual([
    expect.stringMatching(/^an image of \S+\.png cannot be used \(DATA_INVALID: .+\); its row is left out$/),
  ]);
  expect(told[0]).toContain(`an image of ${broken} `);
});
