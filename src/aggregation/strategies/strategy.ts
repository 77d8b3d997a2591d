/**
 * What becomes of the updates of a round: the contract every strategy keeps.
 *
 * A strategy has two halves. {@link Strategy.begin} makes one update of the plain ones; under masks that half is the sum
 * itself, which is a weighted mean and nothing else, so strategies that look at single updates work in the open only.
 * {@link Strategy.step} moves the model by the mean, and needs nothing but the mean: it works either way.
 * @module
 */

/** One pod's plain update. */
export interface Contribution {
  readonly pod: string;
  readonly update: Float32Array | Float64Array;
  /** Samples the update was trained on, > 0. */
  readonly samples: number;
  /** Of an update that comes late: by how many rounds, and the factor in (0, 1] on its weight. @default it is not */
  readonly late?: { readonly rounds: number; readonly discount: number };
}

export interface AggregateResult {
  readonly mean: Float64Array;
  readonly totalWeight: number;
  readonly pods: readonly string[];
}

/** One round's aggregate in the making. */
export interface Aggregate {
  /**
   * Takes one pod's update. Nothing changes when it throws.
   * @throws KonsilError AGG_BAD_MESSAGE naming the pod: wrong length, not finite, bad weight, or a second update of one round.
   */
  add(contribution: Contribution): void;
  /** @throws KonsilError DATA_EMPTY when nothing was added, AGG_TOO_FEW_SURVIVORS when too little was. */
  result(): AggregateResult;
}

/** What a round says besides the mean. */
export interface RoundFacts {
  /** Weighted mean of the pods' {@link normaliser}s; only FedNova asks for it. */
  readonly meanSteps?: number;
  /** Weight in the round over the weight of all pods of the run, in (0, 1]; only SCAFFOLD asks for it. */
  readonly share?: number;
}

/** Vectors that a strategy carries from round to round, by name. */
export type StrategyState = Readonly<Record<string, Float64Array>>;

export interface Strategy {
  readonly name: StrategySettings['name'];
  /** An empty aggregate of plain updates with `length` coordinates. */
  begin(length: number): Aggregate;
  /** What pods get at the start of a round: the parameters, and after them whatever else all of them need. */
  given(parameters: Float32Array): Float32Array;
  /**
   * The model after a round, in a new array.
   * @param mean - Of the updates: a coordinate for each of `parameters`, and after them what the strategy sums besides.
   */
  step(parameters: Float32Array, mean: Float64Array | Float32Array, facts?: RoundFacts): Float32Array;
  /** Copies of what the next step depends on besides its arguments; empty for a strategy without memory. */
  state(): StrategyState;
  /** Takes the place of the present state. @throws KonsilError DATA_INVALID when it is not one of this strategy and model. */
  restore(state: StrategyState): void;
}

/** The half of a strategy that moves the model. */
export type ServerHalf = Pick<Strategy, 'step' | 'state' | 'restore'> & Partial<Pick<Strategy, 'given'>>;

/** Server learning rate η and what optimisers at the server have besides, as in their papers. */
interface Rate {
  /** η, > 0. */
  readonly serverLearningRate: number;
}

/** Which strategy, with all its arguments. */
export type StrategySettings =
  | ({ readonly name: 'FedAvg' | 'FedNova' } & Rate)
  | ({ readonly name: 'FedAvgM'; readonly momentum: number } & Rate)
  | ({ readonly name: 'FedProx'; readonly mu: number } & Rate)
  | ({
      readonly name: 'FedAdam' | 'FedYogi';
      readonly beta1: number;
      readonly beta2: number;
      readonly tau: number;
    } & Rate)
  | ({ readonly name: 'FedAdagrad'; readonly beta1: number; readonly tau: number } & Rate)
  | ({ readonly name: 'SCAFFOLD'; readonly controlClip: number } & Rate)
  | ({ readonly name: 'CoordinateMedian' } & Rate)
  | ({ readonly name: 'TrimmedMean'; readonly trim: number } & Rate)
  | ({ readonly name: 'Krum'; readonly byzantine?: number } & Rate)
  | ({ readonly name: 'MultiKrum'; readonly byzantine?: number; readonly selected?: number } & Rate);

/** The vector of a model: trained coordinates first, then running statistics, which are averaged and nothing else. */
export interface ModelSize {
  readonly parameters: number;
  /** Trained ones. */
  readonly trained: number;
}
