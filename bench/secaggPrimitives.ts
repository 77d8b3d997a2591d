/**
 * Every primitive that secure aggregation and the envelopes use, from each library that has it: microseconds of CPU time
 * an operation. Part of bench/secagg.ts. The answers are the same everywhere, see src/crypto/crossLibrary.test.ts.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { ctr, gcm } from '@noble/ciphers/aes.js';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf as nobleHkdf } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import sodium from 'libsodium-wrappers';
import {
  agree,
  generateAgreementKey,
  generateSigningKey,
  hkdf,
  isAgreementKey,
  open,
  randomBytes,
  reconstructor,
  seal,
  sha256,
  sign,
  splitSecret,
  verify,
} from '../src/crypto/index.ts';
import { median, optionsOf, report, timed } from './secaggMeasure.ts';

/** Microseconds by library; absent where it has no such operation. */
export type PrimitivesReport = Readonly<Record<string, Partial<Record<'node' | 'libsodium' | 'noble', number>>>>;

const { rounds } = optionsOf({ rounds: 9 });
await sodium.ready;
const [key, nonce, longNonce, message] = [randomBytes(32), randomBytes(12), randomBytes(24), randomBytes(200)];
const [block, none] = [randomBytes(65_536), new Uint8Array(0)];
const signer = generateSigningKey();
const sodiumSigner = sodium.crypto_sign_seed_keypair(signer.secret).privateKey;
const signature = sign(signer, message);
const [mine, theirs] = [generateAgreementKey(), generateAgreementKey()];
const points = Array.from({ length: 100 }, (_, i) => i + 1);
const shares = splitSecret(key, 67, points, randomBytes).slice(0, 67);
const rebuild = reconstructor(points.slice(0, 67));
const sealed = seal(key, nonce, message, none);

type Operations = Readonly<Record<string, Partial<Record<'node' | 'libsodium' | 'noble', () => unknown>>>>;
const operations: Operations = {
  'X25519 agreement': {
    node: () => agree(mine, theirs.publicKey),
    libsodium: () => sodium.crypto_scalarmult(mine.secret, theirs.publicKey),
    noble: () => x25519.getSharedSecret(mine.secret, theirs.publicKey),
  },
  'X25519 key pair': {
    node: generateAgreementKey,
    libsodium: () => sodium.crypto_scalarmult_base(key),
    noble: () => x25519.getPublicKey(key),
  },
  'X25519 public key check': { node: () => isAgreementKey(theirs.publicKey) },
  'Ed25519 signature': {
    node: () => sign(signer, message),
    libsodium: () => sodium.crypto_sign_detached(message, sodiumSigner),
    noble: () => ed25519.sign(message, signer.secret),
  },
  'Ed25519 verification': {
    node: () => verify(signer.publicKey, message, signature),
    libsodium: () => sodium.crypto_sign_verify_detached(signature, message, signer.publicKey),
    noble: () => ed25519.verify(signature, message, signer.publicKey),
  },
  'HKDF-SHA-256, 32 bytes': {
    node: () => hkdf(key, key, 'label', 32),
    noble: () => nobleHkdf(nobleSha256, key, key, message.subarray(0, 5), 32),
  },
  'SHA-256 of 64 KiB': { node: () => sha256(block), noble: () => nobleSha256(block) },
  'AES-256-CTR of 64 KiB': {
    node: () => createCipheriv('aes-256-ctr', key, new Uint8Array(16)).update(block),
    noble: () => ctr(key, new Uint8Array(16)).encrypt(block),
  },
  'AES-256-GCM, seal 200 bytes': {
    node: () => seal(key, nonce, message, none),
    noble: () => gcm(key, nonce).encrypt(message),
  },
  'AES-256-GCM, open 200 bytes': {
    node: () => open(key, nonce, sealed, none),
    noble: () => gcm(key, nonce).decrypt(sealed),
  },
  'XChaCha20-Poly1305, seal 200 bytes': {
    libsodium: () => sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, null, null, longNonce, key),
    noble: () => xchacha20poly1305(key, longNonce).encrypt(message),
  },
  'Shamir, deal to 100, threshold 67': { node: () => splitSecret(key, 67, points, randomBytes) },
  'Shamir, rebuild from 67': { node: () => rebuild(shares) },
};

/** Long enough against the clock of CPU time. */
const ENOUGH_MS = 20;

function microseconds(work: () => unknown): number {
  let count = 1;
  const once = (): number => timed(() => Array.from({ length: count }, work)).times.cpu;
  while (once() < ENOUGH_MS) count *= 2;
  return (1000 * median(Array.from({ length: rounds }, once))) / count;
}

const answer: PrimitivesReport = Object.fromEntries(
  Object.entries(operations).map(([name, libraries]) => [
    name,
    Object.fromEntries(Object.entries(libraries).map(([library, work]) => [library, microseconds(work)])),
  ]),
);
report(answer);
