/**
 * What a model says to rows, as a table with a name a column.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { InferenceModel } from '../../tasks/index.ts';
import type { LoadedModel } from '../../training/index.ts';

/** A cell of a report. */
export type ReportCell = string | number | boolean | null;

/** Columns of outputs: each row has a cell a column. */
export interface OutputTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly ReportCell[])[];
}

/** More values a row than this are no table but an image. */
const MOST_COLUMNS = 1_000;

/**
 * The outputs of one model.
 * @param said - Shape `[rows, size of the output]`.
 * @param isAlone - Whether it is the task's only model; otherwise names that the task does not give carry its label.
 * @throws KonsilError MODEL_MISMATCH when `class_outputs` names another number of outputs, or these make no table.
 */
export function outputTable(
  { label, classOutputs }: Pick<InferenceModel, 'label' | 'classOutputs'>,
  { output, scale }: Pick<LoadedModel, 'output' | 'scale'>,
  said: Float32Array,
  rows: number,
  isAlone: boolean,
): OutputTable {
  const width = output.dims.reduce((product, dim) => product * dim, 1);
  const mismatch = (what: string): KonsilError =>
    new KonsilError(
      'MODEL_MISMATCH',
      `${label}: output "${output.name}" [rows${output.dims.map((dim) => `, ${dim}`).join('')}] ${what}`,
    );
  if (width > MOST_COLUMNS)
    throw mismatch(`has ${width} values a row, which make no table; run it with InferenceAndImageOutput`);
  const cell = (value: number): ReportCell => (Number.isFinite(value) ? value : null);
  // one probability is that of the second of two classes
  const isPair = width === 1 && classOutputs?.length === 2 && scale === 'probabilities';
  if (classOutputs && classOutputs.length !== width && !isPair)
    throw mismatch(
      `has ${width} ${width === 1 ? 'value' : 'values'} a row, class_outputs names ${classOutputs.length}`,
    );
  const prefix = isAlone ? '' : `${label}_`;
  return {
    columns: classOutputs ?? Array.from({ length: width }, (_, i) => `${prefix}prediction_${i}`),
    rows: Array.from({ length: rows }, (_, row) => {
      const values = said.subarray(row * width, (row + 1) * width);
      return isPair ? [cell(1 - values[0]!), cell(values[0]!)] : Array.from(values, cell);
    }),
  };
}

/** Tables of the same rows side by side. @throws KonsilError MODEL_MISMATCH when two columns have one name. */
export function besides(tables: readonly OutputTable[]): OutputTable {
  const [first] = tables;
  if (tables.length === 1) return first!;
  const columns = tables.flatMap((table) => table.columns);
  const twice = columns.find((name, i) => columns.indexOf(name) < i);
  if (twice !== undefined) throw new KonsilError('MODEL_MISMATCH', `two models have an output "${twice}"`);
  return { columns, rows: first!.rows.map((_, row) => tables.flatMap((table) => table.rows[row]!)) };
}
