/**
 * Memory and time of a large model file: opened, trained for a step, used, exported, each in a process of its own.
 *
 * Usage: `npm run bench:bigmodel -- [megabytes]`. Prints the peak of the resident memory beyond that of a small model, as
 * a multiple of the file's size.
 * @module
 */
import { BigModel } from '../test/support/bigModel.ts';

const model = new BigModel(Number(process.argv[2] ?? 100));
try {
  process.stdout.write(`model of ${(model.size / 2 ** 20).toFixed(1)} MiB\n`);
  for (const task of ['open', 'train', 'predict', 'export'] as const) {
    const { ms, multiple } = await model.measure(task);
    process.stdout.write(`${task.padEnd(8)} ${ms.toFixed(0).padStart(6)} ms  peak ${multiple.toFixed(2)} x the file\n`);
  }
} finally {
  model.remove();
}
