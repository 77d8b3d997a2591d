/**
 * A site's rows as federated averaging uses them: encoded, split, in memory.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import {
  type DataSource,
  type DataStructure,
  type DecodePool,
  greysOf,
  ImageLoader,
  type ImageStep,
  type LoadedDataset,
  loadDataset,
  narrowSubset,
  type Subset,
  splitDataset,
  subsetOf,
  withOutcome,
} from '../../datasources/index.ts';
import type { Task } from '../../tasks/index.ts';
import type { ModelTrainer, RowData } from '../../training/index.ts';

/** The three splits of one dataset. */
export interface SiteData {
  /** Names of the encoded features that are numbers; their number is the width of every `x`. */
  readonly features: readonly string[];
  /** Values that the model gets of a row, those of images included. */
  readonly width: number;
  /** Of a task with images. */
  readonly images?: ImageLoader;
  readonly train: Subset;
  readonly validation: Subset;
  readonly test: Subset;
  /** What the site's operator should know; counts, never values. */
  readonly warnings: readonly string[];
}

export interface SiteDataOptions {
  readonly signal?: AbortSignal | undefined;
  /** Threads that decode images. @default those of the process */
  readonly decoders?: DecodePool | undefined;
  /** Whether `source` has only the rows that the task selects. @default false */
  readonly isSelected?: boolean;
  /** Told of rows that are left out while the data are used; for the site's operator alone: it names files. */
  readonly onProblem?: ((problem: string) => void) | undefined;
}

/**
 * Loads and splits `source` as the task says.
 * @throws KonsilError DATA_COLUMN_MISSING, DATA_INVALID or DATA_EMPTY naming file, column and line, never a value;
 *   DATA_INVALID also for missing values in a task that does not standardise, since nothing would replace them.
 */
export async function loadSiteData(
  source: DataSource,
  task: Pick<Task, 'dataStructure'>,
  { signal, decoders, onProblem, isSelected = false }: SiteDataOptions = {},
): Promise<SiteData> {
  const { rowsFrom } = task.dataStructure;
  if (rowsFrom !== undefined && !isSelected)
    throw new KonsilError(
      'CONFIG_INVALID',
      `${source.label}: the rows of the intersection "${rowsFrom}" (data_structure.rows_from_intersection) are known to pods only`,
    );
  const { dataset, isComplete } = await loadRows(narrow(source, task), task.dataStructure, signal);
  if (!task.dataStructure.standardise && dataset.x.some(Number.isNaN))
    throw new KonsilError(
      'DATA_INVALID',
      `${source.label}: some features have missing values; they are filled only with data_structure.standardise: true`,
    );
  const split = splitDataset(dataset, task.dataStructure.split);
  const part = (rows: Uint32Array): Subset =>
    subsetOf(dataset, isComplete === null ? rows : rows.filter((row) => isComplete[row]));
  const train = part(split.training);
  const incomplete = isComplete?.filter((complete) => !complete).length ?? 0;
  const lacking = `${incomplete} of ${dataset.rows} rows lack a part of what is predicted and are left out`;
  if (train.rows === 0)
    throw new KonsilError('DATA_EMPTY', `${source.label}: no rows are left to train on: ${lacking}`);
  const { images } = task.dataStructure;
  const greys = greysOf(task.dataStructure);
  const loader = images && (await ImageLoader.open(dataset, images, { pool: decoders, onProblem, greys }));
  return {
    features: dataset.features,
    width: loader?.width ?? dataset.features.length,
    ...(loader && { images: loader }),
    train,
    validation: part(split.validation),
    test: part(split.test),
    warnings: [...dataset.warnings, ...(incomplete > 0 ? [lacking] : [])],
  };
}

/** All rows with a target, and which of them have all of it; null: all. */
async function loadRows(
  source: DataSource,
  structure: DataStructure,
  signal: AbortSignal | undefined,
): Promise<{ readonly dataset: LoadedDataset; readonly isComplete: readonly boolean[] | null }> {
  const { outcome } = structure;
  const dataset = await loadDataset(source, structure, signal ? { signal } : {});
  return outcome === undefined
    ? { dataset, isComplete: null }
    : withOutcome(source, { ...structure, outcome }, dataset, signal);
}

/** The rows of `part` as a model takes them. */
export function inputsOf({ images }: Pick<SiteData, 'images'>, part: Subset, step: ImageStep): RowData {
  return images === undefined || part.images === undefined ? part.x : images.rows(part, step);
}

/** Rows of which a model has seen everything, and what it says to them. */
export interface Predicted {
  readonly part: Subset;
  /** Their numbers in the part that was asked for. */
  readonly kept: Uint32Array;
  /** Shape `[part.rows, output width]`. */
  readonly outputs: Float32Array;
}

/** What the model says to the rows of `part`, and to which: rows with an image that cannot be decoded are left out. */
export async function predictPart(
  trainer: Pick<ModelTrainer, 'predict'>,
  data: Pick<SiteData, 'images'>,
  part: Subset,
  {
    parameters,
    step,
    signal,
  }: { readonly parameters: Float32Array; readonly step: ImageStep; readonly signal?: AbortSignal | undefined },
): Promise<Predicted> {
  return predictRows((x, rows) => trainer.predict({ parameters, x, rows }, signal), data, part, step);
}

/** As {@link predictPart}, with anything that says something to rows. */
export async function predictRows(
  say: (x: RowData, rows: number) => Promise<Float32Array>,
  data: Pick<SiteData, 'images'>,
  part: Subset,
  step: ImageStep,
): Promise<Predicted> {
  const all = Uint32Array.from({ length: part.rows }, (_, row) => row);
  if (part.rows === 0) return { part, kept: all, outputs: new Float32Array(0) };
  const x = inputsOf(data, part, step);
  const outputs = await say(x, part.rows);
  if (x instanceof Float32Array) return { part, kept: all, outputs };
  // which these are is known once all have been asked for
  const kept = all.filter((row) => data.images!.canRead(part, row));
  if (kept.length === part.rows) return { part, kept, outputs };
  const width = outputs.length / part.rows;
  const said = new Float32Array(kept.length * width);
  kept.forEach((row, i) => said.set(outputs.subarray(row * width, (row + 1) * width), i * width));
  return { part: narrowSubset(part, kept), kept, outputs: said };
}

/** The rows that pass the task's filters. */
export function narrow(
  source: DataSource,
  { dataStructure: { filters } }: { readonly dataStructure: Pick<DataStructure, 'filters'> },
): DataSource {
  if (filters === undefined) return source;
  if (source.narrowed === undefined)
    throw new KonsilError(
      'DATA_INVALID',
      `${source.label}: the task filters files (data_structure.filter), a ${source.kind} has rows; expected a source of files`,
    );
  return source.narrowed(filters);
}
