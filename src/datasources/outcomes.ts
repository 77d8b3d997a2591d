/**
 * What is predicted of rows, where it is more than one number or class: several labels, a time with an event, a mask.
 * @module
 */
import { type DataSource, type ImageHandle, isImage, type Value } from './dataSource.ts';
import type { DataStructure, Outcome } from './dataStructure.ts';
import { codeOf, codesOf, dataError, numberOf } from './encoding.ts';
import type { LoadedDataset } from './loadDataset.ts';

export interface LoadedOutcomes {
  /** Shape `[rows, columns]`: labels of 0 and 1, or time and event; NaN where a value is missing. No columns for masks. */
  readonly values: Float64Array;
  /** Shape `[rows]`; null where there is none. Empty but for masks. */
  readonly masks: readonly (ImageHandle | null)[];
  /** Shape `[rows]`: whether a row has all of its outcome. */
  readonly isComplete: readonly boolean[];
}

/**
 * The outcome of the rows `keys`.
 * @throws KonsilError DATA_INVALID naming column and line, never the value.
 */
export async function loadOutcomes(
  source: DataSource,
  structure: DataStructure & { readonly outcome: Outcome },
  keys: Uint32Array,
  signal?: AbortSignal,
): Promise<LoadedOutcomes> {
  const { kind, columns } = structure.outcome;
  const isMask = kind === 'segmentation';
  const readers = isMask
    ? []
    : columns.map((column, c) => readerOf(source, structure, column, kind === 'survival' && c === 0));
  const width = readers.length;
  const values = new Float64Array(keys.length * width).fill(Number.NaN);
  const masks: (ImageHandle | null)[] = isMask ? Array.from(keys, () => null) : [];
  const place = new Map(Array.from(keys, (key, i) => [key, i]));
  for await (const batch of source.yieldData(10_000, signal))
    for (const [at, key] of batch.keys.entries()) {
      const row = place.get(key);
      if (row === undefined) continue;
      if (isMask) {
        const cell = batch.columns[columns[0]!]![at] ?? null;
        masks[row] = isImage(cell) ? cell : null;
      }
      for (const [c, read] of readers.entries()) {
        const cell = batch.columns[columns[c]!]![at] ?? null;
        if (cell !== null) values[row * width + c] = await read(cell, key);
      }
    }
  const isComplete = Array.from(keys, (_, row) =>
    isMask
      ? masks[row] !== null
      : values.subarray(row * width, (row + 1) * width).every((value) => !Number.isNaN(value)),
  );
  return { values, masks, isComplete };
}

/**
 * `dataset` with the outcome of its rows as what is predicted: `y` of shape `[rows, columns]`, or masks beside the images.
 * @returns also whether a row has all of its outcome: the others are for no split.
 * @throws KonsilError as {@link loadOutcomes}.
 */
export async function withOutcome<Dataset extends Pick<LoadedDataset, 'y' | 'keys' | 'images'>>(
  source: DataSource,
  structure: DataStructure & { readonly outcome: Outcome },
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<{ readonly dataset: Dataset; readonly isComplete: readonly boolean[] }> {
  const outcomes = await loadOutcomes(source, structure, dataset.keys, signal);
  const { values, isComplete } = outcomes;
  if (structure.outcome.kind === 'segmentation') return { dataset: withMasks(dataset, outcomes), isComplete };
  return { dataset: { ...dataset, y: Float32Array.from(values) }, isComplete };
}

/** `dataset` with masks beside its images, if there are any. A row that lacks its mask is for no split. */
export function withMasks<Dataset extends Pick<LoadedDataset, 'images'>>(
  dataset: Dataset,
  { masks }: Pick<LoadedOutcomes, 'masks'>,
): Dataset {
  const { images } = dataset;
  return masks.length > 0 && images ? { ...dataset, images: { ...images, masks: masks as ImageHandle[] } } : dataset;
}

/** Grey values of the classes of masks; undefined where there are none. */
export function greysOf({ outcome, categories, target }: DataStructure): readonly number[] | undefined {
  return outcome?.kind === 'segmentation' ? categories[target]!.map(Number) : undefined;
}

/** Reads the cells of a column: a time ≥ 0, or 0 or 1, which two listed categories stand for. */
function readerOf(
  source: DataSource,
  { categories }: DataStructure,
  column: string,
  isTime: boolean,
): (cell: NonNullable<Value>, key: number) => Promise<number> {
  const codes = Object.hasOwn(categories, column) ? codesOf(categories[column]!) : undefined;
  const [fits, expected] = isTime
    ? [(value: number): boolean => value >= 0, 'a time of 0 or more']
    : [
        (value: number): boolean => value === 0 || value === 1,
        '0 or 1, or its two values listed in data_structure.categories',
      ];
  return async (cell, key) => {
    const value = codes ? codeOf(codes, cell) : await numberOf(source, column, cell, key);
    if (value !== undefined && fits(value)) return value;
    const line = await source.findLine(key);
    throw dataError(source, column, `in ${line === undefined ? `row ${key}` : `line ${line}`}: expected ${expected}`);
  };
}
