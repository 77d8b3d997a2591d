import { describe, expect, it } from 'vitest';
import { agree, equalSecret, generateAgreementKey, hkdf, open, seal, sha256, sign, verify } from './primitives.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('Ed25519', () => {
  // RFC 8032 §7.1, tests 1 and 2
  it.each([
    {
      secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
  ])('signs "$message" as RFC 8032 does', ({ secret, publicKey, message, signature }) => {
    const pair = { secret: hex(secret), publicKey: hex(publicKey) };
    expect(toHex(sign(pair, hex(message)))).toBe(signature);
    expect(verify(pair.publicKey, hex(message), hex(signature))).toBe(true);
    expect(verify(pair.publicKey, hex(`${message}00`), hex(signature))).toBe(false);
  });

  it('says false, and throws nothing, for keys and signatures of the wrong form', () => {
    const message = hex('00');
    expect(verify(new Uint8Array(31), message, new Uint8Array(64))).toBe(false);
    expect(verify(new Uint8Array(32), message, new Uint8Array(63))).toBe(false);
    expect(verify(new Uint8Array(32).fill(0xff), message, new Uint8Array(64))).toBe(false);
  });
});

describe('X25519', () => {
  // RFC 7748 §6.1
  const alice = {
    secret: hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
    publicKey: hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'),
  };
  const bob = {
    secret: hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
    publicKey: hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'),
  };

  it('agrees as RFC 7748 does, on both sides', () => {
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(toHex(agree(bob, alice.publicKey))).toBe(shared);
    expect(toHex(agree(alice, bob.publicKey))).toBe(shared);
  });

  it.each([
    ['zero', '00'.repeat(32)],
    ['one', `01${'00'.repeat(31)}`],
    // a point of order 8, RFC 7748 §7 and its reference to Bernstein's list
    ['order 8', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
    ['p - 1', `ec${'ff'.repeat(30)}7f`],
  ])('refuses the point of small order %s', (_name, point) => {
    expect(() => agree(generateAgreementKey(), hex(point))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });

  it('refuses a key of the wrong length', () => {
    expect(() => agree(bob, new Uint8Array(31))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });
});

describe('hashes and AES-256-GCM', () => {
  it('gives SHA-256 of FIPS 180-4 and HKDF of RFC 5869, case 1', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(toHex(sha256(hex('6162'), hex('63')))).toBe(abc);
    const okm = hkdf(hex('0b'.repeat(22)), hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 42);
    expect(toHex(okm)).toBe('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865');
  });

  it("seals as case 14 of McGrew and Viega's GCM specification", () => {
    const sealed = seal(new Uint8Array(32), new Uint8Array(12), new Uint8Array(16), new Uint8Array(0));
    expect(toHex(sealed)).toBe('cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919');
  });

  it('opens only what was sealed, with the same key, nonce and associated data', () => {
    const [key, nonce, aad] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2), hex('0304')];
    const sealed = seal(key, nonce, hex('0506'), aad);
    expect(open(key, nonce, sealed, aad)).toEqual(hex('0506'));
    expect(open(new Uint8Array(32), nonce, sealed, aad)).toBeNull();
    expect(open(key, new Uint8Array(12), sealed, aad)).toBeNull();
    expect(open(key, nonce, sealed, hex('0305'))).toBeNull();
    for (let length = 0; length < sealed.length; length++)
      expect(open(key, nonce, sealed.subarray(0, length), aad)).toBeNull();
  });

  it('compares secrets of different lengths without throwing', () => {
    expect(equalSecret(hex('01'), hex('0102'))).toBe(false);
    expect(equalSecret(hex('0102'), hex('0102'))).toBe(true);
  });
});
