/**
 * SCAFFOLD's bookkeeping between rounds: the graph only adds a correction to each gradient.
 * @module
 * @source Karimireddy et al., "SCAFFOLD: Stochastic controlled averaging for federated learning" (2020), algorithm 1.
 */

/** What a round leaves behind; vectors are `[layout.length]`. */
export interface ScaffoldRound {
  /** cᵢ before the round: the direction this site is known to pull in. */
  readonly control: Float32Array;
  /** c of the round: the mean over sites. */
  readonly globalControl: Float32Array;
  /** Parameters the round started from, and ended with at this site. */
  readonly from: Float32Array;
  readonly to: Float32Array;
  /** Sum of the learning rates of the round's steps, in (0, ∞): `rateSum` of the result, K·η when the rate is constant. */
  readonly rateSum: number;
}

/** What `train` takes as `correction`: c - cᵢ. */
export function scaffoldCorrection({
  control,
  globalControl,
}: Pick<ScaffoldRound, 'control' | 'globalControl'>): Float32Array {
  return control.map((value, i) => globalControl[i]! - value);
}

/**
 * cᵢ after the round, by option II: cᵢ - c + (x - yᵢ)/(K·η). With plain SGD it is the mean of the gradients of the round.
 * @throws RangeError when lengths differ or `rateSum` is not positive.
 */
export function nextControl({ control, globalControl, from, to, rateSum }: ScaffoldRound): Float32Array {
  if ([globalControl, from, to].some(({ length }) => length !== control.length))
    throw new RangeError('expected control variates and parameters of one length');
  if (!(Number.isFinite(rateSum) && rateSum > 0)) throw new RangeError(`rateSum is ${rateSum}, expected (0, ∞)`);
  return control.map((value, i) => value - globalControl[i]! + (from[i]! - to[i]!) / rateSum);
}
