/**
 * Training for more than one class or number a row, at a whole federation with secure aggregation: models learn, and the figures
 * are those of the exported file on all test rows in one place.
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { afterEach, expect, it } from 'vitest';
import { Federation, type PodName } from '../../sim/federation.ts';
import { seededRng } from '../base/index.ts';
import { evaluateGroup, type GroupEvaluation, sigmoid } from '../metrics/index.ts';
import { zooModel } from '../training/index.ts';
import type { RunOutcome } from './index.ts';

let federation: Federation;
afterEach(() => federation.close());

const PODS = ['a', 'b', 'c'] as const;
const ROWS = 90;
const PARTS = ['TRAIN', 'TRAIN', 'VALIDATION', 'TEST', 'TEST'];

interface Patient {
  readonly x: readonly [number, number];
  readonly labels: readonly [number, number, number];
  readonly days: number;
  readonly event: number;
  readonly part: string;
}

const patients = (pod: string): Patient[] => {
  const rng = seededRng(1, pod);
  return Array.from({ length: ROWS }, (_, i) => {
    const [age, dose] = [Math.fround(4 * rng() - 2), Math.fround(4 * rng() - 2)];
    const days = Math.ceil(100 * -Math.log(1 - rng()) * Math.exp(-age - dose / 2));
    return {
      x: [age, dose],
      labels: [
        Number(rng() < sigmoid(3 * age)),
        Number(rng() < sigmoid(-3 * dose)),
        Number(rng() < sigmoid(3 * (age + dose))),
      ],
      ...{ days, event: Number(rng() < 0.8), part: PARTS[i % PARTS.length]! },
    };
  });
};

interface Asked {
  readonly target: string;
  readonly assign?: string;
  readonly args?: string;
  readonly model: string;
  readonly hyper: string;
  readonly more: string;
}

const task =
  ({ target, assign = '', args = '', model, hyper, more }: Asked) =>
  (): string =>
    `
pods: { identifiers: [${PODS.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
modeller: { username: modeller }
task:
  protocol: { name: FederatedAveraging, arguments: { epochs_between_parameter_updates: 2 } }
  algorithm:
    name: FederatedModelTraining
    arguments: { ${args} }
    model: { konsil_model: { model_ref: "${model}" }, hyperparameters: { seed: 1, batch_size: 16, ${hyper} } }
  aggregator: { secure: true }
  data_structure:
    assign: { target: ${target}${assign} }
    data_split: { data_splitter: predefined, args: { column_name: part } }
${more.replace(/^(?=.)/gm, '    ')}
konsil: { broker: { url: "mqtt://127.0.0.1:1883" }, runs: ./runs }
`;

async function run(
  asked: Asked,
  prepare: (folder: string) => void,
  files: readonly string[] = [],
): Promise<RunOutcome> {
  federation = await Federation.open(
    {
      pods: PODS.map((pod): PodName => `hospital-${pod}`),
      task: task(asked),
      pod: (_name, config) => ({
        ...config,
        datasources: config.datasources.map((source) =>
          'path' in source && files.length > 0 ? { ...source, forceStypes: { image: files } } : source,
        ),
        policy: { ...config.policy, shareSiteMetrics: true, minimumTestRows: 1 },
      }),
    },
    ({ folder }) => prepare(folder),
  );
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  expect(outcome.rounds.at(-1)!.validationLoss!).toBeLessThan(outcome.rounds[0]!.validationLoss!);
  return outcome;
}

/** What the file that the run leaves says to rows. */
async function said(
  outcome: RunOutcome,
  x: Float32Array,
  dims: readonly number[],
  output: string,
): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(readFileSync(outcome.modelFile!));
  const given = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', x, dims) });
  const values = given[output]!.data as Float32Array;
  await session.release();
  return values;
}

function expectSame(found: GroupEvaluation, expected: GroupEvaluation): void {
  expect(found.rows).toBe(expected.rows);
  expect(found.classRows).toEqual(expected.classRows);
  for (const [name, { value, bound = 0 }] of Object.entries(found.metrics))
    if (value !== null)
      expect(Math.abs(value - expected.metrics[name]!.value!), name).toBeLessThanOrEqual(bound + 1e-4);
}

