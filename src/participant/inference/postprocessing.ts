/**
 * The seam for `postprocessors` of `ModelInference`: what is done to a table of outputs before it is reported.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { InferenceModel } from '../../tasks/index.ts';
import type { OutputTable } from './outputs.ts';

/** The table after all steps. @throws KonsilError CONFIG_INVALID for a step that is not known. */
export function postprocessed(table: OutputTable, steps: InferenceModel['postprocessors']): OutputTable {
  if (steps.length === 0) return table;
  throw new KonsilError('CONFIG_INVALID', `postprocessor ${steps[0]!.type} is not supported by this version`);
}
