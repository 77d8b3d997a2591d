/**
 * Rows of a source as a model takes them, some at a time: nothing else of the source is in memory.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { type Batch, type DataSource, type ImageHandle, isImage } from './dataSource.ts';
import type { InputStructure } from './dataStructure.ts';
import { type Input, inputsOf, partsOf, type RowPart, readInput, reportUnknown } from './encoding.ts';
import { type DecodePool, sharedPool } from './loader/decodePool.ts';
import type { PreparedShape } from './loader/messages.ts';
import { checkShapes, composeRow, jobOf, widthOf } from './loader/rowLayout.ts';
import { imageColumns, requireColumns, selectColumns, withImages } from './selection.ts';

/** Rows that a model can be run on. */
export interface InputRows {
  readonly rows: number;
  /** Values a row. */
  readonly width: number;
  /** Shape `[rows, width]`; NaN where a value is missing. */
  readonly x: Float32Array;
  /** Images of the rows, `[rows][columns]`; none where the task has none. */
  readonly images: readonly (readonly ImageHandle[])[];
}

/** One source seen through the data structure of a task that runs a model. */
export class InputReader {
  readonly #source: DataSource;
  readonly #structure: InputStructure;
  readonly #columns: readonly string[];
  readonly #parts: readonly RowPart[];
  readonly #pool: DecodePool;
  /** Names of the image columns, in the order of the images of a row. */
  readonly pictures: readonly string[];
  /** What the site's operator should know. */
  readonly warnings: readonly string[];
  /** Of the first row that was made: all others have the same. */
  #shapes: readonly PreparedShape[] | undefined;

  /** @throws KonsilError DATA_COLUMN_MISSING or DATA_INVALID when the source does not fit. */
  constructor(source: DataSource, structure: InputStructure, pool: DecodePool = sharedPool) {
    this.#source = source;
    this.#structure = withImages(structure, source.schema);
    this.#pool = pool;
    requireColumns(source, this.#structure);
    const { columns, warnings } = selectColumns(source, this.#structure);
    this.pictures = imageColumns(columns, source.schema);
    this.warnings = warnings;
    this.#columns = columns.filter((column) => !this.pictures.includes(column));
    this.#parts = partsOf(columns, this.pictures, this.#inputs());
  }

  /** The cells of some rows, with what a report wants of them. */
  cells(keys: readonly number[]): Promise<Batch> {
    return this.#source.getData(keys);
  }

  /**
   * Rows as numbers, their images decoded.
   * @throws KonsilError of the first row that cannot be made: DATA_INVALID for a value that is none, an image that is not there or of
   *   another size; as the decoder does, with `facts.file`.
   */
  async encode(batch: Batch): Promise<InputRows> {
    const rows = batch.keys.length;
    const all = batch.keys.map((_, at) => at);
    const inputs = this.#inputs();
    const width = inputs.reduce((sum, { codes }) => sum + (codes?.values.length ?? 1), 0);
    const x = new Float32Array(rows * width);
    for (const input of inputs) await readInput(this.#source, batch, input, all, x, 0, width);
    reportUnknown(this.#source, inputs);
    if (this.pictures.length === 0) return { rows, width, x, images: [] };
    const images = all.map((at) => this.#handles(batch, at));
    const jobs = images.map((handles) => jobOf(handles, this.pictures, this.#structure.images!, 'test'));
    const made = await Promise.all(jobs.map((job) => this.#pool.run(job)));
    const layout = { parts: this.#parts, shapes: this.#shapes ?? made[0]?.shapes ?? [] };
    const whole = widthOf(layout);
    const out = new Float32Array(rows * whole);
    for (const [i, prepared] of made.entries()) {
      checkShapes(this.pictures, layout.shapes, prepared, batch.keys[i]!);
      const numbers = x.subarray(i * width, (i + 1) * width);
      composeRow(layout, { numbers, images: prepared.values }, out.subarray(i * whole, (i + 1) * whole));
    }
    if (rows > 0) this.#shapes = layout.shapes;
    return { rows, width: whole, x: out, images };
  }

  #inputs(): Input[] {
    return inputsOf(this.#columns, this.#structure);
  }

  #handles(batch: Batch, at: number): readonly ImageHandle[] {
    return this.pictures.map((column) => {
      const value = batch.columns[column]![at] ?? null;
      if (isImage(value)) return value;
      throw new KonsilError(
        'DATA_INVALID',
        `column "${column}" has no image in row ${batch.keys[at]}; leave such rows out with a filter`,
        { column },
      );
    });
  }
}
