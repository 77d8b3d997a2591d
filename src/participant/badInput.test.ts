import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions, reasons, shortTask } from '../../test/support/federation.ts';
import { builtinMlp } from '../training/index.ts';

let federation: Federation;
afterEach(() => federation.close());

/** Rewrites hospital-c's rows; cells are text, the first row is the header. */
const change = (edit: (rows: string[][]) => string[][]): void => {
  const file = join(federation.folder, 'data/hospital-c.csv');
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  writeFileSync(
    file,
    `${edit(rows)
      .map((row) => row.join(','))
      .join('\n')}\n`,
  );
};
const column = (rows: string[][], name: string): number => rows[0]!.indexOf(name);
const setColumn =
  (name: string, value: (old: string, row: number) => string) =>
  (rows: string[][]): string[][] =>
    rows.map((row, i) => (i === 0 ? row : row.map((cell, j) => (j === column(rows, name) ? value(cell, i) : cell))));

const open = async (options?: FederationOptions): Promise<void> => {
  federation = await Federation.open(options);
};

/** The run goes on with the other three; hospital-c is out for `reason`, and its operator sees `atSite`. */
const goesOnWithoutC = async (reason: RegExp, atSite: RegExp): Promise<void> => {
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  expect(reasons(outcome)['hospital-c']).toMatch(reason);
  expect(reasons(outcome)['hospital-c']).not.toContain(federation.folder); // no path of the site leaves it
  expect(outcome.rounds.at(-1)!.survivors).toEqual(['hospital-a', 'hospital-b', 'hospital-d']);
  const rejected = federation.notices.find(({ pod, notice }) => pod === 'hospital-c' && notice.type === 'rejected');
  expect(rejected?.notice.type === 'rejected' && rejected.notice.reason).toMatch(atSite);
};

describe('bad data at one site', () => {
  it('a file that is gone', async () => {
    await open();
    rmSync(join(federation.folder, 'data/hospital-c.csv'));
    await goesOnWithoutC(/rejected/, /hospital-c\.csv/);
  });

  it('a column that is missing', async () => {
    await open();
    change((rows) => rows.map((row) => row.filter((_, j) => j !== column(rows, 'mean_area'))));
    await goesOnWithoutC(/INCOMPATIBLE_DATASOURCE: .*no column "mean_area"/, /"mean_area"/);
  });

  it('a column without any value', async () => {
    await open();
    change(setColumn('mean_area', () => ''));
    await goesOnWithoutC(
      /INCOMPATIBLE_DATASOURCE: dataset "breast-cancer": column "mean_area" .*no value/,
      /hospital-c\.csv.*mean_area/,
    );
  });

  it('text in a numeric column: file, column and line, never the text', async () => {
    await open();
    change(setColumn('mean_area', (old, row) => (row === 7 ? 'JOHN DOE 1951' : old)));
    await goesOnWithoutC(/INCOMPATIBLE_DATASOURCE.*mean_area.*line 8/, /hospital-c\.csv.*mean_area.*line 8/);
    expect(JSON.stringify([federation.notices, federation.events])).not.toContain('JOHN');
  });

  it('a class the task does not know: the count, never the label', async () => {
    await open();
    change(setColumn('diagnosis', (old, row) => (row < 4 ? 'SECRETLABEL' : old)));
    await goesOnWithoutC(/diagnosis.*benign, malignant/, /hospital-c\.csv.*diagnosis/);
    expect(JSON.stringify([federation.notices, federation.events])).not.toContain('SECRETLABEL');
  });

  it('too few rows for the splits', async () => {
    await open();
    change((rows) => rows.slice(0, 2));
    await goesOnWithoutC(/NO_DATA: /, /rows/);
  });

  it('one class only is no error: the site takes part, and its own AUC is undefined', async () => {
    await open();
    change(setColumn('diagnosis', () => 'benign'));
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.at(-1)!.survivors).toContain('hospital-c');
    expect(outcome.sites.find(({ name }) => name === 'hospital-c')!.metrics['ROC AUC']).toBeNull();
    expect(outcome.pooled!['ROC AUC']!.value).toBeGreaterThan(0.5);
  });

  it('missing values are filled with the mean over all sites', async () => {
    await open();
    change(setColumn('mean_area', (old, row) => (row % 3 === 0 ? '' : old)));
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.at(-1)!.survivors).toContain('hospital-c');
  });
});

