/**
 * Columns that the readers of devices' own files share, under the keywords of DICOM where it has one, and how their cells
 * are made.
 * @module
 */
import type { Cell } from '../dataSource.ts';

/** Columns that identify nobody (DICOM PS3.15 table E.1-1 keeps what they hold); names, numbers and dates are not here. */
export const OPEN_DEVICE_COLUMNS: ReadonlySet<string> = new Set([
  ...['Modality', 'Manufacturer', 'ManufacturerModelName', 'Laterality', 'NumberOfFrames', 'Rows', 'Columns'],
  ...['BitsAllocated', 'SamplesPerPixel', 'PixelSpacing', 'RowSpacing', 'ColumnSpacing', 'SpacingBetweenSlices'],
  'ScanPattern',
]);

/** Distances in millimetres; null where the file does not say, or says nonsense. */
export interface SpacingMm {
  /** Between rows: the depth of a B-scan. */
  readonly row: number | null;
  readonly column: number | null;
  readonly slice: number | null;
}

/** A distance, or null unless it is finite and above 0. */
export function positive(value: number): number | null {
  return Number.isFinite(value) && value > 0 ? value : null;
}

/** `PixelSpacing` as DICOM writes it, and its parts as numbers: text is no feature. All in mm. */
export function spacingColumns({ row, column, slice }: SpacingMm): Record<string, Cell> {
  return {
    PixelSpacing: row === null || column === null ? null : `${row}\\${column}`,
    RowSpacing: row,
    ColumnSpacing: column,
    SpacingBetweenSlices: slice,
  };
}

/** Text, or null for none. */
export function textCell(text: string | null | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}

/** A person's name as DICOM writes it: family^given^middle, without empty parts at the end. */
export function personName(family: string, given: string, middle = ''): string | null {
  return textCell([family, given, middle].join('^').replace(/\^+$/, ''));
}

/** What a file calls its patient: who gave the number (may be empty: unknown), and the number. */
export function patientKey(issuer: string, id: string): string {
  return `${issuer}|${id}`;
}
