/**
 * FedAvg: the mean of the updates weighted by sample counts. Its step, x ← x + η·Δ, is that of every strategy which differs
 * elsewhere only.
 * @source McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data" (AISTATS 2017), alg. 1.
 * @module
 */
import { checkState } from './serverState.ts';
import type { ServerHalf, StrategySettings } from './strategy.ts';

export interface FedAvgOptions {
  /** For messages. @default FedAvg */
  readonly name?: StrategySettings['name'];
  /** η. @default 1 */
  readonly serverLearningRate?: number;
  /** Running statistics come after this many coordinates and move by their mean, whatever η is. @default there are none */
  readonly trained?: number;
}

/** x ← x + η·Δ, without memory. */
export function fedAvg({ name = 'FedAvg', serverLearningRate: rate = 1, trained }: FedAvgOptions = {}): ServerHalf {
  return {
    step: (parameters, mean) => applyDelta(parameters, mean, { rate, trained }),
    state: () => ({}),
    restore: (state) => checkState(name, state, {}),
  };
}

/**
 * `model + rate · delta` in a new array; computed in float64, rounded once.
 * @param of - `rate`, which is 1 by default, is for the first `trained` coordinates, by default all; for the others it is 1.
 */
export function applyDelta(
  model: Float32Array,
  delta: Float32Array | Float64Array,
  { rate = 1, trained = model.length }: { readonly rate?: number; readonly trained?: number | undefined } = {},
): Float32Array {
  if (model.length !== delta.length) throw new RangeError(`delta needs length ${model.length}, got ${delta.length}`);
  return model.map((value, i) => value + (i < trained ? rate : 1) * delta[i]!);
}
