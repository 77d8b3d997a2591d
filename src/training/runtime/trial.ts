/**
 * Whether a device computes what the CPU computes. Providers have kernels that give wrong numbers for some shapes without
 * a word (onnxruntime 1.30's WebGPU convolution of 6 channels did), and drivers are as many as machines.
 * @module
 */
import { normal, type Rng, seededRng } from '../../base/index.ts';
import type { CompiledModel, TrainingProgram } from '../program.ts';
import type { Device } from './deviceNames.ts';
import { relativeDifference } from './difference.ts';
import { Engine } from './engine.ts';
import type { Samples } from './messages.ts';

/** Fast formats of GPUs (TF32 has 11 bits) are 1e-3 off per product; a wrong kernel is off by 0.1 and more. */
const MAX_DIFFERENCE = 0.03;

/** Rows to compare with: few, for the CPU may be slow; more than one, for the statistics of a batch. */
const ROWS = 2;

/** Rows without meaning: normal features, 0 where the model wants integers (of a range nobody knows here). */
function anyRows({ inputs, input, target, batchSize }: TrainingProgram, rng: Rng): Omit<Samples, 'parameters'> {
  const x = new Float32Array(batchSize * input.width);
  for (const { offset, width } of inputs.filter(({ dtype }) => dtype === 'float32'))
    for (let row = 0; row < batchSize; row++)
      for (let i = 0; i < width; i++) x[row * input.width + offset + i] = normal(rng);
  const count = batchSize * target.width;
  const y =
    target.dtype === 'int32' ? new Int32Array(count) : Float32Array.from({ length: count }, () => Number(rng() < 0.5));
  return { x, y, rows: batchSize };
}

/** The model for few rows, or as it is where it has one batch size. */
function smallest(compileFor: (batchSize: number) => CompiledModel, batchSize: number): CompiledModel {
  if (batchSize <= ROWS) return compileFor(batchSize);
  try {
    return compileFor(ROWS);
  } catch {
    // it compiles for its own batch size: that was done before
    return compileFor(batchSize);
  }
}

/**
 * Compares the gradient on `device` with that of the same graph on the CPU.
 *
 * @param compileFor - The model for that many rows, with formulations for the device.
 * @throws Error when they differ.
 */
export async function checkDevice(
  compileFor: (batchSize: number) => CompiledModel,
  batchSize: number,
  device: Device,
  threads: number,
): Promise<void> {
  const model = smallest(compileFor, batchSize);
  const request = { ...anyRows(model, seededRng(1, 'trial')), parameters: model.initial };
  const gradientOn = async (where: Device): Promise<Float32Array> => {
    const engine = new Engine(model, { threads, device: where });
    try {
      return (await engine.gradient(request, () => undefined)).gradient;
    } finally {
      await engine.close();
    }
  };
  const difference = relativeDifference(await gradientOn(device), await gradientOn('cpu'));
  if (difference > MAX_DIFFERENCE)
    throw new Error(`its gradient differs from the CPU's by ${(100 * difference).toPrecision(2)} %`);
}