describe('what a site refuses', () => {
  const policyOfC =
    (policy: object): FederationOptions['pod'] & object =>
    (name, config) =>
      name === 'hospital-c' ? { ...config, ...policy } : config;

  it('a modeller it has not approved', async () => {
    await open({ pod: policyOfC({ approvedModellers: ['somebody-else'] }) });
    await goesOnWithoutC(/NO_ACCESS: .*not approved modeller "modeller"/, /approved_modellers/);
  });

  it('pods it has not approved', async () => {
    await open({ pod: policyOfC({ approvedPods: ['hospital-a', 'hospital-b'] }) });
    await goesOnWithoutC(/UNAUTHORISED: .*not approved pod "hospital-d"/, /approved_pods/);
  });

  it('a cohort smaller than its minimum', async () => {
    await open({
      pod: (name, config) =>
        name === 'hospital-c' ? { ...config, policy: { ...config.policy, minimumCohort: 5 } } : config,
    });
    await goesOnWithoutC(/UNAUTHORISED: task names 4 pods; .* 5 or more/, /5 or more/);
  });

  it('a task without secure aggregation, which then finds nobody', async () => {
    await open({ task: (yaml) => shortTask(yaml).replace('secure: true', 'secure: false') });
    const outcome = await federation.run();
    expect(outcome.error?.code).toBe('COHORT_TOO_SMALL');
    expect(outcome.reason).toContain('UNAUTHORISED: this site takes part only with secure aggregation');
  });

  it('a dataset it does not have', async () => {
    await open({ task: (yaml) => shortTask(yaml).replace('hospital-c/breast-cancer', 'hospital-c/lung') });
    await goesOnWithoutC(/NO_DATA: this pod has no dataset "lung"/, /no dataset "lung"/);
  });
});

describe('a bad model', () => {
  const withModel = (file: string) => (yaml: string) =>
    shortTask(yaml)
      .replace('builtin:mlp', `./${file}`)
      .replace(/\n +hidden_layers:.*/, '')
      .replace(/\n +activation:.*/, '');

  it('of the wrong width is found before anybody is asked, with both numbers', async () => {
    await open({ task: withModel('narrow.onnx') });
    writeFileSync(
      join(federation.folder, 'narrow.onnx'),
      builtinMlp({ inputs: 12, hidden: [4], outputs: 1, activation: 'relu', seed: 1 }),
    );
    const outcome = await federation.run();
    expect(outcome.error?.code).toBe('MODEL_MISMATCH');
    expect(outcome.reason).toMatch(/narrow\.onnx: model expects \[batch, 12\] on input "x".* 30 features/);
    expect(federation.notices.some(({ notice }) => notice.type === 'request')).toBe(false);
  });

  it('with an operator that does not train is refused by name and node', async () => {
    await open({ task: withModel('odd.onnx') });
    const good = Buffer.from(builtinMlp({ inputs: 30, hidden: [4], outputs: 1, activation: 'relu', seed: 1 }));
    // the same length, so that the file stays well formed: Relu becomes the unknown operator Rely
    writeFileSync(
      join(federation.folder, 'odd.onnx'),
      Buffer.from(good.toString('latin1').replace('\x22\x04Relu', '\x22\x04Rely'), 'latin1'),
    );
    const outcome = await federation.run();
    expect(outcome.error?.code).toBe('MODEL_UNSUPPORTED');
    expect(outcome.reason).toMatch(/odd\.onnx.*Rely/);
  });

  it('that is no model at all', async () => {
    await open({ task: withModel('text.onnx') });
    writeFileSync(join(federation.folder, 'text.onnx'), 'these are not the weights you are looking for');
    const outcome = await federation.run();
    expect(outcome.error?.code).toBe('MODEL_INVALID');
    expect(outcome.reason).toContain('text.onnx');
  });
});
