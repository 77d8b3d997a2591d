/**
 * What a task asks, so far as it decides the numbers that a site adds to a sum: two tasks with one question must not be answered
 * over pods that differ by a few.
 * @module
 */
import { toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { type Analysis, isEvaluation } from '../../tasks/index.ts';

/** SHA-256 in hex. The step's own facts or model come on top. */
export function questionOf(algorithm: Analysis['algorithm']): string {
  return toHex(sha256(utf8(JSON.stringify(decidingPart(algorithm)))));
}

/** Of models, what they are called, which others there are, and which groups are looked at besides decide nothing of all rows. */
function decidingPart(algorithm: Analysis['algorithm']): object {
  if (!isEvaluation(algorithm)) return algorithm;
  const { models, subgroups: _subgroups, siteFigures: _figures, ...rest } = algorithm;
  // a model that each site trains itself is in no message: what it begins with is
  if (rest.name === 'ModelTrainingAndEvaluation') return { ...rest, crossSite: false, begins: models[0]?.sha256 };
  const { batchSize: _batch, exact: _exact, ...deciding } = rest;
  return deciding;
}

/** Whether the same model in another step is the same question. */
export const asksByModel = (algorithm: Analysis['algorithm']): boolean => algorithm.name === 'ModelEvaluation';
