/**
 * Rows with images as a model takes them: decoded, transformed and put beside the row's numbers when they are asked for.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { ImageColumns, ImageStep } from '../dataStructure.ts';
import type { RowPart } from '../encoding.ts';
import type { LoadedDataset, LoadedImages } from '../loadDataset.ts';
import type { Subset } from '../splits.ts';
import { type DecodePool, sharedPool } from './decodePool.ts';
import type { PreparedRow, PreparedShape } from './messages.ts';
import { checkShapes, composeRow, jobOf, partWidth, widthOf } from './rowLayout.ts';
import { isUnreadable, UnreadableRows } from './unreadableRows.ts';

/** Which rows to make, and what random changes of them are drawn from, if any. */
export interface RowsRequest {
  readonly rows: Uint32Array;
  readonly draw?: { readonly seed: number; readonly step: number };
}

/** Rows that were made. */
export interface MadeImageRows {
  /** Those of the request whose images can be decoded, in its order. */
  readonly rows: Uint32Array;
  /** Shape `[rows.length, width]`. */
  readonly x: Float32Array;
  /** Of rows with masks: the class of each pixel, shape `[rows.length, targetWidth]`. */
  readonly y?: Uint8Array;
}

/** Rows that are made when they are asked for. */
export interface ImageRows {
  /** Values a row. */
  readonly width: number;
  /** Pixels of a row's mask; undefined where there are none. */
  readonly targetWidth?: number;
  /** @throws KonsilError DATA_INVALID when too many rows cannot be made, or one has images of another size. */
  read(request: RowsRequest): Promise<MadeImageRows>;
}

export interface ImageLoaderOptions {
  /** For which rows are asked for; its transforms say what shape they have. @default 'train' */
  readonly step?: ImageStep;
  /** Threads that decode. @default those of the process */
  readonly pool?: DecodePool | undefined;
  /** Grey value of each class in the masks of the first image column, where rows have masks. */
  readonly greys?: readonly number[] | undefined;
  /** Told of rows that are left out; for the site's operator alone: it names files. */
  readonly onProblem?: ((problem: string) => void) | undefined;
}

/** Prepares the images of one dataset. */
export class ImageLoader {
  readonly #images: ImageColumns;
  readonly #columns: readonly string[];
  readonly #parts: readonly RowPart[];
  readonly #pool: DecodePool;
  readonly #unreadable: UnreadableRows;
  readonly #greys: readonly number[];
  /** Shape of each column's images: the same for all rows. */
  readonly shapes: readonly PreparedShape[];
  /** Values a row, numbers and images. */
  readonly width: number;

  private constructor(
    images: ImageColumns,
    { columns, parts }: LoadedImages,
    shapes: readonly PreparedShape[],
    pool: DecodePool,
    unreadable: UnreadableRows,
    greys: readonly number[],
  ) {
    this.#images = images;
    this.#columns = columns;
    this.#parts = parts;
    this.#pool = pool;
    this.#unreadable = unreadable;
    this.#greys = greys;
    this.shapes = shapes;
    this.width = widthOf({ parts, shapes });
  }

  /**
   * Decodes the first row that can be decoded, whose shapes all others must have.
   * @throws KonsilError DATA_INVALID when too many rows before it cannot, or as transforms do that do not fit the images.
   */
  static async open(
    dataset: Pick<LoadedDataset, 'images'>,
    images: ImageColumns,
    { step = 'train', pool = sharedPool, onProblem = () => undefined, greys = [] }: ImageLoaderOptions = {},
  ): Promise<ImageLoader | undefined> {
    const loaded = dataset.images;
    if (loaded === undefined || loaded.handles.length === 0) return undefined;
    const unreadable = new UnreadableRows(loaded.handles.length, onProblem);
    for (const handles of loaded.handles)
      try {
        const { shapes } = await pool.run(jobOf(handles, loaded.columns, images, step));
        return new ImageLoader(images, loaded, shapes, pool, unreadable, greys);
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        unreadable.add(handles, error);
      }
    throw new KonsilError('DATA_INVALID', 'no row has images that can be decoded');
  }

