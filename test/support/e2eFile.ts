/**
 * Writes E2E files of Heidelberg devices from known values: container, directories, checksums, and the chunks that are read.
 * @module
 */
import { concatBytes } from '../../src/base/index.ts';
import { ByteWriter, fileTimeOf, oleDaysOf } from './byteWriter.ts';

export interface E2eChunkSpec {
  readonly type: number;
  readonly payload: Uint8Array;
  /** @default 1, 2, 3 of patient, exam, series; -1 of image and sub-id */
  readonly ids?: { patient?: number; exam?: number; series?: number; image?: number; subId?: number };
}

export interface E2eOptions {
  /** Begins with the prefix of an export of several volumes. */
  readonly multiple?: boolean;
  /** `lost`: addresses as of a longer file, as those of trimmed files. @default 'intact' */
  readonly directory?: 'intact' | 'lost';
  /** Chunks of one directory; more than one directory when there are more. @default 512 */
  readonly entriesPerDirectory?: number;
}

const idsOf = ({ patient = 1, exam = 2, series = 3, image = -1, subId = -1 }: NonNullable<E2eChunkSpec['ids']> = {}) =>
  [patient, exam, series, image, subId] as const;

/** Header of 36 bytes with `magic`, and the ids of the whole file. */
function header(writer: ByteWriter, at: number, magic: string): ByteWriter {
  return writer
    .text(at, magic)
    .u32(at + 12, 100, -1, -1, -1, -1)
    .u16(at + 32, 0xffff, 0);
}

/** A file with these chunks, in order. */
export function writeE2e(
  chunks: readonly E2eChunkSpec[],
  { multiple = false, directory = 'intact', entriesPerDirectory = 512 }: E2eOptions = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 36 + 52;
  let previous = 0;
  for (let first = 0; first < chunks.length; first += entriesPerDirectory) {
    const listed = chunks.slice(first, first + entriesPerDirectory);
    const table = header(new ByteWriter(52 + 44 * listed.length), 0, 'MDbDir').u32(36, listed.length, 0, previous, 0);
    const entries = at + 52;
    previous = at;
    at += table.bytes.length;
    const data: Uint8Array[] = [];
    listed.forEach((chunk, i) => {
      const position = entries + 44 * i;
      const [start, size] = [at, chunk.payload.length];
      const [patient, exam, series, image, subId] = idsOf(chunk.ids);
      const fields = [position, start, size, 0, patient, exam, series, image];
      const checksum = 0x87654321 + fields.reduce((a, b) => a + (b >>> 0), 0) + subId + chunk.type;
      table.u32(52 + 44 * i, ...fields).u16(52 + 44 * i + 32, subId, 7);
      table.u32(52 + 44 * i + 36, chunk.type, checksum % 2 ** 32);
      data.push(
        new ByteWriter(60)
          .text(0, 'MDbData')
          .u32(12, (0x12435687 + chunk.payload.reduce((a, b) => a + b, 0)) % 2 ** 32)
          .u32(16, position, start, size, 0, patient, exam, series, image)
          .u16(48, subId, 7)
          .u32(52, chunk.type, (0x8765431c + position) % 2 ** 32).bytes,
        chunk.payload,
      );
      at += 60 + size;
    });
    parts.push(table.bytes, ...data);
  }
  const main = header(header(new ByteWriter(36 + 52), 0, 'CMDb'), 36, 'MDbMDir');
  main.u32(36 + 36, 512, directory === 'lost' ? at + 1_000_000 : previous);
  const prefix = multiple ? [new ByteWriter(64).text(0, 'E2EMultipleVolumeFile').bytes] : [];
  return concatBytes(...prefix, main.bytes, ...parts);
}

/** Type 0x40000000 of 16-bit codes. */
export function bscanChunk(codes: Uint16Array, width: number, index: number): E2eChunkSpec {
  const payload = new ByteWriter(20 + 2 * codes.length);
  payload.u32(0, 2 * codes.length, 0x02200201, codes.length, codes.length / width, width).u16(20, ...codes);
  return { type: 0x40000000, payload: payload.bytes, ids: { image: 2 * index, subId: 1 } };
}

/** Type 0x40000000 of 8-bit grey. */
export function sloChunk(grey: Uint8Array, width: number): E2eChunkSpec {
  const payload = new ByteWriter(20 + grey.length);
  payload.u32(0, grey.length, 0x02010201, grey.length, grey.length / width, width).put(20, grey);
  return { type: 0x40000000, payload: payload.bytes, ids: { subId: 0 } };
}

/** Type 9. */
export function patientChunk(fields: {
  given: string;
  family: string;
  birthDate: string;
  sex: string;
  id: string;
}): E2eChunkSpec {
  const payload = new ByteWriter(131).text(0, fields.given).text(31, fields.family);
  payload.f64(93, oleDaysOf(fields.birthDate)).text(101, fields.sex).text(102, fields.id);
  return { type: 9, payload: payload.bytes, ids: { exam: -1, series: -1 } };
}

/** Type 11. */
export function lateralityChunk(side: string): E2eChunkSpec {
  return { type: 11, payload: new ByteWriter(27).text(14, side).bytes };
}

/** Type 10004 of B-scan `index`. */
export function bscanFactsChunk(index: number, rowMm: number, time: string): E2eChunkSpec {
  const payload = new ByteWriter(428).f32(36, rowMm).u64(88, fileTimeOf(time));
  return { type: 10004, payload: payload.bytes, ids: { image: 2 * index, subId: 1 } };
}

/** Type 10019 of B-scan `index`. */
export function layerChunk(index: number, id: number, rows: readonly number[], headerBytes: 16 | 36): E2eChunkSpec {
  const payload = new ByteWriter(headerBytes + 4 * rows.length).u32(4, 0, id, rows.length).f32(headerBytes, ...rows);
  return { type: 10019, payload: payload.bytes, ids: { image: 2 * index, subId: 1 } };
}

/** Type 10025. */
export function sloFactsChunk(time: string): E2eChunkSpec {
  return { type: 10025, payload: new ByteWriter(100).u64(24, fileTimeOf(time)).bytes, ids: { subId: 0 } };
}

/** Types 9000 to 9008. */
export function textChunk(type: number, text: string): E2eChunkSpec {
  const payload = new ByteWriter(8 + 256).u32(0, 1, 256).put(8, Buffer.from(text, 'utf16le'));
  return { type, payload: payload.bytes };
}

/** Type 0x3A. */
export function studyChunk(date: string): E2eChunkSpec {
  const payload = new ByteWriter(91).f64(6, oleDaysOf(date)).text(16, 'Operator');
  return { type: 0x3a, payload: payload.bytes, ids: { series: -1 } };
}
