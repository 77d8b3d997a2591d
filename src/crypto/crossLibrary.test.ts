/**
 * The primitives against two other libraries, byte for byte, for any input: noble (portable TypeScript) and libsodium.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { ctr, gcm } from '@noble/ciphers/aes.js';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf as nobleHkdf } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import sodium from 'libsodium-wrappers';
import { beforeAll, describe, expect, it } from 'vitest';
import { LOW_ORDER_U, NON_CANONICAL_U, TWIST_U } from '../../test/attacks/support/points.ts';
import { toHex } from '../base/index.ts';
import { applyMasks, Masking } from './maskStream.ts';
import {
  agree,
  agreementKeyOf,
  agreementPointOf,
  generateSigningKey,
  hkdf,
  isAgreementKey,
  type KeyPair,
  open,
  seal,
  sha256,
  sign,
  verify,
  wipe,
} from './primitives.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const message = fc.uint8Array({ maxLength: 300 });
/** noble takes a while for each. */
const FEW = { numRuns: 20 };

/** Libsodium's answer, or null where it throws instead of saying no. */
function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

beforeAll(async () => sodium.ready);

describe('Ed25519', () => {
  const pairOf = (seed: Uint8Array): KeyPair => ({ publicKey: ed25519.getPublicKey(seed), secret: seed });

  it('has the same public keys and signatures everywhere', () => {
    fc.assert(
      fc.property(bytes(32), message, (seed, text) => {
        const pair = pairOf(seed);
        const other = sodium.crypto_sign_seed_keypair(seed);
        expect(other.publicKey).toEqual(pair.publicKey);
        const signature = sign(pair, text);
        expect(ed25519.sign(text, seed)).toEqual(signature);
        expect(sodium.crypto_sign_detached(text, other.privateKey)).toEqual(signature);
      }),
      FEW,
    );
  });

  it('accepts what the others sign, and rejects with them what has a flipped bit anywhere', () => {
    const bit = fc.record({
      part: fc.constantFrom<'key' | 'text' | 'signature'>('key', 'text', 'signature'),
      at: fc.nat(),
    });
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ minLength: 1, maxLength: 80 }), bit, (seed, text, { part, at }) => {
        const { publicKey } = pairOf(seed);
        const signature = ed25519.sign(text, seed);
        expect(verify(publicKey, text, signature)).toBe(true);
        const target = { key: publicKey, text, signature }[part];
        const place = at % (8 * target.length);
        target[place >> 3]! ^= 1 << (place & 7);
        expect(verify(publicKey, text, signature)).toBe(false);
        expect(attempt(() => ed25519.verify(signature, text, publicKey)) ?? false).toBe(false);
        expect(attempt(() => sodium.crypto_sign_verify_detached(signature, text, publicKey)) ?? false).toBe(false);
      }),
      FEW,
    );
  });

  it('rejects a signature whose scalar is not reduced, as RFC 8032 §5.1.7 asks', () => {
    const pair = generateSigningKey();
    const text = new Uint8Array([1, 2, 3]);
    const signature = sign(pair, text);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const scalar = signature.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    for (let i = 0, rest = scalar + order; i < 32; i++, rest >>= 8n) signature[32 + i] = Number(rest & 0xffn);
    expect(verify(pair.publicKey, text, signature)).toBe(false);
    expect(sodium.crypto_sign_verify_detached(signature, text, pair.publicKey)).toBe(false);
    expect(ed25519.verify(signature, text, pair.publicKey)).toBe(false);
  });
});

describe('X25519', () => {
  it('has the same public keys and shared secrets everywhere', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (a, b) => {
        const [ours, theirs] = [agreementKeyOf(a), agreementKeyOf(b)];
        expect(x25519.getPublicKey(a)).toEqual(ours.publicKey);
        expect(sodium.crypto_scalarmult_base(a)).toEqual(ours.publicKey);
        const shared = agree(ours, theirs.publicKey);
        expect(x25519.getSharedSecret(a, theirs.publicKey)).toEqual(shared);
        expect(sodium.crypto_scalarmult(a, theirs.publicKey)).toEqual(shared);
      }),
      FEW,
    );
  });

  it('tells unusable public keys without an agreement', () => {
    const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
    const pair = agreementKeyOf(new Uint8Array(32).fill(5));
    const p = 2n ** 255n - 19n;
    const pointOf = (u: bigint): Uint8Array => hex(u.toString(16).padStart(64, '0')).reverse();
    const orderEight = [
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    ].map(hex);
    const candidates = [0n, 1n, 2n, 9n, p - 2n, p - 1n, p, p + 1n, p + 2n, 2n ** 255n - 1n].map(pointOf);
    for (const point of [...candidates, ...orderEight])
      for (const top of [0, 0x80]) {
        const key = point.map((byte, i) => (i === 31 ? byte | top : byte));
        expect(isAgreementKey(key)).toBe(attempt(() => agree(pair, key)) !== null);
        expect(isAgreementKey(key)).toBe(attempt(() => sodium.crypto_scalarmult(pair.secret, key)) !== null);
      }
    expect(isAgreementKey(new Uint8Array(31))).toBe(false);
  });

  it('reads all encodings of a point alike, and says so', () => {
    const pair = agreementKeyOf(new Uint8Array(32).fill(6));
    for (const [encoding, canonical] of NON_CANONICAL_U)
      for (const key of [encoding, encoding.with(31, encoding[31]! | 0x80), canonical.with(31, 0x80)]) {
        expect(agreementPointOf(key)).toBe(agreementPointOf(canonical));
        expect(agree(pair, key)).toEqual(agree(pair, canonical));
      }
    expect(new Set([...NON_CANONICAL_U.map(([, u]) => u), pair.publicKey].map(agreementPointOf)).size).toBe(6);
    for (const key of LOW_ORDER_U) expect(isAgreementKey(key), toHex(key)).toBe(false);
    // a point of the curve's twist is as good as any: both have a large prime order
    expect(isAgreementKey(TWIST_U)).toBe(true);
    expect(agree(pair, TWIST_U)).toEqual(x25519.getSharedSecret(pair.secret, TWIST_U));
  });

  it('ignores the top bit of a public key, as RFC 7748 §5 asks', () => {
    const pair = agreementKeyOf(new Uint8Array(32).fill(7));
    const peer = agreementKeyOf(new Uint8Array(32).fill(9)).publicKey;
    const marked = peer.map((byte, i) => (i === 31 ? byte | 0x80 : byte));
    expect(agree(pair, marked)).toEqual(agree(pair, peer));
    expect(x25519.getSharedSecret(pair.secret, marked)).toEqual(agree(pair, peer));
    expect(sodium.crypto_scalarmult(pair.secret, marked)).toEqual(agree(pair, peer));
  });
});

