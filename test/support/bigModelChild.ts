/**
 * `bigModelChild.ts <file> <task>` uses a large model file and prints a {@link BigModelUse}.
 * @module
 */
import { readModelFile, Trainer, type TrainerOptions, writeParameters } from '../../src/training/index.ts';
import type { BigModelTask, BigModelUse } from './bigModel.ts';

const [file, task] = process.argv.slice(2) as [string, BigModelTask];
const options: Omit<TrainerOptions, 'model'> = {
  ...{ source: file, loss: 'cross_entropy', batchSize: 4 },
  optimiser: { kind: 'sgd', learningRate: 0.01 },
};
const rows = { x: new Float32Array(4 * 8).fill(0.5), y: Int32Array.of(0, 1, 0, 1), rows: 4 };

const started = performance.now();
const trainer = await Trainer.create({ ...options, model: { file } });
const { initial: parameters, layout } = trainer.program;
if (task === 'train') await trainer.train({ ...rows, parameters, budget: { steps: 1 }, seed: 1 });
if (task === 'predict') await trainer.predict({ ...rows, parameters });
if (task === 'export') {
  await trainer.close();
  writeParameters(await readModelFile(file), layout, parameters, file);
}
// Linux counts kibibytes
const use: BigModelUse = { ms: performance.now() - started, peakBytes: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(`${JSON.stringify(use)}\n`);
await trainer.close();
