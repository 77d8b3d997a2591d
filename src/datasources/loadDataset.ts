/**
 * A data source seen through a task's data structure: numbers the model takes, and what it is to predict.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { type Batch, type DataSource, type ImageHandle, isImage, textOf } from './dataSource.ts';
import { type DataStructure, problemOf } from './dataStructure.ts';
import {
  codeOf,
  codesOf,
  completeRows,
  dataError,
  type Input,
  inputsOf,
  numberOf,
  partsOf,
  type RowPart,
  readInput,
  reportUnknown,
} from './encoding.ts';
import { imageColumns, requireColumns, selectColumns } from './selection.ts';
import { findTime } from './timeSplit.ts';

/** Rows of a dataset that have a target. */
export interface LoadedDataset {
  /** Names of the inputs that are numbers, one-hot columns as `sex=female`; `features.length` is the width of `x`. */
  readonly features: readonly string[];
  /** Shape `[rows, features]`, row-major; NaN where a value is missing. */
  readonly x: Float32Array;
  /** Shape `[rows]`: class indices, or values; nothing of a mask. With an outcome see `withOutcome`. */
  readonly y: Int32Array | Float32Array;
  /** Class names of the target in index order; none of a number. */
  readonly classes: readonly string[];
  readonly rows: number;
  /** Shape `[rows]`: row numbers in the source. */
  readonly keys: Uint32Array;
  /** Images of the rows, and where they stand among the numbers. */
  readonly images?: LoadedImages;
  /** Shape `[rows]`: rows with equal numbers stay in one split; undefined where each is its own. */
  readonly groups?: Uint32Array;
  /** Rows left out because they have no target. */
  readonly missingTarget: number;
  /** Column to its number of missing values; columns without any are not listed. */
  readonly missing: Readonly<Record<string, number>>;
  /** Shape `[rows]`: cells of the split column, for a predefined split. */
  readonly splitLabels?: readonly string[];
  /** Shape `[rows]`: what a split by time sorts by. */
  readonly times?: Float64Array;
  /** What the site should know though it stops nothing; without values. */
  readonly warnings: readonly string[];
}

export interface LoadedImages {
  readonly columns: readonly string[];
  /** Shape `[rows][columns]`. */
  readonly handles: readonly (readonly ImageHandle[])[];
  /** Shape `[rows]`: classes of the pixels of the first column, where these are what is predicted. */
  readonly masks?: readonly ImageHandle[];
  /** In the order of the task's columns. */
  readonly parts: readonly RowPart[];
  /** Rows left out because an image is not there. */
  readonly missing: number;
}

/**
 * Reads all rows that have a target.
 * @throws KonsilError DATA_COLUMN_MISSING, DATA_INVALID (file, column, line; never a value) or DATA_EMPTY.
 */
export async function loadDataset(
  source: DataSource,
  structure: DataStructure,
  options: { readonly signal?: AbortSignal } = {},
): Promise<LoadedDataset> {
  requireColumns(source, structure);
  const { columns, warnings } = selectColumns(source, structure);
  const isMask = structure.outcome?.kind === 'segmentation';
  const { outcome: _outcome, ...single } = structure;
  const { kind, classes } = isMask ? MASKS : problemOf(single);
  const pictures = imageColumns(columns, source.schema);
  const inputs = inputsOf(
    columns.filter((column) => !pictures.includes(column)),
    structure,
  );
  const features = inputs.flatMap(
    ({ column, codes }) => codes?.values.map((value) => `${column}=${value}`) ?? [column],
  );
  const target: Input = {
    column: structure.target,
    offset: 0,
    codes: classes.length === 0 ? undefined : codesOf(classes),
    missing: 0,
    unknown: 0,
  };
  const splitColumn = structure.split.splitter === 'predefined' ? structure.split.column : undefined;
  const width = features.length;
  const x = new Float32Array(source.rowCount * width);
  const y = kind === 'regression' ? new Float32Array(source.rowCount) : new Int32Array(source.rowCount);
  const keys = new Uint32Array(source.rowCount);
  const timeColumn = structure.split.splitter === 'percentage' ? structure.split.sortBy : undefined;
  const times: (number | undefined)[] = [];
  const splitLabels: string[] = [];
  const handles: (readonly ImageHandle[])[] = [];
  const grouping = new Grouping(source, structure);
  let [rows, withoutImage] = [0, 0];
  for await (const batch of source.yieldData(10_000, options.signal)) {
    const complete = pictures.length === 0 ? undefined : completeRows(batch, pictures);
    withoutImage += complete === undefined ? 0 : batch.keys.length - complete.size;
    const kept = await readTarget(source, batch, target, y, rows, complete, isMask);
    for (const at of pictures.length === 0 ? [] : kept)
      handles.push(pictures.map((column) => batch.columns[column]![at] as ImageHandle));
    for (const input of inputs) await readInput(source, batch, input, kept, x, rows, width);
    for (const [i, at] of kept.entries()) {
      keys[rows + i] = batch.keys[at]!;
      grouping.add(batch, at);
      if (splitColumn !== undefined) splitLabels.push(textOf(batch.columns[splitColumn]![at]));
      if (timeColumn !== undefined) times.push(findTime(batch.columns[timeColumn]![at] ?? null));
    }
    rows += kept.length;
  }
  reportUnknown(source, [target, ...inputs]);
  if (rows === 0 && withoutImage > 0)
    throw new KonsilError(
      'DATA_EMPTY',
      `${source.label}: none of the ${source.rowCount} rows has ${pictures.length === 1 ? 'an image' : `all ${pictures.length} images`} and a value of "${structure.target}"`,
      { file: source.label },
    );
  if (rows === 0)
    throw new KonsilError(
      'DATA_EMPTY',
      `${source.label}: column "${structure.target}" has no value in any of the ${source.rowCount} rows; expected a target`,
      {
        file: source.label,
        column: structure.target,
      },
    );
  const empty = inputs.find((input) => input.missing === rows);
  if (empty !== undefined)
    throw dataError(
      source,
      empty.column,
      'has no value in any row; expected some, or leave it out with select.exclude',
    );
  const dataset = {
    features,
    x: x.slice(0, rows * width),
    y: y.slice(0, rows),
    classes,
    rows,
    keys: keys.slice(0, rows),
    missingTarget: target.missing,
    missing: Object.fromEntries(
      inputs.filter((input) => input.missing > 0).map((input) => [input.column, input.missing]),
    ),
    ...(splitColumn !== undefined && { splitLabels }),
    ...(timeColumn !== undefined && { times: allTimes(source, timeColumn, times) }),
    ...(pictures.length > 0 && {
      images: { columns: pictures, handles, parts: partsOf(columns, pictures, inputs), missing: withoutImage },
    }),
    ...(grouping.groups && { groups: grouping.groups }),
  };
  return { ...dataset, warnings: [...warnings, ...targetWarnings(dataset, structure.target)] };
}