describe('keys kept by OpenSSL', () => {
  const text = new Uint8Array([5]);

  it('follow the secret when its bytes change, and the curve it is used on', () => {
    const secret = new Uint8Array(32).fill(1);
    const pair = { publicKey: ed25519.getPublicKey(secret), secret };
    expect(sign(pair, text)).toEqual(ed25519.sign(text, secret));
    expect(agreementKeyOf(secret).publicKey).toEqual(x25519.getPublicKey(secret));
    expect(sign(pair, text)).toEqual(ed25519.sign(text, secret));
    secret.fill(2);
    expect(sign(pair, text)).toEqual(ed25519.sign(text, secret));
  });

  it('are gone once the secret is wiped', () => {
    const pair = generateSigningKey();
    const before = sign(pair, text);
    wipe(pair.secret);
    expect(sign(pair, text)).not.toEqual(before);
    expect(sign(pair, text)).toEqual(ed25519.sign(text, new Uint8Array(32)));
  });
});

describe('hashes', () => {
  it('SHA-256 is what noble gives', () => {
    fc.assert(
      fc.property(message, (text) => {
        expect(nobleSha256(text)).toEqual(sha256(text));
      }),
    );
  });

  it('HKDF is what noble gives', () => {
    fc.assert(
      fc.property(bytes(32), message, message, fc.integer({ min: 1, max: 200 }), (secret, salt, info, length) => {
        expect(nobleHkdf(nobleSha256, secret, salt, info, length)).toEqual(hkdf(secret, salt, info, length));
      }),
    );
  });
});

describe('ciphers', () => {
  it('a mask over zeros is AES-256-CTR, from any block on', () => {
    fc.assert(
      fc.property(bytes(32), fc.integer({ min: 1, max: 40 }), fc.nat({ max: 39 }), (key, blocks, skipped) => {
        const length = 16 * blocks;
        const shape = [{ bits: 32 as const, length: length / 4 }];
        const stream = new Uint8Array(length);
        applyMasks(stream, shape, [{ key, sign: 1 }]);
        expect(ctr(key, new Uint8Array(16)).encrypt(new Uint8Array(length))).toEqual(stream);
        const from = 16 * (skipped % blocks);
        const tail = new Uint8Array(length - from);
        new Masking(shape, [{ key, sign: 1 }], { from }).apply(tail);
        expect(tail).toEqual(stream.subarray(from));
      }),
    );
  });

  it('counts blocks beyond 2^32 without wrapping', () => {
    const key = new Uint8Array(32).fill(3);
    const shape = [{ bits: 8 as const, length: 2 ** 37 }];
    const from = 2 ** 36 - 16; // the block before the counter's low word overflows
    const stream = new Uint8Array(48);
    new Masking(shape, [{ key, sign: 1 }], { from }).apply(stream);
    const counter = Buffer.from('000000000000000000000000ffffffff', 'hex');
    expect(stream).toEqual(new Uint8Array(createCipheriv('aes-256-ctr', key, counter).update(new Uint8Array(48))));
    expect(stream).toEqual(ctr(key, counter).encrypt(new Uint8Array(48)));
    const second = Buffer.from('00000000000000000000000100000000', 'hex');
    expect(stream.subarray(16)).toEqual(ctr(key, second).encrypt(new Uint8Array(32)));
  });

  it('AES-256-GCM seals and opens as noble does', () => {
    fc.assert(
      fc.property(bytes(32), bytes(12), message, message, (key, nonce, plain, aad) => {
        const sealed = seal(key, nonce, plain, aad);
        expect(gcm(key, nonce, aad).encrypt(plain)).toEqual(sealed);
        expect(open(key, nonce, gcm(key, nonce, aad).encrypt(plain), aad)).toEqual(plain);
        sealed[sealed.length - 1]! ^= 1;
        expect(open(key, nonce, sealed, aad)).toBeNull();
        expect(attempt(() => gcm(key, nonce, aad).decrypt(sealed))).toBeNull();
      }),
    );
  });

  it('XChaCha20-Poly1305 is the same in libsodium and noble', () => {
    fc.assert(
      fc.property(bytes(32), bytes(24), message, message, (key, nonce, plain, aad) => {
        const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, aad, null, nonce, key);
        expect(xchacha20poly1305(key, nonce, aad).encrypt(plain)).toEqual(sealed);
        expect(xchacha20poly1305(key, nonce, aad).decrypt(sealed)).toEqual(plain);
      }),
    );
  });
});
