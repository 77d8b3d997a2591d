/**
 * Some rows of a source, under the numbers they have there.
 * @module
 */
import type { Batch, DataSource, Found } from './dataSource.ts';
import type { Schema } from './schema.ts';

/** A source limited to chosen rows. It cannot be narrowed further: filters would number rows anew. */
export class SelectedSource implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #source: DataSource;
  readonly #rows: ReadonlySet<number>;

  /** @param rows - Row numbers of `source`, each once. */
  constructor(source: DataSource, rows: Iterable<number>) {
    this.#source = source;
    this.#rows = new Set(rows);
    this.kind = source.kind;
    this.label = source.label;
    this.columns = source.columns;
    this.schema = source.schema;
    this.rowCount = this.#rows.size;
  }

  async *yieldData(partitionSize?: number, signal?: AbortSignal): AsyncIterable<Batch> {
    for await (const { keys, columns } of this.#source.yieldData(partitionSize, signal)) {
      const kept = [...keys.keys()].filter((at) => this.#rows.has(keys[at]!));
      if (kept.length === 0) continue;
      yield {
        keys: kept.map((at) => keys[at]!),
        columns: Object.fromEntries(
          Object.entries(columns).map(([name, cells]) => [name, kept.map((at) => cells[at] ?? null)]),
        ),
      };
    }
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    const other = keys.find((key) => !this.#rows.has(key));
    if (other !== undefined) throw new RangeError(`row ${other} is not among those selected`);
    return this.#source.getData(keys);
  }

  findLine(key: number): Promise<number | undefined> {
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

  close(): void {
    this.#source.close();
  }
}
