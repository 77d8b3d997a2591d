/**
 * Training, validation and test rows of a dataset. Every row is in exactly one of them.
 * @module
 */
import { KonsilError, permutation, seededRng } from '../base/index.ts';
import type { DataSplit, PercentageSplit, PredefinedSplit } from './dataStructure.ts';
import type { LoadedDataset, LoadedImages } from './loadDataset.ts';
import { splitByTime } from './timeSplit.ts';

/** Row numbers of the loaded dataset, ascending. */
export interface Split {
  readonly training: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
}

/** Some rows of a dataset, copied; images as handles. */
export interface Subset {
  /** Shape `[rows, features]`: the numbers of the rows. */
  readonly x: Float32Array;
  /** Shape `[rows]`, or `[rows, columns]` of an outcome of several columns. */
  readonly y: Int32Array | Float32Array;
  readonly rows: number;
  readonly images?: LoadedImages;
}

const TRAINING = 0;
const VALIDATION = 1;
const TEST = 2;

/**
 * The dataset cut as the task says.
 * @throws KonsilError DATA_INVALID for an unknown label, DATA_EMPTY without training rows.
 */
export function splitDataset(
  dataset: Pick<LoadedDataset, 'rows' | 'y' | 'splitLabels' | 'groups' | 'times'>,
  split: DataSplit,
): Split {
  const cut = cutDataset(dataset, split);
  if (cut.training.length === 0)
    throw new KonsilError(
      'DATA_EMPTY',
      split.splitter === 'percentage'
        ? `no rows are left to train on: ${dataset.rows} rows, ${split.testPercentage} % test, ${split.validationPercentage} % validation`
        : `no rows to train on: no row has "${split.trainingLabel}" in column "${split.column}"`,
      { rows: dataset.rows },
    );
  return cut;
}

/** As {@link splitDataset}, with any split empty. */
export function cutDataset(
  dataset: Pick<LoadedDataset, 'rows' | 'y' | 'splitLabels' | 'groups' | 'times'>,
  split: DataSplit,
): Split {
  const parts = split.splitter === 'percentage' ? splitByPercentage(dataset, split) : splitByLabel(dataset, split);
  const rowsOf = (part: number): Uint32Array =>
    Uint32Array.from([...parts.keys()].filter((row) => parts[row] === part));
  return { training: rowsOf(TRAINING), validation: rowsOf(VALIDATION), test: rowsOf(TEST) };
}

/** The rows `indices` of the dataset, in that order. */
export function subsetOf(
  { features, ...dataset }: Pick<LoadedDataset, 'x' | 'y' | 'rows' | 'features' | 'images'>,
  indices: Uint32Array,
): Subset {
  return rowsOf(dataset, features.length, indices);
}

/** Those rows of `part` whose number is in `indices`, in that order. */
export function narrowSubset(part: Subset, indices: Uint32Array): Subset {
  return rowsOf(part, part.rows === 0 ? 0 : part.x.length / part.rows, indices);
}

function rowsOf(dataset: Subset, width: number, indices: Uint32Array): Subset {
  const { images } = dataset;
  const targets = dataset.rows === 0 ? 0 : dataset.y.length / dataset.rows;
  const x = new Float32Array(indices.length * width);
  const length = indices.length * targets;
  const y = dataset.y instanceof Int32Array ? new Int32Array(length) : new Float32Array(length);
  indices.forEach((row, i) => {
    x.set(dataset.x.subarray(row * width, (row + 1) * width), i * width);
    y.set(dataset.y.subarray(row * targets, (row + 1) * targets), i * targets);
  });
  return { ...{ x, y, rows: indices.length }, ...(images && { images: imagesOf(images, indices) }) };
}

function imagesOf({ masks, ...images }: LoadedImages, indices: Uint32Array): LoadedImages {
  return {
    ...images,
    handles: Array.from(indices, (row) => images.handles[row]!),
    ...(masks && { masks: Array.from(indices, (row) => masks[row]!) }),
  };
}

/** Rounded to whole rows; a percentage above 0 takes at least one row. */
function rowsFor(percentage: number, rows: number): number {
  return percentage > 0 ? Math.min(rows, Math.max(1, Math.round((rows * percentage) / 100))) : 0;
}

