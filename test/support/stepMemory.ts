/**
 * A process of its own that trains some steps and prints how much memory they took at most, in bytes, beyond what it had
 * before: `stepMemory.ts <model.onnx> <batch> <loss>`. Linux only: it resets its peak through /proc.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { compile } from '../../src/training/compile.ts';
import { builtinMlp, type LossKind } from '../../src/training/index.ts';
import type { CompiledModel } from '../../src/training/program.ts';
import { Engine } from '../../src/training/runtime/engine.ts';

const [file = '', batch = '', loss = ''] = process.argv.slice(2);
const optimiser = { kind: 'adam', learningRate: 1e-3 } as const;
const options = { source: file, loss: loss as LossKind, batchSize: Number(batch) };
const model = compile(readFileSync(file), { ...options, optimiser });

/** Fields of /proc/self/status in bytes. */
function memory(field: 'VmHWM' | 'VmRSS'): number {
  const line = readFileSync('/proc/self/status', 'utf8').match(new RegExp(`${field}:\\s+(\\d+) kB`));
  return 1024 * Number(line![1]);
}

/** Some steps on made-up rows; the sessions stay open. */
async function train({ model, steps }: { model: CompiledModel; steps: number }): Promise<void> {
  const { batchSize, input, target, initial } = model;
  const stepper = await new Engine(model, { threads: 1 }).stepper(initial, 1e-3);
  const rows = Uint32Array.from({ length: batchSize }, (_, i) => i);
  const count = batchSize * target.width;
  const y = target.dtype === 'int32' ? new Int32Array(count) : new Float32Array(count);
  const x = new Float32Array(batchSize * input.width).fill(0.5);
  for (let i = 0; i < steps; i++) await stepper.step(rows, x, y);
}

// what the library needs for itself is not the step's
const small = builtinMlp({ inputs: 2, hidden: [], outputs: 2, activation: 'relu', seed: 1 });
await train({ model: compile(small, { ...options, batchSize: 4, loss: 'mse', optimiser }), steps: 3 });
globalThis.gc?.();
const before = memory('VmRSS');
writeFileSync('/proc/self/clear_refs', '5');
await train({ model, steps: 3 });
process.stdout.write(
  `${JSON.stringify({ measured: memory('VmHWM') - before, estimated: model.cost().memory.total })}\n`,
);
