/**
 * evaluation.json: everything an evaluation found, in one record that the report, the tables and machines read.
 * @module
 */
import type { EvaluationKind, GroupEvaluation, MetaAnalysis, Withheld } from '../../metrics/groupEvaluation.ts';

/** A model under evaluation. */
export interface EvaluatedModel {
  /** Short and unique in the record: shown in tables. */
  readonly name: string;
  /** As the task refers to it. */
  readonly reference: string;
  readonly kind: 'onnx' | 'tfjs';
  readonly bytes: number;
  /** Of the bytes that sites got, in hex. */
  readonly sha256: string;
}

/** What a site's policy allowed. */
export interface EvaluationPolicy {
  /** pooled: only in sums over sites. site: its own figures too. */
  readonly results: 'pooled' | 'site';
  /** Fewer rows, or rows of a class, than this are not shown. */
  readonly minimumRows: number;
  readonly minimumClassRows: number;
}

/** One pod that was asked. Bytes are what went over the broker. */
export interface EvaluatedPod {
  readonly name: string;
  readonly dataset: string;
  readonly fingerprint: string;
  readonly state: 'finished' | 'rejected' | 'lost' | 'left';
  readonly reason?: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly policy?: EvaluationPolicy;
}

/** A site's rows as it describes them; absent or null where a guard keeps them. */
export interface SiteData {
  readonly site: string;
  /** Rows of each split, and rows left out for lack of a target. */
  readonly splits?: { readonly train: number; readonly validation: number; readonly test: number };
  readonly missingTarget?: number | null;
  /** Rows without a value, by column; columns without any are not listed; null: too few to show. */
  readonly missing?: Readonly<Record<string, number | null>>;
}

/** Figures of each site that gives them, and of all together. */
export interface Findings {
  /** All sites in one; null when there is none. */
  readonly pooled: GroupEvaluation | Withheld | null;
  readonly sites: readonly { readonly site: string; readonly found: GroupEvaluation | Withheld }[];
}

/** Figures of the parts of the rows that a column makes. */
export interface Subgroups {
  readonly column: string;
  /** `value` as shown: a category, or a range of numbers. */
  readonly groups: readonly (Findings & { readonly value: string })[];
}

/** What was found of one model. */
export interface ModelFindings extends Findings {
  /** Of `models`. */
  readonly model: string;
  readonly subgroups: readonly Subgroups[];
  /** Metrics of two or more sites. */
  readonly metaAnalyses: readonly MetaAnalysis[];
}

/** A pod's signature over what it answered; `konsil verify report` checks it. */
export interface SignedAnswer {
  readonly pod: string;
  /** The pod's public identity, as in peer files. */
  readonly identity: string;
  /** Index of the model. */
  readonly model: number;
  /** What was signed, as text; and the signature, in base64. */
  readonly statement: string;
  readonly signature: string;
  /** The very text whose hash the statement has; absent when the answer went into a sum only. */
  readonly answer?: string;
}

/** The whole record. */
export interface EvaluationResult {
  readonly format: 'konsil-evaluation-v1';
  readonly run: string;
  readonly title: string;
  readonly status: 'complete' | 'aborted';
  readonly reason?: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** secure: sums under masks. plain: sums in the open. separate: each site's own figures, no sum. */
  readonly mode: 'secure' | 'plain' | 'separate';
  readonly problem: {
    readonly kind: EvaluationKind;
    readonly target: string;
    readonly classes: readonly string[];
    /** Rows that were evaluated on. */
    readonly split: 'train' | 'validation' | 'test' | 'all';
  };
  readonly models: readonly EvaluatedModel[];
  /** Of the task as sites got it. */
  readonly taskSha256: string;
  readonly cohort: readonly EvaluatedPod[];
  readonly data: readonly SiteData[];
  /** One a model, in the order of `models`. */
  readonly findings: readonly ModelFindings[];
  readonly answers: readonly SignedAnswer[];
  readonly whatLeft: readonly {
    readonly what: string;
    readonly to: string;
    readonly bytes: number;
    readonly visibleTo: string;
  }[];
  readonly machine: { readonly cores: number; readonly node: string; readonly platform: string };
  readonly konsil: string;
}
