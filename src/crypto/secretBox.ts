/**
 * XChaCha20-Poly1305 by libsodium: for the few messages that two parties seal under one shared key without a counter,
 * where a random nonce must be safe (192 bits; AES-GCM's 96 are not enough to draw at random forever).
 * @source draft-irtf-cfrg-xchacha-03.
 * @module
 */
import sodium from 'libsodium-wrappers';
import { concatBytes } from '../base/index.ts';
import { randomBytes } from './primitives.ts';

const NONCE_BYTES = 24;

/** Seals and opens under one 32-byte key. */
export interface SecretBox {
  /** Nonce (24), ciphertext and tag (16). */
  seal(plain: Uint8Array, aad: Uint8Array): Uint8Array;
  /** The plaintext, or null when anything was altered, the key is another or `aad` differs. */
  open(box: Uint8Array, aad: Uint8Array): Uint8Array | null;
}

/** A box under `key`; asynchronous because libsodium compiles its WebAssembly first. */
export async function secretBox(key: Uint8Array): Promise<SecretBox> {
  await sodium.ready;
  return {
    seal: (plain, aad) => {
      const nonce = randomBytes(NONCE_BYTES);
      return concatBytes(nonce, sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, aad, null, nonce, key));
    },
    open: (box, aad) => {
      if (box.length < NONCE_BYTES + 16) return null;
      const [nonce, sealed] = [box.slice(0, NONCE_BYTES), box.slice(NONCE_BYTES)];
      try {
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, aad, nonce, key);
      } catch {
        return null; // authentication failed; which part is nobody's business
      }
    },
  };
}