const table = (folder: string): void => {
  for (const pod of PODS)
    writeFileSync(
      join(folder, `data/hospital-${pod}.csv`),
      [
        'age,dose,pain,fever,cough,days,event,part',
        ...patients(pod).map(({ x, labels, days, event, part }, i) =>
          // the last row of each site lacks a part of its outcome
          [...x, ...labels, i === ROWS - 1 ? '' : days, event, part].join(','),
        ),
        '',
      ].join('\n'),
    );
};
const tested = (kept: (row: number) => boolean = () => true): Patient[] =>
  PODS.flatMap((pod) => patients(pod).filter(({ part }, i) => part === 'TEST' && kept(i)));
const featuresOf = (rows: readonly Patient[]): Float32Array => Float32Array.from(rows.flatMap(({ x }) => x));

it('several labels', async () => {
  const outcome = await run(
    {
      ...{
        target: '[pain, fever, cough]',
        model: 'builtin:mlp',
        hyper: 'epochs: 16, learning_rate: 0.05, hidden_layers: [8]',
      },
      more: 'select: { include: [age, dose] }',
    },
    table,
  );
  const rows = tested();
  const scores = await said(outcome, featuresOf(rows), [rows.length, 2], 'probabilities');
  const direct = evaluateGroup(
    { kind: 'multilabel', classes: ['pain', 'fever', 'cough'] },
    scores,
    rows.flatMap(({ labels }) => labels),
  );
  expectSame(outcome.evaluated!, direct);
  expect(Object.keys(outcome.evaluated!.perClass!)).toEqual(['pain', 'fever', 'cough']);
  expect(outcome.pooled!['ROC AUC']!.value).toBeGreaterThan(0.85);
  expect(outcome.rounds.at(-1)!.validationAccuracy!).toBeGreaterThan(outcome.rounds[0]!.validationAccuracy!);
  expect(outcome.sites.map(({ name, rows: count }) => [name, count])).toEqual(
    PODS.map((pod) => [`hospital-${pod}`, 36]),
  );
});

it('times of events, and rows without one are left out', async () => {
  const outcome = await run(
    {
      ...{ target: '[days, event]', args: 'problem: survival', model: 'builtin:mlp' },
      ...{ hyper: 'epochs: 12, learning_rate: 0.05, hidden_layers: []', more: 'select: { include: [age, dose] }' },
    },
    table,
  );
  const isComplete = (row: number): boolean => row !== ROWS - 1;
  // pairs of patients are of one site
  const perSite = PODS.map((pod) => patients(pod).filter(({ part }, i) => part === 'TEST' && isComplete(i)));
  let [right, pairs] = [0, 0];
  for (const rows of perSite) {
    const risk = await said(outcome, featuresOf(rows), [rows.length, 2], await outputName(outcome));
    for (const [i, early] of rows.entries())
      for (const [j, late] of rows.entries())
        if (
          early.event === 1 &&
          (early.days < late.days || (early.days === late.days && late.event === 0 && i !== j))
        ) {
          pairs++;
          right += risk[i]! > risk[j]! ? 1 : risk[i] === risk[j] ? 0.5 : 0;
        }
  }
  expect(outcome.evaluated!.rows).toBe(tested(isComplete).length);
  expect(outcome.pooled!['Concordance Index']!.value).toBeCloseTo(right / pairs, 6);
  expect(right / pairs).toBeGreaterThan(0.7);
  expect(outcome.pooled!['Concordance Index']!.low).toBeGreaterThan(0.6);
  expect(outcome.sites.every(({ metrics }) => metrics['Concordance Index']! > 0.6)).toBe(true);
});

async function outputName(outcome: RunOutcome): Promise<string> {
  const session = await ort.InferenceSession.create(readFileSync(outcome.modelFile!));
  const [name] = session.outputNames;
  await session.release();
  return name!;
}

const SIZE = 16;
const IMAGES = 20;

