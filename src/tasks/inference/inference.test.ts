import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { analysisToWire, anyFromWire, isAnalysis, parseInference, parsePodConfig, readAnyTask } from '../index.ts';

const INFER = '{ name: bitfount.ModelInference, model: { bitfount_model: { model_ref: ./m.onnx } } }';
const REPORT = '{ name: CSVReportAlgorithm }';
const task = (algorithm: string, { protocol = 'InferenceAndCSVReport', more = '', data = '' } = {}): string =>
  `pods: { identifiers: [a/d, b/d] }
task:
  protocol: { name: konsil.${protocol} }
  algorithm: ${algorithm}
${data && `  data_structure: ${data}`}
${more}
`;
const parse = (text: string) => {
  const { local, ...parsed } = parseInference(text, '/t/i.yaml');
  return { local, task: parsed };
};

describe('a task that runs models', () => {
  it('is the same at the other end of the wire, with what it leaves out', () => {
    const { local, task: parsed } = parse(
      task(
        `[{ name: RecordFilterAlgorithm, arguments: { strategies: [latest, age_range],
            filter_args_list: [{ date_column: day, id_column: [p, q] }, { birth_date_column: b, min_age: 50 }] } },
          { name: ImageSelectionAlgorithm }, ${INFER},
          { name: ModelInference, arguments: { label: second, class_outputs: [x, y],
            postprocessors: [{ type: rename, mapping: { x: z } }], model: { konsil_model: { model_ref: n.json } } } },
          { name: CSVReportAlgorithm, arguments: { original_cols: [a], filter: [{ column: a, operator: equal, value: 1 }],
            sorting_columns: { b: desc, a: asc }, columns_to_drop_prefix: n, rename_columns: { a: A } } }]`,
        {
          data: '{ assign: { image_cols: [Pixel Data], target: t }, filter: [{ filter_type: min-frames, value: 2 }] }',
          more: 'batched_execution: true\ntest_run: true\nrun_on_new_data_only: true\nforce_rerun_failed_files: false',
        },
      ),
    );
    expect(local.modelFiles).toEqual(['/t/m.onnx', '/t/n.json']);
    const wire = JSON.parse(JSON.stringify(analysisToWire(parsed)));
    expect(anyFromWire(wire)).toEqual(parsed);
    expect(isAnalysis(parsed)).toBe(true);
    expect(JSON.stringify(wire)).not.toMatch(/m\.onnx|\/t\//);
    expect(parsed.algorithm).toMatchObject({
      models: [
        { label: 'm', kind: 'onnx' },
        { label: 'second', kind: 'tfjs' },
      ],
    });
  });

  it.each([
    ['InferenceAndCSVReport', [INFER, REPORT].join(), { returns: false, writes: 'table' }, ['Worker']],
    ['InferenceAndReturnCSVReport', [INFER, REPORT].join(), { returns: true }, ['Worker', 'Modeller']],
    [
      'InstrumentedInferenceAndCSVReport',
      [INFER, REPORT].join(),
      { isInstrumented: true, isBatched: false },
      ['Worker'],
    ],
    ['InferenceAndImageOutput', INFER, { writes: 'images', rerunsFailedFiles: true }, ['Worker']],
    ['ResultsOnly', INFER, { returns: false }, ['Worker']],
    ['ResultsOnly, arguments: { save_location: Modeller }', INFER, { returns: true }, ['Modeller']],
  ])('of %s', (protocol, list, algorithm, saveLocation) => {
    const parsed = parse(task(`[${list}]`, { protocol: protocol.includes(',') ? protocol : protocol })).task;
    expect(parsed).toMatchObject({ algorithm, protocol: { saveLocation }, aggregator: { adds: false } });
    expect(anyFromWire(JSON.parse(JSON.stringify(analysisToWire(parsed))))).toEqual(parsed);
  });

  it.each([
    [
      'a report before its model',
      `[${REPORT}, ${INFER}]`,
      {},
      /ModelInference comes after CSVReportAlgorithm; InferenceAndCSVReport takes RecordFilterAlgorithm/,
    ],
    ['no report', INFER, {}, /InferenceAndCSVReport ends with CSVReportAlgorithm/],
    ['no model', REPORT, {}, /has no ModelInference/],
    ['two reports', `[${INFER}, ${REPORT}, ${REPORT}]`, {}, /CSVReportAlgorithm is there twice/],
    [
      'a report of results only',
      `[${INFER}, ${REPORT}]`,
      { protocol: 'ResultsOnly' },
      /CSVReportAlgorithm does not fit ResultsOnly; it is for InferenceAndCSVReport/,
    ],
    [
      'training',
      '{ name: FederatedModelTraining }',
      {},
      /algorithm FederatedModelTraining is for FederatedAveraging; this protocol takes/,
    ],
    ['a query', '{ name: SqlQuery }', {}, /algorithm SqlQuery is for ResultsOnly/],
    [
      'a model that needs training',
      `[${INFER.replace('./m.onnx', 'builtin:mlp')}, ${REPORT}]`,
      {},
      /a built-in model says nothing/,
    ],
    ['two models of one name', `[${INFER}, ${INFER}, ${REPORT}]`, {}, /two models are called m/],
    [
      'an aggregator',
      `[${INFER}, ${REPORT}]`,
      { protocol: 'InferenceAndCSVReport, arguments: { aggregator: {} }' },
      /rows of predictions are not added up/,
    ],
    [
      'trials',
      `[${INFER}, { name: CSVReportAlgorithm, arguments: { ophthalmology_args: {} } }]`,
      {},
      /arguments.ophthalmology_args: trials of eye diseases/,
    ],
    ['a split', `[${INFER}, ${REPORT}]`, { data: '{ data_split: {} }' }, /data_split: a model is run on all rows/],
    [
      'strategies without arguments',
      `[{ name: RecordFilterAlgorithm, arguments: { strategies: [latest], filter_args_list: [{}, {}] } }, ${INFER}, ${REPORT}]`,
      {},
      /arguments of 1 strategies, got 2/,
    ],
  ])('has not %s', (_what, algorithm, options, message) => {
    expect(() => parse(task(algorithm, options))).toThrow(message);
  });

  it('finds its models and its labels', async () => {
    const folder = tempFolder();
    const file = join(folder, 'i.yaml');
    const labelled = INFER.replace(
      'model:',
      'arguments: { postprocessors: [{ type: huggingface_apply_id_to_labels, filepath: config.json }] }, model:',
    );
    writeFileSync(file, task(`[${labelled}, ${REPORT}]`));
    writeFileSync(join(folder, 'm.onnx'), 'x');
    await expect(readAnyTask(file)).rejects.toThrow(/postprocessors.0.filepath: config.json cannot be read/);
    writeFileSync(join(folder, 'config.json'), '{ "id2label": { "0": "cat" } }');
    expect(await readAnyTask(file)).toMatchObject({
      algorithm: { models: [{ postprocessors: [{ labels: { '0': 'cat' } }] }] },
      local: { modelFiles: [join(folder, 'm.onnx')] },
    });
  });
});

it('a training protocol says which protocols run models', async () => {
  const file = join(tempFolder(), 't.yaml');
  writeFileSync(file, task(INFER, { protocol: 'FederatedAveraging, arguments: {}' }));
  await expect(readAnyTask(file)).rejects.toThrow(
    /algorithm ModelInference is for ResultsOnly, InferenceAndCSVReport.*this protocol takes FederatedModelTraining/,
  );
});

it('a pod runs no models unless its file says so', () => {
  const pod = (policy: string) =>
    parsePodConfig(
      `name: site-a
broker: { url: mqtt://127.0.0.1 }
datasources: [{ name: d, datasource: CSVSource, datasource_args: { path: ./d.csv } }]
${policy}`,
      '/p/pod.yaml',
    ).policy.inference;
  expect(pod('')).toBeUndefined();
  expect(pod('policy: { inference: {} }')).toEqual({ returnsRows: false, columns: [], maximumModelMb: 500 });
  expect(pod('policy: { inference: { return: allow, columns: [age], limit_per_model: 9 } }')).toMatchObject({
    ...{ returnsRows: true, columns: ['age'], limitPerModel: 9 },
  });
});

it.each(['csv', 'pictures', 'return'])('the example %s.yaml is accepted', (name) => {
  const file = join(import.meta.dirname, '../../../examples/inference', `${name}.yaml`);
  expect(parseInference(readFileSync(file, 'utf8'), file).algorithm.name).toBe('ModelInference');
});
