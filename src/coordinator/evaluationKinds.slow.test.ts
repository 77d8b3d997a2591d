/**
 * Problems whose truth is more than one class or number a row, at a whole federation: figures are those of all rows in one
 * place, or of a site's rows.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, expect, it } from 'vitest';
import { Federation, type PodName } from '../../sim/federation.ts';
import { affineModel, pixelModel } from '../../test/support/affineModel.ts';
import { seededRng } from '../base/index.ts';
import { problemOf } from '../datasources/index.ts';
import { evaluateGroup, type GroupEvaluation, guardGroup, pooledEvaluation, sigmoid } from '../metrics/index.ts';
import { type LocalAnalysis, parseAnalysis } from '../tasks/index.ts';
import type { AnalysisOutcome } from './analysisRun.ts';

let federation: Federation;
afterEach(() => federation.close());

const PODS = ['a', 'b', 'c'] as const;
const GUARD = { minimumRows: 5, minimumClassRows: 1 };
/** The last row of each site lacks a part of its outcome. */
const ROWS = 60;

interface Patient {
  readonly age: number;
  readonly dose: number;
  readonly pain: number;
  readonly fever: number;
  readonly days: number;
  readonly event: number;
}

const patients = (pod: string): Patient[] => {
  const rng = seededRng(1, pod);
  return Array.from({ length: ROWS }, () => {
    // in float32, as models get them
    const [age, dose] = [Math.fround(4 * rng() - 2), Math.fround(4 * rng() - 2)];
    const [pain, fever] = [Number(rng() < sigmoid(2 * age)), Number(rng() < sigmoid(dose - age))];
    const days = Math.ceil(100 * (1 - Math.log(1 - rng())) * Math.exp(-age / 2));
    return { age, dose, pain, fever, days, event: Number(rng() < 0.7) };
  });
};

/** Weights of labels, of risk, and of survival at two times. */
const LABELS = {
  weights: [
    [1.5, -1],
    [0.2, 1],
  ],
  bias: [0.1, -0.3],
};
const RISK = { weights: [[0.5], [-0.1]], bias: [0] };
const AT = {
  weights: [
    [-0.5, -0.6],
    [0, 0.1],
  ],
  bias: [0.5, -0.5],
};
const TIMES = [60, 150];

const said = ({ weights, bias }: typeof RISK, { age, dose }: Patient): number[] =>
  bias.map((b, k) => b + age * weights[0]![k]! + dose * weights[1]![k]!);

function labelsOf(rows: readonly Patient[]): GroupEvaluation {
  return evaluateGroup(
    { kind: 'multilabel', classes: ['pain', 'fever'] },
    rows.flatMap((row) => said(LABELS, row).map(sigmoid)),
    rows.flatMap(({ pain, fever }) => [pain, fever]),
  );
}

function survivalOf(rows: readonly Patient[], hasTimes: boolean): GroupEvaluation {
  const at = rows.map((row) => said(AT, row).map(sigmoid));
  return evaluateGroup(
    { kind: 'survival', classes: [] },
    hasTimes
      ? {
          risk: at.map((shares) => 1 - (shares[0]! + shares[1]!) / 2),
          survival: { times: TIMES, probabilities: at.flat() },
        }
      : { risk: rows.map((row) => said(RISK, row)[0]!) },
    { times: rows.map(({ days }) => days), events: rows.map(({ event }) => event) },
  );
}

function expectSame(found: unknown, expected: GroupEvaluation): void {
  const { rows, metrics, classRows, perClass = {} } = found as GroupEvaluation;
  expect({ rows, classRows }).toEqual({ rows: expected.rows, classRows: expected.classRows });
  const compare = (given: GroupEvaluation['metrics'], right: GroupEvaluation['metrics']): void => {
    expect(Object.keys(given)).toEqual(Object.keys(right));
    for (const [name, { value, bound = 0 }] of Object.entries(given)) {
      const exact = right[name]!.value;
      if (value === null || exact === null) expect(value, name).toBe(exact);
      // the model and masked sums have fewer digits
      else expect(Math.abs(value - exact), name).toBeLessThanOrEqual(bound + 1e-5);
    }
  };
  compare(metrics, expected.metrics);
  expect(Object.keys(perClass)).toEqual(Object.keys(expected.perClass ?? {}));
  for (const [name, given] of Object.entries(perClass)) compare(given, expected.perClass![name]!);
}

