/**
 * A source under the column names that tasks use, where the site has others.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { Batch, DataSource, Found } from './dataSource.ts';
import type { Filters } from './files/filters.ts';
import type { Schema } from './schema.ts';
import { didYouMean } from './suggest.ts';

export class RenamedSource implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #source: DataSource;
  readonly #names: Readonly<Record<string, string>>;

  /**
   * @param names - Column of the site to its name in tasks.
   * @throws KonsilError DATA_COLUMN_MISSING for a column that is not there, DATA_INVALID when two columns get one name.
   */
  constructor(source: DataSource, names: Readonly<Record<string, string>>) {
    this.#source = source;
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
    for await (const batch of this.#source.yieldData(partitionSize, signal)) yield this.#renamed(batch);
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    return this.#renamed(await this.#source.getData(keys));
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
    return new RenamedSource(this.#source.narrowed(filters), this.#names);
  }

  close(): void {
    this.#source.close();
  }

  #nameOf(column: string): string {
    return Object.hasOwn(this.#names, column) ? this.#names[column]! : column;
  }

  #renamed({ keys, columns }: Batch): Batch {
    return {
      keys,
      columns: Object.fromEntries(Object.entries(columns).map(([column, values]) => [this.#nameOf(column), values])),
    };
  }
}
