import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../base/index.ts';
import { exportPublic, fingerprint, generateIdentity, identityOf, importPublic, mailboxOf } from './identity.ts';

const PREFIX = 'konsil-public-v1:';
const invalid = expect.objectContaining({ code: 'KEY_INVALID' });
const bytesOf = (line: string): Uint8Array => fromBase64Url(line.slice(PREFIX.length));
const lineOf = (bytes: Uint8Array): string => PREFIX + toBase64Url(bytes);

describe('public identity', () => {
  it('comes back from its line, also with white space around it', () => {
    const identity = generateIdentity();
    expect(importPublic(exportPublic(identity))).toEqual(identity.public);
    expect(importPublic(`  ${exportPublic(identity)}\n`)).toEqual(identity.public);
    expect(identityOf(identity.signing, identity.agreement).public).toEqual(identity.public);
  });

  it('has an id, a fingerprint and a mailbox of fixed form that differ between identities', () => {
    const [a, b] = [generateIdentity().public.id, generateIdentity().public.id];
    expect(a).toMatch(/^[\w-]{43}$/);
    expect(fingerprint(a)).toMatch(/^([0-9a-f]{4}-){7}[0-9a-f]{4}$/);
    expect(mailboxOf(a)).toMatch(/^[\w-]{22}$/);
    expect(a).not.toContain(mailboxOf(a));
    for (const of of [fingerprint, mailboxOf]) expect(of(a)).not.toBe(of(b));
  });

  it('is not made of halves that do not belong together', () => {
    const [one, other] = [generateIdentity(), generateIdentity()];
    const torn = { ...one.signing, publicKey: other.signing.publicKey };
    expect(() => identityOf(torn, one.agreement)).toThrow(invalid);
    expect(() => identityOf(one.signing, { ...one.agreement, publicKey: other.agreement.publicKey })).toThrow(invalid);
    expect(() => identityOf({ ...one.signing, secret: new Uint8Array(31) }, one.agreement)).toThrow(invalid);
  });

  it('is refused with any one bit of any byte changed', () => {
    const bytes = bytesOf(exportPublic(generateIdentity()));
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      expect(() => importPublic(lineOf(changed)), `byte ${at}`).toThrow(invalid);
    }
  });

  it('is refused when it is cut, lengthened, not base64url or something else', () => {
    const line = exportPublic(generateIdentity());
    const bytes = bytesOf(line);
    for (const length of [0, 31, 64, 127]) expect(() => importPublic(lineOf(bytes.slice(0, length)))).toThrow(invalid);
    const bad = [
      lineOf(new Uint8Array(129)),
      `${line}=`,
      `${line.slice(0, -1)}!`,
      line.slice(1),
      '',
      'ssh-ed25519 AAAA',
    ];
    for (const text of bad) expect(() => importPublic(text), text).toThrow(invalid);
  });

  it('is refused when its agreement key was taken from another identity', () => {
    const [a, b] = [generateIdentity(), generateIdentity()].map((identity) => bytesOf(exportPublic(identity)));
    const mixed = a!.slice();
    mixed.set(b!.subarray(32, 64), 32);
    expect(() => importPublic(lineOf(mixed))).toThrow(invalid);
  });

  describe('signing keys that are no points of prime order', () => {
    /** A point of order 8: a random point times the prime order of the subgroup. */
    const torsion = torsionPoint();
    const small = Array.from({ length: 8 }, (_, k) =>
      k === 0 ? ed25519.Point.ZERO : torsion.multiplyUnsafe(BigInt(k)),
    ).map((point) => point.toBytes());
    // the other encodings of y = 1 and y = 0, with y ≥ p (RFC 8032 §5.1.3 refuses them)
    const loose = ['ee', 'ed'].map((low) => new Uint8Array(Buffer.from(`${low}${'ff'.repeat(30)}7f`, 'hex')));
    const mixed = small.slice(1).map((point) => ed25519.Point.BASE.add(ed25519.Point.fromBytes(point)).toBytes());

    it.each([...small, ...loose, ...mixed].map((key) => [Buffer.from(key).toString('hex'), key] as const))(
      'refuses %s',
      (_name, key) => {
        const bytes = bytesOf(exportPublic(generateIdentity()));
        bytes.set(key);
        expect(() => importPublic(lineOf(bytes))).toThrow(/not a point of prime order/);
      },
    );
  });
});

function torsionPoint(): InstanceType<typeof ed25519.Point> {
  const order = ed25519.Point.CURVE().n;
  for (let y = 2; ; y++) {
    const bytes = new Uint8Array(32);
    bytes[0] = y;
    try {
      const point = ed25519.Point.fromBytes(bytes)
        .multiplyUnsafe(order - 1n)
        .add(ed25519.Point.fromBytes(bytes));
      if (!point.double().double().is0()) return point;
    } catch {
      // y is not on the curve: try the next
    }
  }
}
