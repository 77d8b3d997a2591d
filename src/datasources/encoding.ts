/**
 * From the cells of a row to the numbers a model takes: one a column of numbers, one a listed value of a column of categories.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { type Batch, type DataSource, isImage, type Value } from './dataSource.ts';
import type { DataStructure } from './dataStructure.ts';

/** A stretch of a row as the model sees it: numbers from `x`, or an image. */
export type RowPart =
  | { readonly kind: 'numbers'; readonly offset: number; readonly width: number }
  | { readonly kind: 'image'; readonly column: number };

/** A column being read: where it goes in a row of `x`, and how. */
export interface Input {
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

/** How each of `columns` is read, side by side in their order. */
export function inputsOf(columns: readonly string[], structure: Pick<DataStructure, 'categories'>): Input[] {
  let offset = 0;
  return columns.map((column) => {
    const codes = Object.hasOwn(structure.categories, column) ? codesOf(structure.categories[column]!) : undefined;
    const input = { column, offset, codes, missing: 0, unknown: 0 };
    offset += codes?.values.length ?? 1;
    return input;
  });
}

/** The rows of a batch that have all images, by their place in it. */
export function completeRows(batch: Batch, pictures: readonly string[]): Set<number> {
  return new Set(
    batch.keys
      .map((_, at) => at)
      .filter((at) => pictures.every((column) => isImage(batch.columns[column]![at] ?? null))),
  );
}

/** Stretches of a row in the order of the columns; numbers side by side are one. */
export function partsOf(columns: readonly string[], pictures: readonly string[], inputs: readonly Input[]): RowPart[] {
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

/** The codes of a column of these values: their places in the list. */
export function codesOf(values: readonly string[]): CategoryCodes {
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

/** The code of a cell; undefined for a value that is not listed. */
export function codeOf(codes: CategoryCodes, cell: NonNullable<Value>): number | undefined {
  if (isImage(cell)) return undefined;
  return typeof cell === 'number' ? codes.byNumber.get(cell) : codes.byText.get(cell);
}

/**
 * Reads the cells of rows `kept` of a batch into `x`, `[…, width]`, from row `rows` on; NaN where there is none.
 * @throws KonsilError DATA_INVALID naming column and line, never the value.
 */
export async function readInput(
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

/** The number in a cell. @throws KonsilError DATA_INVALID naming column and line, never the value. */
export async function numberOf(
  source: DataSource,
  column: string,
  cell: NonNullable<Value>,
  key: number,
): Promise<number> {
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

/** @throws KonsilError DATA_INVALID when an input has seen a value that its column does not list. */
export function reportUnknown(source: DataSource, inputs: readonly Input[]): void {
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

/** What is wrong with a column. */
export function dataError(source: DataSource, column: string, message: string): KonsilError {
  return new KonsilError('DATA_INVALID', `${source.label}: column "${column}" ${message}`, {
    file: source.label,
    column,
  });
}
