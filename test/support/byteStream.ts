/** A reproducible stream of uniform bytes of any length: AES in counter mode. Tests only. */
import { createCipheriv } from 'node:crypto';
import type { RandomBytes } from '../../src/crypto/index.ts';

export function byteStream(seed: number): RandomBytes {
  const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16).fill(seed), new Uint8Array(16));
  return (length) => new Uint8Array(cipher.update(new Uint8Array(length)));
}
