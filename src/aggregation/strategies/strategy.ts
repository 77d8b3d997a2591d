/**
 * How plain updates become one: the contract every strategy keeps.
 * @module
 */

/** One pod's plain update. */
export interface Contribution {
  readonly pod: string;
  readonly update: Float32Array | Float64Array;
  /** Samples the update was trained on, > 0. */
  readonly samples: number;
}

export interface AggregateResult {
  readonly mean: Float64Array;
  readonly totalWeight: number;
  readonly pods: readonly string[];
}

/** One round's aggregate in the making; takes updates as they arrive and keeps none of them. */
export interface Aggregate {
  /**
   * Takes one pod's update. Nothing changes when it throws.
   * @throws KonsilError AGG_BAD_MESSAGE naming the pod: wrong length, not finite, bad weight, or a second update.
   */
  add(contribution: Contribution): void;
  /** @throws KonsilError DATA_EMPTY when nothing was added. */
  result(): AggregateResult;
}

export interface Strategy {
  readonly name: string;
  /** An empty aggregate of updates with `length` coordinates. */
  begin(length: number): Aggregate;
}
