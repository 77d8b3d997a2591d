/**
 * How a task sees a dataset: which columns it uses, which one it predicts, how rows are split.
 * @module
 */
import type { Filters } from './files/filters.ts';

/** Split by a seeded draw of rows; the training split takes what the percentages leave. */
export interface PercentageSplit {
  readonly splitter: 'percentage';
  readonly testPercentage: number;
  readonly validationPercentage: number;
  /** Draw rows at random; otherwise test takes the last rows and validation those before. */
  readonly shuffle: boolean;
  /** Keep the share of each class of the target in every split. */
  readonly stratify: boolean;
  readonly seed: number;
  /**
   * Rows that stay together: those of a patient, as the source knows them, or those with equal cells in a column.
   * @default patients where the source knows them
   */
  readonly groupBy?: 'patient' | 'none' | { readonly column: string };
  /** Column of dates or numbers: later rows are in later sets, and nothing is drawn. @default rows in the order of the source */
  readonly sortBy?: string;
}

/** Split by the labels of a column of the data. */
export interface PredefinedSplit {
  readonly splitter: 'predefined';
  readonly column: string;
  readonly trainingLabel: string;
  readonly validationLabel: string;
  readonly testLabel: string;
}

export type DataSplit = PercentageSplit | PredefinedSplit;

/** Columns the task keeps. `include` and `includePrefix` add up; with neither, all columns but those of `exclude`. */
export interface ColumnSelection {
  readonly include?: readonly string[];
  readonly includePrefix?: string;
  readonly exclude?: readonly string[];
}

/** Steps of a run that images are prepared for in their own way. */
export const IMAGE_STEPS = ['train', 'validation', 'test'] as const;
export type ImageStep = (typeof IMAGE_STEPS)[number];

/** A list of transforms, as a task writes it, for one split. */
export interface ImageTransform {
  readonly step: ImageStep;
  /** The image column it is for. @default all */
  readonly column?: string;
  /** Names, or names with their arguments. */
  readonly transformations: readonly unknown[];
}

/** Which columns are images, and how they become numbers. */
export interface ImageColumns {
  readonly columns?: readonly string[];
  /** All image columns whose name begins so. */
  readonly prefix?: string;
  readonly transforms: readonly ImageTransform[];
  /** Grey images become red, green and blue. */
  readonly convertsGreyscale: boolean;
}

/** What is predicted, where the values of one column are no class and no number of it. */
export interface Outcome {
  readonly kind: 'multilabel' | 'survival' | 'segmentation';
  /** The target first. Labels of 0 and 1; time and event; or one column of images whose pixels are classes. */
  readonly columns: readonly string[];
}

export interface DataStructure {
  readonly select: ColumnSelection;
  readonly target: string;
  /** @default one number or class, of `target` */
  readonly outcome?: Outcome;
  /** Column to its allowed values in order; as target the classes 0, 1, …, as feature one input a value. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly split: DataSplit;
  readonly images?: ImageColumns;
  /** Files that take part; only for sources of files. */
  readonly filters?: Filters;
  /** Class names of data sources, `CSVSource`; undefined means any. */
  readonly compatibleDatasources?: readonly string[];
}

/** How a task sees a dataset that a model is only run on: `target` is no input, and need not be there. */
export type InputStructure = Omit<DataStructure, 'target' | 'split' | 'outcome'> & { readonly target?: string };

/** What is predicted: the outcome, or what follows from whether the target has categories, and how many. */
export type ProblemKind = 'binary' | 'multiclass' | 'regression' | Outcome['kind'];

/** Kind of the problem and names of classes or labels in index order (none for regression and survival). */
export function problemOf({ target, categories, outcome }: Pick<DataStructure, 'target' | 'categories' | 'outcome'>): {
  readonly kind: ProblemKind;
  readonly classes: readonly string[];
} {
  const classes = Object.hasOwn(categories, target) ? categories[target]! : [];
  switch (outcome?.kind) {
    case undefined:
      return { kind: classes.length === 0 ? 'regression' : classes.length === 2 ? 'binary' : 'multiclass', classes };
    case 'multilabel':
      return { kind: 'multilabel', classes: outcome.columns };
    case 'survival':
      return { kind: 'survival', classes: [] };
    case 'segmentation':
      return { kind: 'segmentation', classes };
  }
}
