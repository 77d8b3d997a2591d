/**
 * How to compile a model.
 * @module
 */
import type { LossKind } from './losses/losses.ts';
import type { Target } from './onnx/builder.ts';
import type { BatchNormUse } from './operators/index.ts';
import type { ClipSpec, OptimiserSpec } from './optim/optimisers.ts';

export interface CompileOptions {
  /** Name of the model file, for error messages. */
  readonly source: string;
  readonly loss: LossKind;
  readonly optimiser: OptimiserSpec;
  /** Rows per step, in [1, 2^20]. */
  readonly batchSize: number;
  /** @default no clipping */
  readonly clip?: ClipSpec;
  /**
   * Which float32 initializers to train; the others become constants.
   * @default all of rank 1 or more (exporters store constants such as a divisor as scalars)
   */
  readonly trainable?: (name: string) => boolean;
  /** Which output is trained. @default the only one */
  readonly output?: string;
  /** Batch normalisation as the file says, always with the statistics of the batch, or with the running ones. @default as_exported */
  readonly batchNorm?: BatchNormUse;
  /** Where the graphs will run. @default cpu */
  readonly target?: Target;
}
