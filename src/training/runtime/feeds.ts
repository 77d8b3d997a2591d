/**
 * ORT tensors over buffers that stay the same from run to run: filling the buffer feeds the graph, without copies.
 * @module
 */
import * as ort from 'onnxruntime-node';
import type { Rng } from '../../base/index.ts';
import { type Layout, storedDims, viewOf } from '../layout.ts';
import { sizeOf } from '../onnx/tensor.ts';
import { GRAPH_NAMES, type ProgramInput, type TrainingProgram } from '../program.ts';
import { drawMask, gatherRows } from './batches.ts';

/** Tensors by graph input or output name. */
export type Tensors = Record<string, ort.Tensor>;

/** A tensor over `data` itself. */
export function tensor(data: Float32Array | Int32Array, dims: readonly number[]): ort.Tensor {
  return data instanceof Float32Array ? new ort.Tensor('float32', data, dims) : new ort.Tensor('int32', data, dims);
}

/** One tensor view per layout entry of `vector`, under the names that `nameOf` gives. */
export function views(layout: Layout, vector: Float32Array, nameOf: (name: string) => string): Tensors {
  return Object.fromEntries(
    layout.entries.map((entry) => [nameOf(entry.name), tensor(viewOf(vector, entry), storedDims(entry.dims))]),
  );
}

/** One tensor view per trained entry of `vector`, which starts at element `base`. */
export function trainedViews(
  layout: Layout,
  vector: Float32Array,
  nameOf: (name: string) => string,
  base = 0,
): Tensors {
  const trained = layout.entries.filter(({ kind }) => kind === 'trainable');
  return Object.fromEntries(
    trained.map((entry) => [nameOf(entry.name), tensor(viewOf(vector, entry, base), storedDims(entry.dims))]),
  );
}

export interface InputBuffer extends ProgramInput {
  readonly data: Float32Array | Int32Array;
}

/** Copies one input's part of the rows of `batch` to step `step`; rows beyond the batch repeat its first. */
export function loadInput(
  { data, offset, width }: InputBuffer,
  x: Float32Array,
  rowWidth: number,
  batch: Uint32Array,
  step: number,
  batchSize: number,
): void {
  for (let i = 0; i < batchSize; i++) {
    const start = (batch[i] ?? batch[0]!) * rowWidth + offset;
    data.set(x.subarray(start, start + width), (step * batchSize + i) * width);
  }
}

function allocate(dtype: 'float32' | 'int32', count: number): Float32Array | Int32Array {
  return dtype === 'int32' ? new Int32Array(count) : new Float32Array(count);
}

/** A buffer for each input, rows first. */
export function inputBuffers({ inputs }: Pick<TrainingProgram, 'inputs'>, rows: number): InputBuffer[] {
  return inputs.map((input) => ({ ...input, data: allocate(input.dtype, rows * input.width) }));
}

/** Input buffers of one batch, or of the batches of `steps` steps, stacked. */
export class BatchInputs {
  readonly feeds: Tensors;
  readonly #program: TrainingProgram;
  readonly #x: readonly InputBuffer[];
  readonly #y: Float32Array | Int32Array;
  readonly #weight: Float32Array;

  constructor(program: TrainingProgram, steps?: number) {
    const { batchSize, target } = program;
    const rows = batchSize * (steps ?? 1);
    const stacked = (dims: readonly number[]): readonly number[] => (steps === undefined ? dims : [steps, ...dims]);
    this.#program = program;
    this.#x = inputBuffers(program, rows);
    this.#y = allocate(target.dtype, rows * target.width);
    this.#weight = new Float32Array(rows);
    this.feeds = { weight: tensor(this.#weight, stacked([batchSize])) };
    if (target.width > 0) this.feeds['y'] = tensor(this.#y, stacked(target.dims));
    for (const [i, { data, dims }] of this.#x.entries()) this.feeds[GRAPH_NAMES.input(i)] = tensor(data, stacked(dims));
  }

  load(batch: Uint32Array, x: Float32Array, y?: Float32Array | Int32Array, step = 0): void {
    const { input, target, batchSize } = this.#program;
    for (const buffer of this.#x) loadInput(buffer, x, input.width, batch, step, batchSize);
    const first = step * batchSize;
    if (y !== undefined && target.width > 0) {
      const part = this.#y.subarray(first * target.width, (first + batchSize) * target.width);
      gatherRows<Float32Array | Int32Array>(part, y, target.width, batch);
    }
    this.#weight.fill(1, first, first + batch.length).fill(0, first + batch.length, first + batchSize);
  }
}

/** Dropout masks of one step or of several, stacked. */
export class MaskInputs {
  readonly feeds: Tensors;
  readonly #masks: readonly { readonly ratio: number; readonly size: number; readonly data: Float32Array }[];

  constructor({ masks }: TrainingProgram, steps?: number) {
    this.#masks = masks.map(({ dims, ratio }) => {
      const size = sizeOf(dims);
      return { ratio, size, data: new Float32Array(size * (steps ?? 1)) };
    });
    this.feeds = Object.fromEntries(
      masks.map(({ name, dims }, i) => [
        name,
        tensor(this.#masks[i]!.data, steps === undefined ? dims : [steps, ...dims]),
      ]),
    );
  }

  /** Draws the masks of one step, or switches Dropout off. */
  draw(rng: Rng | undefined, step = 0): void {
    for (const { ratio, size, data } of this.#masks) {
      const part = data.subarray(step * size, (step + 1) * size);
      if (rng === undefined) part.fill(1);
      else drawMask(part, ratio, rng);
    }
  }
}
