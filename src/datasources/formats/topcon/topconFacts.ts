/**
 * What Topcon's files say of patient, eye, time, device and size. `@PATIENT_INFO_03` is encrypted: what it holds is absent.
 * @module
 */
import { personName, positive, type SpacingMm, textCell } from '../deviceColumns.ts';
import { calendarDate, calendarTime } from '../deviceTimes.ts';
import { findChunk, type TopconChunk } from './topconChunks.ts';

const SEXES = new Map([
  [1, 'M'],
  [2, 'F'],
  [3, 'O'],
]);

export interface TopconPatient {
  readonly patientId: string | null;
  readonly patientName: string | null;
  readonly sex: string | null;
  readonly birthDate: string | null;
}

/** `@PATIENT_INFO_02`: number, given, family and middle name, sex, birth date. */
export function readPatient(chunks: readonly TopconChunk[]): TopconPatient {
  const data = findChunk(chunks, '@PATIENT_INFO_02')?.data;
  if (data === undefined) return { patientId: null, patientName: null, sex: null, birthDate: null };
  return {
    patientId: textCell(data.text(0, 32)),
    patientName: personName(data.text(64, 32), data.text(32, 32), data.text(96, 8)),
    sex: SEXES.get(data.u8(104)) ?? null,
    birthDate: calendarDate(data.u16(105), data.u16(107), data.u16(109)),
  };
}

/** `@CAPTURE_INFO_02`: eye, and local time of the capture. */
export function readCapture(chunks: readonly TopconChunk[]): {
  laterality: 'L' | 'R' | null;
  date: string | null;
  time: string | null;
} {
  const data = findChunk(chunks, '@CAPTURE_INFO_02')?.data;
  if (data === undefined) return { laterality: null, date: null, time: null };
  const eye = data.u8(0);
  const date = calendarDate(data.u16(106), data.u16(108), data.u16(110));
  return {
    laterality: eye === 0 ? 'R' : eye === 1 ? 'L' : null,
    date,
    time: calendarTime(date, data.u16(112), data.u16(114), data.u16(116)),
  };
}

/** `@PARAM_SCAN_04`: width and depth of what was scanned in mm, height of a row in µm. */
export function readSpacing(
  chunks: readonly TopconChunk[],
  size: { readonly width: number; readonly frames: number },
): SpacingMm {
  const data = findChunk(chunks, '@PARAM_SCAN_04', '@PARAM_SCAN_02')?.data;
  if (data === undefined) return { row: null, column: null, slice: null };
  return {
    row: positive(data.f64(28) / 1000),
    column: positive(data.f64(12) / size.width),
    // one B-scan has no distance to the next
    slice: size.frames > 1 ? positive(data.f64(20) / size.frames) : null,
  };
}

/** `@HW_INFO_03`: name of the device; the serial numbers behind it are left alone. */
export function readModel(chunks: readonly TopconChunk[]): string | null {
  return textCell(findChunk(chunks, '@HW_INFO_03')?.data.text(0, 16));
}
