/**
 * Runs a finished ONNX model as it is: nothing is differentiated, so any operator of onnxruntime will do.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { KonsilError, messageOf, normal, seededRng } from '../../base/index.ts';
import { type DType, sizeOf } from '../onnx/tensor.ts';
import { placeRows } from './batches.ts';
import type { Device } from './deviceNames.ts';
import { sessionOptions } from './devices.ts';
import { relativeDifference } from './difference.ts';
import type { Checkpoint } from './engine.ts';
import { exchanged } from './exchange.ts';
import { type GraphInput, type GraphPorts, graphPorts } from './graphPorts.ts';
import type { LoadedModel, LoadRequest, Rows } from './messages.ts';
import { rowsInOrder } from './rowFeed.ts';

/** Devices may be as much off as fast formats make them; a wrong kernel is off by far more. */
const MAX_DIFFERENCE = 0.03;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

/** `values` in the element type an input wants. @throws KonsilError DATA_INVALID for what is no integer where one is needed. */
function elements(values: Float32Array, dtype: DType, name: string): ort.Tensor.DataType {
  if (dtype === 'int64' || dtype === 'int32') {
    const at = values.findIndex((value) => !Number.isInteger(value));
    if (at >= 0)
      throw new KonsilError('DATA_INVALID', `the model's input "${name}" takes whole numbers, a row has another value`);
  }
  if (dtype === 'int64') return BigInt64Array.from(values, BigInt);
  if (dtype === 'bool') return Uint8Array.from(values, (value) => Number(value !== 0));
  return dtype === 'float32' ? values : ARRAYS[dtype].from(values);
}

/** One open model; one call at a time. */
export class GraphRunner {
  readonly #source: string;
  readonly #ports: GraphPorts;
  readonly #session: ort.InferenceSession;
  readonly #batchSize: number;
  /** Without the rows. */
  readonly outputDims: readonly number[];

  private constructor(
    source: string,
    ports: GraphPorts,
    session: ort.InferenceSession,
    batchSize: number,
    outputDims: readonly number[],
  ) {
    this.#source = source;
    this.#ports = ports;
    this.#session = session;
    this.#batchSize = batchSize;
    this.outputDims = outputDims;
  }

  /**
   * Opens a model on one device, and runs one row to see that it does run; on another device than the CPU also against the CPU.
   * @throws KonsilError as {@link graphPorts}; MODEL_INVALID when onnxruntime cannot run it on the CPU. Error when the device
   *   cannot.
   */
  static async open(model: Uint8Array, request: LoadRequest, device: Device): Promise<GraphRunner> {
    const { source, threads, batchSize, width, output } = request;
    const ports = graphPorts(model, source, { width, output });
    const rows = ports.fixedRows ?? batchSize;
    const openOn = async (where: Device): Promise<{ session: ort.InferenceSession; trial: ort.Tensor }> => {
      let session: ort.InferenceSession | undefined;
      try {
        session = await ort.InferenceSession.create(model, sessionOptions(where, threads));
        return { session, trial: await runOn(session, ports, trialRows(ports), ports.fixedRows ?? 1) };
      } catch (cause) {
        await session?.release();
        if (where !== 'cpu' || cause instanceof KonsilError) throw cause;
        const [line] = messageOf(cause).split('\n');
        throw new KonsilError('MODEL_INVALID', `${source}: onnxruntime cannot run it: ${line}`, {}, { cause });
      }
    };
    const { session, trial } = await openOn(device);
    if (device !== 'cpu') {
      const cpu = await openOn('cpu');
      await cpu.session.release();
      if (relativeDifference(floats(trial), floats(cpu.trial)) > MAX_DIFFERENCE) {
        await session.release();
        throw new Error('it computes something else than the CPU');
      }
    }
    return new GraphRunner(source, ports, session, rows, trial.dims.slice(1));
  }

  /** What the thread that asked is told. */
  get description(): Pick<LoadedModel, 'inputWidth' | 'output' | 'scale'> {
    const { width, output, scale } = this.#ports;
    return { inputWidth: width, output: { name: output.name, dims: this.outputDims }, scale };
  }

