/**
 * What the training thread asks of an engine, and what callers learn of it.
 * @module
 */
import type { Program } from '../program.ts';
import type { Checkpoint } from './engine.ts';
import type { Features, GradientResult, Samples, TrainRequest, TrainResult } from './messages.ts';

/** Which engine trains: `onnx` runs compiled graphs in onnxruntime, `tfjs` runs layers in TensorFlow.js. */
export type EngineKind = 'onnx' | 'tfjs';

/** A backend that would have been preferred, and why it is not used. */
export interface Fallback {
  readonly tried: string;
  readonly reason: string;
}

/** A model open in an engine. */
export interface OpenProgram extends Program {
  readonly engine: EngineKind;
  /** What computes: `onnxruntime-cpu`, or the TensorFlow.js backend in use. */
  readonly backend: string;
  readonly fallbacks: readonly Fallback[];
}

/** Trains one model, one call at a time; `checkpoint` is called before every step and throws to stop. */
export interface TrainingEngine {
  train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult>;
  predict(request: Features, checkpoint: Checkpoint): Promise<Float32Array>;
  loss(request: Samples, checkpoint: Checkpoint): Promise<number>;
  gradient(request: Samples & { readonly seed?: number }, checkpoint: Checkpoint): Promise<GradientResult>;
  close(): Promise<void>;
}
