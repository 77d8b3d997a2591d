/**
 * Chunks of an intersection as one blob: each with its length in front, as u32.
 * @module
 */
import { concatBytes, KonsilError, u32be } from '../../base/index.ts';

export async function joinChunks(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(u32be(chunk.length), chunk);
  return concatBytes(...parts);
}

/** @throws KonsilError PROTOCOL_VIOLATION when the bytes end within a chunk. */
export function* splitChunks(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const end = at + 4 > bytes.length ? Number.POSITIVE_INFINITY : at + 4 + view.getUint32(at);
    if (end > bytes.length) throw new KonsilError('PROTOCOL_VIOLATION', 'a list of an intersection is cut off');
    yield bytes.slice(at + 4, end);
    at = end;
  }
}

/** Most bytes of a list with up to `items` items of at most `width` bytes each. */
export function listBytes(items: number, width: number): number {
  return items * width + 64 * (1 + Math.ceil(items / 4_096));
}
