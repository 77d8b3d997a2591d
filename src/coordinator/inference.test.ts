/**
 * Models run at hospitals: what is written there is what onnxruntime says, broken files end nothing, sites keep their rules.
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions } from '../../sim/federation.ts';
import { ModelStore } from '../modelStore/index.ts';
import {
  type InferencePolicy,
  type LocalAnalysis,
  type PodConfig,
  parseInference,
  readAnyTask,
} from '../tasks/index.ts';
import { graphPorts, zooModel } from '../training/index.ts';
import type { AnalysisOutcome } from './analysisRun.ts';

let federation: Federation;
afterEach(() => federation.close());

const RULES: InferencePolicy = { returnsRows: false, columns: [], maximumModelMb: 500 };
type Limits = PodConfig['limits']['inference'];
/** A pod that runs models, with a dataset of pictures besides. */
const running =
  (rules: Partial<InferencePolicy> = {}, limits: Partial<Limits> = {}): NonNullable<FederationOptions['pod']> =>
  (name, config) => ({
    ...config,
    policy: { ...config.policy, inference: { ...RULES, ...rules } },
    limits: { ...config.limits, inference: { ...config.limits.inference, batchSize: 2, ...limits } },
    datasources: [
      ...config.datasources,
      { name: 'pictures', datasource: 'ImageSource' as const, path: join(config.state, '../../pictures', name) },
    ],
  });

/** A federation of one pod with models and pictures in its folder. */
async function open(pod: NonNullable<FederationOptions['pod']>, pictures: readonly string[] = []): Promise<void> {
  const images = await Promise.all(pictures.map((_, n) => picture(n)));
  federation = await Federation.open({ pods: ['hospital-a'], pod }, ({ folder }) => {
    const model = (name: string, bytes: Uint8Array): void => writeFileSync(join(folder, name), bytes);
    model('mlp.onnx', zooModel('mlp').build({ inputs: 2, hidden: [4], outputs: 3, seed: 1 }));
    model('cnn.onnx', zooModel('cnn').build({ channels: 1, size: 8, outputs: 2, widths: [2, 2], hidden: 4, seed: 1 }));
    mkdirSync(join(folder, 'pictures/hospital-a'), { recursive: true });
    for (const [n, name] of pictures.entries()) {
      const bytes = images[n]!;
      // pixels that cannot be decoded below a header that can
      if (name.startsWith('broken')) bytes.fill(0xff, bytes.indexOf('IDAT') + 4, bytes.indexOf('IEND') - 8);
      writeFileSync(join(folder, 'pictures/hospital-a', name), bytes);
    }
  });
}

const picture = (n: number): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: 64 }, (_, i) => (7 * i * (n + 1)) % 251),
    { raw: { width: 8, height: 8, channels: 1 } },
  )
    .toColourspace('b-w')
    .png()
    .toBuffer();

const TABLE = 'select: { include: [mean_radius, mean_texture] }';
const PICTURES = `{ assign: { image_cols: [Pixel Data] }, transform: { auto_convert_grayscale_images: false,
    image: [ { albumentations: { step: test, transformations: [{ Normalize: { mean: [0.5], std: [0.5] } }, ToTensorV2] } } ] } }`;

function task({
  protocol = 'InferenceAndCSVReport',
  dataset = 'breast-cancer',
  model = 'mlp.onnx',
  args = '{}',
  report = '{}',
  structure = `{ ${TABLE} }`,
  switches = '',
  before = '',
} = {}): LocalAnalysis {
  return parseInference(
    `pods: { identifiers: [hospital-a/${dataset}] }
${switches}
task:
  protocol: { name: bitfount.${protocol} }
  algorithm:
${before}
    - { name: bitfount.ModelInference, arguments: ${args}, model: { konsil_model: { model_ref: ./${model} } } }
    - { name: bitfount.CSVReportAlgorithm, arguments: ${report} }
  data_structure: ${structure}
`,
    join(federation.folder, 'inference.yaml'),
  );
}
const ofPictures = (switches = '', more: Parameters<typeof task>[0] = {}): LocalAnalysis =>
  task({ dataset: 'pictures', model: 'cnn.onnx', structure: PICTURES, switches, ...more });

