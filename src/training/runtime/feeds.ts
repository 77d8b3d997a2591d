/**
 * ORT tensors over buffers that stay the same from run to run: filling the buffer feeds the graph, without copies.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { type Layout, viewOf } from '../layout.ts';
import { sizeOf } from '../onnx/tensor.ts';
import { GRAPH_NAMES, type ProgramInput, type TrainingProgram } from '../program.ts';
import { gatherRows } from './batches.ts';

/** Tensors by graph input or output name. */
export type Tensors = Record<string, ort.Tensor>;

/** A tensor over `data` itself. */
export function tensor(data: Float32Array | Int32Array, dims: readonly number[]): ort.Tensor {
  return data instanceof Float32Array ? new ort.Tensor('float32', data, dims) : new ort.Tensor('int32', data, dims);
}

/** One tensor view per layout entry of `vector`, under the names that `nameOf` gives. */
export function views(layout: Layout, vector: Float32Array, nameOf: (name: string) => string): Tensors {
  return Object.fromEntries(
    layout.entries.map((entry) => [nameOf(entry.name), tensor(viewOf(vector, entry), entry.dims)]),
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
    trained.map((entry) => [nameOf(entry.name), tensor(viewOf(vector, entry, base), entry.dims)]),
  );
}

interface InputBuffer extends ProgramInput {
  readonly data: Float32Array | Int32Array;
}

/** Copies one input's part of the rows of `batch`; rows beyond the batch repeat its first. */
function loadInput({ data, offset, width }: InputBuffer, x: Float32Array, rowWidth: number, batch: Uint32Array): void {
  const rows = data.length / width;
  for (let i = 0; i < rows; i++) {
    const start = (batch[i] ?? batch[0]!) * rowWidth + offset;
    data.set(x.subarray(start, start + width), i * width);
  }
}

/** Input buffers of one batch. */
export class BatchInputs {
  readonly feeds: Tensors;
  readonly #program: TrainingProgram;
  readonly #x: readonly InputBuffer[];
  readonly #y: Float32Array | Int32Array;
  readonly #weight: Float32Array;

  constructor(program: TrainingProgram) {
    const { batchSize, inputs, target } = program;
    this.#program = program;
    this.#x = inputs.map((input) => ({
      ...input,
      data: new (input.dtype === 'int32' ? Int32Array : Float32Array)(batchSize * input.width),
    }));
    this.#y = new (target.dtype === 'int32' ? Int32Array : Float32Array)(batchSize * target.width);
    this.#weight = new Float32Array(batchSize);
    this.feeds = { weight: tensor(this.#weight, [batchSize]) };
    if (target.width > 0) this.feeds['y'] = tensor(this.#y, target.dims);
    for (const [i, { data, dims }] of this.#x.entries()) this.feeds[GRAPH_NAMES.input(i)] = tensor(data, dims);
  }

  load(batch: Uint32Array, x: Float32Array, y?: Float32Array | Int32Array): void {
    const { input, target } = this.#program;
    for (const buffer of this.#x) loadInput(buffer, x, input.width, batch);
    if (y !== undefined && target.width > 0) gatherRows<Float32Array | Int32Array>(this.#y, y, target.width, batch);
    this.#weight.fill(1, 0, batch.length).fill(0, batch.length);
  }
}

/** Dropout masks; whoever runs the graph fills `data`. */
export class MaskInputs {
  readonly data: readonly Float32Array[];
  readonly feeds: Tensors;

  constructor({ masks }: TrainingProgram) {
    this.data = masks.map(({ dims }) => new Float32Array(sizeOf(dims)));
    this.feeds = Object.fromEntries(masks.map(({ name, dims }, i) => [name, tensor(this.data[i]!, dims)]));
  }
}
