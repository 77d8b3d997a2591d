/**
 * What a model says to a site's rows, against what is true of them.
 * @module
 */
import { problemOf } from '../../datasources/index.ts';
import { predictRows, probabilitiesOf } from '../../protocols/index.ts';
import type { EvaluationSettings } from '../../tasks/index.ts';
import type { ModelPredictor } from '../../training/index.ts';
import type { EvaluatedRows } from './evaluatedRows.ts';
import { type Seen, scoredLabels, scoredSurvival, scoredTargets } from './scoredRows.ts';
import { scoreImages } from './scoreImages.ts';

/**
 * Rows with an image that cannot be decoded are left out.
 * @param source - The model, for messages.
 * @throws KonsilError MODEL_MISMATCH or MODEL_INVALID for outputs that are no predictions; as the predictor does.
 */
export async function scoreRows(
  predictor: ModelPredictor,
  source: string,
  algorithm: EvaluationSettings,
  rows: EvaluatedRows,
  signal: AbortSignal,
): Promise<Seen> {
  const { kind, classes } = problemOf(algorithm.dataStructure);
  const { scale, output: port } = predictor.model;
  const given = algorithm.outputs === undefined ? scale : algorithm.outputs === 'logits' ? 'raw' : 'probabilities';
  const name = `${source}: output "${port.name}"`;
  if (kind === 'segmentation') return scoreImages(predictor, { name, scale: given, classes }, rows, signal);
  const { part, images, hasMissing, outcomes } = rows;
  const say = (x: Parameters<ModelPredictor['predict']>[0]['x'], count: number): Promise<Float32Array> =>
    predictor.predict({ x, rows: count }, signal);
  const { outputs, part: seen, kept } = await predictRows(say, { ...(images && { images }) }, part, 'test');
  const { times } = algorithm;
  const facts = { scale: given, name, hasMissing, ...(times && { times: times.length }) };
  const predictions = probabilitiesOf({ kind, classes }, outputs, seen.rows, facts);
  if (kind !== 'multilabel' && kind !== 'survival')
    return { kept, scored: scoredTargets({ kind, classes }, predictions, seen.y) };
  const truth = truthOf(outcomes!.values, part.rows, kept);
  const scored =
    kind === 'survival' ? scoredSurvival(predictions, truth, times) : scoredLabels(classes, predictions, truth);
  return { kept, scored };
}

function truthOf(values: Float64Array, rows: number, kept: Uint32Array): Float64Array {
  const width = rows === 0 ? 0 : values.length / rows;
  const truth = new Float64Array(kept.length * width);
  kept.forEach((row, i) => truth.set(values.subarray(row * width, (row + 1) * width), i * width));
  return truth;
}
