/**
 * What is known of a model on a group of rows: those of a site, of all sites together, or of a part of them. Plain JSON.
 * @module
 */

/** Kinds of problem that models are evaluated on. */
export type EvaluationKind = 'binary' | 'multiclass' | 'multilabel' | 'regression' | 'segmentation' | 'survival';

/** One figure with its 95 % interval; null where undefined or not known. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** How the interval was made: `Wilson`, `DeLong`, `bootstrap`, … */
  readonly method?: string;
  /** The exact value is within this of `value`, where bins hide some of it. */
  readonly bound?: number;
  /** On the metric's own scale, where the interval came from one. */
  readonly standardError?: number;
  readonly note?: string;
}

/** Points of a curve with a pointwise 95 % band; all arrays have the same length. */
export interface Band {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Curves over thresholds on the predicted probability; absent where undefined. */
export interface Curves {
  /** By ascending false-positive rate, from (0, 0) to (1, 1). */
  readonly roc?: {
    readonly falsePositiveRate: readonly number[];
    readonly sensitivity: readonly number[];
    readonly band?: Band;
  };
  /** By ascending recall. */
  readonly precisionRecall?: {
    readonly recall: readonly number[];
    readonly precision: readonly number[];
    readonly band?: Band;
  };
  /** One entry a bin of predicted probability that has rows. */
  readonly calibration?: {
    /** Mean predicted probability. */
    readonly predicted: readonly number[];
    /** Share of positives. */
    readonly observed: readonly number[];
    readonly rows: readonly number[];
    readonly band?: Band;
  };
  /** Net benefit by threshold probability, with those of treating all; treating none is 0. */
  readonly decision?: {
    readonly threshold: readonly number[];
    readonly netBenefit: readonly number[];
    readonly treatAll: readonly number[];
    readonly band?: Band;
  };
}

/** Figures of one group of rows. */
export interface GroupEvaluation {
  /** Rows with a target. */
  readonly rows: number;
  /** Rows by class, in the order of the problem's classes; positives per label for multilabel. */
  readonly classRows?: readonly number[];
  /** By the metric's name. */
  readonly metrics: Readonly<Record<string, Estimate>>;
  /** By class name, then by the metric's name. */
  readonly perClass?: Readonly<Record<string, Readonly<Record<string, Estimate>>>>;
  /** Rows of true class (outer) that were called a class (inner); null where too few to show. */
  readonly confusion?: readonly (readonly (number | null)[])[];
  readonly curves?: Curves;
  /** By class name, of one class against the rest. */
  readonly classCurves?: Readonly<Record<string, Curves>>;
}

/** Too few rows, or not allowed: nothing is shown, and why. */
export interface Withheld {
  readonly withheld: string;
}

/** A metric over sites as a random-effects model sees it. */
export interface MetaAnalysis {
  readonly metric: string;
  /** How the spread between sites was found. */
  readonly method: 'REML' | 'DerSimonian-Laird';
  /** On which scale sites were combined. */
  readonly scale: 'identity' | 'logit' | 'log';
  /** Mean over sites. */
  readonly mean: Estimate;
  /** Where a new site's value is expected; null for fewer than three sites. */
  readonly prediction: readonly [low: number, high: number] | null;
  /** Variance between sites on `scale`; share of the variation that is between sites, in [0, 1]. */
  readonly tau2: number;
  readonly i2: number;
  /** Cochran's Q and its p-value: small means that sites differ by more than chance. */
  readonly q: number;
  readonly qPValue: number;
  /** Weights of the sites in the mean; they add up to 1. */
  readonly sites: readonly { readonly site: string; readonly weight: number }[];
  /** Sites that have no value or no error to combine, and why. */
  readonly leftOut: readonly { readonly site: string; readonly reason: string }[];
  /** The mean without one site. */
  readonly leaveOneOut: readonly { readonly site: string; readonly mean: Estimate }[];
}