/** Nothing is known of them but whether they are there. */
const MASKS = { kind: 'segmentation', classes: [] } as const;

/** @throws KonsilError DATA_INVALID when a row has no time: it belongs in no set. */
function allTimes(source: DataSource, column: string, times: readonly (number | undefined)[]): Float64Array {
  const unknown = times.filter((time) => time === undefined).length;
  if (unknown > 0)
    throw dataError(
      source,
      column,
      `has no date and no number in ${unknown} ${unknown === 1 ? 'row' : 'rows'}; expected one in every row (data_split.args.time_series_sort_by)`,
    );
  return Float64Array.from(times, Number);
}

/** Numbers the groups of rows as they come. */
class Grouping {
  readonly #source: DataSource;
  readonly #column: string | undefined;
  readonly #isOn: boolean;
  readonly #numbers = new Map<string, number>();
  readonly #groups: number[] = [];
  #count = 0;
  #isKnown = false;

  constructor(source: DataSource, { split }: DataStructure) {
    const by = split.splitter === 'percentage' ? (split.groupBy ?? 'patient') : 'none';
    this.#source = source;
    this.#isOn = by !== 'none';
    this.#column = typeof by === 'object' ? by.column : undefined;
  }

  add(batch: Batch, at: number): void {
    if (!this.#isOn) return;
    const value = this.#column === undefined ? this.#source.groupOf(batch.keys[at]!) : batch.columns[this.#column]![at];
    const name = value === null || value === undefined || isImage(value) ? undefined : `${typeof value} ${value}`;
    const known = name === undefined ? undefined : this.#numbers.get(name);
    const group = known ?? this.#count++;
    if (name !== undefined) {
      this.#numbers.set(name, group);
      this.#isKnown = true;
    }
    this.#groups.push(group);
  }

  /** Undefined where no row has a group. */
  get groups(): Uint32Array | undefined {
    return this.#isKnown ? Uint32Array.from(this.#groups) : undefined;
  }
}

/** Fills `y` from `rows` on; positions in the batch of the rows that have a target. */
async function readTarget(
  source: DataSource,
  batch: Batch,
  target: Input,
  y: Int32Array | Float32Array,
  rows: number,
  complete: ReadonlySet<number> | undefined,
  isMask: boolean,
): Promise<number[]> {
  const kept: number[] = [];
  for (const [at, cell] of batch.columns[target.column]!.entries()) {
    if (complete?.has(at) === false) continue;
    if (cell === null) {
      target.missing++;
      continue;
    }
    // a mask is read when its picture is: here it only has to be there
    const value = target.codes
      ? codeOf(target.codes, cell)
      : isMask && isImage(cell)
        ? 0
        : await numberOf(source, target.column, cell, batch.keys[at]!);
    if (value === undefined) target.unknown++;
    else {
      y[rows + kept.length] = value;
      kept.push(at);
    }
  }
  return kept;
}

function targetWarnings(dataset: Omit<LoadedDataset, 'warnings'>, target: string): string[] {
  const { rows, y, classes, missingTarget } = dataset;
  const warnings: string[] = [];
  if (missingTarget > 0)
    warnings.push(`${missingTarget} of ${rows + missingTarget} rows have no "${target}" and are left out`);
  const { images } = dataset;
  if (images !== undefined && images.missing > 0)
    warnings.push(`${images.missing} rows lack an image that the task uses and are left out`);
  const present = new Set(y);
  if (classes.length > 0 && present.size === 1)
    warnings.push(`all rows have the same class of "${target}"; this site alone cannot tell classes apart`);
  return warnings;
}
