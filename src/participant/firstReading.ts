/**
 * Folders of files are read when the pod starts, in the background: a task that comes later finds all in the cache. What was read
 * before the pod stops is read no more.
 * @module
 */
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import type { DatasourceConfig, OpenDataset, ScanProgress } from '../datasources/index.ts';
import type { PodNotice } from './notices.ts';

/** A task waits for a folder that is read in this time, seconds: less than the time pods have to join. */
const LONGEST_WAIT_S = 30;

interface Reading {
  done: Promise<void>;
  progress: ScanProgress | null;
}

/** What the pod reads for itself. */
export class FirstReading {
  readonly #openDataset: OpenDataset;
  readonly #onNotice: (notice: PodNotice) => void;
  readonly #abort = new AbortController();
  readonly #underWay = new Map<string, Reading>();

  constructor(openDataset: OpenDataset, onNotice: (notice: PodNotice) => void) {
    this.#openDataset = openDataset;
    this.#onNotice = onNotice;
  }

  /** Begins to read the folders among `datasources`, one after the other. */
  begin(datasources: readonly DatasourceConfig[]): void {
    let last = Promise.resolve();
    for (const config of datasources) {
      if (!('cacheFile' in config) || config.cacheFile === undefined) continue;
      const reading: Reading = { done: last, progress: null };
      last = last.then(() => this.#read(config, reading));
      reading.done = last;
      this.#underWay.set(config.name, reading);
    }
  }

  /** As `openDataset`; of a folder that is being read what is known. */
  readonly partial: OpenDataset = (config, options) =>
    this.#openDataset(config, { ...options, ...(this.#underWay.has(config.name) && { isPartial: true }) });

  /** As `openDataset`, after a folder that is being read. @throws KonsilError DATA_NOT_READ when that takes longer. */
  readonly whole: OpenDataset = async (config, options) => {
    const reading = this.#underWay.get(config.name);
    if (reading) {
      // one after the other: what has progress is this one, or one before it
      const left = Math.max(...[...this.#underWay.values()].map(({ progress }) => progress?.secondsLeft ?? 0));
      const { progress } = reading;
      if (left > LONGEST_WAIT_S)
        throw new KonsilError(
          'DATA_NOT_READ',
          `dataset "${config.name}" is read for the first time: ${
            progress ? `${progress.done} of ${progress.total} files` : 'after another one'
          }, about ${Math.ceil(left / 60)} min left`,
        );
      await reading.done;
    }
    return this.#openDataset(config, options);
  };

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#underWay.values()].map(({ done }) => done));
  }

  /** Never rejects: a task that needs the folder meets the same error. */
  async #read(config: DatasourceConfig, reading: Reading): Promise<void> {
    const { signal } = this.#abort;
    try {
      const source = await this.#openDataset(config, {
        signal,
        onProgress: (progress) => {
          reading.progress = progress;
        },
      });
      source.close();
    } catch (error) {
      if (!isKonsilError(error, 'CANCELLED'))
        this.#onNotice({ type: 'problem', reason: `dataset "${config.name}": ${messageOf(error)}` });
    } finally {
      this.#underWay.delete(config.name);
    }
  }
}
