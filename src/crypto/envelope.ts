/**
 * Sealed envelopes: what the broker carries. Only the receiver can open one, and only the named sender can have made it.
 *
 * Layout: version (1) | ephemeral X25519 key (32) | AES-256-GCM of frame(sender id, header, body, signature).
 * Key and nonce come from HKDF(X25519(ephemeral, receiver)), salted with both public keys, so each envelope has its own.
 * The Ed25519 signature covers receiver, ephemeral key, header and body: an honest receiver cannot pass a message on as
 * if it had been addressed to somebody else. The header says run, round, phase, sender, receiver and sequence; what it
 * means is `wire`'s business, this module only binds it.
 * @module
 */
import { concatBytes, frame, KonsilError } from '../base/index.ts';
import type { Identity, PeerId, PublicIdentity } from './identity.ts';
import { agree, generateAgreementKey, hkdf, open, seal, sha256, sign, verify, wipe } from './primitives.ts';

const VERSION = 1;
const EPHEMERAL_BYTES = 32;

/** Bytes an envelope adds to header and body. */
export const ENVELOPE_OVERHEAD_BYTES = 1 + EPHEMERAL_BYTES + 16 + 4 * 4 + 43 + 64;

function keysOf(shared: Uint8Array, ephemeral: Uint8Array, receiver: PublicIdentity): [Uint8Array, Uint8Array] {
  const okm = hkdf(shared, concatBytes(ephemeral, receiver.agreement), 'konsil/envelope/v1', 44);
  return [okm.subarray(0, 32), okm.subarray(32)];
}

function signedBytes(receiver: PeerId, ephemeral: Uint8Array, header: Uint8Array, body: Uint8Array): Uint8Array {
  return sha256(frame('konsil/envelope/v1', receiver, ephemeral, header, sha256(body)));
}

/** Seals `header` and `body` from `sender` to `receiver`. @returns `header` + `body` + {@link ENVELOPE_OVERHEAD_BYTES}. */
export function sealEnvelope(
  sender: Identity,
  receiver: PublicIdentity,
  header: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  const ephemeral = generateAgreementKey();
  const shared = agree(ephemeral, receiver.agreement);
  const [key, nonce] = keysOf(shared, ephemeral.publicKey, receiver);
  const prefix = concatBytes(Uint8Array.of(VERSION), ephemeral.publicKey);
  const signature = sign(sender.signing, signedBytes(receiver.id, ephemeral.publicKey, header, body));
  const sealed = seal(key, nonce, frame(sender.public.id, header, body, signature), prefix);
  wipe(shared, key, nonce, ephemeral.secret);
  return concatBytes(prefix, sealed);
}

/**
 * Opens an envelope addressed to `receiver`.
 *
 * @param findPeer - The pinned public identity of a peer id, or undefined when it is unknown.
 * @throws KonsilError ENVELOPE_REJECTED when it is not for us, truncated, altered or wrongly signed (which of these is
 *   not said), PEER_UNKNOWN when it is intact but from an identity that is not pinned here.
 */
export function openEnvelope(
  receiver: Identity,
  bytes: Uint8Array,
  findPeer: (id: PeerId) => PublicIdentity | undefined,
): { readonly sender: PublicIdentity; readonly header: Uint8Array; readonly body: Uint8Array } {
  if (bytes.length < 1 + EPHEMERAL_BYTES + 16 || bytes[0] !== VERSION) throw rejected();
  const prefix = bytes.subarray(0, 1 + EPHEMERAL_BYTES);
  const ephemeral = bytes.slice(1, 1 + EPHEMERAL_BYTES);
  let shared: Uint8Array;
  try {
    shared = agree(receiver.agreement, ephemeral);
  } catch {
    throw rejected();
  }
  const [key, nonce] = keysOf(shared, ephemeral, receiver.public);
  const plain = open(key, nonce, bytes.subarray(prefix.length), prefix);
  wipe(shared, key, nonce);
  const fields = plain && unframe(plain, 4);
  if (!fields) throw rejected();
  const [senderId, header, body, signature] = fields as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const sender = findPeer(Buffer.from(senderId).toString('utf8'));
  if (!sender) throw new KonsilError('PEER_UNKNOWN', 'message from an identity that is not pinned here');
  if (!verify(sender.signing, signedBytes(receiver.public.id, ephemeral, header, body), signature)) throw rejected();
  return { sender, header, body };
}

/** Inverse of `frame` for exactly `count` fields; null when lengths do not add up. */
function unframe(bytes: Uint8Array, count: number): Uint8Array[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Uint8Array[] = [];
  let at = 0;
  while (fields.length < count) {
    if (at + 4 > bytes.length) return null;
    const length = view.getUint32(at);
    if (at + 4 + length > bytes.length) return null;
    fields.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return at === bytes.length ? fields : null;
}

/** One error for all reasons: which it was is nobody's business. */
function rejected(): KonsilError {
  return new KonsilError('ENVELOPE_REJECTED', 'message is not an intact envelope for this identity');
}
