/**
 * What one algorithm of a task that asks computes from a site's data: a part of a sum, a result of its own, or its side of an
 * exchange with the modeller. Errors are KonsilErrors whose messages the modeller may read.
 * @module
 */
import type { PublicFacts, ResultTable, SiteInference, StepSum } from '../../protocols/index.ts';

import type { LocalTraining } from './localTraining.ts';

/** Who takes part in an exchange, and what they agree on. */
export interface ExchangeParties {
  readonly runId: string;
  /** Peer ids. */
  readonly modeller: string;
  readonly pod: string;
  /** SHA-256 of the task as sent. */
  readonly context: Uint8Array;
}

/** What an inference may use of its run. */
export interface InferenceSite {
  /** Where files go that are left to the site; of this run alone. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Rows that are done with, and how many a second. */
  readonly onProgress: (done: number, total: number, rate: number) => void;
  /** A file that is left to the site. */
  readonly onFile: (file: string) => void;
}

export interface SiteAnalysis {
  /** What the site adds to the sum of a step. */
  input?(step: number, given: PublicFacts, signal: AbortSignal): Promise<StepSum>;
  /** The site's own result. */
  result?(signal: AbortSignal): Promise<ResultTable>;
  /** Of an algorithm that is neither: its steps, and what the site says in each to what it was sent. */
  readonly exchange?: {
    readonly steps: number;
    /** Most bytes that it takes. */
    readonly maxBytes: number;
    answer(step: number, sent: Uint8Array, parties: ExchangeParties, signal: AbortSignal): Promise<Uint8Array>;
  };
  /** Of an algorithm that each step brings a model for. */
  readonly evaluates?: {
    /** Most bytes of a model. */
    readonly maxBytes: number;
    /** What the site adds to the step's sum, and what it says by itself. */
    evaluate(
      step: number,
      model: Uint8Array,
      signal: AbortSignal,
    ): Promise<{
      readonly input: StepSum;
      readonly answer: string;
      /** For a file of the site, where the task asks for one. */
      readonly own?: string;
      /** Score and label of each row, where task and site have them leave; `answer` has their hash. */
      readonly scores?: string;
    }>;
  };
  /** Of an algorithm whose models are trained at the sites: the first step has the site's own evaluated, later ones others'. */
  readonly trains?: {
    /** Name of this pod. */
    readonly pod: string;
    /** For the site's operator. */
    readonly facts: LocalTraining['facts'];
    /** Whether the modeller gets the model. */
    readonly gives: boolean;
    /** Writes down that it leaves. @throws KonsilError FILE_WRITE_FAILED */
    readonly record: (sha256: string) => void;
    readonly train: LocalTraining['train'];
  };
  /** Of an algorithm that runs models over rows: each step brings one, and the last one sets it going. */
  readonly infers?: {
    readonly steps: number;
    /** Most bytes of a model. */
    readonly maxBytes: number;
    /** Null until the last step. */
    take(step: number, model: Uint8Array, site: InferenceSite): Promise<SiteInference | null>;
  };
  /** Never rejects. */
  close(): Promise<void>;
}
