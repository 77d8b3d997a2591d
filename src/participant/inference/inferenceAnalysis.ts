/**
 * `ModelInference` at a site: each step of the run brings a model; with the last one all are run over the rows, a batch at a time, and
 * what they say is written down under the site's rules.
 * @source spec/platform.md §2.1, §6.
 * @module
 */
import { join } from 'node:path';
import { KonsilError, toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { type DataSource, type DecodePool, InputReader } from '../../datasources/index.ts';
import { narrow, type SiteInference } from '../../protocols/index.ts';
import type { InferenceAlgorithm, InferenceLimits, InferencePolicy } from '../../tasks/index.ts';
import type { DeviceChoice, OpenPredictor } from '../../training/index.ts';
import type { InferenceSite, SiteAnalysis } from '../analysis/siteAnalysis.ts';
import { type BatchOutcome, type BatchRules, runBatches } from './batches.ts';
import { type FailedFile, FailureReports } from './failureReports.ts';
import { InferenceOutput } from './inferenceOutput.ts';
import { ModelBench } from './modelBench.ts';
import { type FileState, ProcessedFiles } from './processedFiles.ts';
import { chooseRecords } from './records.ts';
import { Timings } from './timings.ts';
import { countUsage, type Usage } from './usage.ts';

/** The platform's own numbers. */
const DEFAULT_BATCH_SIZE = 16;
const DEFAULT_TEST_RUN_FILES = 1;
/** Rows of a table at a time: enough for a model to be busy. */
const TABLE_ROWS = 1_024;

/** What the site's rules, machine and state say. */
export interface InferenceOptions {
  readonly policy: InferencePolicy;
  readonly limits: InferenceLimits;
  readonly usage: Usage;
  readonly openPredictor: OpenPredictor;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly decoders?: DecodePool | undefined;
  /** The pod's state folder. */
  readonly state: string;
  readonly dataset: string;
  /** Whom a table goes to. */
  readonly modeller: string;
  /** For the site's operator alone: it may name files. */
  readonly onProblem: (problem: string) => void;
}

/** One run over one dataset. */
export class InferenceAnalysis implements SiteAnalysis {
  readonly infers: NonNullable<SiteAnalysis['infers']>;
  readonly #algorithm: InferenceAlgorithm;
  /** As it was opened; `#source` is what the task's filters leave of it. */
  readonly #opened: DataSource;
  readonly #source: DataSource;
  readonly #reader: InputReader;
  readonly #options: InferenceOptions;
  readonly #models: Uint8Array[] = [];
  readonly #warnings: string[] = [];

  /**
   * Takes `source` over.
   * @throws KonsilError when its columns do not fit the task, or no file passes its filters; then it is still the caller's.
   */
  constructor(algorithm: InferenceAlgorithm, source: DataSource, options: InferenceOptions) {
    this.#algorithm = algorithm;
    this.#opened = source;
    this.#source = narrow(source, algorithm);
    this.#reader = new InputReader(this.#source, algorithm.dataStructure, options.decoders);
    this.#options = options;
    for (const warning of this.#reader.warnings) options.onProblem(warning);
    this.infers = {
      steps: algorithm.models.length,
      maxBytes: options.policy.maximumModelMb * 1e6,
      take: (step, model, site) => this.#take(step, model, site),
    };
  }

  async close(): Promise<void> {
    this.#opened.close();
  }

  async #take(step: number, model: Uint8Array, site: InferenceSite): Promise<SiteInference | null> {
    this.#models[step] = model;
    if (step + 1 < this.#algorithm.models.length) return null;
    if (Array.from(this.#models).some((one) => one === undefined))
      throw new KonsilError('PROTOCOL_VIOLATION', 'the last model came before the others');
    const { state, dataset } = this.#options;
    const processed = new ProcessedFiles(state, taskName(this.#algorithm), dataset);
    try {
      return await this.#run(processed, site);
    } finally {
      processed.close();
    }
  }

  async #run(processed: ProcessedFiles, { folder, signal, onProgress, onFile }: InferenceSite): Promise<SiteInference> {
    const { policy, usage, device, threads, openPredictor, modeller } = this.#options;
    const algorithm = this.#algorithm;
    const rules = this.#rules();
    const keys = await this.#keys(processed, rules, signal);
    const timings = new Timings();
    const bench = new ModelBench(algorithm.models, this.#models, { device, threads, openPredictor });
    const output = new InferenceOutput(algorithm, this.#source, {
      ...{ folder, timings, policy, pseudonym: (name) => processed.pseudonym(modeller, name) },
    });
    const reports = new FailureReports(join(folder, 'error-reports'));
    let done: BatchOutcome;
    try {
      const work = {
        run: async (chosen: readonly number[]) => {
          const batch = await timings.in('read', () => this.#reader.cells(chosen));
          const rows = await timings.in('decode', () => this.#reader.encode(batch));
          await bench.open(rows.width, signal);
          countUsage(algorithm.models, policy, usage, rows.rows);
          const said = await timings.in('predict', () => bench.predict(rows, signal));
          await output.write(batch, rows, said);
          processed.record(
            chosen.flatMap((key) => this.#fileState(key) ?? []),
            'processed',
          );
        },
        isFatal: (error: unknown) => bench.isStartError(error),
        onFailure: (
          failure: { batch: number; keys: readonly number[]; error: string },
          soFar: { successful: number; failed: number },
        ) => void reports.batch({ ...failure, files: failure.keys.map((key) => this.#source.nameOf(key)) }, soFar),
        onProgress: (count: number) => onProgress(count, keys.length, count / Math.max(timings.seconds, 1e-3)),
      };
      done = await runBatches(keys, rules, work, signal);
    } catch (error) {
      for (const file of output.leave()) onFile(file);
      throw error;
    } finally {
      await bench.close();
    }
    this.#reportFailed(done, processed, reports, onFile);
    const { files, table } = output.finish({ batches: done.batches, rows: done.rows, models: bench.facts });
    for (const file of files) onFile(file);
    return {
      format: 'konsil-site-inference-v1',
      ...{ rows: done.rows, failed: keys.length - done.rows, batches: done.batches, failedBatches: done.failedBatches },
      ...{ seconds: timings.seconds, models: [...bench.facts], warnings: this.#warnings },
      ...(table && { table }),
    };
  }

  get #hasFiles(): boolean {
    return this.#source.fileOf !== undefined && this.#source.rowCount > 0 && this.#source.fileOf(0) !== undefined;
  }

  /** How the site goes through the rows; what the task asks for in vain becomes a warning. */
  #rules(): BatchRules {
    const { isBatched, isTestRun, newDataOnly } = this.#algorithm;
    const { batchSize = DEFAULT_BATCH_SIZE, resilience, mostFailures, retries } = this.#options.limits;
    const files = this.#hasFiles;
    if (isBatched && !files)
      this.#warnings.push('batched_execution is without effect: the dataset is a table, and is run as one batch');
    if (isTestRun && !(isBatched && files))
      this.#warnings.push(
        `test_run is without effect: ${files ? 'it needs batched_execution' : 'the dataset is a table'}`,
      );
    if (newDataOnly && !files)
      this.#warnings.push('run_on_new_data_only is without effect: the rows of a table have no time of change');
    const isResilient = isBatched && files && resilience;
    return {
      batchSize: files ? batchSize : TABLE_ROWS,
      isResilient,
      ...(mostFailures !== undefined && { mostFailures }),
      retries: isResilient && retries,
    };
  }

  /** The rows to run on. @throws KonsilError DATA_EMPTY or NO_NEW_DATA when none are left. */
  async #keys(processed: ProcessedFiles, rules: BatchRules, signal: AbortSignal): Promise<readonly number[]> {
    const { newDataOnly, rerunsFailedFiles, isBatched, isTestRun } = this.#algorithm;
    const chosen = await chooseRecords(this.#source, this.#algorithm, new Date(), signal);
    if (chosen.length === 0) throw new KonsilError('DATA_EMPTY', 'no record passes the task’s RecordFilterAlgorithm');
    if (!this.#hasFiles) return chosen;
    // without retries a file may have failed because of another one
    const skipsFailed = !rerunsFailedFiles && rules.retries;
    const kept = chosen.filter((key) => {
      const known = processed.find(this.#fileState(key)!);
      if (known === 'failed') return !skipsFailed;
      return known === 'new' || !newDataOnly;
    });
    if (kept.length === 0)
      throw new KonsilError(
        'NO_NEW_DATA',
        newDataOnly
          ? 'no new data: this task has been run on all files of this dataset'
          : 'all files of this dataset have failed before and have not changed (force_rerun_failed_files: false)',
      );
    const { testRunFiles = DEFAULT_TEST_RUN_FILES } = this.#options.limits;
    return isBatched && isTestRun ? kept.slice(0, testRunFiles) : kept;
  }

  #fileState(key: number): FileState | undefined {
    const facts = this.#source.fileOf?.(key);
    return facts && { name: this.#source.nameOf(key), modifiedMs: facts.modifiedMs };
  }

  /** Files that have failed, and those that could not even be listed as rows. */
  #reportFailed(
    done: BatchOutcome,
    processed: ProcessedFiles,
    reports: FailureReports,
    onFile: (file: string) => void,
  ): void {
    const lost = done.failed.filter(({ retry }) => retry !== 'Success');
    processed.record(
      lost.flatMap(({ key }) => this.#fileState(key) ?? []),
      'failed',
    );
    const listed = done.failed.map(
      ({ key, ...rest }): FailedFile => ({
        ...rest,
        ...{ name: this.#source.nameOf(key), patient: this.#source.groupOf(key) },
      }),
    );
    const unreadable = (this.#source.found?.().unreadable ?? []).map(
      ({ name, code }): FailedFile => ({
        ...{ name, batch: null, retry: 'Failed', error: `${code}: the file cannot be read`, patient: null },
      }),
    );
    if (listed.length + unreadable.length === 0) return;
    onFile(reports.files([...listed, ...unreadable]));
  }
}

/** Which task it is, for the record of processed files: models, what they are shown and what becomes of it. */
function taskName({ models, dataStructure, records, wholePatients, writes }: InferenceAlgorithm): string {
  return toHex(sha256(utf8(JSON.stringify([models, dataStructure, records, wholePatients, writes]))));
}
