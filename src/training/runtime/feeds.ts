/**
 * ORT tensors over buffers that stay the same from run to run: filling the buffer feeds the graph, without copies.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { type Layout, viewOf } from '../layout.ts';
import { sizeOf } from '../onnx/tensor.ts';
import type { TrainingProgram } from '../program.ts';
import { gatherRows } from './batches.ts';

/** Tensors by graph input or output name. */
export type Tensors = Record<string, ort.Tensor>;

/** A tensor over `data` itself. */
export function tensor(data: Float32Array | Int32Array, dims: readonly number[]): ort.Tensor {
  return data instanceof Float32Array ? new ort.Tensor('float32', data, dims) : new ort.Tensor('int32', data, dims);
}

/** One tensor view per layout entry of part `slot` of `vector`, under the names that `nameOf` gives. */
export function views(layout: Layout, vector: Float32Array, nameOf: (name: string) => string, slot = 0): Tensors {
  return Object.fromEntries(
    layout.entries.map((entry) => [
      nameOf(entry.name),
      tensor(viewOf(vector, entry, slot * layout.length), entry.dims),
    ]),
  );
}

/** Input buffers of one batch. */
export class BatchInputs {
  readonly feeds: Tensors;
  readonly #program: TrainingProgram;
  readonly #x: Float32Array;
  readonly #y: Float32Array | Int32Array;
  readonly #weight: Float32Array;

  constructor(program: TrainingProgram) {
    const { batchSize, input, target } = program;
    this.#program = program;
    this.#x = new Float32Array(batchSize * input.width);
    this.#y = new (target.dtype === 'int32' ? Int32Array : Float32Array)(batchSize * target.width);
    this.#weight = new Float32Array(batchSize);
    this.feeds = {
      x: tensor(this.#x, input.dims),
      y: tensor(this.#y, target.dims),
      weight: tensor(this.#weight, [batchSize]),
    };
  }

  load(batch: Uint32Array, x: Float32Array, y?: Float32Array | Int32Array): void {
    const { input, target } = this.#program;
    gatherRows(this.#x, x, input.width, batch);
    if (y !== undefined) gatherRows<Float32Array | Int32Array>(this.#y, y, target.width, batch);
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