const task = (file: string, target: string, args: string): LocalAnalysis =>
  parseAnalysis(
    `pods: { identifiers: [${PODS.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: konsil.ResultsOnly }
  algorithm:
    - { name: konsil.ModelEvaluation, model: { konsil_model: { model_ref: ./${file} } }, arguments: ${args} }
  aggregator: { secure: true }
  data_structure:
    select: { include: [age, dose] }
    assign: { target: ${target} }
    categories: { fever: ['no', 'yes'] }
`,
    join(federation.folder, 'evaluate.yaml'),
  );

function pooled({ answer }: AnalysisOutcome, asked: LocalAnalysis): GroupEvaluation {
  if (answer?.kind !== 'evaluation' || asked.algorithm.name !== 'ModelEvaluation') throw new TypeError('no evaluation');
  return pooledEvaluation(problemOf(asked.algorithm.dataStructure), answer.models[0]![0]!.statistics);
}

const own = ({ evaluation }: AnalysisOutcome, pod: string): unknown =>
  evaluation!.answers[0]!.find((answer) => answer.pod === `hospital-${pod}`)!.evaluation.groups[0];

it('evaluates several labels, and survival by risk and by probabilities at times', async () => {
  federation = await Federation.open(
    {
      pods: PODS.map((pod): PodName => `hospital-${pod}`),
      pod: (_name, config) => ({
        ...config,
        policy: {
          ...config.policy,
          evaluation: { results: 'site', ...GUARD, subgroups: [], maximumModelMb: 1 },
        },
      }),
    },
    ({ folder }) => {
      for (const pod of PODS)
        writeFileSync(
          join(folder, `data/hospital-${pod}.csv`),
          [
            'age,dose,pain,fever,days,event',
            ...patients(pod).map(({ age, dose, pain, fever, days, event }, i) => {
              const isLast = i === ROWS - 1;
              return [age, dose, pain, isLast ? '' : ['no', 'yes'][fever], days, isLast ? '' : event].join(',');
            }),
            '',
          ].join('\n'),
        );
      writeFileSync(join(folder, 'labels.onnx'), affineModel(LABELS.weights, LABELS.bias));
      writeFileSync(join(folder, 'risk.onnx'), affineModel(RISK.weights, RISK.bias));
      writeFileSync(join(folder, 'at.onnx'), affineModel(AT.weights, AT.bias, true));
    },
  );
  const complete = (pod: string): Patient[] => patients(pod).slice(0, -1);
  const everybody = PODS.flatMap(complete);

  const labels = task('labels.onnx', '[pain, fever]', '{ split: all, site_figures: true }');
  const labelled = await federation.ask(labels);
  expect(labelled.status, labelled.reason).toBe('complete');
  expectSame(pooled(labelled, labels), labelsOf(everybody));
  expectSame(own(labelled, 'a'), guardGroup(labelsOf(complete('a')), GUARD) as GroupEvaluation);

  const risk = task('risk.onnx', '[days, event]', '{ problem: survival, split: all, site_figures: true }');
  const ranked = await federation.ask(risk);
  expect(ranked.status, ranked.reason).toBe('complete');
  // pairs of rows of two sites are in no sum
  // pairs of rows of two sites are in no sum: those of each site are
  const { value, low, high } = pooled(ranked, risk).metrics['Concordance Index']!;
  const perSite = PODS.map((pod) => survivalOf(complete(pod), false).metrics['Concordance Index']!.value!);
  expect(value).toBeGreaterThan(Math.min(...perSite));
  expect(value).toBeLessThan(Math.max(...perSite));
  expect(low).toBeLessThan(value!);
  expect(high).toBeGreaterThan(value!);
  expect(pooled(ranked, risk)).toMatchObject({
    rows: everybody.length,
    classRows: survivalOf(everybody, false).classRows,
  });
  for (const pod of PODS) expectSame(own(ranked, pod), survivalOf(complete(pod), false));

  const at = task(
    'at.onnx',
    '[days, event]',
    `{ problem: survival, times: [${TIMES.join(', ')}], split: all, site_figures: true }`,
  );
  const timed = await federation.ask(at);
  expect(timed.status, timed.reason).toBe('complete');
  for (const pod of PODS) expectSame(own(timed, pod), survivalOf(complete(pod), true));
  expect((own(timed, 'a') as GroupEvaluation).metrics['Integrated Brier Score']!.value).toBeGreaterThan(0);

  const wide = task('labels.onnx', '[days, event]', '{ problem: survival, split: all }');
  const refused = await federation.ask(wide);
  expect(refused.reason).toMatch(/output "y" has 2 values a row; expected 1 for a risk/);
});