function splitByPercentage(
  { rows, y, groups, times }: Pick<LoadedDataset, 'rows' | 'y' | 'groups' | 'times'>,
  split: PercentageSplit,
): Uint8Array {
  const numTest = rowsFor(split.testPercentage, rows);
  const numValidation = Math.min(rows - numTest, rowsFor(split.validationPercentage, rows));
  if (split.sortBy !== undefined) {
    if (times?.length !== rows) throw new TypeError('times needs one number a row for a split by time');
    return splitByTime(times, { test: numTest, validation: numValidation }, groups);
  }
  if (groups !== undefined) return splitGroups({ rows, y, groups }, split);
  const rng = seededRng(split.seed, 'split');
  const order = split.shuffle ? permutation(rows, rng) : Uint32Array.from({ length: rows }, (_, i) => i);
  const parts = new Uint8Array(rows);
  if (!split.stratify) {
    // test takes the end, validation what comes before
    order.forEach((row, i) => {
      parts[row] = i >= rows - numTest ? TEST : i >= rows - numTest - numValidation ? VALIDATION : TRAINING;
    });
    return parts;
  }
  // grouped by class (a stable sort keeps the drawn order inside a class), every k-th row is taken: each class gets its
  // share within one row, and the totals are exact
  const grouped = [...order].sort((a, b) => y[a]! - y[b]!);
  takeEvenly(grouped, numTest).forEach((row) => {
    parts[row] = TEST;
  });
  takeEvenly(
    grouped.filter((row) => parts[row] !== TEST),
    numValidation,
  ).forEach((row) => {
    parts[row] = VALIDATION;
  });
  return parts;
}

/**
 * As by rows, but with rows of a group together: groups are taken whole until a split has its rows, so it may have a few
 * more or fewer than its share. A group that is too large for what is left of a split goes to another one.
 */
function splitGroups(
  { rows, y, groups }: { readonly rows: number; readonly y: LoadedDataset['y']; readonly groups: Uint32Array },
  split: PercentageSplit,
): Uint8Array {
  const members = new Map<number, number[]>();
  for (let row = 0; row < rows; row++) {
    const found = members.get(groups[row]!);
    if (found === undefined) members.set(groups[row]!, [row]);
    else found.push(row);
  }
  const all = [...members.values()];
  const rng = seededRng(split.seed, 'split');
  const order = split.shuffle ? [...permutation(all.length, rng)].map((i) => all[i]!) : all;
  const parts = new Uint8Array(rows);
  // the class of a group is that of its first row; strata are gone through one after the other
  const strata = split.stratify
    ? [...new Set(y)].map((label) => order.filter((group) => y[group[0]!] === label))
    : [order];
  for (const stratum of strata) {
    const size = stratum.reduce((sum, group) => sum + group.length, 0);
    const numTest = rowsFor(split.testPercentage, size);
    const left = { [TEST]: numTest, [VALIDATION]: Math.min(size - numTest, rowsFor(split.validationPercentage, size)) };
    // from the end, as rows are
    for (const group of stratum.toReversed()) {
      // of each stratum something is left to learn from
      if (group === stratum[0]) continue;
      const fits = (part: typeof TEST | typeof VALIDATION): boolean =>
        left[part] > 0 && (group.length <= left[part] || 2 * left[part] >= group.length);
      const part = fits(TEST) ? TEST : fits(VALIDATION) ? VALIDATION : TRAINING;
      if (part !== TRAINING) left[part] -= group.length;
      for (const row of group) parts[row] = part;
    }
  }
  return parts;
}

/** `count` of the items, evenly spaced. */
function takeEvenly(items: readonly number[], count: number): number[] {
  const stepsTo = (i: number): number => Math.floor((i * count) / items.length);
  return items.filter((_, i) => stepsTo(i + 1) > stepsTo(i));
}

function splitByLabel(
  { rows, splitLabels }: Pick<LoadedDataset, 'rows' | 'splitLabels'>,
  split: PredefinedSplit,
): Uint8Array {
  if (splitLabels?.length !== rows) throw new TypeError('splitLabels needs one label a row for a predefined split');
  const labels = [split.trainingLabel, split.validationLabel, split.testLabel];
  const parts = Uint8Array.from(splitLabels, (label) => (labels.includes(label) ? labels.indexOf(label) : 255));
  const unknown = parts.filter((part) => part === 255).length;
  if (unknown > 0)
    throw new KonsilError(
      'DATA_INVALID',
      `column "${split.column}" has another label in ${unknown} ${unknown === 1 ? 'row' : 'rows'}; expected ${labels.join(', ')}`,
      { column: split.column, rows: unknown },
    );
  return parts;
}
