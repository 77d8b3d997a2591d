/**
 * Cuts rows into batches of the program's fixed size, checks that they fit the model, and draws Dropout masks.
 * @module
 */
import { KonsilError, permutation, type Rng, seededRng } from '../../base/index.ts';
import type { TrainingProgram } from '../program.ts';
import type { Budget, Features, Samples, Targets } from './messages.ts';

/** Checks the features. @throws KonsilError DATA_EMPTY or MODEL_MISMATCH, naming the model's input. */
export function checkFeatures(program: TrainingProgram, { x, rows }: Features): void {
  const { input } = program;
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new KonsilError('DATA_EMPTY', `data has ${rows} rows, expected 1 or more`);
  const values = x instanceof Float32Array ? x.length : x.width * rows;
  if (values === rows * input.width) return;
  const shape = ['batch', ...input.dims.slice(1)].join(', ');
  const found = values % rows === 0 ? `${values / rows} features` : `${values} values in ${rows} rows`;
  throw new KonsilError('MODEL_MISMATCH', `model expects [${shape}] on input "${input.name}", data has ${found}`, {
    file: program.source,
  });
}

/**
 * Targets in the type the graphs take.
 *
 * @returns none where they are made with the rows: {@link RowFeed} takes the type from here.
 * @throws KonsilError MODEL_MISMATCH when their number or type is wrong, DATA_INVALID for a class index out of range.
 */
export function checkTargets(program: TrainingProgram, { x, y, rows }: Samples): Float32Array | Int32Array {
  const { target, loss } = program;
  const made = x instanceof Float32Array ? undefined : x.targetWidth;
  if (made !== undefined) {
    if (made === target.width) return target.dtype === 'int32' ? new Int32Array(0) : new Float32Array(0);
    throw new KonsilError(
      'MODEL_MISMATCH',
      `loss ${loss} on this model's output expects masks of ${target.width} pixels, the images' have ${made}`,
    );
  }
  if (y.length !== rows * target.width)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `loss ${loss} expects ${target.width} target${target.width === 1 ? '' : 's'} per row, data has ${y.length} in ${rows} rows`,
    );
  if (target.dtype === 'int32') return integers(program, y);
  if (y instanceof Float32Array) {
    if (loss === 'cox') checkSurvival(y);
    return y;
  }
  if (target.width === 0) return new Float32Array(0);
  throw new KonsilError('MODEL_MISMATCH', `loss ${loss} expects float32 targets, data has integers`);
}

function integers({ target, loss }: TrainingProgram, y: Targets): Int32Array {
  const { classes = Number.POSITIVE_INFINITY, ignoreIndex, width } = target;
  if (y instanceof Float32Array)
    throw new KonsilError('MODEL_MISMATCH', `loss ${loss} expects integer class indices, data has float32 targets`);
  const out = Int32Array.from(y as ArrayLike<number | bigint>, Number);
  if (target.classes === undefined) return out;
  const bad = out.findIndex((index) => (index < 0 || index >= classes) && index !== ignoreIndex);
  if (bad >= 0)
    throw new KonsilError(
      'DATA_INVALID',
      `the class index of row ${Math.floor(bad / width)} is outside 0 to ${classes - 1}`,
      { row: Math.floor(bad / width) },
    );
  return out;
}

function checkSurvival(y: Float32Array): void {
  for (let row = 0; row < y.length / 2; row++) {
    const [time, event] = [y[2 * row]!, y[2 * row + 1]!];
    if (!Number.isFinite(time) || (event !== 0 && event !== 1))
      throw new KonsilError(
        'DATA_INVALID',
        `row ${row} has time ${time} and event ${event}, expected a finite time and an event of 0 or 1`,
        { row },
      );
  }
}

/** Steps that `budget` takes over `rows`. @throws KonsilError CONFIG_INVALID unless a positive integer. */
export function stepsOf(budget: Budget, rows: number, batchSize: number): number {
  const count = 'steps' in budget ? budget.steps : budget.epochs;
  if (!Number.isSafeInteger(count) || count < 1)
    throw new KonsilError('CONFIG_INVALID', `training budget is ${count}, expected a positive integer`);
  return 'steps' in budget ? count : count * Math.ceil(rows / batchSize);
}

/** Row numbers of one batch after another, for ever: every epoch a new permutation, its last batch maybe short. */
export function* shuffledBatches(rows: number, batchSize: number, seed: number): Generator<Uint32Array, never> {
  const rng = seededRng(seed, 'shuffle');
  for (;;) {
    const order = permutation(rows, rng);
    for (let at = 0; at < rows; at += batchSize) yield order.subarray(at, at + batchSize);
  }
}

/** Row numbers in order, once; the last batch maybe short. */
export function* orderedBatches(rows: number, batchSize: number): Generator<Uint32Array, void> {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  for (let at = 0; at < rows; at += batchSize) yield order.subarray(at, at + batchSize);
}

/**
 * Copies the rows of `batch` to the front of `into`. The rest is filled with the batch's first row, not with zeros: its
 * weight is 0, but 0 times the infinity that a logarithm makes of zeros would still be NaN.
 */
export function gatherRows<T extends Float32Array | Int32Array>(
  into: T,
  from: T,
  width: number,
  batch: Uint32Array,
): void {
  const count = into.length / width;
  for (let i = 0; i < count; i++) {
    const row = batch[i] ?? batch[0]!;
    into.set(from.subarray(row * width, (row + 1) * width), i * width);
  }
}

/** Copies `values`, one row for each number in `rows`, to these rows of `into`. */
export function placeRows(into: Float32Array, values: Float32Array, width: number, rows: Uint32Array): void {
  for (const [i, row] of rows.entries()) into.set(values.subarray(i * width, (i + 1) * width), row * width);
}

/** Fills `mask` with 0 (probability `ratio`) and 1/(1 - ratio). */
export function drawMask(mask: Float32Array, ratio: number, rng: Rng): void {
  const kept = 1 / (1 - ratio);
  for (let i = 0; i < mask.length; i++) mask[i] = rng() < ratio ? 0 : kept;
}