/** Disks that are brighter than what is around them, with a noise that hides them from a threshold. */
const pictures = (pod: string): { pixels: Uint8Array; mask: Uint8Array; part: string }[] => {
  const rng = seededRng(2, pod);
  return Array.from({ length: IMAGES }, (_, n) => {
    const [x, y, radius] = [4 + 8 * rng(), 4 + 8 * rng(), 2.5 + 3 * rng()];
    const mask = Uint8Array.from({ length: SIZE * SIZE }, (_unused, i) =>
      Math.hypot((i % SIZE) - x, Math.floor(i / SIZE) - y) <= radius ? 255 : 0,
    );
    const pixels = mask.map((grey) => Math.round((grey > 0 ? 130 : 70) + 90 * (rng() - 0.5)));
    return { pixels, mask, part: PARTS[n % PARTS.length]! };
  });
};

const png = (pixels: Uint8Array): Promise<Buffer> =>
  sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();

it.each(['cross_entropy', 'bce_dice'])('masks, with moves that these follow, by %s', async (loss) => {
  const outputs = loss === 'cross_entropy' ? 2 : 1;
  const all = await Promise.all(
    PODS.map(async (pod) => ({
      pod,
      files: await Promise.all(
        pictures(pod).map(async ({ pixels, mask, part }, i) => ({
          i,
          part,
          picture: await png(pixels),
          mask: await png(mask),
        })),
      ),
    })),
  );
  const outcome = await run(
    {
      ...{ target: 'mask', assign: ', image_cols: [picture]', args: 'problem: segmentation', model: './unet.onnx' },
      hyper: `epochs: 24, learning_rate: 0.02, loss: ${loss}`,
      more: `categories: { mask: [0, 255] }
standardise: false
transform:
  auto_convert_grayscale_images: false
  image:
    - albumentations:
        step: train
        transformations: [{ RandomRotate90: { p: 1 } }, HorizontalFlip, { Normalize: { mean: [0.4], std: [0.2] } }, ToTensorV2]
    - albumentations: { step: validation, transformations: [{ Normalize: { mean: [0.4], std: [0.2] } }, ToTensorV2] }
`,
    },
    (folder) => {
      for (const { pod, files } of all) {
        mkdirSync(join(folder, `data/${pod}`));
        const rows = files.map(({ i, part, picture, mask }) => {
          writeFileSync(join(folder, `data/${pod}/${i}.png`), picture);
          writeFileSync(join(folder, `data/${pod}/${i}_mask.png`), mask);
          return `${pod}/${i}.png,${pod}/${i}_mask.png,${part}`;
        });
        // a picture without a mask is in no split
        writeFileSync(
          join(folder, `data/hospital-${pod}.csv`),
          `picture,mask,part\n${rows.join('\n')}\n${pod}/0.png,,TRAIN\n${pod}/1.png,,TEST\n`,
        );
      }
      writeFileSync(
        join(folder, 'unet.onnx'),
        zooModel('unet').build({ channels: 1, size: SIZE, outputs, width: 4, depth: 1, seed: 1 }),
      );
    },
    ['picture', 'mask'],
  );
  const rows = PODS.flatMap((pod) => pictures(pod).filter(({ part }) => part === 'TEST'));
  const x = Float32Array.from(rows.flatMap(({ pixels }) => Array.from(pixels, (grey) => (grey / 255 - 0.4) / 0.2)));
  const scores = await said(outcome, x, [rows.length, 1, SIZE, SIZE], 'probabilities');
  const pixels = SIZE * SIZE;
  const direct = evaluateGroup(
    { kind: 'segmentation', classes: ['0', '255'] },
    rows.map((_, n) => {
      const of = scores.subarray(n * outputs * pixels, (n + 1) * outputs * pixels);
      return Uint8Array.from({ length: pixels }, (_unused, i) => Number(of[i + (outputs - 1) * pixels]! > 0.5));
    }),
    rows.map(({ mask }) => mask.map((grey) => Number(grey === 255))),
  );
  expectSame(outcome.evaluated!, direct);
  expect(outcome.evaluated!.rows).toBe(24);
  expect(outcome.pooled!['Dice Score']!.value).toBeGreaterThan(0.85);
});
