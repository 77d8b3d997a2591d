/**
 * What every reader of image files gives: rows of columns, and images that are decoded when they are asked for.
 * @module
 */
import type { Cell } from '../dataSource.ts';

/** Values that are black and white; those outside are shown as one of the two. */
export interface ValueWindow {
  readonly low: number;
  readonly high: number;
}

/** The pixels of one image, in the file's own range of values. */
export interface PixelData {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 red green blue, 4 with opacity. */
  readonly channels: 1 | 3 | 4;
  /** Shape `[height, width, channels]`, row-major from the top left. */
  readonly values: Uint8Array | Uint16Array | Int16Array | Int32Array | Uint32Array | Float32Array;
  /** The range that is shown from black to white, where the file says one. */
  readonly window?: ValueWindow;
}

/** One row of a file: most files have one, a file of several volumes one each. */
export interface ImageRecord {
  /** Column to cell; text without control characters, numbers finite. Holds what the file says, whoever it names. */
  readonly columns: Readonly<Record<string, Cell>>;
  /** Names the patient as the file does (issuer and number), for a keyed hash and nothing else. */
  readonly patient?: string;
  /** Images of the row; 0 when it has none. */
  readonly frames: number;
  /**
   * Decodes image `index` in [0, frames).
   * @throws KonsilError DATA_INVALID for broken pixels, DATA_UNSUPPORTED for a kind that is not read here.
   */
  frame(index: number): Promise<PixelData>;
}

/** A kind of image file. */
export interface ImageFormat {
  /** Of file names, in lower case with their dot. */
  readonly extensions: readonly string[];
  /** Bytes that {@link matches} needs from the beginning of a file. */
  readonly headBytes: number;
  /** Whether a file that begins so is of this kind. */
  matches(head: Uint8Array): boolean;
  /**
   * Reads what the file says of itself; pixels are not decoded.
   * @param bytes - The whole file; kept by the records.
   * @param label - The file, for messages.
   * @throws KonsilError DATA_INVALID naming the file and the place, or DATA_UNSUPPORTED.
   */
  read(bytes: Uint8Array, label: string): Promise<readonly ImageRecord[]>;
  /** Columns that identify nobody: shown unless the site hides them. All others are hidden unless the site shows them. */
  readonly openColumns: ReadonlySet<string>;
}

/** Most pixels of one image; a file that claims more is broken, or an attack on the memory of the machine. */
export const MAX_PIXELS = 1 << 28;
