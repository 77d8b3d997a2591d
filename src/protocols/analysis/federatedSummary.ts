/**
 * Figures of columns over all sites, as plain JSON.
 * @module
 */

/** What is known of a column over all sites. */
export interface FederatedColumn {
  readonly name: string;
  /** Rows with a value, and without one. */
  readonly count: number;
  readonly missing: number;
  /** Of numbers; `standardDeviation` is the population's. */
  readonly mean?: number;
  readonly standardDeviation?: number;
  /** All but a few values lie between: at each end fewer than the task's `minimum_count` are beyond. */
  readonly range?: readonly [number, number];
  /** `atMost`: how far a quantile may be from the exact one. */
  readonly quantiles?: readonly { readonly p: number; readonly value: number; readonly atMost: number }[];
  /** Of categories. */
  readonly categories?: readonly { readonly value: string; readonly count: number }[];
  /** Not given: it has a value in too few rows. */
  readonly isSuppressed?: boolean;
}

/** The values of a column that nobody had listed. */
export interface FederatedVocabulary {
  readonly name: string;
  /** Those that enough sites share, in descending count; rows at sites that have few of them are not counted. */
  readonly values: readonly { readonly value: string; readonly count: number }[];
  /** Buckets of several values, none of which can be read. */
  readonly collisions: number;
  /** Buckets of values that are in too few rows or at too few sites, or beyond the most that are asked for. */
  readonly tooRare: number;
  /** Rows with a value that is not among `values`, for whatever reason. */
  readonly otherRows: number;
}

/** Figures over all sites. */
export interface FederatedSummary {
  readonly pods: number;
  /** Training rows that have a target. */
  readonly rows: number;
  readonly columns: readonly FederatedColumn[];
  readonly target: FederatedColumn & {
    /** Of classes: rows / (classes · rows of the class), which weighs all classes alike. */
    readonly classWeights?: readonly number[];
  };
  /** Of the pixels of all images, transformed but not normalised, as shares of the largest value; by channel. */
  readonly channels?: readonly { readonly mean: number; readonly standardDeviation: number }[];
  /** Of the columns that the task names as such. */
  readonly vocabularies?: readonly FederatedVocabulary[];
}
