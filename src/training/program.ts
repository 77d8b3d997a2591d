/**
 * What the compiler gives and the runtime runs.
 * @module
 */
import type { StepCost } from './cost.ts';
import type { Layout } from './layout.ts';
import type { TargetType } from './losses/rule.ts';
import type { LossKind } from './losses/spec.ts';
import type { Name } from './onnx/ir.ts';
import type { DType } from './onnx/tensor.ts';
import type { OptimiserSpec } from './optim/optimisers.ts';
import type { PrivacySpec } from './privacy/spec.ts';

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

/** One input of the model; a row of features is the rows of all inputs side by side, this one's from `offset` on. */
export interface ProgramInput extends ProgramPort {
  /** Integers and booleans of the model are fed as int32. */
  readonly dtype: 'float32' | 'int32';
  readonly offset: number;
}

/** `int32` class indices, below `classes` or equal to `ignoreIndex`, or values; width 0 where there are no targets. */
export interface ProgramTarget extends TargetType {
  readonly dtype: 'int32' | 'float32';
  readonly width: number;
}

/** What a compiled model takes and gives. */
export interface TrainingProgram {
  readonly source: string;
  /** Trained weights in the order of the model file, then running statistics. */
  readonly layout: Layout;
  /** The parameters in the model file, `[layout.length]`. */
  readonly initial: Float32Array;
  /** Rows that a graph takes. */
  readonly batchSize: number;
  /** Runs of the gradient graph per optimiser step. */
  readonly accumulate: number;
  readonly privacy?: PrivacySpec;
  readonly inputs: readonly ProgramInput[];
  /** All inputs as one row. */
  readonly input: ProgramPort;
  readonly output: ProgramPort;
  readonly target: ProgramTarget;
  readonly loss: LossKind;
  /** Whether graphs that give `loss` also give `mass`: what its mean divides by, where that is not the number of rows. */
  readonly hasMass: boolean;
  /** Whether a step takes `anchor/<name>`: the parameters that FedProx keeps close to. */
  readonly hasAnchor: boolean;
  /** Whether a step takes `correction/<name>`: c - cᵢ of SCAFFOLD. */
  readonly hasCorrection: boolean;
  readonly optimiser: OptimiserSpec;
  readonly stateSlots: number;
  readonly masks: readonly DropoutMask[];
  /** Whether a row's result depends on the batch's other rows: padding a short batch would show. */
  readonly mixesRows: boolean;
  /** Whether outputs and losses of single rows exist: not where the model's output is the loss of a whole batch. */
  readonly hasRowOutputs: boolean;
  /** SHA-256 of training and evaluation graph, lower-case hexadecimal: equal programs train equally. */
  readonly hash: string;
}

/**
 * A program with its graphs. All but the update graph take the inputs, `y` (where there are targets), `weight` (one per
 * row) and `param/<name>` for each layout entry; names beyond these are given by {@link GRAPH_NAMES}. Where the program
 * has anchors or corrections, training and update graph take those too.
 */
export interface CompiledModel extends TrainingProgram {
  /** The parameters in the model file, `[layout.length]`: a new vector each time, so that nobody keeps it for others. */
  readonly initial: Float32Array;
  /** How the model itself takes its inputs and gives its output: element types, and the axes that count rows. */
  readonly ports: {
    readonly inputs: readonly { readonly dtype: DType; readonly batchAxis: number }[];
    readonly outputAxis: number;
  };
  /** One step: also takes masks, optimiser scalars, `state<k>/<name>`; gives `loss`, `next/param/…`, `next/state<k>/…`. */
  readonly trainGraph: Uint8Array;
  /** Gives `loss`, without Dropout. */
  readonly evalGraph: Uint8Array;
  /**
   * Also takes masks; gives `loss`, `grad/<name>` of trained weights before clipping, and `next/param/…` of running
   * statistics. Made when asked for.
   */
  readonly gradientGraph: () => Uint8Array;
  /**
   * The second half of a step: takes `param/<name>` and `grad/<name>` of trained weights, scalars and state; gives their
   * `next/param/…` and `next/state<k>/…`. Made when asked for.
   */
  readonly updateGraph: () => Uint8Array;
  /**
   * `steps` training steps in one run: `param/…`, `state<k>/…` and what they become are as in the training graph, every
   * other input and output has a first axis of size `steps`.
   */
  readonly loopGraph: (steps: number) => Uint8Array;
  /**
   * The model itself with these parameters and settled for use, exactly as it is exported: what the trainer predicts is
   * what anyone else computes with the file.
   */
  readonly inferenceModel: (parameters: Float32Array) => Uint8Array;
  /** What one run of the training graph costs. */
  readonly cost: () => StepCost;
}

/** `model` without its graphs. */
export function programOf(model: CompiledModel): TrainingProgram {
  const {
    trainGraph: _t,
    evalGraph: _e,
    gradientGraph: _g,
    updateGraph: _u,
    loopGraph: _l,
    inferenceModel: _i,
    cost: _c,
    ...program
  } = model;
  return program;
}

/** Names of the graphs' inputs and outputs. */
export const GRAPH_NAMES = {
  input: (index: number): Name => `x/${index}`,
  parameter: (name: Name): Name => `param/${name}`,
  state: (slot: number, name: Name): Name => `state${slot}/${name}`,
  nextParameter: (name: Name): Name => `next/param/${name}`,
  nextState: (slot: number, name: Name): Name => `next/state${slot}/${name}`,
  gradient: (name: Name): Name => `grad/${name}`,
  anchor: (name: Name): Name => `anchor/${name}`,
  correction: (name: Name): Name => `correction/${name}`,
  scalar: (name: string): Name => `scalar/${name}`,
  mask: (index: number): Name => `mask/${index}`,
} as const;
