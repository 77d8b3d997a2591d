/**
 * Who is who: an identity is an Ed25519 signing key and an X25519 agreement key that the signing key vouches for.
 * Everything else (peer id, fingerprint, mailbox) is a domain-separated hash of those two public keys.
 * @module
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { concatBytes, equalBytes, frame, fromBase64Url, KonsilError, toBase64Url, utf8 } from '../base/index.ts';
import { generateAgreementKey, generateSigningKey, type KeyPair, sha256, sign, verify } from './primitives.ts';
import { Recollection } from './recollection.ts';

/** Public half of an identity. `id` is its hash and the only form in which code compares identities. */
export interface PublicIdentity {
  readonly id: PeerId;
  readonly signing: Uint8Array;
  readonly agreement: Uint8Array;
}

/** Base64url SHA-256 of a public identity, 43 characters. */
export type PeerId = string & { readonly brand?: 'PeerId' };

/** An identity with its secrets; lives in memory only while the process runs. */
export interface Identity {
  readonly public: PublicIdentity;
  readonly signing: KeyPair;
  readonly agreement: KeyPair;
}

const PREFIX = 'konsil-public-v1:';
const binding = (agreement: Uint8Array): Uint8Array => frame('konsil/identity/v1', agreement);

/** A fresh identity from the operating system's CSPRNG. */
export function generateIdentity(): Identity {
  const [signing, agreement] = [generateSigningKey(), generateAgreementKey()];
  return { public: publicIdentity(signing.publicKey, agreement.publicKey), signing, agreement };
}

/**
 * The identity of two given key pairs, as read back from a key file.
 * @throws KonsilError KEY_INVALID when a public key is not that of its secret: signing with such a pair gives the secret away.
 */
export function identityOf(signing: KeyPair, agreement: KeyPair): Identity {
  if (!belongTogether(ed25519, signing) || !belongTogether(x25519, agreement))
    throw new KonsilError('KEY_INVALID', 'a public key does not belong to its secret key');
  return { public: publicIdentity(signing.publicKey, agreement.publicKey), signing, agreement };
}

function belongTogether(curve: { getPublicKey(secret: Uint8Array): Uint8Array }, pair: KeyPair): boolean {
  try {
    return equalBytes(curve.getPublicKey(pair.secret), pair.publicKey);
  } catch {
    return false; // not 32 bytes
  }
}

function publicIdentity(signing: Uint8Array, agreement: Uint8Array): PublicIdentity {
  return { id: toBase64Url(sha256(frame('konsil/peer/v1', signing, agreement))), signing, agreement };
}

/**
 * The one-line public form that people exchange: `konsil-public-v1:` and base64url of signing key (32), agreement key
 * (32) and the signing key's signature over the agreement key (64).
 */
export function exportPublic(identity: Identity): string {
  const signature = sign(identity.signing, binding(identity.agreement.publicKey));
  return PREFIX + toBase64Url(concatBytes(identity.signing.publicKey, identity.agreement.publicKey, signature));
}

/**
 * Parses and checks {@link exportPublic}'s line. Signing keys of small or mixed order are refused: OpenSSL would accept
 * signatures under them that hold for more than one message.
 *
 * @throws KonsilError KEY_INVALID when the line, a key or the signature is wrong.
 */
export function importPublic(line: string): PublicIdentity {
  const text = line.trim();
  return readIdentities.of(
    () => text,
    () => readPublic(text),
  );
}

/** Identities that were read, where a process plays many parties. */
export const readIdentities = new Recollection<PublicIdentity>();

function readPublic(text: string): PublicIdentity {
  const bad = (what: string): KonsilError =>
    new KonsilError(
      'KEY_INVALID',
      `public identity is not usable: ${what}; expected the line \`konsil keys export\` prints`,
    );
  if (!text.startsWith(PREFIX)) throw bad(`it does not start with "${PREFIX}"`);
  let bytes: Uint8Array;
  try {
    bytes = fromBase64Url(text.slice(PREFIX.length));
  } catch (cause) {
    throw new KonsilError('KEY_INVALID', bad('not base64url').message, {}, { cause });
  }
  if (bytes.length !== 128) throw bad(`${bytes.length} bytes instead of 128`);
  const [signing, agreement, signature] = [bytes.slice(0, 32), bytes.slice(32, 64), bytes.slice(64)];
  if (!isPrimeOrderPoint(signing)) throw bad('the signing key is not a point of prime order');
  if (!verify(signing, binding(agreement), signature)) throw bad('its two keys do not belong together');
  return publicIdentity(signing, agreement);
}

function isPrimeOrderPoint(key: Uint8Array): boolean {
  try {
    const point = ed25519.Point.fromBytes(key);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false; // not a point at all
  }
}

/** What people read to each other: eight groups of four hexadecimal digits (128 bits of the peer id's hash). */
export function fingerprint(id: PeerId): string {
  const hex = Buffer.from(sha256(frame('konsil/fingerprint/v1', id)))
    .toString('hex')
    .slice(0, 32);
  return hex.match(/.{4}/g)!.join('-');
}

/** Topic part of a peer's mailbox: 128 bits that say nothing about the site's name, and not the id itself. */
export function mailboxOf(id: PeerId): string {
  return toBase64Url(sha256(utf8('konsil/mailbox/v1|'), utf8(id)).subarray(0, 16));
}
