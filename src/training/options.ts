/**
 * How to compile a model.
 * @module
 */

import type { LoraSpec } from './lora.ts';
import type { LossSpec } from './losses/spec.ts';
import type { Target } from './onnx/builder.ts';
import type { BatchNormUse } from './operators/index.ts';
import type { ClipSpec } from './optim/clip.ts';
import type { OptimiserSpec } from './optim/optimisers.ts';
import type { PrivacySpec } from './privacy/spec.ts';

export interface CompileOptions {
  /** Name of the model file, for error messages. */
  readonly source: string;
  readonly loss: LossSpec;
  readonly optimiser: OptimiserSpec;
  /** Rows that go through the graph at once, in [1, 2^20]. */
  readonly batchSize: number;
  /** Runs of the graph per optimiser step, in [1, 2^20]: a step takes `batchSize` times as many rows. @default 1 */
  readonly accumulate?: number;
  /** @default no clipping */
  readonly clip?: ClipSpec;
  /**
   * FedProx: adds μ/2·‖p - anchor‖² to the loss that is minimised (not to the one reported), μ in [0, ∞).
   * @default none
   * @source Li et al., "Federated optimization in heterogeneous networks" (2020), eq. 2
   */
  readonly proximal?: { readonly mu: number };
  /**
   * SCAFFOLD: each step adds a given correction to the gradient, after clipping.
   * @default false
   * @source Karimireddy et al., "SCAFFOLD" (2020), eq. 3
   */
  readonly controlVariates?: boolean;
  /** Differentially private steps: per-example clipping and Gaussian noise. @default none */
  readonly privacy?: PrivacySpec;
  /**
   * Which float32 initializers may train; the others become constants.
   * @default all of rank 1 or more (exporters store constants such as a divisor as scalars)
   */
  readonly trainable?: (name: string) => boolean;
  /** Only these train: names, or patterns in which `*` stands for any text. @default what `trainable` says, or none with `lora` */
  readonly train?: readonly string[];
  /** Names or patterns of what does not train after all. @default none */
  readonly freeze?: readonly string[];
  /** Trains products of low rank beside frozen matrices. @default none */
  readonly lora?: LoraSpec;
  /** Which output is trained. @default the only one */
  readonly output?: string;
  /** Batch normalisation as the file says, always with the statistics of the batch, or with the running ones. @default as_exported */
  readonly batchNorm?: BatchNormUse;
  /** Where the graphs will run. @default cpu */
  readonly target?: Target;
}
