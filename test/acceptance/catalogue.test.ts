/**
 * Examples of the platform's documentation, F-763 to F-781: each runs on data made here, can be read, or is refused by name.
 * @source spec/platform.md §AM.
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Federation } from '../../sim/federation.ts';
import type { AnalysisOutcome } from '../../src/coordinator/index.ts';
import { openDataset } from '../../src/datasources/index.ts';
import { ModelStore } from '../../src/modelStore/index.ts';
import {
  type AnyLocalTask,
  formOf,
  isAnalysis,
  type LocalAnalysis,
  type PodConfig,
  readAnyTask,
  readPodConfig,
} from '../../src/tasks/index.ts';
import { zooModel } from '../../src/training/index.ts';
import { writeDicom } from '../support/dicomWriter.ts';

const FIXTURES = new URL('../fixtures/tasks/', import.meta.url).pathname;
const PODS = ['hospital-a', 'hospital-b', 'hospital-c'] as const;

/** `runs` here, or where it is said; or `refused`, with the algorithm that the message names. */
const CATALOGUE: readonly { readonly f: string; readonly file: string; readonly outcome: string }[] = [
  { f: 'F-763', file: 'catalogue/evaluation', outcome: 'runs' },
  { f: 'F-764', file: 'templates/fineTuning', outcome: 'runs' },
  { f: 'F-765', file: 'catalogue/timmFineTuning', outcome: 'refused: TIMMFineTuning' },
  { f: 'F-766', file: 'catalogue/inference', outcome: 'runs in src/coordinator/inference.test.ts' },
  { f: 'F-767', file: 'templates/textClassification', outcome: 'refused: HuggingFaceTextClassificationInference' },
  { f: 'F-768', file: 'templates/timmInference', outcome: 'refused: TIMMInference' },
  { f: 'F-769', file: 'catalogue/monai', outcome: 'refused: MONAIBundleInference' },
  { f: 'F-770', file: 'templates/sql', outcome: 'runs' },
  { f: 'F-771', file: 'catalogue/federatedAveraging', outcome: 'runs' },
  { f: 'F-772', file: 'catalogue/sqlThreePods', outcome: 'runs' },
  { f: 'F-773', file: 'templates/timm', outcome: 'refused: TIMMInference' },
  { f: 'F-774', file: 'catalogue/imageSegmentation', outcome: 'refused: HuggingFaceImageSegmentationInference' },
  { f: 'F-775', file: 'catalogue/imageText', outcome: 'refused: HuggingFaceImageTextGenerationInference' },
  { f: 'F-776', file: 'catalogue/customModel', outcome: 'runs in src/coordinator/inference.test.ts' },
  { f: 'F-777', file: 'catalogue/postprocessors', outcome: 'runs in src/coordinator/inference.test.ts' },
  { f: 'F-778', file: 'catalogue/imageClassification', outcome: 'refused: HuggingFaceImageClassificationInference' },
  { f: 'F-779', file: 'catalogue/logisticRegression', outcome: 'runs' },
  { f: 'F-780', file: 'catalogue/binaryClassifier', outcome: 'runs in src/coordinator/inference.test.ts' },
  { f: 'F-781', file: 'catalogue/dicomPod', outcome: 'runs' },
];
const textOf = (f: string): string =>
  readFileSync(join(FIXTURES, `${CATALOGUE.find((entry) => entry.f === f)!.file}.yaml`), 'utf8');

/** Column names of the evaluated dataset, as its task lists them. */
const HEART = [...textOf('F-763').matchAll(/^ {8}- (\w+)$/gm)].map(([, name]) => name!).slice(2);
const VALUES: Readonly<Record<string, string>> = {
  target_column_name: 'TARGET',
  retfound_model: 'bitfount/RETFound_MAE',
  checkpoint_path: 'checkpoint.tar',
};

let federation: Federation;

/** Rows of numbers between 0 and 1, and a target of so many classes that their sum decides. */
function csv(columns: readonly string[], target: string, { rows = 60, classes = 2, shift = 0 } = {}): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const cells = columns.map((_column, k) => ((i * (7 + 2 * k) + 13 * k + shift) % 101) / 101);
    const share = cells.reduce((sum, cell) => sum + cell, 0) / columns.length;
    return [...cells, Math.min(classes - 1, Math.floor(share * classes))].join();
  });
  return `${[...columns, target].join()}\n${lines.join('\n')}\n`;
}

