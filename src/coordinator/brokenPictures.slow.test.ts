/** A run over pictures one of which cannot be decoded: it ends well, the site is told, and it is the same when repeated. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { openDataset } from '../datasources/index.ts';
import { parseTask } from '../tasks/index.ts';
import { zooModel } from '../training/index.ts';
import { runLocally } from './localRun.ts';

it('leaves the picture out, with the same bits each time', async () => {
  const root = tempFolder();
  for (let n = 0; n < 48; n++) {
    const pixels = Uint8Array.from({ length: 256 }, (_, i) => (7 * i * (n + 1)) % 251);
    const png = await sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    mkdirSync(join(root, 'pictures', `c${n % 2}`), { recursive: true });
    writeFileSync(join(root, 'pictures', `c${n % 2}`, `${n}.png`), png);
  }
  const broken = join(root, 'pictures', 'c1', '7.png');
  const bytes = readFileSync(broken);
  writeFileSync(broken, bytes.fill(0xff, bytes.indexOf('IDAT') + 4, bytes.indexOf('IEND') - 8));
  writeFileSync(join(root, 'cnn.onnx'), zooModel('cnn').build({ channels: 1, size: 16, outputs: 1, seed: 1 }));
  const task = parseTask(
    `pods: {identifiers: [a/x, b/x, c/x]}
task:
  protocol: {name: FederatedAveraging, arguments: {epochs_between_parameter_updates: 1}}
  algorithm:
    name: FederatedModelTraining
    model: {konsil_model: {model_ref: ./cnn.onnx}, hyperparameters: {epochs: 2, batch_size: 4}}
  data_structure:
    assign: {target: BITFOUNT_INFERRED_LABEL, image_cols: [Pixel Data]}
    categories: {BITFOUNT_INFERRED_LABEL: [c0, c1]}
    data_split: {args: {test_percentage: 25, validation_percentage: 25}}
    transform:
      auto_convert_grayscale_images: false
      image:
        - albumentations: {step: train, transformations: [{Normalize: {mean: [0.5], std: [0.5]}}, ToTensorV2]}
        - albumentations: {step: test, transformations: [{Normalize: {mean: [0.5], std: [0.5]}}, ToTensorV2]}
`,
    join(root, 'task.yaml'),
  );
  const run = async (out: string) => {
    const told: string[] = [];
    const source = await openDataset({
      ...{ name: 'x', datasource: 'ImageSource', path: join(root, 'pictures'), infersLabels: true },
    });
    const outcome = await runLocally({
      ...{ task, source, site: 'a', dataset: 'x', out: join(root, out), device: 'cpu', threads: 1 },
      onEvent: (event) => {
        if (event.type === 'warning') told.push(event.text);
      },
    });
    source.close();
    return { outcome, told };
  };
  const [first, second] = [await run('one'), await run('two')];
  expect(first.outcome.status, first.outcome.reason).toBe('complete');
  expect(first.told).toEqual([
    expect.stringMatching(/^an image of \S+\.png cannot be used \(DATA_INVALID: .+\); its row is left out$/),
  ]);
  expect(first.told[0]).toContain(`an image of ${broken} `);
  expect(second.outcome.parameters).toEqual(first.outcome.parameters);
  // 48 rows in three splits, one of which has a row less
  const { rounds, sites } = first.outcome;
  expect(rounds.every(({ trainingLoss }) => trainingLoss !== null && trainingLoss > 0 && trainingLoss < 100)).toBe(
    true,
  );
  expect(sites[0]!.rows).toBeGreaterThanOrEqual(11);
  expect(sites[0]!.rows).toBeLessThanOrEqual(12);
});