  /** Whether row `row` of `subset` is not known to be one that cannot be decoded. */
  canRead({ images }: Pick<Subset, 'images'>, row: number): boolean {
    return !this.#unreadable.has(images!.handles[row]!);
  }

  /** The rows of `subset`, prepared for `step`. */
  rows(subset: Pick<Subset, 'x' | 'rows' | 'images'>, step: ImageStep): ImageRows {
    const { x, images } = subset;
    if (images === undefined) throw new TypeError('rows have no images');
    const features = subset.rows === 0 ? 0 : x.length / subset.rows;
    const { masks } = images;
    const pixels = masks && this.shapes[0]!.height * this.shapes[0]!.width;
    const one = async (row: number, draw: RowsRequest['draw']): Promise<PreparedRow | null> => {
      const handles = images.handles[row]!;
      if (this.#unreadable.has(handles)) return null;
      const mask = masks && { handle: masks[row]!, greys: this.#greys };
      const job = jobOf(handles, this.#columns, this.#images, step, mask);
      try {
        const prepared = await this.#pool.run({ ...job, ...(draw && { draw: { ...draw, row } }) });
        checkShapes(this.#columns, this.shapes, prepared, row);
        return prepared;
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        this.#unreadable.add(handles, error);
        return null;
      }
    };
    const read = async ({ rows, draw }: RowsRequest): Promise<MadeImageRows> => {
      const out = new Float32Array(rows.length * this.width);
      const labels = pixels === undefined ? undefined : new Uint8Array(rows.length * pixels);
      const isMade = await Promise.all(
        Array.from(rows, async (row, i) => {
          const prepared = await one(row, draw);
          if (prepared === null) return false;
          composeRow(
            { parts: this.#parts, shapes: this.shapes },
            { numbers: x.subarray(row * features, (row + 1) * features), images: prepared.values },
            out.subarray(i * this.width, (i + 1) * this.width),
          );
          if (prepared.mask) labels?.set(prepared.mask, i * pixels!);
          return true;
        }),
      );
      return withoutGaps({ rows, x: out, ...(labels && { y: labels }) }, isMade);
    };
    return { width: this.width, ...(pixels !== undefined && { targetWidth: pixels }), read };
  }

  /** Calls back for each value of the images in `count` rows as {@link rows} makes them, by its channel. */
  eachPixel(values: Float32Array, count: number, see: (channel: number, value: number) => void): void {
    for (let row = 0; row < count; row++) {
      let at = row * this.width;
      for (const part of this.#parts) {
        const end = at + partWidth(part, this.shapes);
        if (part.kind === 'image') {
          const { height, width } = this.shapes[part.column]!;
          const start = at;
          for (let i = start; i < end; i++) see(Math.floor((i - start) / (height * width)), values[i]!);
        }
        at = end;
      }
    }
  }
}

/** The rows that are made, moved together. */
function withoutGaps(all: MadeImageRows, isMade: readonly boolean[]): MadeImageRows {
  if (isMade.every(Boolean)) return all;
  const made = [...isMade.keys()].filter((i) => isMade[i]);
  const packed = <T extends Float32Array | Uint8Array>(values: T, empty: T): T => {
    const width = values.length / isMade.length;
    for (const [at, i] of made.entries()) empty.set(values.subarray(i * width, (i + 1) * width), at * width);
    return empty;
  };
  const share = made.length / isMade.length;
  return {
    rows: Uint32Array.from(made, (i) => all.rows[i]!),
    x: packed(all.x, new Float32Array(Math.round(all.x.length * share))),
    ...(all.y && { y: packed(all.y, new Uint8Array(Math.round(all.y.length * share))) }),
  };
}
