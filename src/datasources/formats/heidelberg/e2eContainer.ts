/**
 * The container of Heidelberg's database files and exports (.E2E, .sdb, .pdb, .edb): a chain of directories whose entries
 * point to chunks of data. Anonymised and trimmed files keep the old addresses, so a directory that does not fit is not
 * trusted at all: then chunks are looked for by their magic and taken by their checksum.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { ByteReader } from '../byteReader.ts';

/** Of patient, exam, series and image; -1 where a chunk belongs to a level above. */
export interface E2eIds {
  readonly patient: number;
  readonly exam: number;
  readonly series: number;
  /** Twice the number of the B-scan. */
  readonly image: number;
  /** 0 fundus, 1 OCT, -1 neither. */
  readonly subId: number;
}

/** A chunk of data. */
export interface E2eChunk extends E2eIds {
  readonly type: number;
  /** The payload; less than it claims to be when the file ends, or another chunk begins, before. */
  readonly payload: ByteReader;
  /** Whether the payload has its size and its checksum; looks at every byte. */
  isIntact(): boolean;
}

const MULTIPLE = 'E2EMultipleVolumeFile';
/** Addresses count from behind the prefix of an export of several volumes. */
const PREFIX_BYTES = 64;
const FILE_HEADER_BYTES = 36;
const DIRECTORY_BYTES = 52;
const ENTRY_BYTES = 44;
const CHUNK_BYTES = 60;
const CHUNK_MAGIC = 'MDbData\0';

/** Whether a file begins as one of these. */
export function isE2e(head: Uint8Array): boolean {
  const reader = new ByteReader(head, '');
  return reader.startsWith('CMDb') || reader.startsWith(MULTIPLE);
}

/**
 * All chunks in the order of the file.
 * @throws KonsilError DATA_INVALID when neither directory nor search finds one.
 */
export function readE2eChunks(bytes: Uint8Array, label: string): readonly E2eChunk[] {
  const whole = new ByteReader(bytes, label);
  const base = whole.startsWith(MULTIPLE) ? PREFIX_BYTES : 0;
  if (!whole.has(base, 4) || !whole.startsWith('CMDb', base)) throw whole.invalid(base, 'CMDb expected');
  const reader = whole.part(base, whole.length - base);
  const found = findByDirectory(reader) ?? searchChunks(reader);
  const starts = [...new Set(found)].sort((a, b) => a - b);
  if (starts.length === 0) throw new KonsilError('DATA_INVALID', `${label}: no chunk of data found`);
  return starts.map((start, i) => chunkAt(reader, start, starts[i + 1] ?? reader.length));
}

/** Addresses of chunks by the chain of directories; undefined when any of it does not fit, empty when it is empty. */
function findByDirectory(reader: ByteReader): number[] | undefined {
  const main = FILE_HEADER_BYTES;
  if (!reader.has(main, DIRECTORY_BYTES) || !reader.startsWith('MDbMDir', main)) return undefined;
  const starts: number[] = [];
  const visited = new Set<number>();
  // overlapping directories could list more entries than bytes
  let entriesLeft = Math.ceil(reader.length / ENTRY_BYTES);
  for (let at = reader.u32(main + 40); at !== 0; at = reader.u32(at + 44)) {
    if (visited.has(at) || !reader.has(at, DIRECTORY_BYTES) || !reader.startsWith('MDbDir', at)) return undefined;
    visited.add(at);
    const entries = reader.u32(at + 36);
    entriesLeft -= entries;
    if (entriesLeft < 0 || !reader.has(at + DIRECTORY_BYTES, entries * ENTRY_BYTES)) return undefined;
    for (let i = 0; i < entries; i++) {
      const entry = at + DIRECTORY_BYTES + i * ENTRY_BYTES;
      const position = reader.u32(entry);
      const start = reader.u32(entry + 4);
      const size = reader.u32(entry + 8);
      // entries never used, and those whose data are a number in place of the address
      if (size === 0 || start <= position) continue;
      if (reader.u32(entry + 40) !== entryChecksum(reader, entry)) return undefined;
      if (!isChunk(reader, start) || reader.u32(start + 24) !== size) return undefined;
      starts.push(start);
    }
  }
  return visited.size === 0 ? undefined : starts;
}

/** 0x87654321 and the sum of the fields, modulo 2^32; the 16 bits after the sub-id are left out. */
function entryChecksum(reader: ByteReader, entry: number): number {
  let sum = 0x87654321;
  for (let offset = 0; offset < 32; offset += 4) sum += reader.u32(entry + offset);
  return (sum + reader.i16(entry + 32) + reader.u32(entry + 36)) >>> 0;
}

/** Addresses of all chunks with a header that its checksum confirms. */
function searchChunks(reader: ByteReader): number[] {
  const buffer = Buffer.from(reader.bytes.buffer, reader.bytes.byteOffset, reader.length);
  const starts: number[] = [];
  for (let at = buffer.indexOf(CHUNK_MAGIC, 0, 'latin1'); at >= 0; at = buffer.indexOf(CHUNK_MAGIC, at + 8, 'latin1'))
    if (isChunk(reader, at)) starts.push(at);
  return starts;
}

function isChunk(reader: ByteReader, at: number): boolean {
  if (!reader.has(at, CHUNK_BYTES) || !reader.startsWith(CHUNK_MAGIC, at)) return false;
  return reader.u32(at + 56) === (0x8765431c + reader.u32(at + 16)) >>> 0;
}

/** @param end - Where the next chunk, or the file, puts an end to this one. */
function chunkAt(reader: ByteReader, at: number, end: number): E2eChunk {
  const size = reader.u32(at + 24);
  const payload = reader.part(at + CHUNK_BYTES, Math.min(size, Math.max(0, end - at - CHUNK_BYTES)));
  // a chunk of the patient is asked once for every series
  let intact: boolean | undefined;
  return {
    patient: reader.i32(at + 32),
    exam: reader.i32(at + 36),
    series: reader.i32(at + 40),
    image: reader.i32(at + 44),
    subId: reader.i16(at + 48),
    type: reader.u32(at + 52),
    payload,
    isIntact() {
      intact ??= payload.length === size && payloadChecksum(payload.bytes) === reader.u32(at + 12);
      return intact;
    },
  };
}

/** 0x12435687 and the sum of the bytes, modulo 2^32. */
function payloadChecksum(bytes: Uint8Array): number {
  let sum = 0;
  // exact: at most 2^32 bytes of 255
  for (let i = 0; i < bytes.length; i++) sum += bytes[i]!;
  return (0x12435687 + sum) >>> 0;
}
