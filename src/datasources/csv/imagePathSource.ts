/**
 * A table whose columns name files of pictures, as a source of these pictures.
 * @source spec/platform.md §6 E-03: a table of paths of images and masks, both forced to be images.
 * @module
 */
import { dirname, resolve, sep } from 'node:path';
import { KonsilError } from '../../base/index.ts';
import type { Batch, DataSource, Value } from '../dataSource.ts';
import { ForwardedSource } from '../forwardedSource.ts';
import type { ColumnSchema } from '../schema.ts';

export class ImagePathSource extends ForwardedSource {
  readonly #paths: ReadonlySet<string>;
  readonly #folder: string;

  /**
   * @param columns - Of the source; they name files, relative to the folder of the table and below it: PNG, JPEG, TIFF, WebP or BMP.
   * @param file - The table.
   */
  constructor(source: DataSource, columns: readonly string[], file: string) {
    const described = source.schema.columns.map(
      (column): ColumnSchema =>
        columns.includes(column.name) ? { ...column, dataType: 'image', semanticType: 'image' } : column,
    );
    super(source, { schema: { ...source.schema, columns: described } });
    this.#paths = new Set(columns);
    this.#folder = dirname(file);
  }

  protected override shown({ keys, columns }: Batch): Batch {
    const entries = Object.entries(columns).map(([name, values]): [string, readonly Value[]] => [
      name,
      this.#paths.has(name) ? values.map((value) => this.#handleOf(name, value)) : values,
    ]);
    return { keys, columns: Object.fromEntries(entries) };
  }

  #handleOf(column: string, value: Value): Value {
    if (typeof value !== 'string' || value === '') return null;
    const file = resolve(this.#folder, value);
    if (!file.startsWith(`${this.#folder}${sep}`))
      throw new KonsilError(
        'DATA_INVALID',
        `${this.label}: column "${column}" names a file outside the folder of the table; expected paths below it`,
        { file: this.label, column },
      );
    return { file, format: 'raster', record: 0, frame: 0 };
  }
}
