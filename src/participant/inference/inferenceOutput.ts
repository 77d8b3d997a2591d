/**
 * What becomes of what models say: a report at the site, masks where the task wants these, and the table that leaves.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KonsilError } from '../../base/index.ts';
import type { Batch, DataSource, InputRows } from '../../datasources/index.ts';
import { MAX_SITE_INFERENCE_BYTES, type ResultTable } from '../../protocols/index.ts';
import type { InferenceAlgorithm, InferencePolicy } from '../../tasks/index.ts';
import { maskTable } from './maskOutput.ts';
import type { Said } from './modelBench.ts';
import { besides, type OutputTable, outputTable, type ReportCell } from './outputs.ts';
import { postprocessed } from './postprocessing.ts';
import { reportCell } from './records.ts';
import { FILE_COLUMN, ReportPlan } from './reportPlan.ts';
import { guardFile, LineSorter, TableFile } from './tableFile.ts';
import type { Timings } from './timings.ts';

/** Column of a returned table that says which row of the site a line is of, to the site alone. */
const RECORD_COLUMN = 'record';

/** The site's part. */
export interface OutputOptions {
  /** Where files go. */
  readonly folder: string;
  readonly timings: Timings;
  readonly policy: InferencePolicy;
  /** What a row is called in a table that leaves. */
  readonly pseudonym: (name: string) => string;
}

/** Open files and plans, once the first rows are there. */
interface Writing {
  readonly outputs: readonly string[];
  readonly own: { readonly plan: ReportPlan; readonly file: TableFile };
  readonly returned: { readonly plan: ReportPlan; readonly lines: LineSorter } | null;
}

/** The output of one run. */
export class InferenceOutput {
  readonly #algorithm: InferenceAlgorithm;
  readonly #source: DataSource;
  readonly #options: OutputOptions;
  #writing: Writing | null = null;

  constructor(algorithm: InferenceAlgorithm, source: DataSource, options: OutputOptions) {
    this.#algorithm = algorithm;
    this.#source = source;
    this.#options = options;
  }

  /** Writes the lines of some rows: all of them, or none when it throws. */
  async write(batch: Batch, rows: InputRows, said: readonly Said[]): Promise<void> {
    const { timings, folder, pseudonym } = this.#options;
    await timings.in('write', async () => {
      const names = batch.keys.map((key) => this.#source.nameOf(key));
      const table =
        this.#algorithm.writes === 'images'
          ? await maskTable(said[0]!, rows, { names, keys: batch.keys, folder: join(folder, 'images') })
          : this.#table(said, rows.rows);
      if (table.rows.length !== rows.rows)
        throw new KonsilError('MODEL_MISMATCH', 'postprocessors have changed the number of rows');
      this.#writing ??= this.#begin(table.columns);
      const { outputs, own, returned } = this.#writing;
      if (JSON.stringify(outputs) !== JSON.stringify(table.columns))
        throw new KonsilError('MODEL_MISMATCH', 'outputs have other columns than those of the first rows');
      const row = (at: number, name: string, ...first: ReportCell[]) => ({
        name,
        cellOf: (column: string): ReportCell => reportCell(batch.columns[column]?.[at]),
        outputs: [...first, ...table.rows[at]!],
      });
      const records = returned ? names.map(pseudonym) : [];
      own.file.add(names.map((name, at) => own.plan.lineOf(row(at, name, ...records.slice(at, at + 1)))));
      returned?.lines.add(
        records.map((record, at) => {
          const { cells, sortBy } = returned.plan.lineOf(row(at, record));
          // in the order of the names, which says nothing of the order at the site
          return { cells, sortBy: [...sortBy, record] };
        }),
      );
    });
  }

  #table(said: readonly Said[], rows: number): OutputTable {
    return besides(
      said.map(({ model, loaded, outputs }) =>
        postprocessed(
          outputTable(model, loaded, outputs, rows, said.length === 1),
          loaded.output.name,
          model.postprocessors,
        ),
      ),
    );
  }

  #begin(outputs: readonly string[]): Writing {
    const { folder, policy } = this.#options;
    const { report = null, returns } = this.#algorithm;
    const original = this.#source.columns.filter((column) => !this.#isImage(column));
    const hasFiles = this.#source.fileOf !== undefined;
    // the site can look up whose line came back
    const own = returns ? [RECORD_COLUMN, ...outputs] : outputs;
    const plan = new ReportPlan(report, { key: hasFiles ? FILE_COLUMN : 'row', original, outputs: own });
    const file = new TableFile(join(folder, 'predictions.csv'), plan.columns, plan.ascending);
    if (!returns) return { outputs, own: { plan, file }, returned: null };
    const allowed = original.filter((column) => policy.columns.includes(column));
    const leaving = new ReportPlan(report, { key: RECORD_COLUMN, original: allowed, outputs });
    const lines = new LineSorter(join(folder, 'returned.lines'), [...leaving.ascending, true]);
    return { outputs, own: { plan, file }, returned: { plan: leaving, lines } };
  }

  #isImage(column: string): boolean {
    return this.#source.schema.columns.some(({ name, dataType }) => name === column && dataType === 'image');
  }

  /** Makes everything whole. */
  finish(facts: Parameters<Timings['record']>[0]): { readonly files: readonly string[]; readonly table?: ResultTable } {
    if (this.#writing === null) throw new KonsilError('DATA_EMPTY', 'no row was run on');
    const { own, returned } = this.#writing;
    const files = [own.file.finish()];
    if (this.#algorithm.isInstrumented) {
      const path = join(this.#options.folder, 'predictions.timings.json');
      const record = `${JSON.stringify(this.#options.timings.record(facts), null, 2)}\n`;
      guardFile(path, () => writeFileSync(path, record, { mode: 0o600, flush: true }));
      files.push(path);
    }
    if (returned === null) return { files };
    const rows: ReportCell[][] = [];
    let bytes = 0;
    try {
      for (const cells of returned.lines.lines()) {
        bytes += JSON.stringify(cells).length + 1;
        if (bytes > MAX_SITE_INFERENCE_BYTES - (1 << 16))
          throw new KonsilError(
            'DATA_UNSUPPORTED',
            `the table is larger than ${MAX_SITE_INFERENCE_BYTES >> 20} MiB, and stays at the site; leave out columns or rows`,
          );
        rows.push([...cells]);
      }
    } finally {
      returned.lines.close();
    }
    return { files, table: { columns: [...returned.plan.columns], rows, suppressed: 0 } };
  }

  /** Leaves what there is, under names that say that it is not all. Never throws. */
  leave(): readonly string[] {
    if (this.#writing === null) return [];
    try {
      this.#writing.returned?.lines.close();
      return [this.#writing.own.file.leave()];
    } catch {
      return []; // why the run ends is said already
    }
  }
}
