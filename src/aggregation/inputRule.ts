/**
 * What every pod promises about the update it puts into a sum, beyond its layout: at most a given length. The pod keeps
 * the promise itself; of a masked sum only what follows from all promises together can be checked. A proof that one
 * pod kept it would stand beside these two (docs/decisions/0010-input-validity.md).
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { clipFactor, normOf } from './privacy/clipping.ts';

/** `clipNorm`: largest L2 norm of a pod's update, > 0. */
export interface InputRule {
  readonly clipNorm: number;
}

/** The update shortened to the rule, in a new array when it was longer. */
export function keepRule(
  update: Float32Array,
  { clipNorm }: InputRule,
): { readonly update: Float32Array; readonly shortened: boolean } {
  const norm = normOf(update);
  // a norm that is not finite stays one, and is refused where values become integers
  if (!(norm > clipNorm)) return { update, shortened: false };
  const factor = clipFactor(norm, clipNorm);
  return { update: update.map((value) => value * factor), shortened: true };
}

/**
 * Whether `mean` can be the weighted mean of updates that kept the rule: a mean of vectors in a ball lies in the ball.
 * @param slack largest norm of the error that rounding adds to the mean; float32 rounding of updates is allowed besides.
 * @throws KonsilError AGG_OVERFLOW: some pod broke its promise.
 */
export function checkRule(mean: Float64Array | Float32Array, { clipNorm }: InputRule, slack = 0): void {
  const norm = normOf(mean);
  if (!(norm <= clipNorm * (1 + 2 ** -20) + slack))
    throw new KonsilError(
      'AGG_OVERFLOW',
      `update of length ${norm.toPrecision(4)}, longer than the task's clip_norm ${clipNorm}`,
      { clipNorm },
    );
}
