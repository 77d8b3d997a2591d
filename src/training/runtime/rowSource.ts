/**
 * Rows that a model is trained on, wherever they are.
 * @module
 */

/** Which rows to make. */
export interface RowRequest {
  /** Row numbers. */
  readonly rows: Uint32Array;
  /** What random changes of the rows are drawn from, the same for the same numbers; undefined leaves rows as they are. */
  readonly draw?: { readonly seed: number; readonly step: number };
}

/** Rows that were made. */
export interface MadeRows {
  /** Those of the request that could be made, in its order: the others are left out. */
  readonly rows: Uint32Array;
  /** Shape `[rows.length, width]`. */
  readonly x: Float32Array;
  /** Of a source with targets: class indices or 0 and 1, shape `[rows.length, targetWidth]`. */
  readonly y?: Uint8Array;
}

/** Rows that are too large to be in memory at once, such as images. */
export interface RowSource {
  /** Values a row. */
  readonly width: number;
  /** Values of a row's target, where targets are made with the rows: then none are given beside it. */
  readonly targetWidth?: number;
  /** Several calls may be under way; the arrays belong to the caller. */
  read(request: RowRequest): Promise<MadeRows>;
}

/** Inputs of rows: all of them, `[rows, width]`, or where they come from. */
export type RowData = Float32Array | RowSource;
