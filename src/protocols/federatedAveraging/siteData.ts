/**
 * A site's rows as federated averaging uses them: encoded, split, in memory.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import {
  type DataSource,
  type DecodePool,
  ImageLoader,
  type ImageStep,
  loadDataset,
  type Subset,
  splitDataset,
  subsetOf,
} from '../../datasources/index.ts';
import type { Task } from '../../tasks/index.ts';
import type { RowData } from '../../training/index.ts';

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

/**
 * Loads and splits `source` as the task says.
 * @param decoders - Threads that decode images. @default those of the process
 * @throws KonsilError DATA_COLUMN_MISSING, DATA_INVALID or DATA_EMPTY naming file, column and line, never a value;
 *   DATA_INVALID also for missing values in a task that does not standardise, since nothing would replace them.
 */
export async function loadSiteData(
  source: DataSource,
  task: Pick<Task, 'dataStructure'>,
  signal?: AbortSignal,
  decoders?: DecodePool,
): Promise<SiteData> {
  const dataset = await loadDataset(narrow(source, task), task.dataStructure, signal ? { signal } : {});
  if (!task.dataStructure.standardise && dataset.x.some(Number.isNaN))
    throw new KonsilError(
      'DATA_INVALID',
      `${source.label}: some features have missing values; they are filled only with data_structure.standardise: true`,
    );
  const split = splitDataset(dataset, task.dataStructure.split);
  const { images } = task.dataStructure;
  const loader = images && (await ImageLoader.open(dataset, images, decoders));
  return {
    features: dataset.features,
    width: loader?.width ?? dataset.features.length,
    ...(loader && { images: loader }),
    train: subsetOf(dataset, split.training),
    validation: subsetOf(dataset, split.validation),
    test: subsetOf(dataset, split.test),
    warnings: dataset.warnings,
  };
}

/** The rows of `part` as a model takes them. */
export function inputsOf({ images }: Pick<SiteData, 'images'>, part: Subset, step: ImageStep): RowData {
  return images === undefined || part.images === undefined ? part.x : images.rows(part, step);
}

/** The rows that pass the task's filters. */
function narrow(source: DataSource, { dataStructure: { filters } }: Pick<Task, 'dataStructure'>): DataSource {
  if (filters === undefined) return source;
  if (source.narrowed === undefined)
    throw new KonsilError(
      'DATA_INVALID',
      `${source.label}: the task filters files (data_structure.filter), a ${source.kind} has rows; expected a source of files`,
    );
  return source.narrowed(filters);
}