const SIZE = 8;
const IMAGES = 6;

interface Picture {
  /** Grey values. */
  readonly pixels: Uint8Array;
  readonly mask: Uint8Array;
}

const pictures = (pod: string): Picture[] => {
  const rng = seededRng(2, pod);
  return Array.from({ length: IMAGES }, () => {
    const pixels = Uint8Array.from({ length: SIZE * SIZE }, () => Math.floor(256 * rng()));
    // mostly where it is bright
    return { pixels, mask: pixels.map((grey) => (grey + 80 * (rng() - 0.5) > 128 ? 255 : 0)) };
  });
};

const png = (pixels: Uint8Array): Promise<Buffer> =>
  sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();

function masksOf(all: readonly Picture[]): GroupEvaluation {
  return evaluateGroup(
    { kind: 'segmentation', classes: ['0', '255'] },
    all.map(({ pixels }) => pixels.map((grey) => Number(grey / 255 > 0.5))),
    all.map(({ mask }) => mask.map((grey) => Number(grey === 255))),
  );
}

it('evaluates masks beside pictures, whose paths are in a table', async () => {
  const files: Promise<void>[] = [];
  federation = await Federation.open(
    {
      pods: PODS.map((pod): PodName => `hospital-${pod}`),
      pod: (_name, config) => ({
        ...config,
        datasources: config.datasources.map((source) =>
          'path' in source ? { ...source, forceStypes: { image: ['picture', 'mask'] } } : source,
        ),
        policy: {
          ...config.policy,
          evaluation: { results: 'site', ...GUARD, subgroups: [], maximumModelMb: 1 },
        },
      }),
    },
    ({ folder }) => {
      for (const pod of PODS) {
        mkdirSync(join(folder, `data/${pod}`));
        const rows = pictures(pod).map(({ pixels, mask }, i) => {
          const [picture, truth] = [`${pod}/${i}.png`, `${pod}/${i}_mask.png`];
          for (const [name, values] of [
            [picture, pixels],
            [truth, mask],
          ] as const)
            files.push(png(values).then((bytes) => writeFileSync(join(folder, 'data', name), bytes)));
          return `${picture},${truth}`;
        });
        // a picture without a mask is no row
        writeFileSync(join(folder, `data/hospital-${pod}.csv`), `picture,mask\n${rows.join('\n')}\n${pod}/0.png,\n`);
      }
      writeFileSync(join(folder, 'masks.onnx'), pixelModel(SIZE, [0, 2], [0.5, -0.5]));
    },
  );
  await Promise.all(files);
  const asked = parseAnalysis(
    `pods: { identifiers: [${PODS.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: konsil.ResultsOnly }
  algorithm:
    name: konsil.ModelEvaluation
    model: { konsil_model: { model_ref: ./masks.onnx } }
    arguments: { problem: segmentation, split: all, site_figures: true }
  aggregator: { secure: true }
  data_structure:
    assign: { target: mask, image_cols: [picture] }
    categories: { mask: [0, 255] }
    transform:
      auto_convert_grayscale_images: false
      image:
        - albumentations: { step: test, transformations: [{ Normalize: { mean: [0], std: [1] } }, ToTensorV2] }
`,
    join(federation.folder, 'evaluate.yaml'),
  );
  const outcome = await federation.ask(asked);
  expect(outcome.status, outcome.reason).toBe('complete');
  expectSame(pooled(outcome, asked), masksOf(PODS.flatMap(pictures)));
  for (const pod of PODS) expectSame(own(outcome, pod), masksOf(pictures(pod)));
});
