/**
 * What the main thread and the training worker say to each other.
 * @module
 */
import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, isKonsilError, KonsilError, messageOf } from '../../base/index.ts';
import type { ScheduleSpec } from '../optim/schedule.ts';
import type { CompileOptions } from '../options.ts';
import type { TrainingProgram } from '../program.ts';
import type { DeviceChoice } from './deviceNames.ts';
import type { RowData } from './rowSource.ts';

/** Targets: class indices for cross_entropy, numbers for the other losses, empty where there are none. */
export type Targets = Float32Array | Int32Array | BigInt64Array;

/** How long to train: optimiser steps, or passes over the rows. */
export type Budget = { readonly steps: number } | { readonly epochs: number };

/** Rows in C order: `x` `[rows, width]`, or where such rows come from. */
export interface Rows {
  readonly x: RowData;
  readonly rows: number;
}

/** Rows for a model with these parameters. */
export interface Features extends Rows {
  /** `[layout.length]`. */
  readonly parameters: Float32Array;
}

/** Rows with targets: `y` `[rows]` class indices, or `[rows, width]` numbers. */
export interface Samples extends Features {
  readonly y: Targets;
}

/** What an optimiser remembers of its steps. */
export interface OptimiserState {
  /** One value a trained coordinate and state vector, vector by vector. */
  readonly values: Float32Array;
  /** Steps so far, which corrections of first steps count from. */
  readonly steps: number;
}

export interface TrainRequest extends Samples {
  readonly budget: Budget;
  /** Of the shuffles and of Dropout, an integer in [0, 2^32). */
  readonly seed: number;
  /** @default the optimiser's */
  readonly learningRate?: number;
  /** Factor on the learning rate per step. @default constant */
  readonly schedule?: ScheduleSpec;
  /** Steps of the schedule that earlier calls made: a federated round goes on where the one before stopped. @default 0 */
  readonly firstStep?: number;
  /** FedProx: the parameters to stay close to, `[layout.length]`. @default the starting parameters */
  readonly anchor?: Float32Array;
  /** SCAFFOLD: c - cᵢ, `[layout.length]`; entries of running statistics are not looked at. @default zeros */
  readonly correction?: Float32Array;
  /** What an earlier call has left. @default as before the first step */
  readonly optimiserState?: OptimiserState;
  /** Whether the result has the optimiser's state. @default false */
  readonly keepsOptimiserState?: boolean;
}

export interface TrainResult {
  readonly parameters: Float32Array;
  /**
   * Loss of each sample before the step it took part in, averaged over all samples of this call; without the proximal
   * term. Private training does not protect this number.
   */
  readonly meanLoss: number;
  /** Sum of the learning rates of all steps, for SCAFFOLD's control variates. */
  readonly rateSum: number;
  readonly steps: number;
  /** Rows seen, counted again in every epoch. */
  readonly samples: number;
  /** Milliseconds in which no step was made because its rows were not there yet. */
  readonly waitedMs: number;
  /** For the next call, where it was asked for. */
  readonly optimiserState?: OptimiserState;
}

export interface GradientResult {
  /** Mean gradient over the rows, `[layout.length]`. */
  readonly gradient: Float32Array;
  readonly loss: number;
}

/** A device that was not used, and why. */
export interface Fallback {
  readonly device: string;
  readonly reason: string;
}

/** A program and where it runs. */
export interface OpenProgram extends TrainingProgram {
  /** `onnx` runs compiled graphs in onnxruntime, `tfjs` runs layers in TensorFlow.js. */
  readonly engine: 'onnx' | 'tfjs';
  /** A device of onnxruntime, or a backend of TensorFlow.js. */
  readonly device: string;
  /** Devices that were asked for or might have been, and why they were not used. */
  readonly fallbacks: readonly Fallback[];
}

/** A model's bytes, or the file they are in, which then is read where they are needed and nowhere else. */
export type ModelSource = Uint8Array | { readonly file: string };

export interface OpenRequest {
  readonly model: ModelSource;
  readonly compile: Omit<CompileOptions, 'trainable'>;
  readonly threads: number;
  readonly device: DeviceChoice;
  /** Of TensorFlow.js. */
  readonly backends?: readonly string[];
}

/** A finished model to be run, not trained. */
export interface LoadRequest {
  readonly model: ModelSource;
  /** Name of the model, for errors. */
  readonly source: string;
  readonly threads: number;
  readonly device: DeviceChoice;
  /** Rows that are run at once. */
  readonly batchSize: number;
  /** Values a row of the data, where the model leaves it open. */
  readonly width?: number;
  /** Name of the output that is the prediction. */
  readonly output?: string;
}

/** A model that runs. */
export interface LoadedModel extends Pick<OpenProgram, 'engine' | 'device' | 'fallbacks'> {
  /** Values a row that it takes. */
  readonly inputWidth: number;
  readonly output: { readonly name: string; readonly dims: readonly number[] };
  /** What it gives. */
  readonly scale: 'probabilities' | 'raw';
}

/** Where the other thread asks for rows. */
export interface RowPort {
  readonly port: MessagePort;
  readonly width: number;
  readonly targetWidth?: number;
}

/** A request whose rows, where they are not in memory, are asked for over a port. */
export type OnTheWire<B extends Rows> = Omit<B, 'x'> & { readonly x: Float32Array | RowPort };

/** Requests by kind, and what each is answered with. */
export interface Calls {
  open: { readonly request: OpenRequest; readonly result: OpenProgram };
  load: { readonly request: LoadRequest; readonly result: LoadedModel };
  run: { readonly request: OnTheWire<Rows>; readonly result: Float32Array };
  train: {
    readonly request: OnTheWire<TrainRequest & { readonly wantsProgress: boolean }>;
    readonly result: TrainResult;
  };
  predict: { readonly request: OnTheWire<Features>; readonly result: Float32Array };
  loss: { readonly request: OnTheWire<Samples>; readonly result: number };
  gradient: { readonly request: OnTheWire<Samples & { readonly seed?: number }>; readonly result: GradientResult };
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
