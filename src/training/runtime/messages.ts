/**
 * What the main thread and the training worker say to each other.
 * @module
 */
import { type ErrorCode, isKonsilError, KonsilError, messageOf } from '../../base/index.ts';
import type { CompileOptions } from '../compile.ts';
import type { OpenProgram } from '../program.ts';

/** Targets: class indices for cross_entropy, numbers for the other losses. */
export type Targets = Float32Array | Int32Array | BigInt64Array;

/** How long to train: optimiser steps, or passes over the rows. */
export type Budget = { readonly steps: number } | { readonly epochs: number };

/** Rows in C order: `x` `[rows, width]`. */
export interface Features {
  /** `[layout.length]`. */
  readonly parameters: Float32Array;
  readonly x: Float32Array;
  readonly rows: number;
}

/** Rows with targets: `y` `[rows]` class indices, or `[rows, width]` numbers. */
export interface Samples extends Features {
  readonly y: Targets;
}

export interface TrainRequest extends Samples {
  readonly budget: Budget;
  /** Of the shuffles and of Dropout, an integer in [0, 2^32). */
  readonly seed: number;
  /** @default the optimiser's */
  readonly learningRate?: number;
}

export interface TrainResult {
  readonly parameters: Float32Array;
  /** Loss of each sample before the step it took part in, averaged over all samples of this call. */
  readonly meanLoss: number;
  readonly steps: number;
  /** Rows seen, counted again in every epoch. */
  readonly samples: number;
}

export interface GradientResult {
  /** Mean gradient over the rows, `[layout.length]`. */
  readonly gradient: Float32Array;
  readonly loss: number;
}

export interface OpenRequest {
  readonly model: Uint8Array;
  readonly compile: Omit<CompileOptions, 'trainable'>;
  readonly frozen: readonly string[];
  readonly threads: number;
  /** Of TensorFlow.js. */
  readonly backends?: readonly string[];
}

/** Requests by kind, and what each is answered with. */
export interface Calls {
  open: { readonly request: OpenRequest; readonly result: OpenProgram };
  train: { readonly request: TrainRequest & { readonly wantsProgress: boolean }; readonly result: TrainResult };
  predict: { readonly request: Features; readonly result: Float32Array };
  loss: { readonly request: Samples; readonly result: number };
  gradient: { readonly request: Samples & { readonly seed?: number }; readonly result: GradientResult };
  close: { readonly request: null; readonly result: null };
}

/** To the worker. `cancel` is shared: the main thread stores 1 to cancel, the worker looks before every step. */
export interface Request<K extends keyof Calls = keyof Calls> {
  readonly id: number;
  readonly kind: K;
  readonly body: Calls[K]['request'];
  readonly cancel: Int32Array;
}

export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly facts: KonsilError['facts'];
}

/** From the worker. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly id: number; readonly progress: readonly [done: number, total: number, loss: number] };

/** Error classes do not survive a message, so they travel as their parts. */
export function failureOf(error: unknown): Failure {
  if (isKonsilError(error)) return { code: error.code, message: error.message, facts: error.facts };
  return { code: undefined, message: messageOf(error), facts: {} };
}

/** Inverse of {@link failureOf}. */
export function errorOf({ code, message, facts }: Failure): Error {
  return code === undefined ? new Error(`training worker: ${message}`) : new KonsilError(code, message, facts);
}
