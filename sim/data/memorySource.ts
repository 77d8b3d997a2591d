/**
 * A table in memory as a data source, so that a thousand pods need no files.
 * @module
 */
import { throwIfCancelled } from '../../src/base/index.ts';
import {
  type Batch,
  type ColumnSchema,
  type DataSource,
  isImage,
  type Schema,
  type Value,
} from '../../src/datasources/index.ts';
import type { Table } from './table.ts';

/** A data source that tasks for CSV files take, or for folders of pictures where the table has some. */
export class MemorySource implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #table: Table;

  constructor(name: string, table: Table) {
    this.#table = table;
    this.label = name;
    this.columns = Object.keys(table.columns);
    this.kind = Object.values(table.columns).some((values) => values.some(isImage)) ? 'ImageSource' : 'CSVSource';
    this.rowCount = table.rows;
    this.schema = {
      ...{ name, datasource: this.kind, rowCount: table.rows },
      columns: this.columns.map((column) => columnSchema(column, table.columns[column]!)),
    };
  }

  async *yieldData(partitionSize = 10_000, signal?: AbortSignal): AsyncIterable<Batch> {
    if (!Number.isSafeInteger(partitionSize) || partitionSize < 1)
      throw new RangeError(`partitionSize needs an integer ≥ 1, got ${partitionSize}`);
    for (let from = 0; from < this.rowCount; from += partitionSize) {
      throwIfCancelled(signal);
      const length = Math.min(partitionSize, this.rowCount - from);
      yield this.#batch(Array.from({ length }, (_, i) => from + i));
    }
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    for (const key of keys)
      if (!Number.isSafeInteger(key) || key < 0 || key >= this.rowCount)
        throw new RangeError(`key needs an integer in [0, ${this.rowCount}), got ${key}`);
    return this.#batch(keys);
  }

  async findLine(): Promise<undefined> {
    return undefined; // there is no file
  }

  nameOf(key: number): string {
    return `row ${key}`;
  }

  groupOf(): null {
    return null;
  }

  close(): void {
    // nothing is held
  }

  #batch(keys: readonly number[]): Batch {
    const cells = this.columns.map((name) => [name, keys.map((key) => this.#table.columns[name]![key]!)]);
    return { keys: [...keys], columns: Object.fromEntries(cells) as Record<string, Value[]> };
  }
}

function columnSchema(name: string, cells: readonly Value[]): ColumnSchema {
  if (cells.some(isImage)) return { name, dataType: 'image', semanticType: 'image' };
  const known = cells.filter((cell) => cell !== null);
  if (!known.every((cell) => typeof cell === 'number')) return { name, dataType: 'text', semanticType: 'text' };
  const dataType = known.every((cell) => Number.isInteger(cell)) ? 'integer' : 'number';
  return { name, dataType, semanticType: 'continuous' };
}
