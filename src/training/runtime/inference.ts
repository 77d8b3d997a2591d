/**
 * Outputs of a trained model, computed from the very file that is exported.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { sizeOf } from '../onnx/tensor.ts';
import type { CompiledModel } from '../program.ts';
import { exchanged } from './exchange.ts';
import { type InputBuffer, inputBuffers, loadInput, tensor } from './feeds.ts';

/** An input as the model itself wants it: its own element type, rows on its own axis. */
function modelTensor(
  { data, dims }: InputBuffer,
  { dtype, batchAxis }: CompiledModel['ports']['inputs'][number],
): ort.Tensor {
  const [rows, ...rest] = dims as [number, ...number[]];
  const moved = batchAxis === 0 ? data : exchanged(data, rows, sizeOf(rest.slice(0, batchAxis)));
  const shape = rest.toSpliced(batchAxis, 0, rows);
  if (dtype === 'int64') return new ort.Tensor('int64', BigInt64Array.from(moved, BigInt), shape);
  if (dtype === 'bool')
    return new ort.Tensor(
      'bool',
      Uint8Array.from(moved, (v) => (v === 0 ? 0 : 1)),
      shape,
    );
  return tensor(moved, shape);
}

export class Inference {
  readonly #model: CompiledModel;
  readonly #parameters: Float32Array;
  readonly #session: ort.InferenceSession;
  readonly #inputs: readonly InputBuffer[];

  private constructor(model: CompiledModel, parameters: Float32Array, session: ort.InferenceSession) {
    this.#model = model;
    this.#parameters = parameters;
    this.#session = session;
    this.#inputs = inputBuffers(model, model.batchSize);
  }

  static async create(
    model: CompiledModel,
    parameters: Float32Array,
    options: ort.InferenceSession.SessionOptions,
  ): Promise<Inference> {
    const session = await ort.InferenceSession.create(model.inferenceModel(parameters), options);
    return new Inference(model, parameters.slice(), session);
  }

  /** Whether this is the model with `parameters`. */
  isOn(parameters: Float32Array): boolean {
    const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
      Buffer.from(buffer, byteOffset, byteLength);
    return bytesOf(parameters).equals(bytesOf(this.#parameters));
  }

  /** Raw outputs of rows `batch` of `x`, `[rows, output width]`. */
  async run(batch: Uint32Array, x: Float32Array): Promise<Float32Array> {
    const { input, output, batchSize, ports } = this.#model;
    for (const buffer of this.#inputs) loadInput(buffer, x, input.width, batch, 0, batchSize);
    const feeds = Object.fromEntries(
      this.#inputs.map((input, i) => [input.name, modelTensor(input, ports.inputs[i]!)]),
    );
    const results = await this.#session.run(feeds, [output.name]);
    const raw = results[output.name]!.data as Float32Array;
    const before = sizeOf(output.dims.slice(1, 1 + ports.outputAxis));
    const rowsFirst = ports.outputAxis === 0 ? raw : exchanged(raw, before, batchSize);
    return rowsFirst.subarray(0, batch.length * output.width);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
