/**
 * A source as the site lets tasks see it: under the column names that they use, with dates no finer than the site allows.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { type CoarseDate, coarseDates, coarseFilters } from './coarseDates.ts';
import type { Batch, DataSource, Found } from './dataSource.ts';
import type { Filters } from './files/filters.ts';
import type { Schema } from './schema.ts';
import { didYouMean } from './suggest.ts';

export interface SiteViewOptions {
  /** Column of the site to its name in tasks. @default as they are */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** @default as they are */
  readonly dates?: CoarseDate | undefined;
}

export class SiteView implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #source: DataSource;
  readonly #options: SiteViewOptions;
  readonly #names: Readonly<Record<string, string>>;

  /** @throws KonsilError DATA_COLUMN_MISSING for a column that is not there, DATA_INVALID when two columns get one name. */
  constructor(source: DataSource, options: SiteViewOptions) {
    const { names = {} } = options;
    this.#source = source;
    this.#options = options;
    this.#names = names;
    this.kind = source.kind;
    this.label = source.label;
    this.rowCount = source.rowCount;
    for (const column of Object.keys(names))
      if (!source.columns.includes(column))
        throw new KonsilError(
          'DATA_COLUMN_MISSING',
          `${source.label} has no column "${column}" (rename_cols)${didYouMean(column, source.columns)}`,
          { file: source.label, column },
        );
    this.columns = source.columns.map((column) => this.#nameOf(column));
    const twice = this.columns.find((column, i) => this.columns.indexOf(column) < i);
    if (twice !== undefined)
      throw new KonsilError('DATA_INVALID', `${source.label}: rename_cols makes two columns "${twice}"`, {
        file: source.label,
        column: twice,
      });
    this.schema = {
      ...source.schema,
      columns: source.schema.columns.map((column) => ({ ...column, name: this.#nameOf(column.name) })),
    };
  }

  async *yieldData(partitionSize?: number, signal?: AbortSignal): AsyncIterable<Batch> {
    for await (const batch of this.#source.yieldData(partitionSize, signal)) yield this.#shown(batch);
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    return this.#shown(await this.#source.getData(keys));
  }

  async findLine(key: number): Promise<number | undefined> {
    return this.#source.findLine(key);
  }

  nameOf(key: number): string {
    return this.#source.nameOf(key);
  }

  groupOf(key: number): string | null {
    return this.#source.groupOf(key);
  }

  fileOf(key: number): ReturnType<NonNullable<DataSource['fileOf']>> {
    return this.#source.fileOf?.(key);
  }

  found(): Found {
    return this.#source.found?.() ?? { counts: { files: 1, records: this.rowCount, skipped: {} }, hiddenColumns: [] };
  }

  /** @throws KonsilError DATA_INVALID for a source of rows, DATA_EMPTY */
  narrowed(filters: Filters): DataSource {
    if (this.#source.narrowed === undefined)
      throw new KonsilError('DATA_INVALID', `${this.label}: the task filters files, a ${this.kind} has rows`);
    const { dates } = this.#options;
    const asked = dates === undefined ? filters : coarseFilters(filters, dates);
    return new SiteView(this.#source.narrowed(asked), this.#options);
  }

  close(): void {
    this.#source.close();
  }

  #nameOf(column: string): string {
    return Object.hasOwn(this.#names, column) ? this.#names[column]! : column;
  }

  #shown({ keys, columns }: Batch): Batch {
    const { dates } = this.#options;
    const shown = Object.entries(columns).map(([column, values]) => [
      this.#nameOf(column),
      dates === undefined ? values : coarseDates(values, dates, this.#isDate(column)),
    ]);
    return { keys, columns: Object.fromEntries(shown) as Batch['columns'] };
  }

  #isDate(column: string): boolean {
    return this.#source.schema.columns.some(({ name, dataType }) => name === column && dataType === 'date');
  }
}
