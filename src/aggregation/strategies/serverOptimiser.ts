/**
 * The frame of strategies that treat the mean update as a gradient (with the sign turned) and take an optimiser's step with
 * it at the server: FedOpt. Each rule moves one coordinate; what it remembers of a coordinate is in named vectors.
 *
 * Running statistics are not optimised: they are averaged, as a step that overshoots would make a variance negative.
 * @source Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), alg. 1.
 * @module
 */
import { checkState, copyState } from './serverState.ts';
import type { ModelSize, ServerHalf, StrategySettings } from './strategy.ts';

/** A rule for one coordinate. */
export interface ServerRule {
  /** Name of each vector of the state, and what its coordinates begin with. */
  readonly start: Readonly<Record<string, number>>;
  /** Puts the new state of coordinate `i` in place and says by how much it moves. @param delta - Of the mean update. */
  readonly move: (state: Readonly<Record<string, Float64Array>>, i: number, delta: number) => number;
}

/** The strategy that moves each trained coordinate by `rule`. Computes in float64; a step that throws changes nothing. */
export function serverOptimiser(
  name: StrategySettings['name'],
  rule: ServerRule,
  { parameters: length, trained }: ModelSize,
): ServerHalf {
  let state: Readonly<Record<string, Float64Array>> = Object.fromEntries(
    Object.entries(rule.start).map(([vector, value]) => [vector, new Float64Array(trained).fill(value)]),
  );
  return {
    step: (parameters, mean) => {
      if (parameters.length !== length || mean.length !== length)
        throw new RangeError(`expected ${length} coordinates, got ${parameters.length} and a mean of ${mean.length}`);
      return parameters.map((value, i) => value + (i < trained ? rule.move(state, i, mean[i]!) : mean[i]!));
    },
    state: () => copyState(state),
    restore: (saved) => {
      checkState(name, saved, state);
      state = copyState(saved);
    },
  };
}
