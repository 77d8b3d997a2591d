/**
 * Steps per second of dense networks, one thread, after one warm-up call. Prints one line per network and batch size:
 * parameters, microseconds per step (smallest of five calls), compile and start-up milliseconds.
 * @module
 */
import { builtinMlp, type OptimiserSpec, Trainer } from '../src/training/index.ts';

const OPTIMISERS: readonly OptimiserSpec[] = [
  { kind: 'sgd', learningRate: 0.01, momentum: 0.9 },
  { kind: 'adam', learningRate: 0.001 },
];
const ROWS = 1024;
const STEPS = 300;

async function measure(hidden: readonly number[], batchSize: number, optimiser: OptimiserSpec): Promise<string> {
  const model = builtinMlp({ inputs: 30, hidden, outputs: 2, activation: 'relu', seed: 1 });
  const started = performance.now();
  const trainer = await Trainer.create({ model, source: 'mlp', loss: 'cross_entropy', optimiser, batchSize });
  const opened = performance.now() - started;
  const x = Float32Array.from({ length: ROWS * 30 }, (_, i) => Math.sin(i * 1.7));
  const y = Int32Array.from({ length: ROWS }, (_, i) => Number(x[30 * i]! > 0));
  const call = { parameters: trainer.program.initial, x, y, rows: ROWS, budget: { steps: STEPS }, seed: 1 };
  await trainer.train(call);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const from = performance.now();
    await trainer.train(call);
    best = Math.min(best, performance.now() - from);
  }
  const { length } = trainer.program.layout;
  await trainer.close();
  const name = `30-${hidden.join('-')}${hidden.length > 0 ? '-' : ''}2`;
  return `${name} B${batchSize} ${optimiser.kind}: ${length} parameters, ${Math.round((1000 * best) / STEPS)} us/step, open ${Math.round(opened)} ms`;
}

for (const hidden of [[], [64, 32], [512, 512]])
  for (const batchSize of [8, 32])
    for (const optimiser of OPTIMISERS) process.stdout.write(`${await measure(hidden, batchSize, optimiser)}\n`);