/** Files that the last run has left to the site, by their name. */
function left(): Record<string, string> {
  const results = join(federation.folder, 'state/hospital-a/results');
  const newest = readdirSync(results)
    .map((name) => join(results, name))
    .sort((a, b) => statSync(b).birthtimeMs - statSync(a).birthtimeMs)[0]!;
  const names = readdirSync(newest, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  for (const { parentPath, name } of files) expect(statSync(join(parentPath, name)).mode & 0o777, name).toBe(0o600);
  return Object.fromEntries(files.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'utf8')]));
}
const table = (csv: string): string[][] =>
  csv
    .trim()
    .split('\r\n')
    .map((line) => line.split(','));
const one = (files: Record<string, string>, prefix: string): string[][] =>
  table(Object.entries(files).find(([name]) => name.startsWith(prefix))![1]);
const said = (outcome: AnalysisOutcome) => outcome.inference!.get('hospital-a')!;

describe('a table', () => {
  it('gets the outputs that onnxruntime gives, beside the columns that were asked for', async () => {
    await open(running());
    const outcome = await federation.ask(
      task({
        args: '{ class_outputs: [a, b, c] }',
        report: `{ original_cols: [diagnosis, mean_radius], rename_columns: { a: A }, columns_to_drop: [c], decimal_places: 4,
          filter: [{ column: mean_radius, operator: ">", value: 14 }], sorting_columns: { mean_radius: desc } }`,
        switches: 'batched_execution: true\ntest_run: true',
      }),
    );
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.results.get('hospital-a')).toBeNull();
    expect(said(outcome).warnings).toHaveLength(2);
    const [head, ...lines] = table(left()['predictions.csv']!);
    expect(head).toEqual(['row', 'diagnosis', 'mean_radius', 'A', 'b', 'mean_radius > 14']);
    const [names, ...rows] = readFileSync(join(federation.folder, 'data/hospital-a.csv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(lines).toHaveLength(rows.length);
    expect(said(outcome)).toMatchObject({ rows: rows.length, failed: 0 });
    const at = (name: string): number => names!.indexOf(name);
    const x = Float32Array.from(
      rows.flatMap((row) => [Number(row[at('mean_radius')]), Number(row[at('mean_texture')])]),
    );
    const session = await ort.InferenceSession.create(join(federation.folder, 'mlp.onnx'));
    const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', x, [rows.length, 2]) };
    const outputs = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array;
    let last = Number.POSITIVE_INFINITY;
    for (const [name, diagnosis, radius, a, b, isLarge] of lines) {
      const row = Number(/^row (\d+)$/.exec(name!)![1]);
      expect([diagnosis, radius]).toEqual([rows[row]![at('diagnosis')], rows[row]![at('mean_radius')]]);
      expect(Math.abs(Number(a) - outputs[3 * row]!)).toBeLessThanOrEqual(0.5e-4 + 1e-6);
      expect(Math.abs(Number(b) - outputs[3 * row + 1]!)).toBeLessThanOrEqual(0.5e-4 + 1e-6);
      expect(isLarge).toBe(String(Number(radius) > 14));
      expect(Number(radius)).toBeLessThanOrEqual(last);
      last = Number(radius);
    }
  });

  it('is returned only where the site allows that, without names and with columns that it allows', async () => {
    await open(running({ returnsRows: true, columns: ['diagnosis'] }));
    const back = { protocol: 'InferenceAndReturnCSVReport' };
    const refused = await federation.ask(task({ ...back, report: '{ original_cols: [mean_radius] }' }));
    expect(refused.reason).toMatch(/UNAUTHORISED: this site lets no rows leave by mean_radius/);
    const [first, second] = [await federation.ask(task(back)), await federation.ask(task(back))];
    const returned = first.results.get('hospital-a')!;
    expect(returned.columns).toEqual(['record', 'diagnosis', 'prediction_0', 'prediction_1', 'prediction_2']);
    const records = returned.rows.map(([record]) => String(record));
    expect(records.every((record) => /^[0-9a-f]{32}$/.test(record))).toBe(true);
    expect(new Set(records).size).toBe(said(first).rows);
    expect(records).toEqual([...records].sort());
    expect(second.results.get('hospital-a')).toEqual(returned);
    // the site itself knows whose line is whose
    const [head, ...own] = table(left()['predictions.csv']!);
    expect(own.map((line) => line[head!.indexOf('record')]!).sort()).toEqual(records);
    expect(first.files.map((file) => file.slice(first.folder.length))).toEqual(
      expect.arrayContaining(['/results/hospital-a.csv', '/inference.json']),
    );
  });

  it('is not returned by default', async () => {
    await open(running());
    const outcome = await federation.ask(task({ protocol: 'InferenceAndReturnCSVReport' }));
    expect(outcome.reason).toMatch(/lets no rows of predictions leave.*policy\.inference\.return/);
  });

  it('is run on no more rows than the site allows, over restarts', async () => {
    await open(running({ limitPerModel: 256, limitPerModeller: 300 }));
    expect(said(await federation.ask(task())).rows).toBe(256);
    await federation.running.get('hospital-a')!.pod.stop('over');
    await federation.startPod('hospital-a');
    const spent = await federation.ask(task());
    expect(spent.reason).toMatch(
      /NO_ACCESS: model mlp \([0-9a-f]{12}\) was run on 256 rows here, and this site allows 256/,
    );
    const other = zooModel('mlp').build({ inputs: 2, hidden: [4], outputs: 3, seed: 2 });
    writeFileSync(join(federation.folder, 'other.onnx'), other);
    const over = await federation.ask(task({ model: 'other.onnx' }));
    expect(over.reason).toMatch(/LIMITS_EXCEEDED: models of this modeller would be run on more than the 300 rows/);
  });
});

describe('files', () => {
  const NAMES = ['a1.png', 'a2.png', 'b1.png', 'broken1.png', 'c1.png', 'c2.png', 'c3.png'];

  it('that are broken are found one by one, and tried again as the task says', async () => {
    await open(running(), NAMES);
    const first = await federation.ask(ofPictures('batched_execution: true'));
    expect(first.status, first.reason).toBe('complete');
    expect(said(first)).toMatchObject({ rows: 6, failed: 1, batches: 4, failedBatches: 1 });
    const files = left();
    expect(table(files['predictions.csv']!).map(([name]) => name)).toEqual(
      // the good file of the failed batch comes last
      ['_original_filename', 'a1.png', 'a2.png', 'c1.png', 'c2.png', 'c3.png', 'b1.png'],
    );
    const [batchHead, ...batch] = one(files, 'Batch_failures_report_');
    expect(batchHead!.join()).toBe(
      'Batch number,Error,File path,Report generated,Successful batches so far,Failed batches so far',
    );
    expect(batch.map((line) => [line[0], line[2], line.at(-2), line.at(-1)])).toEqual([
      ['2', 'b1.png', '1', '1'],
      ['2', 'broken1.png', '1', '1'],
    ]);
    const [, ...retried] = one(files, 'File_error_report_');
    expect(retried.map((line) => [line[0], line[1], line[2], line[4]])).toEqual([
      ['b1.png', '2', 'Success', 'batch-level'],
      ['broken1.png', '2', 'Failed', 'file-level'],
    ]);
    // only what has failed is not processed yet
    const again = await federation.ask(ofPictures('batched_execution: true\nrun_on_new_data_only: true'));
    expect(again.reason).toMatch(/all 1 batches have failed, and each of their files alone: DATA_INVALID/);
    expect(again.reason).not.toMatch(/png/);
    const skipping = 'batched_execution: true\nrun_on_new_data_only: true\nforce_rerun_failed_files: false';
    expect((await federation.ask(ofPictures(skipping))).reason).toMatch(/NO_NEW_DATA: .*no new data/);
    const folder = join(federation.folder, 'pictures/hospital-a');
    utimesSync(join(folder, 'c1.png'), new Date(), new Date(Date.now() + 60_000));
    writeFileSync(join(folder, 'd.png'), await picture(9));
    unlinkSync(join(folder, 'c2.png'));
    const grown = await federation.ask(ofPictures(skipping));
    expect(said(grown)).toMatchObject({ rows: 2, failed: 0 });
  });

  it('end the run when too many batches fail in a row, and at once without resilience', async () => {
    const bad = Array.from({ length: 4 }, (_, i) => `broken${i}.png`);
    await open(running({}, { mostFailures: 2 }), ['a.png', 'b.png', ...bad]);
    const outcome = await federation.ask(ofPictures('batched_execution: true'));
    expect(outcome.reason).toMatch(/2 batches in a row have failed/);
    expect(table(left()['predictions_partial.csv']!)).toHaveLength(3);
    const unbatched = await federation.ask(ofPictures());
    expect(unbatched.reason).toMatch(/DATA_INVALID/);
    expect(unbatched.reason).not.toMatch(/png|pictures/);
  });

  it('of a test run are as many as the site says; time is taken where the protocol asks for it', async () => {
    await open(running({}, { testRunFiles: 1 }), NAMES.slice(0, 3));
    const outcome = await federation.ask(
      ofPictures('batched_execution: true\ntest_run: true', { protocol: 'InstrumentedInferenceAndCSVReport' }),
    );
    expect(said(outcome)).toMatchObject({ rows: 1, batches: 1, warnings: [] });
    const timings = JSON.parse(left()['predictions.timings.json']!) as { rows: number; phaseSeconds: object };
    expect(timings.rows).toBe(1);
    expect(Object.keys(timings.phaseSeconds)).toEqual(['read', 'decode', 'predict', 'write']);
  });
});

describe('examples of the platform’s documentation', () => {
  /** A task file as it is in the documentation, with the pod and the modeller's own folders filled in. */
  async function run(yaml: string, dataset: string): Promise<AnalysisOutcome> {
    const file = join(federation.folder, 'documented.yaml');
    writeFileSync(file, `${yaml.replace('PODS', `[hospital-a/${dataset}]`)}\nkonsil: { models: ./models }\n`);
    return federation.ask((await readAnyTask(file)) as LocalAnalysis);
  }
  const store = async (model: string, name: string): Promise<void> => {
    await ModelStore.open(join(federation.folder, 'models')).add(join(federation.folder, model), { name });
  };
  const HEAD = `modeller: { identity_verification_method: key-based }
pods: { identifiers: PODS }
`;

  it('F-766, F-780: seven columns, and two, to a CSV file', async () => {
    const columns = [
      'Age',
      'Gender',
      'Creatinine (mg/dL)',
      'Albumin (g/dL)',
      'HbA1c (%)',
      'Glucose (mg/dL)',
      'Triglycerides (mg/dL)',
    ];
    await open((name, config) => {
      const own = running()(name, config);
      const path = join(config.state, '../../kidney.csv');
      writeFileSync(path, `${columns.join(',')}\n70,1,1.1,4,5.5,99,150\n50,0,0.9,,5,80,100\n`);
      return { ...own, datasources: [{ name: 'kidney', datasource: 'CSVSource', path }] };
    });
    const build = (inputs: number) => zooModel('logistic_regression').build({ inputs, outputs: 1, seed: 1 });
    writeFileSync(join(federation.folder, 'kidney.onnx'), build(7));
    writeFileSync(join(federation.folder, 'binary_classification.onnx'), build(2));
    await store('kidney.onnx', 'amin-nejad/ChronicKidneyDiseaseModel');
    await store('binary_classification.onnx', 'me/BinaryClassificationModel');
    const example = (owner: string, model: string, include: readonly string[]): string => `${HEAD}
batched_execution: true

task:
  protocol:
    name: bitfount.InferenceAndCSVReport
  algorithm:
    - name: bitfount.ModelInference
      model:
        bitfount_model:
          username: ${owner}
          model_ref: ${model}
          model_version: 1
    - name: bitfount.CSVReportAlgorithm
  data_structure:
    select:
      include:
${include.map((column) => `        - ${column}`).join('\n')}
`;
    const kidney = await run(example('amin-nejad', 'ChronicKidneyDiseaseModel', columns), 'kidney');
    expect(kidney.status, kidney.reason).toBe('complete');
    const [head, ...rows] = table(left()['predictions.csv']!);
    expect(head).toEqual(['row', ...columns, 'prediction_0']);
    // a missing value is none, and there is nothing to be said of its row
    expect(rows.map((row) => [row[0], row.at(-1) === ''])).toEqual([
      ['row 0', false],
      ['row 1', true],
    ]);
    expect((await run(example('me', 'BinaryClassificationModel', columns.slice(0, 2)), 'kidney')).status).toBe(
      'complete',
    );
    expect(table(left()['predictions.csv']!)[1]!.at(-1)).toMatch(/^-?\d/);
  });

  it('F-776, F-777: pictures with names of classes; outputs renamed, and made probabilities', async () => {
    await open(running(), ['a.png', 'b.png', 'c.png']);
    const large = zooModel('cnn').build({ channels: 3, size: 224, outputs: 2, widths: [1, 1], hidden: 2, seed: 1 });
    writeFileSync(join(federation.folder, 'mine.onnx'), large);
    await store('mine.onnx', 'bitfount/MyCustomModel');
    const mnist = await run(
      `${HEAD}task:
  protocol:
    name: bitfount.InferenceAndCSVReport
  algorithm:
    - name: bitfount.ModelInference
      arguments:
        class_outputs: ["0", "1"]
      model:
        bitfount_model:
          model_ref: MyCustomModel
          model_version: 1
          username: bitfount
        hyperparameters:
          batch_size: 4
          epochs: 1
    - name: bitfount.CSVReportAlgorithm
      arguments:
        save_path: "."
  data_structure:
    table_config:
      table: "mnist-demo-dataset"
    assign:
      target: "target"
      image_cols: ["Pixel Data"]
`,
      'pictures',
    );
    expect(mnist.status, mnist.reason).toBe('complete');
    expect(table(left()['predictions.csv']!)[0]!.slice(-2)).toEqual(['0', '1']);
    await store('cnn.onnx', 'amin-nejad/MyModel');
    const renamed = await run(
      `${HEAD}task:
  protocol:
    name: bitfount.InferenceAndCSVReport
  algorithm:
    - name: bitfount.ModelInference
      model:
        bitfount_model:
          model_ref: MyModel
          username: amin-nejad
        hyperparameters:
          batch_size: 8
      arguments:
        postprocessors:
          - type: rename
            columns: ["OUTPUT"]
            mapping:
              OUTPUT: probabilities
          - type: transform
            columns: ["probabilities"]
            transform: softmax
    - name: bitfount.CSVReportAlgorithm
      arguments: { decimal_places: 6, original_cols: [] }
  data_structure: ${PICTURES}
`.replaceAll('OUTPUT', graphPorts(readFileSync(join(federation.folder, 'cnn.onnx')), 'm').output.name),
      'pictures',
    );
    expect(renamed.status, renamed.reason).toBe('complete');
    const [head, ...rows] = table(left()['predictions.csv']!);
    expect(head).toEqual(['_original_filename', 'probabilities_0', 'probabilities_1']);
    for (const [, p, q] of rows) expect(Number(p) + Number(q)).toBeCloseTo(1, 5);
  });
});

describe('InferenceAndImageOutput', () => {
  it('writes a mask and an overlay of each picture, in the size of the picture', async () => {
    await open(running(), ['a.png', 'b.png', 'c.png']);
    const unet = zooModel('unet').build({ channels: 1, size: 16, outputs: 3, width: 2, depth: 1, seed: 1 });
    writeFileSync(join(federation.folder, 'unet.onnx'), unet);
    const grown = PICTURES.replace('[{ Normalize', '[{ Resize: { height: 16, width: 16 } }, { Normalize');
    const asked = task({
      ...{ protocol: 'InferenceAndImageOutput', dataset: 'pictures', model: 'unet.onnx', structure: grown },
      switches: 'batched_execution: true',
    });
    const outcome = await federation.ask(asked);
    expect(outcome.status, outcome.reason).toBe('complete');
    const files = left();
    const [head, ...rows] = table(files['predictions.csv']!);
    expect(head!.slice(-5)).toEqual(['mask', 'overlay', 'pixels_0', 'pixels_1', 'pixels_2']);
    expect(rows[0]!.slice(-5, -3)).toEqual(['images/000000_a.png_mask.png', 'images/000000_a.png_overlay.png']);
    for (const row of rows) expect(row.slice(-3).reduce((sum, n) => sum + Number(n), 0)).toBe(256);
    expect(Object.keys(files).filter((name) => name.endsWith('.png'))).toHaveLength(6);
  });
});
