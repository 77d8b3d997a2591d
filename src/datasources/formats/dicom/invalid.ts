/**
 * Errors of a DICOM file: they name the file and the place, never a value, which may be a patient's.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';

/** A file that is broken. */
export function invalid(label: string, message: string): KonsilError {
  return new KonsilError('DATA_INVALID', `${label} ${message}`, { file: label });
}

/** A file that may be whole, of a kind that is not read here. */
export function unsupported(label: string, message: string): KonsilError {
  return new KonsilError('DATA_UNSUPPORTED', `${label} ${message}`, { file: label });
}

/** A tag as the standard writes it, `(0028,0010)`. */
export function tagText(tag: string): string {
  return `(${tag.slice(1, 5)},${tag.slice(5, 9)})`.toUpperCase();
}
