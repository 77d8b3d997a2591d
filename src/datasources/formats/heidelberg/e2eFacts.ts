/**
 * What the chunks of an E2E file other than images say. A chunk without its checksum says nothing: whoever removed a
 * name from a file changed just these.
 * @module
 */

import { printable } from '../../../base/index.ts';
import type { ByteReader } from '../byteReader.ts';
import { personName, positive, textCell } from '../deviceColumns.ts';
import { fileTime, oleDate } from '../deviceTimes.ts';
import type { E2eChunk } from './e2eContainer.ts';
import type { Layer } from './series.ts';

/** Types of chunks that are read; @source data of LibE2E, private_eye and uocte, confirmed on files. */
export const TYPE = {
  image: 0x40000000,
  patient: 9,
  /** Side of the eye at the given byte, the surest first. */
  laterality: new Map([
    [11, 14],
    [3, 4],
    [59, 14],
    [5, 2],
  ]),
  study: 0x3a,
  bscan: 10004,
  layer: 10019,
  slo: 10025,
  device: 9001,
  scanPattern: 9006,
} as const;

/** A text of the lists that devices write has 128 characters at most. */
const MAX_TEXT_BYTES = 1024;

export interface E2ePatient {
  readonly patientId: string | null;
  readonly patientName: string | null;
  readonly birthDate: string | null;
  readonly sex: string | null;
}

/** Payload of an intact chunk of at least `bytes` bytes, else undefined. */
function intact(chunk: E2eChunk | undefined, bytes: number): ByteReader | undefined {
  return chunk !== undefined && chunk.payload.length >= bytes && chunk.isIntact() ? chunk.payload : undefined;
}

/** Type 9: given name, family name, birth date, sex, number. */
export function readPatient(chunk: E2eChunk | undefined): E2ePatient {
  const payload = intact(chunk, 127);
  if (payload === undefined) return { patientId: null, patientName: null, birthDate: null, sex: null };
  const sex = payload.text(101, 1).toUpperCase();
  return {
    patientId: textCell(payload.text(102, Math.min(25, payload.length - 102))),
    patientName: personName(payload.text(31, 51), payload.text(0, 31)),
    birthDate: oleDate(payload.f64(93)),
    sex: ['M', 'F', 'O'].includes(sex) ? sex : null,
  };
}

/** Types 11, 3, 59, 5: the eye; the first that says so. */
export function readLaterality(chunks: readonly E2eChunk[]): 'L' | 'R' | null {
  for (const [type, at] of TYPE.laterality) {
    for (const chunk of chunks) {
      if (chunk.type !== type) continue;
      const side = intact(chunk, at + 1)?.text(at, 1);
      if (side === 'L' || side === 'R') return side;
    }
  }
  return null;
}

/** Type 0x3A: date of the study. */
export function readStudyDate(chunk: E2eChunk | undefined): string | null {
  const payload = intact(chunk, 14);
  return payload === undefined ? null : oleDate(payload.f64(6));
}

/** Type 10004: height of a row of a B-scan in mm, and when it was taken. */
export function readBscan(chunk: E2eChunk | undefined): { row: number | null; time: string | null } {
  const payload = intact(chunk, 96);
  if (payload === undefined) return { row: null, time: null };
  // above 0.1 mm it cannot be the row of a B-scan, that is 2 mm deep
  const row = positive(payload.f32(36));
  return { row: row !== null && row < 0.1 ? row : null, time: fileTime(payload.u64(88)) };
}

/** Type 10025: when the picture of the fundus was taken. */
export function readSloTime(chunk: E2eChunk | undefined): string | null {
  const payload = intact(chunk, 32);
  return payload === undefined ? null : fileTime(payload.u64(24));
}

/** Types 9000 to 9008: the first of a list of UTF-16 texts. */
export function readFirstText(chunk: E2eChunk | undefined): string | null {
  const payload = intact(chunk, 8);
  if (payload === undefined || payload.u32(0) < 1) return null;
  const size = payload.u32(4);
  if (size > MAX_TEXT_BYTES || !payload.has(8, size)) return null;
  const text = new TextDecoder('utf-16le').decode(payload.slice(8, size));
  return textCell(printable(text.split('\0', 1)[0]!).trim());
}

/**
 * Type 10019: a border on one B-scan. The header has 16 bytes, or 36; the width tells which.
 * @throws KonsilError DATA_INVALID when neither fits, or the checksum does not.
 */
export function readLayer(chunk: E2eChunk, bscan: number): Layer {
  const { payload } = chunk;
  if (!chunk.isIntact()) throw payload.invalid(0, 'a layer with its checksum expected');
  const id = payload.u32(8);
  const width = payload.u32(12);
  const header = [16, 36].find((bytes) => payload.length === bytes + 4 * width);
  if (header === undefined) throw payload.invalid(12, 'a layer of another width expected');
  const rows = Float32Array.from({ length: width }, (_, x) => {
    const row = payload.f32(header + 4 * x);
    return row > 0 && row < 1e6 ? row : Number.NaN;
  });
  return { bscan, id, name: id === 5 ? 'ILM' : null, rows };
}