function serving(name: string, config: PodConfig): PodConfig {
  const dataset = (dataset: string, text: string) => {
    const path = join(config.state, `../../${name}-${dataset}.csv`);
    writeFileSync(path, text);
    return { name: dataset, datasource: 'CSVSource' as const, path };
  };
  const shift = name.charCodeAt(name.length - 1);
  return {
    ...config,
    policy: {
      ...config.policy,
      ...{ requireSecureAggregation: false, minimumCohort: 1 },
      queries: {
        ...{ results: 'site', minimumGroupSize: 1, allowsExtremes: false },
        ...{ rowLimit: 1_000, timeoutMs: 30_000, memoryLimitMb: 200 },
      },
      evaluation: { results: 'site', minimumRows: 10, minimumClassRows: 5, subgroups: [], maximumModelMb: 500 },
    },
    datasources: [
      dataset('heart', csv(HEART, 'Heart_Disease', { shift })),
      dataset('table', csv(['x1', 'x2', 'x3'], 'TARGET', { rows: 150, shift })),
      dataset('three', csv(['x1', 'x2', 'x3'], 'TARGET', { classes: 3, shift })),
      dataset('ehr-records-2025', csv(['age', 'weight'], 'visits', { shift })),
    ],
  };
}

/** The task of an example, with the empty pods named. */
async function taskOf(f: string, pods: readonly string[], edit = (yaml: string) => yaml): Promise<AnyLocalTask> {
  const left = [...pods];
  const named = textOf(f).replace(/^( {4}-) *(?:hospital-a\/table)?$/gm, (_, dash) => `${dash} ${left.shift() ?? ''}`);
  // an example without pods of its own is a part of a task
  const whole = /^pods:/m.test(named) ? named : `pods: { identifiers: [${pods.join()}] }\n${named}`;
  const file = join(federation.folder, `${f}.yaml`);
  writeFileSync(file, edit(`${whole}\nkonsil: { models: ./models }\n`));
  const { fields } = formOf(whole, file).form;
  const texts = new Map(fields.flatMap(({ name }) => (name in VALUES ? [[name, [VALUES[name]!]] as const] : [])));
  return readAnyTask(file, { texts, folder: federation.folder });
}

async function ask(f: string, pods: readonly string[]): Promise<AnalysisOutcome> {
  const outcome = await federation.ask((await taskOf(f, pods)) as LocalAnalysis);
  expect(outcome.status, outcome.reason).toBe('complete');
  return outcome;
}

async function train(f: string, pods: readonly string[], edit?: (yaml: string) => string) {
  const task = await taskOf(f, pods, edit);
  if (isAnalysis(task)) throw new TypeError(`${f} trains nothing`);
  federation.task = { ...task, deadlines: { ...task.deadlines, join: 600 } };
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  return outcome;
}

beforeAll(async () => {
  federation = await Federation.open({ pods: PODS, pod: serving });
  writeFileSync(join(federation.folder, 'checkpoint.tar'), '');
  const store = ModelStore.open(join(federation.folder, 'models'));
  const keep = async (name: string, inputs: number, versions = 1): Promise<void> => {
    for (let seed = 1; seed <= versions; seed++) {
      const file = join(federation.folder, 'model.onnx');
      writeFileSync(file, zooModel('logistic_regression').build({ inputs, outputs: 1, seed }));
      await store.add(file, { name });
    }
  };
  await keep('amin-nejad/HeartDiseaseModel', HEART.length, 3);
  await keep('bitfount/MyBinaryClassificationModel', 3);
  await keep('bitfount/MyTabularModel', 3);
  await keep('amin-nejad/ChronicKidneyDiseaseModel', 7);
  await keep('amin-nejad/MyModel', 2, 2);
  await keep('bitfount/MyCustomModel', 2);
  await keep('me/BinaryClassificationModel', 2);
});
afterAll(() => federation.close());

it('has an entry for each of F-763 to F-781', () => {
  expect(CATALOGUE.map(({ f }) => f)).toEqual(Array.from({ length: 19 }, (_, i) => `F-${763 + i}`));
});

