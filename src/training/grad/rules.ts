/**
 * Vector-Jacobian products of the core operators, one row each, in files by family with the formula above it.
 * Broadcasting is not their business: a gradient may have the output's shape, the walk sums it back to the input's.
 * @module
 * @source own derivations; conventions at kinks follow PyTorch (0 at Relu's and Abs's origin, open interval for Clip).
 */
import { KonsilError } from '../../base/index.ts';
import { ELEMENTWISE_RULES } from './elementwise.ts';
import { LAYOUT_RULES } from './layout.ts';
import { MATRIX_RULES } from './matrix.ts';
import { REDUCTION_RULES } from './reductions.ts';
import type { Vjp } from './vjp.ts';

/** Gradient rules by core operator. */
export const VJP: Readonly<Record<string, Vjp>> = {
  ...MATRIX_RULES,
  ...ELEMENTWISE_RULES,
  ...REDUCTION_RULES,
  ...LAYOUT_RULES,
};

/** Operators whose gradient is zero wherever it exists: nothing flows back through them. */
export const NOT_DIFFERENTIABLE: ReadonlySet<string> = new Set(
  `Shape Size Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor Not IsNaN IsInf Sign Floor Ceil Round
   ConstantOfShape ArgMax ArgMin Range EyeLike NonZero`.split(/\s+/),
);

/** The rule for `op`. @throws KonsilError MODEL_UNSUPPORTED when there is none. */
export function getVjp(op: string): Vjp {
  const rule = VJP[op];
  if (rule === undefined) throw new KonsilError('MODEL_UNSUPPORTED', `operator ${op} has no gradient rule`);
  return rule;
}
