/**
 * What a run leaves at a pod when some of its parameters are local: their values after each round, for the next start, and
 * in the end the model with them, for the site's own use. In `personal/` of the state folder, readable by the owner only.
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytesOf, float32Of, KonsilError, messageOf, toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { exportFacts, type LocalStore } from '../../protocols/index.ts';
import { exportModelFiles } from '../../training/index.ts';
import type { TrainingSetup } from './setUp.ts';

/** Files of one run. */
export class PersonalModel implements LocalStore {
  readonly #stem: string;

  /** @param key - The run among all runs of all coordinators. @param runId - What the coordinator calls it. */
  constructor(state: string, key: string, runId: string) {
    // the coordinator chose the name: letters and digits of it are for the operator, the hash is what counts
    const readable = runId.replace(/[^\w-]/g, '_').slice(0, 60);
    this.#stem = join(state, 'personal', `${readable}-${toHex(sha256(utf8(key))).slice(0, 16)}`);
  }

  load(): Float32Array | null {
    const file = `${this.#stem}.f32`;
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new KonsilError('DATA_INVALID', `${file}: ${messageOf(cause)}`, { file }, { cause });
    }
    const values = bytes.length % 4 === 0 ? float32Of(new Uint8Array(bytes)) : new Float32Array([Number.NaN]);
    if (!values.every(Number.isFinite))
      throw new KonsilError('DATA_INVALID', `${file}: these are no local parameters; remove it to start anew`, {
        file,
      });
    return values;
  }

  save(values: Float32Array): void {
    this.#write(`${this.#stem}.f32`, bytesOf(values));
  }

  /** Writes the whole model. @returns the file to open. */
  export(parameters: Float32Array, model: Uint8Array, setup: TrainingSetup, preprocess: Scaling): string {
    const files = modelFilesOf(this.#stem, parameters, model, setup, preprocess);
    for (const { name, content } of files) this.#write(name, typeof content === 'string' ? utf8(content) : content);
    return files.at(-1)!.name;
  }

  /** Atomically: a power cut leaves the old file or the new one. */
  #write(file: string, content: Uint8Array): void {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.next`, content, { mode: 0o600, flush: true });
      renameSync(`${file}.next`, file);
    } catch (cause) {
      throw new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });
    }
  }
}

/** A trained model as files called `stem`, the one to open last: raw features in, probabilities or a number out. */
export function modelFilesOf(
  stem: string,
  parameters: Float32Array,
  model: Uint8Array,
  { task, data, trainer }: Pick<TrainingSetup, 'task' | 'data' | 'trainer'>,
  preprocess: Scaling,
): ReturnType<typeof exportModelFiles> {
  return exportModelFiles(stem, model, trainer.program.layout, parameters, {
    source: trainer.program.source,
    ...(preprocess && { preprocess }),
    ...exportFacts(task, data.features),
  });
}

type Scaling = { readonly mean: Float32Array; readonly scale: Float32Array } | null;
