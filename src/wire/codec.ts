/**
 * Bytes ↔ values: canonical CBOR (RFC 8949 §4.2), decoded strictly so that one value has one encoding and nothing
 * unexpected (indefinite lengths, duplicate keys, undefined, NaN, tags) gets past the border.
 * @module
 */
import { decode, encode } from 'cborg';
import type { z } from 'zod';
import { KonsilError } from '../base/index.ts';

/** Largest plaintext of one message; bigger things are blobs (their chunks are far below this). */
export const MAX_MESSAGE_BYTES = 1 << 20;

const STRICT = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const;

/** Canonical CBOR of a plain value; typed arrays other than Uint8Array are not allowed. */
export function toCbor(value: unknown): Uint8Array {
  return encode(value);
}

/**
 * Decodes and checks untrusted bytes.
 * @throws KonsilError PROTOCOL_VIOLATION when they are not canonical CBOR of the schema's shape; `what` names the thing.
 */
export function fromCbor<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  let value: unknown;
  try {
    if (bytes.length > MAX_MESSAGE_BYTES) throw new RangeError('too long');
    value = decode(bytes, STRICT);
    // cborg lets map order, float width and broken UTF-8 pass; what encodes to the same bytes has none of them
    if (Buffer.compare(encode(value), bytes) !== 0) throw new RangeError('not canonical');
  } catch (cause) {
    throw new KonsilError('PROTOCOL_VIOLATION', `${what} is not strict CBOR`, {}, { cause });
  }
  const checked = schema.safeParse(value);
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    throw new KonsilError(
      'PROTOCOL_VIOLATION',
      `${what} has a wrong field "${issue.path.join('.')}": ${issue.message}`,
    );
  }
  return checked.data;
}
