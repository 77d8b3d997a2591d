/**
 * A data source seen through a task's data structure: numbers the model takes, and what it is to predict.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { type Batch, type DataSource, type ImageHandle, isImage, textOf, type Value } from './dataSource.ts';
import { type DataStructure, type ProblemKind, problemOf } from './dataStructure.ts';
import { imageColumns, requireColumns, selectColumns } from './selection.ts';
import { findTime } from './timeSplit.ts';

/** Rows of a dataset that have a target. */
export interface LoadedDataset {
  /** Names of the inputs that are numbers, one-hot columns as `sex=female`; `features.length` is the width of `x`. */
  readonly features: readonly string[];
  /** Shape `[rows, features]`, row-major; NaN where a value is missing. */
  readonly x: Float32Array;
  /** Shape `[rows]`: class indices, or values for regression. */
  readonly y: Int32Array | Float32Array;
  readonly kind: ProblemKind;
  /** Class names in index order; none for regression. */
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

/** A stretch of a row as the model sees it: numbers from `x`, or an image. */
export type RowPart =
  | { readonly kind: 'numbers'; readonly offset: number; readonly width: number }
  | { readonly kind: 'image'; readonly column: number };

export interface LoadedImages {
  readonly columns: readonly string[];
  /** Shape `[rows][columns]`. */
  readonly handles: readonly (readonly ImageHandle[])[];
  /** In the order of the task's columns. */
  readonly parts: readonly RowPart[];
  /** Rows left out because an image is not there. */
  readonly missing: number;
}

/** A column being read: where it goes in a row of `x`, and how. */
interface Input {
  readonly column: string;
  readonly offset: number;
  /** Undefined for a number. */
  readonly codes: CategoryCodes | undefined;
  missing: number;
  unknown: number;
}

interface CategoryCodes {
  readonly values: readonly string[];
  readonly byText: ReadonlyMap<string, number>;
  readonly byNumber: ReadonlyMap<number, number>;
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
  const { kind, classes } = problemOf(structure);
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
    codes: kind === 'regression' ? undefined : codesOf(classes),
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
    const kept = await readTarget(source, batch, target, y, rows, complete);
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
    kind,
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

function inputsOf(columns: readonly string[], structure: DataStructure): Input[] {
  let offset = 0;
  return columns.map((column) => {
    const codes = Object.hasOwn(structure.categories, column) ? codesOf(structure.categories[column]!) : undefined;
    const input = { column, offset, codes, missing: 0, unknown: 0 };
    offset += codes?.values.length ?? 1;
    return input;
  });
}

/** The rows of a batch that have all images, by their place in it. */
function completeRows(batch: Batch, pictures: readonly string[]): Set<number> {
  return new Set(
    batch.keys
      .map((_, at) => at)
      .filter((at) => pictures.every((column) => isImage(batch.columns[column]![at] ?? null))),
  );
}

/** Stretches of a row in the order of the columns; numbers side by side are one. */
function partsOf(columns: readonly string[], pictures: readonly string[], inputs: readonly Input[]): RowPart[] {
  const parts: RowPart[] = [];
  for (const column of columns) {
    const image = pictures.indexOf(column);
    const last = parts.at(-1);
    if (image >= 0) parts.push({ kind: 'image', column: image });
    else {
      const { offset, codes } = inputs.find((input) => input.column === column)!;
      const width = codes?.values.length ?? 1;
      if (last?.kind === 'numbers') parts[parts.length - 1] = { ...last, width: last.width + width };
      else parts.push({ kind: 'numbers', offset, width });
    }
  }
  return parts;
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

function codesOf(values: readonly string[]): CategoryCodes {
  // a column of whole numbers arrives as numbers: "1", "1.0" and "01" all mean 1
  return {
    values,
    byText: new Map(values.map((value, i) => [value, i])),
    byNumber: new Map(
      values.flatMap((value, i) =>
        value.trim() !== '' && Number.isFinite(Number(value)) ? [[Number(value), i] as const] : [],
      ),
    ),
  };
}

function codeOf(codes: CategoryCodes, cell: NonNullable<Value>): number | undefined {
  if (isImage(cell)) return undefined;
  return typeof cell === 'number' ? codes.byNumber.get(cell) : codes.byText.get(cell);
}

/** Fills `y` from `rows` on; positions in the batch of the rows that have a target. */
async function readTarget(
  source: DataSource,
  batch: Batch,
  target: Input,
  y: Int32Array | Float32Array,
  rows: number,
  complete: ReadonlySet<number> | undefined,
): Promise<number[]> {
  const kept: number[] = [];
  for (const [at, cell] of batch.columns[target.column]!.entries()) {
    if (complete?.has(at) === false) continue;
    if (cell === null) {
      target.missing++;
      continue;
    }
    const value = target.codes
      ? codeOf(target.codes, cell)
      : await numberOf(source, target.column, cell, batch.keys[at]!);
    if (value === undefined) target.unknown++;
    else {
      y[rows + kept.length] = value;
      kept.push(at);
    }
  }
  return kept;
}

async function readInput(
  source: DataSource,
  batch: Batch,
  input: Input,
  kept: readonly number[],
  x: Float32Array,
  rows: number,
  width: number,
): Promise<void> {
  const cells = batch.columns[input.column]!;
  for (const [i, at] of kept.entries()) {
    const cell = cells[at]!;
    const start = (rows + i) * width + input.offset;
    if (cell === null) {
      input.missing++;
      x.fill(Number.NaN, start, start + (input.codes?.values.length ?? 1));
    } else if (input.codes === undefined) {
      // a cell that is a number already needs no await: this is the inner loop
      x[start] =
        typeof cell === 'number' && Number.isFinite(Math.fround(cell))
          ? cell
          : await numberOf(source, input.column, cell, batch.keys[at]!);
    } else {
      const code = codeOf(input.codes, cell);
      if (code === undefined) input.unknown++;
      else x[start + code] = 1;
    }
  }
}

async function numberOf(source: DataSource, column: string, cell: NonNullable<Value>, key: number): Promise<number> {
  if (isImage(cell)) throw dataError(source, column, 'is an image; expected numbers');
  const value = typeof cell === 'number' ? cell : plainNumber(cell);
  if (value !== undefined && Number.isFinite(Math.fround(value))) return value;
  const line = await source.findLine(key);
  const where = line === undefined ? `row ${key}` : `line ${line}`;
  const hint =
    value !== undefined
      ? 'expected a number of at most 3.4e38'
      : typeof cell === 'string' && /^[+-]?\d+,\d+$/.test(cell)
        ? 'expected a number with a decimal point, got a decimal comma'
        : 'expected a number, or a null value';
  throw new KonsilError('DATA_INVALID', `${source.label}: column "${column}", ${where}: ${hint}`, {
    file: source.label,
    column,
    ...(line !== undefined && { line }),
  });
}

function plainNumber(text: string): number | undefined {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function reportUnknown(source: DataSource, inputs: readonly Input[]): void {
  for (const { column, codes, unknown } of inputs) {
    if (unknown > 0 && codes !== undefined)
      throw dataError(
        source,
        column,
        `has a value in ${unknown} ${unknown === 1 ? 'row' : 'rows'} that is none of the task's categories; expected ${listed(codes.values)}`,
      );
  }
}

function listed(values: readonly string[]): string {
  return values.length <= 20 ? values.join(', ') : `${values.slice(0, 20).join(', ')}, … (${values.length} in all)`;
}

function dataError(source: DataSource, column: string, message: string): KonsilError {
  return new KonsilError('DATA_INVALID', `${source.label}: column "${column}" ${message}`, {
    file: source.label,
    column,
  });
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
