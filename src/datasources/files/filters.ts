/**
 * Which files and records of a folder take part: rules of the site and rules of the task, all of which must hold.
 *
 * What a rule asks about and a file does not say counts against the file, never for it.
 * @source spec/platform.md §1 (task-level filters), §3 (file-system filters, ophthalmology arguments).
 * @module
 */
import type { Cell } from '../value.ts';

/** Days `YYYY-MM-DD`, both included. */
export interface DayRange {
  readonly from?: string;
  readonly to?: string;
}

/** Rules; those left out admit everything. */
export interface Filters {
  /** Endings of file names, in lower case with their dot. */
  readonly extensions?: readonly string[];
  /** Whole megabytes or parts of them (10⁶ bytes). */
  readonly minFileSize?: number;
  readonly maxFileSize?: number;
  /** Local days of the site. */
  readonly created?: DayRange;
  readonly modified?: DayRange;
  readonly modality?: 'OCT' | 'SLO';
  readonly minFrames?: number;
  readonly maxFrames?: number;
  /** Of the patient's birth. */
  readonly born?: DayRange;
  /** Of the scan. */
  readonly acquired?: DayRange;
  /** Columns that must have a value. */
  readonly requiredFields?: readonly string[];
  readonly seriesDescription?: string;
}

/** Why a file or record is left out; the first rule it breaks counts. */
export type SkipReason =
  | 'EXTENSION'
  | 'TOO_SMALL'
  | 'TOO_LARGE'
  | 'CREATED_OUT_OF_RANGE'
  | 'MODIFIED_OUT_OF_RANGE'
  | 'UNREADABLE'
  | 'BURNED_IN_TEXT'
  | 'OTHER_MODALITY'
  | 'MODALITY_UNKNOWN'
  | 'TOO_FEW_FRAMES'
  | 'TOO_MANY_FRAMES'
  | 'BORN_OUT_OF_RANGE'
  | 'BIRTH_UNKNOWN'
  | 'ACQUIRED_OUT_OF_RANGE'
  | 'ACQUISITION_UNKNOWN'
  | 'FIELD_MISSING'
  | 'OTHER_SERIES'
  | 'SERIES_UNKNOWN'
  | 'SLO_MISSING';

/** What is known of a file before it is opened. */
export interface FileFacts {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly createdMs: number;
}

/** What a record says of itself. */
export interface RecordFacts {
  readonly columns: Readonly<Record<string, Cell>>;
  readonly frames: number;
}

/** Why the file is left out before it is opened. */
export function skipsFile(file: FileFacts, filters: Filters): SkipReason | undefined {
  const { extensions, minFileSize = 0, maxFileSize = Number.POSITIVE_INFINITY } = filters;
  const name = file.path.toLowerCase();
  if (extensions !== undefined && !extensions.some((extension) => name.endsWith(extension))) return 'EXTENSION';
  if (file.bytes < minFileSize * 1e6) return 'TOO_SMALL';
  if (file.bytes > maxFileSize * 1e6) return 'TOO_LARGE';
  if (isOutside(localDay(file.createdMs), filters.created)) return 'CREATED_OUT_OF_RANGE';
  if (isOutside(localDay(file.modifiedMs), filters.modified)) return 'MODIFIED_OUT_OF_RANGE';
  return undefined;
}

/** Why the record is left out. */
export function skipsRecord({ columns, frames }: RecordFacts, filters: Filters): SkipReason | undefined {
  const { modality, minFrames = 0, maxFrames = Number.POSITIVE_INFINITY, born, acquired } = filters;
  if (modality !== undefined) {
    const found = modalityOf(columns);
    if (found === undefined) return 'MODALITY_UNKNOWN';
    if (found !== modality) return 'OTHER_MODALITY';
  }
  if (frames < minFrames) return 'TOO_FEW_FRAMES';
  if (frames > maxFrames) return 'TOO_MANY_FRAMES';
  const birth = dayOf(columns['PatientBirthDate']);
  if (born !== undefined && birth === undefined) return 'BIRTH_UNKNOWN';
  if (isOutside(birth, born)) return 'BORN_OUT_OF_RANGE';
  const day = acquisitionDay(columns);
  if (acquired !== undefined && day === undefined) return 'ACQUISITION_UNKNOWN';
  if (isOutside(day, acquired)) return 'ACQUIRED_OUT_OF_RANGE';
  if (filters.requiredFields?.some((field) => (columns[field] ?? '') === '') === true) return 'FIELD_MISSING';
  if (filters.seriesDescription === undefined) return undefined;
  const series = columns['SeriesDescription'];
  if (typeof series !== 'string' || series === '') return 'SERIES_UNKNOWN';
  return series.toLowerCase().includes(filters.seriesDescription.toLowerCase()) ? undefined : 'OTHER_SERIES';
}

/** Classes of images that mostly have text in them: screens, ultrasound. @source DICOM PS3.4 §B.5 */
const WITH_TEXT = ['1.2.840.10008.5.1.4.1.1.7', '1.2.840.10008.5.1.4.1.1.3', '1.2.840.10008.5.1.4.1.1.6'];

/**
 * Whether pixels show text, which may be a patient's name: the file says so, or says nothing and is of a class that mostly
 * does.
 * @source DICOM PS3.3 §C.7.6.1.1.5, PS3.15 §E.3.1
 */
export function mayShowText(columns: Readonly<Record<string, Cell>>): boolean {
  const said = columns['BurnedInAnnotation'];
  if (said === 'NO') return false;
  const uid = columns['SOPClassUID'];
  return (
    said === 'YES' ||
    (typeof uid === 'string' && WITH_TEXT.some((known) => uid === known || uid.startsWith(`${known}.`)))
  );
}

/** Modality as the filters name it: the DICOM words for the same things besides. */
export function modalityOf(columns: Readonly<Record<string, Cell>>): 'OCT' | 'SLO' | undefined {
  const text = columns['Modality'];
  if (text === 'OCT' || text === 'OPT') return 'OCT';
  if (text === 'SLO' || text === 'OP') return 'SLO';
  return undefined;
}

function acquisitionDay(columns: Readonly<Record<string, Cell>>): string | undefined {
  const names = ['AcquisitionDateTime', 'AcquisitionDate', 'ContentDate', 'SeriesDate', 'StudyDate'];
  return names.map((name) => dayOf(columns[name])).find((day) => day !== undefined);
}

/** `YYYY-MM-DD` at the beginning of a cell. */
function dayOf(cell: Cell | undefined): string | undefined {
  return typeof cell === 'string' ? /^\d{4}-\d{2}-\d{2}/.exec(cell)?.[0] : undefined;
}

function localDay(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function isOutside(day: string | undefined, range: DayRange | undefined): boolean {
  if (day === undefined || range === undefined) return false;
  return (range.from !== undefined && day < range.from) || (range.to !== undefined && day > range.to);
}
