/**
 * A source that stands before another one: what it does not say differently is as there.
 * @module
 */
import type { Batch, DataSource, Found } from './dataSource.ts';
import type { Schema } from './schema.ts';

/** What is told otherwise of the source. */
export type Difference = Partial<Pick<DataSource, 'columns' | 'rowCount' | 'schema'>>;

export abstract class ForwardedSource implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  protected readonly source: DataSource;

  constructor(source: DataSource, { columns, rowCount, schema }: Difference = {}) {
    this.source = source;
    this.kind = source.kind;
    this.label = source.label;
    this.columns = columns ?? source.columns;
    this.rowCount = rowCount ?? source.rowCount;
    this.schema = schema ?? source.schema;
  }

  /** What is seen of some rows of the source. */
  protected abstract shown(batch: Batch): Batch;

  async *yieldData(partitionSize?: number, signal?: AbortSignal): AsyncIterable<Batch> {
    for await (const batch of this.source.yieldData(partitionSize, signal)) {
      const shown = this.shown(batch);
      if (shown.keys.length > 0) yield shown;
    }
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    return this.shown(await this.source.getData(keys));
  }

  findLine(key: number): Promise<number | undefined> {
    return this.source.findLine(key);
  }

  nameOf(key: number): string {
    return this.source.nameOf(key);
  }

  groupOf(key: number): string | null {
    return this.source.groupOf(key);
  }

  fileOf(key: number): ReturnType<NonNullable<DataSource['fileOf']>> {
    return this.source.fileOf?.(key);
  }

  found(): Found {
    return this.source.found?.() ?? { counts: { files: 1, records: this.rowCount, skipped: {} }, hiddenColumns: [] };
  }

  close(): void {
    this.source.close();
  }
}
