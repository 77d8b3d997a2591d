/**
 * What the compiler gives and the runtime runs.
 * @module
 */
import type { Layout } from './layout.ts';
import type { LossKind } from './losses/losses.ts';
import type { Name } from './onnx/ir.ts';
import type { OptimiserSpec } from './optim/optimisers.ts';

/** A value fed to or read from a program's graphs; `width` elements per row. */
export interface ProgramPort {
  /** Name in the source model. */
  readonly name: Name;
  readonly dims: readonly number[];
  readonly width: number;
}

/** One Dropout: feed `dims` values, 0 with probability `ratio` and else 1/(1 - ratio). */
export interface DropoutMask {
  readonly name: Name;
  readonly dims: readonly number[];
  readonly ratio: number;
}

/** What is known of a model that is open for training, whichever engine trains it. */
export interface Program {
  readonly source: string;
  readonly layout: Layout;
  /** The parameters in the model file, `[layout.length]`. */
  readonly initial: Float32Array;
  readonly batchSize: number;
  readonly input: ProgramPort;
  readonly output: ProgramPort;
  /** `int32` class indices or `float32` values. */
  readonly target: { readonly dtype: 'int32' | 'float32'; readonly dims: readonly number[]; readonly width: number };
  readonly loss: LossKind;
  readonly optimiser: OptimiserSpec;
  /** SHA-256 of all that decides how it trains, lower-case hexadecimal: equal programs train equally. */
  readonly hash: string;
}

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

/**
 * A compiled ONNX model. All graphs take `x`, `y`, `weight` (one per row) and `param/<name>` for each layout entry; names
 * beyond these are given by {@link GRAPH_NAMES}. `hash` is that of the three graphs.
 */
export interface TrainingProgram extends Program {
  /** One step: also takes masks, optimiser scalars, `state<k>/<name>`; gives `loss`, `next/param/…`, `next/state<k>/…`. */
  readonly trainGraph: Uint8Array;
  /** Also takes masks; gives `loss` and `grad/<name>`, before clipping. */
  readonly gradGraph: Uint8Array;
  /** Gives `output` and `loss`, without Dropout. */
  readonly evalGraph: Uint8Array;
  readonly stateSlots: number;
  readonly masks: readonly DropoutMask[];
}

/** Names of the graphs' inputs and outputs. */
export const GRAPH_NAMES = {
  parameter: (name: Name): Name => `param/${name}`,
  state: (slot: number, name: Name): Name => `state${slot}/${name}`,
  nextParameter: (name: Name): Name => `next/param/${name}`,
  nextState: (slot: number, name: Name): Name => `next/state${slot}/${name}`,
  gradient: (name: Name): Name => `grad/${name}`,
  scalar: (name: string): Name => `scalar/${name}`,
  mask: (index: number): Name => `mask/${index}`,
} as const;
