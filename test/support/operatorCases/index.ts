/**
 * One maker of random cases per supported operator.
 * @module
 */
import { CONVOLUTION } from './convolution.ts';
import type { CaseMaker } from './draw.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { INDEXING } from './indexing.ts';
import { LAYOUT } from './layout.ts';
import { MATRIX } from './matrix.ts';
import { NORMALISATION } from './normalisation.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCTION } from './reduction.ts';

export { type CaseInput, Draw, type OperatorCase } from './draw.ts';

export const CASES: Readonly<Record<string, CaseMaker>> = {
  ...ELEMENTWISE,
  ...REDUCTION,
  ...MATRIX,
  ...LAYOUT,
  ...INDEXING,
  ...CONVOLUTION,
  ...NORMALISATION,
  ...RECURRENT,
};
