/**
 * What went wrong with which files, for the site's own people: two CSV files beside the results.
 * @source spec/platform.md §6.
 * @module
 */
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { csvLine } from '../../base/index.ts';
import { guardFile } from './tableFile.ts';

/** A file of a batch that failed. */
export interface FailedFile {
  readonly name: string;
  /** From 1; null for one that was in no batch. */
  readonly batch: number | null;
  readonly retry: 'Success' | 'Failed' | 'Not tested';
  readonly error: string;
  /** Keyed hash of the patient, where the source knows patients. */
  readonly patient: string | null;
}

/** Whether the batch or the file was to blame. */
const DIAGNOSES = { Success: 'batch-level', Failed: 'file-level', 'Not tested': 'unknown' } as const;

const BATCH_COLUMNS = [
  ...['Batch number', 'Error', 'File path', 'Report generated'],
  ...['Successful batches so far', 'Failed batches so far'],
];
const FILE_COLUMNS = ['File path', 'Batch number', 'Retry result', 'Error', 'Diagnosis', 'Report generated', 'Patient'];

/** The reports of one run, in `folder`. */
export class FailureReports {
  readonly #folder: string;
  readonly #now: () => Date;

  constructor(folder: string, now: () => Date = () => new Date()) {
    this.#folder = folder;
    this.#now = now;
  }

  /** Writes a failed batch down at once. @returns the file. @throws KonsilError FILE_WRITE_FAILED */
  batch(
    { batch, files, error }: { readonly batch: number; readonly files: readonly string[]; readonly error: string },
    soFar: { readonly successful: number; readonly failed: number },
  ): string {
    const at = this.#now().toISOString();
    const file = join(this.#folder, `Batch_failures_report_${at.slice(0, 10)}.csv`);
    const lines = files.map((name) => csvLine([batch, error, name, at, soFar.successful, soFar.failed])).join('');
    guardFile(file, () => {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const head = existsSync(file) ? '' : csvLine(BATCH_COLUMNS);
      appendFileSync(file, `${head}${lines}`, { mode: 0o600, flush: true });
    });
    return file;
  }

  /** All files that failed. @returns the file. @throws KonsilError FILE_WRITE_FAILED */
  files(failed: readonly FailedFile[]): string {
    const at = this.#now().toISOString();
    const stamp = at.replace(/\.\d+Z$/, 'Z').replaceAll(':', '-');
    const file = join(this.#folder, `File_error_report_${stamp}.csv`);
    const lines = failed.map(({ name, batch, retry, error, patient }) =>
      csvLine([name, batch, retry, error, DIAGNOSES[retry], at, patient]),
    );
    guardFile(file, () => {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(file, [csvLine(FILE_COLUMNS), ...lines].join(''), { mode: 0o600, flush: true });
    });
    return file;
  }
}
