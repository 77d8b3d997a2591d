/**
 * One maker of random cases per supported operator.
 * @module
 */
import { CONVOLUTION } from './convolution.ts';
import type { CaseMaker } from './draw.ts';
import { NORMALISATION } from './normalisation.ts';

export { type CaseInput, Draw, type OperatorCase } from './draw.ts';

export const CASES: Readonly<Record<string, CaseMaker>> = { ...CONVOLUTION, ...NORMALISATION };
