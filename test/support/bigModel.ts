/**
 * Model files of a given size, and what their use costs: a process uses a large one, another one a small one, and the
 * difference of their peaks is what the size costs.
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtinMlp } from '../../src/training/index.ts';

/** What a process does after opening the model. */
export type BigModelTask = 'open' | 'train' | 'predict' | 'export';

export interface BigModelUse {
  readonly ms: number;
  /** Peak of the resident memory. */
  readonly peakBytes: number;
}

/** A network whose file has about `megabytes` MiB, most of it one square matrix. */
function makeModel(megabytes: number): Uint8Array {
  const width = Math.round(Math.sqrt((megabytes * 2 ** 20) / 4));
  return builtinMlp({ inputs: 8, hidden: [width, width], outputs: 2, activation: 'relu', seed: 1 });
}

async function use(file: string, task: BigModelTask): Promise<BigModelUse> {
  const child = join(import.meta.dirname, 'bigModelChild.ts');
  const args = ['--import', import.meta.resolve('tsx'), child, file, task];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as BigModelUse;
}

export class BigModel {
  readonly #folder = mkdtempSync(join(tmpdir(), 'konsil-big-'));
  readonly #big = join(this.#folder, 'big.onnx');
  readonly #small = join(this.#folder, 'small.onnx');
  /** Size of the file in bytes. */
  readonly size: number;

  constructor(megabytes: number) {
    writeFileSync(this.#big, makeModel(megabytes));
    writeFileSync(this.#small, makeModel(0.1));
    this.size = statSync(this.#big).size;
  }

  /** Time that `task` takes, and the peak of the memory beyond that of a small model, in sizes of the file. */
  async measure(task: BigModelTask): Promise<{ readonly ms: number; readonly multiple: number }> {
    const [big, small] = [await use(this.#big, task), await use(this.#small, task)];
    return { ms: big.ms, multiple: (big.peakBytes - small.peakBytes) / this.size };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
