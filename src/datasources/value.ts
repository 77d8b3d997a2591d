/**
 * What stands in a column of a row.
 * @module
 */

/** A cell of a table: text, a number, or nothing. */
export type Cell = string | number | null;

/** Kinds of image files. */
export type ImageFormatName = 'raster' | 'dicom' | 'nifti' | 'heidelberg' | 'topcon';

/** An image of a row, decoded when it is asked for: plain data, so that another thread can do that. */
export interface ImageHandle {
  /** Absolute path; never leaves the site. */
  readonly file: string;
  readonly format: ImageFormatName;
  /** Which of the file's records, from 0. */
  readonly record: number;
  /** Which of the record's images, from 0. */
  readonly frame: number;
}

/** What stands in a column of a row. */
export type Value = Cell | ImageHandle;

/** Whether the value is an image. */
export function isImage(value: Value): value is ImageHandle {
  return typeof value === 'object' && value !== null;
}

/** The value as text; nothing for images and where there is none. */
export function textOf(value: Value | undefined): string {
  return value === undefined || value === null || isImage(value) ? '' : String(value);
}
