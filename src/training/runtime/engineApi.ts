/**
 * What the training thread asks of an engine.
 * @module
 */
import type { Checkpoint } from './engine.ts';
import type { Features, GradientResult, Samples, TrainRequest, TrainResult } from './messages.ts';

/** Trains one model, one call at a time; `checkpoint` is called before every step and throws to stop. */
export interface TrainingEngine {
  train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult>;
  predict(request: Features, checkpoint: Checkpoint): Promise<Float32Array>;
  loss(request: Samples, checkpoint: Checkpoint): Promise<number>;
  gradient(request: Samples & { readonly seed?: number }, checkpoint: Checkpoint): Promise<GradientResult>;
  close(): Promise<void>;
}
