import { describe, expect, it } from 'vitest';
import { type CsvReport, parseInference } from '../../tasks/index.ts';
import { outputTable } from './outputs.ts';
import { postprocessed } from './postprocessing.ts';
import { ReportPlan } from './reportPlan.ts';

/** The report of a task whose CSVReportAlgorithm has these arguments. */
function report(args: string): CsvReport {
  const task = parseInference(
    `pods: { identifiers: [a] }
task:
  protocol: { name: InferenceAndCSVReport }
  algorithm:
    - { name: ModelInference, model: { konsil_model: { model_ref: ./m.onnx } } }
    - { name: CSVReportAlgorithm, arguments: { ${args} } }
`,
    't.yaml',
  );
  if (task.algorithm.name !== 'ModelInference') throw new TypeError('another algorithm');
  return task.algorithm.report!;
}

const SOURCES = { key: '_original_filename', original: ['age', 'sex', 'size_x', 'size_y'], outputs: ['p', 'q'] };
const ROWS = [
  { age: 40.126, sex: 'f', size_x: 1, size_y: 2 },
  { age: null, sex: '=1+1', size_x: 3, size_y: 4 },
];
function lines(args: string): { columns: readonly string[]; rows: unknown[]; sortBy: unknown[] } {
  const plan = new ReportPlan(report(args), SOURCES);
  const made = ROWS.map((row, i) =>
    plan.lineOf({
      name: `${i}.png`,
      cellOf: (column) => row[column as 'age'] ?? null,
      outputs: [0.123456, -(i + 0.5)],
    }),
  );
  return { columns: plan.columns, rows: made.map(({ cells }) => cells), sortBy: made.map(({ sortBy }) => sortBy) };
}

describe('a report', () => {
  it('has the file, all columns, outputs, two decimal places', () => {
    expect(lines('')).toMatchObject({
      columns: ['_original_filename', 'age', 'sex', 'size_x', 'size_y', 'p', 'q'],
      rows: [
        ['0.png', 40.13, 'f', 1, 2, 0.12, -0.5],
        ['1.png', null, '=1+1', 3, 4, 0.12, -1.5],
      ],
    });
  });

  it.each([
    ['original_cols: [_original_filename, sex]', ['_original_filename', 'sex', 'p', 'q']],
    ['columns_to_drop: [p, age], columns_to_drop_prefix: [size_]', ['_original_filename', 'sex', 'q']],
    ['columns_to_drop_prefix: size_', ['_original_filename', 'age', 'sex', 'p', 'q']],
    ['columns_to_include: [q, sex, none], original_cols: [age]', ['_original_filename', 'q', 'sex']],
    ['rename_columns: { p: sick, sex: s }, original_cols: [sex]', ['_original_filename', 's', 'sick', 'q']],
  ])('of %s has these columns', (args, columns) => {
    expect(lines(args).columns).toEqual(columns);
  });

  it('says which rows match filters, and which match all of them', () => {
    const filter = 'filter: [{ column: age, operator: ">=", value: 40 }, { column: q, operator: less than, value: 0 }]';
    expect(lines(`original_cols: [], ${filter}`)).toMatchObject({
      columns: ['_original_filename', 'p', 'q', 'age >= 40', 'q < 0', 'all filters'],
      rows: [
        ['0.png', 0.12, -0.5, true, true, true],
        ['1.png', 0.12, -1.5, false, true, false],
      ],
    });
  });

  it('is sorted by what is there, as it is before it is rounded', () => {
    expect(lines('sorting_columns: { age: desc, p: asc }, decimal_places: 0').sortBy).toEqual([
      [40.126, 0.123456],
      [null, 0.123456],
    ]);
  });

  it.each([
    ['original_cols: [agee]', /no column "agee" \(CSVReportAlgorithm original_cols\)/],
    ['sorting_columns: { r: asc }', /no column "r" \(CSVReportAlgorithm sorting_columns\)/],
    ['rename_columns: { p: q }', /two columns "q"/],
  ])('of %s is refused', (args, message) => {
    expect(() => lines(args)).toThrow(message);
  });
});

describe('outputs', () => {
  const loaded = { output: { name: 'logits', dims: [2] }, scale: 'raw' } as const;
  const said = Float32Array.of(0, 0, 1, Number.NaN);
  it('have names, and no cell where there is no number', () => {
    expect(outputTable({ label: 'm' }, loaded, said, 2, true)).toEqual({
      columns: ['prediction_0', 'prediction_1'],
      rows: [
        [0, 0],
        [1, null],
      ],
    });
    expect(outputTable({ label: 'm', classOutputs: ['a', 'b'] }, loaded, said, 2, false).columns).toEqual(['a', 'b']);
    expect(() => outputTable({ label: 'm', classOutputs: ['a'] }, loaded, said, 2, true)).toThrow(
      /m: output "logits" \[rows, 2\] has 2 values a row, class_outputs names 1/,
    );
  });

  it('of one probability are two classes', () => {
    const one = { output: { name: 'p', dims: [1] }, scale: 'probabilities' } as const;
    const pair = outputTable({ label: 'm', classOutputs: ['no', 'yes'] }, one, Float32Array.of(0.25), 1, true);
    expect(pair).toEqual({ columns: ['no', 'yes'], rows: [[0.75, 0.25]] });
  });

  it('are postprocessed under the name that the model has for them', () => {
    const table = outputTable({ label: 'm' }, loaded, Float32Array.of(0, 0), 1, true);
    const steps: Parameters<typeof postprocessed>[2] = [
      { type: 'rename', column_mapping: { logits: 'probabilities' } },
      { type: 'transform', columns: ['probabilities'], transformations: ['softmax'] },
    ];
    expect(postprocessed(table, 'logits', steps)).toEqual({
      columns: ['probabilities_0', 'probabilities_1'],
      rows: [[0.5, 0.5]],
    });
  });
});