describe('is refused by name', () => {
  it.each(CATALOGUE.filter(({ outcome }) => outcome.startsWith('refused')))('$f $file: $outcome', async (entry) => {
    const algorithm = entry.outcome.replace('refused: ', '');
    const read = taskOf(entry.f, ['hospital-a/images']);
    await expect(read).rejects.toThrow(`algorithm ${algorithm} is not supported by this version`);
    await expect(read).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('F-773 asks for six fields first', () => {
    expect(formOf(textOf('F-773'), 't.yaml').form.fields).toHaveLength(6);
  });
});

describe('can be read', () => {
  it.each(CATALOGUE.filter(({ outcome }) => outcome.startsWith('runs in')))('$f $file ($outcome)', async ({ f }) => {
    expect(await taskOf(f, ['hospital-a/table'])).toMatchObject({ algorithm: { name: 'ModelInference' } });
  });

  it('not before its pods are named', async () => {
    await expect(taskOf('F-763', [])).rejects.toThrow(
      /pods\.identifiers\.0: is empty; name the pods to ask here, each as pod or pod\/dataset/,
    );
  });
});

describe('runs', () => {
  it('F-763: thirteen columns, all rows', async () => {
    expect(HEART).toHaveLength(13);
    const { evaluation } = await ask('F-763', ['hospital-a/heart']);
    expect(evaluation!.models[0]!.label).toBe('HeartDiseaseModel v3');
    expect(evaluation!.answers[0]![0]!.evaluation.groups[0]).toMatchObject({ rows: 60 });
  });

  it('F-764: four inputs of a template', async () => {
    const { task } = (await train('F-764', ['hospital-a/table'])).resolved!;
    expect(task.training).toMatchObject({ batchSize: 8, learningRate: 0.0001, weightDecay: 0.01 });
    expect(task.dataStructure.target).toBe('TARGET');
  });

  it('F-770: rows of a table, at the site and here', async () => {
    const { results, files } = await ask('F-770', ['hospital-a/table']);
    expect(results.get('hospital-a')!.rows).toHaveLength(100);
    expect(files.some((file) => file.endsWith('.csv'))).toBe(true);
    expect(federation.noticesOf('hospital-a', 'personal').length).toBeGreaterThan(0);
  });

  it.each([['False'], ['True']])('F-771: in steps at three pods, secure: %s', async (secure) => {
    const pods = PODS.map((pod) => `${pod}/table`);
    const outcome = await train('F-771', pods, (yaml) =>
      // two rounds say as much as ten
      yaml.replace('secure: False', `secure: ${secure}`).replace('steps: 100', 'steps: 20'),
    );
    expect(federation.task.aggregator.secure).toBe(secure === 'True');
    expect(outcome.members.map(({ state }) => state)).toHaveLength(3);
  });

  it('F-772: a result each of three pods', async () => {
    const { results, files } = await ask(
      'F-772',
      PODS.map((pod) => `${pod}/ehr-records-2025`),
    );
    expect([...results.values()].map((table) => table?.rows.length)).toEqual([10, 10, 10]);
    for (const pod of PODS) expect(files.filter((file) => file.includes(pod) && file.endsWith('.csv'))).toHaveLength(1);
  });

  it.each([
    ['two', 'table', '[0, 1]'],
    ['three', 'three', '[0, 1, 2]'],
  ])('F-779: logistic regression of %s classes', async (_, dataset, classes) => {
    const outcome = await train('F-779', [`hospital-a/${dataset}`], (yaml) => yaml.replace('[0, 1]', classes));
    expect(outcome.resolved).toBeDefined();
  });

  it('F-781: files of one ending, day and size, and frames whose prefix is named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'konsil-catalogue-'));
    try {
      const scans = join(folder, 'scans');
      mkdirSync(scans);
      const tags = { BurnedInAnnotation: 'NO' };
      const large = { width: 1024, height: 1024, frames: [new Uint8Array(1024 * 1024)] };
      const small = { width: 8, height: 8, frames: [new Uint8Array(64)] };
      writeFileSync(join(scans, 'large.dcm'), writeDicom({ pixels: large, tags }));
      writeFileSync(join(scans, 'small.dcm'), writeDicom({ pixels: small, tags }));
      writeFileSync(join(scans, 'large.img'), writeDicom({ pixels: large, tags }));
      expect(readdirSync(scans)).toHaveLength(3);
      const file = join(folder, 'pod.yaml');
      writeFileSync(file, textOf('F-781'));
      const { datasources } = await readPodConfig(file);
      const source = await openDataset(datasources[0]!);
      expect(source.rowCount).toBe(1);
      source.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