  /** The prediction for all rows, `[rows, size of an output row]`; zeros for rows that could not be made. */
  async predict({ x, rows }: Rows, checkpoint: Checkpoint): Promise<Float32Array> {
    const width = x instanceof Float32Array ? x.length / rows : x.width;
    if (width !== this.#ports.width)
      throw new KonsilError(
        'MODEL_MISMATCH',
        `${this.#source}: model takes ${this.#ports.width} values a row (${this.#ports.inputs.map((input) => `"${input.name}" [rows, ${input.dims.join(', ')}]`).join(', ')}), the data have ${width}`,
      );
    const outputWidth = sizeOf(this.outputDims);
    const result = new Float32Array(rows * outputWidth);
    const shape = { batchSize: this.#batchSize, target: { width: 0 } };
    let done = 0;
    for await (const taken of rowsInOrder(shape, { x, rows })) {
      checkpoint(done, rows, Number.NaN);
      const count = taken.batch.length;
      const chosen = this.#chosen(taken.x, taken.batch, width);
      const said = await this.#run(chosen, chosen.length / width);
      if (said.length < count * outputWidth)
        throw new KonsilError('MODEL_INVALID', `${this.#source}: model gives no output for some rows`);
      placeRows(result, said.subarray(0, count * outputWidth), outputWidth, taken.rows);
      done += count;
    }
    return result;
  }

  /** The rows `batch` of `x`, ascending, filled up to as many as the graph takes; without gaps they are not copied. */
  #chosen(x: Float32Array, batch: Uint32Array, width: number): Float32Array {
    const { fixedRows = 0 } = this.#ports;
    const [first = 0, last = 0] = [batch[0], batch.at(-1)];
    if (last - first + 1 === batch.length && batch.length >= fixedRows)
      return x.subarray(first * width, (last + 1) * width);
    const chosen = new Float32Array(Math.max(batch.length, fixedRows) * width);
    for (const [i, row] of batch.entries()) chosen.set(x.subarray(row * width, (row + 1) * width), i * width);
    return chosen;
  }

  async #run(values: Float32Array, rows: number): Promise<Float32Array> {
    try {
      return floats(await runOn(this.#session, this.#ports, values, rows));
    } catch (cause) {
      if (cause instanceof KonsilError) throw cause;
      const [line] = messageOf(cause).split('\n');
      throw new KonsilError('MODEL_INVALID', `${this.#source}: onnxruntime cannot run it: ${line}`, {}, { cause });
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** One row without meaning, repeated where the graph takes more at once. */
function trialRows({ inputs, width, fixedRows = 1 }: GraphPorts): Float32Array {
  const rng = seededRng(1, 'trial');
  const x = new Float32Array(width * fixedRows);
  for (const { offset, width: size } of inputs.filter((input) => input.dtype.startsWith('float')))
    for (let row = 0; row < fixedRows; row++) for (let i = 0; i < size; i++) x[row * width + offset + i] = normal(rng);
  return x;
}

async function runOn(
  session: ort.InferenceSession,
  { inputs, width, output }: GraphPorts,
  values: Float32Array,
  rows: number,
): Promise<ort.Tensor> {
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, feedOf(input, values, width, rows)]));
  const results = await session.run(feeds, [output.name]);
  const tensor = results[output.name]!;
  if (tensor.dims.length > 0 && tensor.dims[0] === rows) return tensor;
  // rows on another axis, or one number a row in all
  const axis = tensor.dims.indexOf(rows);
  if (axis < 1) return new ort.Tensor('float32', floats(tensor), [rows, floats(tensor).length / rows]);
  const before = sizeOf(tensor.dims.slice(0, axis));
  return new ort.Tensor('float32', exchanged(floats(tensor), before, rows), [rows, ...tensor.dims.toSpliced(axis, 1)]);
}

function feedOf(
  { name, dtype, dims, batchAxis, offset, width }: GraphInput,
  values: Float32Array,
  total: number,
  rows: number,
): ort.Tensor {
  let own = values;
  if (width !== total) {
    own = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++)
      own.set(values.subarray(row * total + offset, row * total + offset + width), row * width);
  }
  const moved = batchAxis === 0 ? own : exchanged(own, rows, sizeOf(dims.slice(0, batchAxis)));
  return new ort.Tensor(
    dtype as 'float32',
    elements(moved, dtype, name) as Float32Array,
    dims.toSpliced(batchAxis, 0, rows),
  );
}

/** A tensor's numbers as float32. */
function floats({ data }: ort.Tensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data as unknown as ArrayLike<number>, Number);
}
