import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTaskTemplates } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-templates-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FIXTURES = new URL('../../test/fixtures/tasks/', import.meta.url).pathname;
copyFileSync(join(FIXTURES, 'templated.yaml'), join(folder, 'task.yaml'));
writeFileSync(join(folder, 'model.onnx'), '');
/** Without inputs and without pods. */
const FIXED = `pods: {identifiers: [ ]}
task:
  protocol: {name: ResultsOnly}
  algorithm: {name: SqlQuery, arguments: {query: SELECT 1, aggregate: {n: sum}}}
  aggregator: {secure: true}
`;
writeFileSync(join(folder, 'fixed.yaml'), FIXED);

const GOOD = `task-templates:
  - slug: relapse-prediction
    title: Predict a relapse
    type: tabular-classification
    description: >
      Trains a small model.
    template: task.yaml
    tags: [Training, ophthalmology]
  - slug: rows
    title: Count rows
    type: Tabular Analytics
    description: Asks for one number.
    template: ./fixed.yaml
models:
  - private: true
    model_file: model.onnx
`;
const read = (text: string) => {
  const file = join(folder, 'templates.yaml');
  writeFileSync(file, text);
  return readTaskTemplates(file);
};
const edit = (from: string, to: string): string => {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
};

describe('readTaskTemplates', () => {
  it('reads tasks and models, with their paths resolved', async () => {
    expect(await read(GOOD)).toEqual({
      templates: [
        {
          ...{ slug: 'relapse-prediction', title: 'Predict a relapse', type: 'Tabular Classification' },
          ...{ description: 'Trains a small model.\n', template: join(folder, 'task.yaml') },
          ...{ tags: ['Training', 'Ophthalmology'], inputs: ['checkpoint_path', 'feature_columns'] },
        },
        {
          ...{ slug: 'rows', title: 'Count rows', type: 'Tabular Analytics', description: 'Asks for one number.' },
          ...{ template: join(folder, 'fixed.yaml'), tags: [], inputs: [] },
        },
      ],
      models: [{ isPrivate: true, modelFile: join(folder, 'model.onnx') }],
    });
  });

  it.each([
    [
      'type: tabular-classification',
      'type: tabular',
      /4:11 task-templates\.0\.type: expected one of Image Classification/,
    ],
    ['tags: [Training, ophthalmology]', 'tags: []', /tags: expected a list with at least 1/],
    ['tags: [Training, ophthalmology]', 'tags: [Cooking]', /tags\.0: expected one of Prediction/],
    ['slug: rows', 'slug: relapse-prediction', /slug: relapse-prediction is given twice/],
    ['slug: rows', 'slug: My Rows', /slug: expected lower-case letters/],
    ['title: Count rows', 'title: <Enter Title>', /title: is a placeholder of the documentation/],
    ['./fixed.yaml', './none.yaml', /13:15 task-templates\.1\.template: cannot read .*none\.yaml/],
    ['model.onnx', 'none.onnx', /models\.0\.model_file: .*no file .*none\.onnx/],
    ['model.onnx', 'Model.py', /models\.0\.model_file: expected a file that ends in \.onnx/],
    ['private: true', 'weights: x', /models\.0\.weights: unknown key/],
  ])('with %j as %j is refused', async (from, to, message) => {
    await expect(read(edit(from, to))).rejects.toThrow(message);
  });

  it('has problems of a task at their own place, of all tasks at once', async () => {
    const task = readFileSync(join(folder, 'task.yaml'), 'utf8');
    writeFileSync(join(folder, 'wrong.yaml'), task.replace('epochs: 2', 'epochs: two'));
    writeFileSync(join(folder, 'wrong2.yaml'), FIXED.replace('SELECT 1', '1'));
    const text = edit('template: task.yaml', 'template: wrong.yaml').replace('fixed.yaml', 'wrong2.yaml');
    await expect(read(text)).rejects.toThrow(
      /task-templates\.0\.template: .*wrong\.yaml:18:19 .*epochs: expected a number, got "two"\n.*task-templates\.1\.template: .*wrong2\.yaml:4:50 .*query: expected text, got 1/,
    );
  });
});
