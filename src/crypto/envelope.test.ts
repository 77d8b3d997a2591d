import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../base/index.ts';
import { ENVELOPE_OVERHEAD_BYTES, openEnvelope, sealEnvelope } from './envelope.ts';
import { generateIdentity, type PeerId, type PublicIdentity } from './identity.ts';

const [sender, receiver, other] = [generateIdentity(), generateIdentity(), generateIdentity()];
const peers = new Map([sender, receiver, other].map(({ public: peer }) => [peer.id, peer]));
const find = (id: PeerId): PublicIdentity | undefined => peers.get(id);
const rejected = expect.objectContaining({ code: 'ENVELOPE_REJECTED' });
const [header, body] = [utf8('header'), utf8('body of the message')];

describe('envelope', () => {
  it('gives header, body and sender back, at its stated size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 2_000 }), (head, content) => {
        const sealed = sealEnvelope(sender, receiver.public, head, content);
        expect(sealed.length).toBe(head.length + content.length + ENVELOPE_OVERHEAD_BYTES);
        const opened = openEnvelope(receiver, sealed, find);
        expect([opened.header, opened.body, opened.sender]).toEqual([head, content, sender.public]);
      }),
      { numRuns: 30 },
    );
  });

  it('is rejected with any one bit of any byte changed', () => {
    const sealed = sealEnvelope(sender, receiver.public, header, body);
    for (let bit = 0; bit < 8 * sealed.length; bit += 7) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => openEnvelope(receiver, changed, find), `bit ${bit}`).toThrow(rejected);
    }
    // bit 255 of an X25519 key does not count in the agreement (RFC 7748 §5): it must count here
    const twin = sealed.slice();
    twin[32]! ^= 0x80;
    expect(() => openEnvelope(receiver, twin, find)).toThrow(rejected);
  });

  it('is rejected at every shorter length, and when longer', () => {
    const sealed = sealEnvelope(sender, receiver.public, header, body);
    for (let length = 0; length < sealed.length; length++)
      expect(() => openEnvelope(receiver, sealed.subarray(0, length), find), `${length}`).toThrow(rejected);
    expect(() => openEnvelope(receiver, new Uint8Array([...sealed, 0]), find)).toThrow(rejected);
  });

  it('opens for nobody but its receiver', () => {
    const sealed = sealEnvelope(sender, receiver.public, header, body);
    for (const identity of [other, sender]) expect(() => openEnvelope(identity, sealed, find)).toThrow(rejected);
  });

  it('is rejected when somebody else signed it', () => {
    // `other` claims to be `sender`: its id, but its own signature
    const forged = sealEnvelope({ ...other, public: sender.public }, receiver.public, header, body);
    expect(() => openEnvelope(receiver, forged, find)).toThrow(rejected);
  });

  it('says PEER_UNKNOWN when the sender is not pinned', () => {
    const sealed = sealEnvelope(generateIdentity(), receiver.public, header, body);
    expect(() => openEnvelope(receiver, sealed, find)).toThrow(expect.objectContaining({ code: 'PEER_UNKNOWN' }));
  });

  it('is rejected with an ephemeral key of small order', () => {
    const sealed = sealEnvelope(sender, receiver.public, header, body);
    sealed.fill(0, 1, 33);
    expect(() => openEnvelope(receiver, sealed, find)).toThrow(rejected);
  });

  it('never uses an ephemeral key twice, and shows nothing of its content', () => {
    const seals = Array.from({ length: 200 }, () => sealEnvelope(sender, receiver.public, header, body));
    expect(new Set(seals.map((bytes) => Buffer.from(bytes.subarray(1, 33)).toString('hex'))).size).toBe(200);
    for (const bytes of seals)
      for (const part of [header, body, utf8(sender.public.id), utf8(receiver.public.id), sender.public.signing])
        expect(Buffer.from(bytes).includes(Buffer.from(part))).toBe(false);
  });
});
