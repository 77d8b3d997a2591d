/**
 * A finished model's outputs as what metrics are made of.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { type EvaluationProblem, sigmoid, softmax } from '../../metrics/index.ts';

/** What rounding to float32 leaves above 1 or below 0. */
const ROUNDING = 1e-5;

/**
 * Probabilities of class 1 `[rows]`, of all classes `[rows, classes]`, or values `[rows]`.
 *
 * @param scale - `raw`: logits, for classes.
 * @param name - Of the model and its output, for messages.
 * @throws KonsilError MODEL_MISMATCH when the model gives another number of values; MODEL_INVALID for what is not finite.
 */
export function probabilitiesOf(
  { kind, classes }: EvaluationProblem<'binary' | 'multiclass' | 'regression'>,
  outputs: Float32Array,
  rows: number,
  scale: 'probabilities' | 'raw',
  name: string,
  hasMissing: boolean,
): Float64Array {
  const width = rows === 0 ? 0 : outputs.length / rows;
  const fits = kind === 'regression' ? [1] : kind === 'binary' ? [1, 2] : [classes.length];
  if (rows > 0 && !fits.includes(width))
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${name} has ${width} values a row; expected ${fits.join(' or ')} for ${kind === 'regression' ? 'a number' : `${classes.length} classes`}`,
    );
  if (!outputs.every(Number.isFinite))
    throw new KonsilError(
      'MODEL_INVALID',
      `${name} is not a finite number for some rows${hasMissing ? '; some rows have missing values, which the model would have to fill' : ''}`,
    );
  if (kind === 'regression') return Float64Array.from(outputs);
  if (kind === 'binary') {
    if (scale === 'raw')
      return Float64Array.from({ length: rows }, (_, i) =>
        sigmoid(width === 1 ? outputs[i]! : outputs[2 * i + 1]! - outputs[2 * i]!),
      );
    return inRange(
      Float64Array.from({ length: rows }, (_, i) => outputs[width === 1 ? i : 2 * i + 1]!),
      name,
    );
  }
  return scale === 'raw'
    ? Float64Array.from(softmax(outputs, classes.length))
    : inRange(Float64Array.from(outputs), name);
}

function inRange(values: Float64Array, name: string): Float64Array {
  if (values.some((value) => value < -ROUNDING || value > 1 + ROUNDING))
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${name} is no probability for some rows; expected values in [0, 1], or outputs: logits`,
    );
  return values.map((value) => Math.min(1, Math.max(0, value)));
}
