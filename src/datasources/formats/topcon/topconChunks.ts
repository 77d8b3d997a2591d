/**
 * The container of Topcon's files (.fda, .fds): a header of 15 bytes, then chunks with a name and a length.
 * @module
 */
import { ByteReader } from '../byteReader.ts';

/** A chunk by its name, `@IMG_JPEG`. */
export interface TopconChunk {
  readonly name: string;
  readonly data: ByteReader;
}

const HEADER_BYTES = 15;
/** FAA: taken with external fixation. */
const KINDS = ['FOCTFDA', 'FOCTFDS', 'FOCTFAA'];

/** Whether a file begins as one of these. */
export function isTopcon(head: Uint8Array): boolean {
  const reader = new ByteReader(head, '');
  return KINDS.some((kind) => reader.startsWith(kind));
}

/** All chunks in the order of the file, to the one without a name. @throws KonsilError DATA_INVALID naming the place */
export function readTopconChunks(bytes: Uint8Array, label: string): readonly TopconChunk[] {
  const reader = new ByteReader(bytes, label);
  if (!isTopcon(bytes)) throw reader.invalid(0, `one of ${KINDS.join(', ')} expected`);
  const chunks: TopconChunk[] = [];
  for (let at = HEADER_BYTES; at < reader.length; ) {
    const nameBytes = reader.u8(at);
    if (nameBytes === 0) return chunks;
    const name = reader.text(at + 1, nameBytes);
    if (!name.startsWith('@')) throw reader.invalid(at + 1, 'the name of a chunk, that begins with @, expected');
    const size = reader.u32(at + 1 + nameBytes);
    const start = at + 5 + nameBytes;
    if (!reader.has(start, size)) throw reader.invalid(start, 'a chunk that ends in the file expected');
    chunks.push({ name, data: reader.part(start, size) });
    at = start + size;
  }
  return chunks;
}

/** The first chunk with one of these names, in the order of the names. */
export function findChunk(chunks: readonly TopconChunk[], ...names: readonly string[]): TopconChunk | undefined {
  for (const name of names) {
    const found = chunks.find((chunk) => chunk.name === name);
    if (found !== undefined) return found;
  }
  return undefined;
}
