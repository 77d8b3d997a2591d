/**
 * SCAFFOLD at the server: x ← x + η·Δx, and the control variate c ← c + s·Δc, where Δx and Δc are weighted means over the
 * pods of the round and s is their share of the weight of all pods. So c stays the weighted mean of the pods' cᵢ, as long as
 * none of them forgets its own. The pods' half is `training/scaffold.ts`.
 *
 * Pods get c after the parameters, in one vector, and send Δc after Δx. Running statistics have no control variate.
 * Deviation from alg. 1: the paper's means are over pods; ours weigh by rows, as all that is averaged here.
 * @source Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning" (ICML 2020), alg. 1, eq. 5.
 * @module
 */
import { applyDelta, type FedAvgOptions } from './fedAvg.ts';
import { checkState, copyState } from './serverState.ts';
import type { ModelSize, ServerHalf } from './strategy.ts';

/** @param controls - Length of c: the trained coordinates that pods share. */
export function scaffold(
  { serverLearningRate: rate = 1 }: Pick<FedAvgOptions, 'serverLearningRate'>,
  { parameters: length, trained }: ModelSize,
  controls: number,
): ServerHalf {
  let state = { c: new Float64Array(controls) };
  return {
    given: (parameters) => {
      const both = new Float32Array(parameters.length + controls);
      both.set(parameters);
      both.set(state.c, parameters.length);
      return both;
    },
    step: (parameters, mean, { share = 1 } = {}) => {
      if (mean.length !== length + controls)
        throw new RangeError(`mean needs length ${length + controls}, got ${mean.length}`);
      if (!(share > 0 && share <= 1)) throw new RangeError(`share of the weight is ${share}, expected (0, 1]`);
      const next = applyDelta(parameters, mean.subarray(0, length), { rate, trained });
      state = { c: state.c.map((value, i) => value + share * mean[length + i]!) };
      return next;
    },
    state: () => copyState(state),
    restore: (saved) => {
      checkState('SCAFFOLD', saved, state);
      state = copyState(saved as typeof state);
    },
  };
}
