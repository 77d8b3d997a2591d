/**
 * A finished model's outputs as what metrics are made of.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { type EvaluationKind, type EvaluationProblem, sigmoid, softmax } from '../../metrics/index.ts';

/** What rounding to float32 leaves above 1 or below 0. */
const ROUNDING = 1e-5;

/** Kinds of problem whose outputs are a few numbers a row. */
type NumberKind = Exclude<EvaluationKind, 'segmentation'>;

/**
 * Probabilities of class 1 `[rows]`, of all classes or labels `[rows, classes]`, or values `[rows]`; of survival risks
 * `[rows]`, or probabilities at times `[rows, times]`.
 *
 * @throws KonsilError MODEL_MISMATCH when the model gives another number of values; MODEL_INVALID for what is not finite.
 */
export function probabilitiesOf(
  { kind, classes }: EvaluationProblem<NumberKind>,
  outputs: Float32Array,
  rows: number,
  { scale, name, hasMissing, times = 0 }: OutputFacts,
): Float64Array {
  const width = rows === 0 ? 0 : outputs.length / rows;
  const [fits, what] = expectedOf(kind, classes.length, times);
  if (rows > 0 && !fits.includes(width))
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${name} has ${width} values a row; expected ${fits.join(' or ')} for ${what}`,
    );
  if (!outputs.every(Number.isFinite))
    throw new KonsilError(
      'MODEL_INVALID',
      `${name} is not a finite number for some rows${hasMissing ? '; some rows have missing values, which the model would have to fill' : ''}`,
    );
  if (kind === 'regression' || (kind === 'survival' && times === 0)) return Float64Array.from(outputs);
  // what is given at times is said to be probabilities
  if (kind === 'survival') return inRange(Float64Array.from(outputs), name);
  if (kind === 'multilabel')
    return scale === 'raw' ? Float64Array.from(outputs, sigmoid) : inRange(Float64Array.from(outputs), name);
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

/** What is known of outputs besides their numbers. */
interface OutputFacts {
  /** `raw`: logits, for classes. */
  readonly scale: 'probabilities' | 'raw';
  /** Of the model and its output, for messages. */
  readonly name: string;
  readonly hasMissing: boolean;
  /** Of survival: how many times it is given at. @default 0: a risk */
  readonly times?: number;
}

/** Values a row, and what they are. */
function expectedOf(kind: NumberKind, classes: number, times: number): readonly [readonly number[], string] {
  switch (kind) {
    case 'binary':
      return [[1, 2], '2 classes'];
    case 'multiclass':
      return [[classes], `${classes} classes`];
    case 'multilabel':
      return [[classes], `${classes} labels`];
    case 'regression':
      return [[1], 'a number'];
    case 'survival':
      return times === 0 ? [[1], 'a risk'] : [[times], `survival at ${times} times`];
  }
}

function inRange(values: Float64Array, name: string): Float64Array {
  if (values.some((value) => value < -ROUNDING || value > 1 + ROUNDING))
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${name} is no probability for some rows; expected values in [0, 1], or outputs: logits`,
    );
  return values.map((value) => Math.min(1, Math.max(0, value)));
}
