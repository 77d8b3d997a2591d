/**
 * One fixture on WebGPU and on the CPU: gradient, and three steps of Adam with the state on the device.
 * `webgpuModel.ts <fixture> <rows>` prints a {@link ModelComparison}.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { compile } from '../../src/training/compile.ts';
import { Trainer, type TrainerOptions } from '../../src/training/index.ts';
import { createOptimiser } from '../../src/training/optim/optimisers.ts';
import { GRAPH_NAMES } from '../../src/training/program.ts';
import { sessionOptions } from '../../src/training/runtime/devices.ts';
import { BatchInputs, MaskInputs } from '../../src/training/runtime/feeds.ts';
import { HostState } from '../../src/training/runtime/state.ts';
import { distance } from '../fixtures/training/engines.ts';
import { readBatch, readCase, readFixture } from '../fixtures/training/fixtures.ts';
import { runPlaced } from './placement.ts';

/** Largest differences between the two devices, and the largest element of the gradient. */
export interface ModelComparison {
  readonly device: string;
  readonly loss: number;
  readonly gradient: number;
  readonly largestGradient: number;
  readonly parameters: number;
  /** Operators of the training graph that left the device. */
  readonly strays: readonly string[];
}

const [name, count] = [process.argv[2]!, Number(process.argv[3])];
const spec = readCase(name);
const batch = readBatch(name, 0);
const model = new Uint8Array(readFixture(name, 'model_dyn.onnx'));
const x = batch.x.subarray(0, (batch.x.length / batch.rows) * count);
const allTargets = batch.y instanceof Float32Array ? batch.y : Int32Array.from(batch.y as Iterable<bigint>, Number);
const y = allTargets.subarray(0, (allTargets.length / batch.rows) * count);
const options: TrainerOptions = {
  ...{ model, source: name, loss: spec.loss.kind, batchSize: count },
  train: spec.parameters.map((parameter) => parameter.name),
  optimiser: { kind: 'adam', learningRate: 0.01, epsilon: 1e-3 },
};

async function train(device: 'cpu' | 'webgpu') {
  const trainer = await Trainer.create({ ...options, device });
  const start = { x, y, rows: count, parameters: trainer.program.initial };
  const { gradient, loss } = await trainer.gradient(start);
  // with a break, over which the optimiser's state leaves the device and comes back
  const first = await trainer.train({ ...start, budget: { steps: 2 }, seed: 1, keepsOptimiserState: true });
  const { parameters } = await trainer.train({
    ...{ ...start, budget: { steps: 1 }, seed: 1 },
    ...{ parameters: first.parameters, optimiserState: first.optimiserState! },
  });
  return { trainer, gradient, loss, parameters };
}

/** The training graph once more, under the eyes of the profiler. */
async function strays(): Promise<string[]> {
  const program = compile(model, { ...options, target: 'gpu' });
  const state = new HostState(program, { parameters: program.initial, slots: 0 });
  const [inputs, masks] = [new BatchInputs(program), new MaskInputs(program)];
  inputs.load(
    Uint32Array.from({ length: count }, (_, i) => i),
    x,
    y,
  );
  masks.draw(undefined);
  const scalars = Object.entries(createOptimiser(options.optimiser).scalarsAt(1, 0.01)).map(([scalar, value]) => [
    GRAPH_NAMES.scalar(scalar),
    new ort.Tensor('float32', Float32Array.of(value), []),
  ]);
  const feeds = {
    ...inputs.feeds,
    ...masks.feeds,
    ...state.weights(),
    ...state.slots(),
    ...Object.fromEntries(scalars),
  };
  return (await runPlaced(program.trainGraph, feeds, sessionOptions('webgpu', 1))).strays;
}

const [gpu, cpu] = [await train('webgpu'), await train('cpu')];
const result: ModelComparison = {
  device: gpu.trainer.program.device,
  loss: Math.abs(gpu.loss - cpu.loss) / cpu.loss,
  gradient: distance(gpu.gradient, cpu.gradient),
  largestGradient: cpu.gradient.reduce((w, v) => Math.max(w, Math.abs(v)), 0),
  parameters: distance(gpu.parameters, cpu.parameters),
  // while the trainer is open its compiled shaders are there for this session too
  strays: await strays(),
};
for (const { trainer } of [gpu, cpu]) await trainer.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
