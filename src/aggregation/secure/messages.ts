/**
 * Byte codec of every message: one signed envelope and a fixed layout for each body. Integers are big-endian.
 *
 * envelope: version u8 | type u8 | sender u16 | ctx 32 | body | Ed25519 signature 64, over label and all before it.
 * An advertise message has `session.base` in the place of ctx: pods given different models must be able to read each
 * other's, to notice. Parsing is strict: exact lengths, nothing left over, indices strictly ascending (so no duplicates).
 * @module
 */
import { concatBytes, equalBytes, frame, KonsilError, u32be } from '../../base/index.ts';
import { type KeyPair, sign, verify } from '../../crypto/index.ts';
import { PROTOCOL_LABEL, type Session } from './context.ts';

/** Message types; pods send the odd rows of the paper's figure, the coordinator the others. */
export const MESSAGE = {
  advertise: 1,
  roster: 2,
  shares: 3,
  inbox: 4,
  manifest: 5,
  survivors: 6,
  consistency: 7,
  proof: 8,
  release: 9,
  complaint: 10,
} as const;
export type MessageType = keyof typeof MESSAGE;

/** Sender index of the coordinator. */
export const COORDINATOR = 0xffff;
const VERSION = 2;
const HEADER_BYTES = 36;
const SIGNATURE_BYTES = 64;
const SIGNED_LABEL = frame(`${PROTOCOL_LABEL}/message`);
/** Share of b_u and share of the mask key, 32 bytes each, with a 16-byte tag. */
export const SEALED_BYTES = 80;
export const NONCE_BYTES = 12;

/** A share commitment pair and the sealed shares, between one dealer and one holder. */
export interface ShareEntry {
  /** The other side: whom it is for in a pod's message, who dealt it in the coordinator's. */
  readonly pod: number;
  readonly selfCommitment: Uint8Array;
  readonly keyCommitment: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/** A released share; `self`: of a survivor's b_u, `key`: of a lost pod's mask key. */
export interface ReleasedShare {
  readonly of: number;
  readonly kind: 'self' | 'key';
  readonly share: Uint8Array;
}

export interface Bodies {
  advertise: {
    /** What the pod trained from and all else that must be equal, see {@link Session.publicHash}. */
    readonly publicHash: Uint8Array;
    readonly maskKey: Uint8Array;
    readonly channelKey: Uint8Array;
    /** The pod's part in drawing the neighbour graph; not read in the complete one. */
    readonly nonce: Uint8Array;
  };
  /** Nonces of all pods where neighbours are drawn, none otherwise; advertise messages of the receiver's holders, verbatim. */
  roster: { readonly nonces: readonly Uint8Array[]; readonly messages: readonly Uint8Array[] };
  shares: { readonly selfCommitment: Uint8Array; readonly entries: readonly ShareEntry[] };
  /** What was dealt to the receiver; each dealer's seal authenticates its entry. */
  inbox: { readonly entries: readonly ShareEntry[] };
  /** Bytes of the masked vector on the wire, and their SHA-256. */
  manifest: { readonly bytes: number; readonly sha256: Uint8Array };
  /** U3 with the hash of each survivor's manifest message. */
  survivors: { readonly uploads: readonly { readonly pod: number; readonly manifestHash: Uint8Array }[] };
  consistency: { readonly survivorsHash: Uint8Array };
  /** Consistency messages, verbatim. */
  proof: { readonly messages: readonly Uint8Array[] };
  release: { readonly survivorsHash: Uint8Array; readonly shares: readonly ReleasedShare[] };
  complaint: { readonly dealer: number };
}

function malformed(why: string): KonsilError {
  return new KonsilError('AGG_BAD_MESSAGE', why);
}

/** Cuts fields off a body; {@link Reader.end} insists that nothing is left. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw malformed('message body is too short');
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  uint(length: 1 | 2 | 4): number {
    return this.take(length).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** `count u16`, then as many items. */
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.uint(2) }, item);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed('message body is too long');
  }
}

const u16be = (value: number): Uint8Array => u32be(value).subarray(2);

function ascending<T>(items: T[], key: (item: T) => number): T[] {
  if (items.some((item, i) => i > 0 && key(items[i - 1]!) >= key(item)))
    throw malformed('list is not strictly ascending');
  return items;
}

interface Codec<T> {
  readonly encode: (body: T) => Uint8Array;
  readonly decode: (reader: Reader) => T;
}

const entries: Codec<readonly ShareEntry[]> = {
  encode: (list) =>
    concatBytes(
      u16be(list.length),
      ...list.flatMap((e) => [u16be(e.pod), e.selfCommitment, e.keyCommitment, e.nonce, e.sealed]),
    ),
  decode: (reader) =>
    ascending(
      reader.list(() => ({
        pod: reader.uint(2),
        selfCommitment: reader.take(32),
        keyCommitment: reader.take(32),
        nonce: reader.take(NONCE_BYTES),
        sealed: reader.take(SEALED_BYTES),
      })),
      (entry) => entry.pod,
    ),
};

const verbatim: Codec<{ readonly messages: readonly Uint8Array[] }> = {
  encode: ({ messages }) => concatBytes(u16be(messages.length), ...messages.flatMap((m) => [u32be(m.length), m])),
  decode: (reader) => ({ messages: reader.list(() => reader.take(reader.uint(4))) }),
};

const CODECS: { readonly [K in MessageType]: Codec<Bodies[K]> } = {
  advertise: {
    encode: (body) => concatBytes(body.publicHash, body.maskKey, body.channelKey, body.nonce),
    decode: (reader) => ({
      publicHash: reader.take(32),
      maskKey: reader.take(32),
      channelKey: reader.take(32),
      nonce: reader.take(32),
    }),
  },
  roster: {
    encode: ({ nonces, ...quoted }) => concatBytes(u16be(nonces.length), ...nonces, verbatim.encode(quoted)),
    decode: (reader) => ({ nonces: reader.list(() => reader.take(32)), ...verbatim.decode(reader) }),
  },
  shares: {
    encode: (body) => concatBytes(body.selfCommitment, entries.encode(body.entries)),
    decode: (reader) => ({ selfCommitment: reader.take(32), entries: entries.decode(reader) }),
  },
  inbox: {
    encode: (body) => entries.encode(body.entries),
    decode: (reader) => ({ entries: entries.decode(reader) }),
  },
  manifest: {
    encode: (body) => concatBytes(u32be(body.bytes), body.sha256),
    decode: (reader) => ({ bytes: reader.uint(4), sha256: reader.take(32) }),
  },
  survivors: {
    encode: ({ uploads }) =>
      concatBytes(u16be(uploads.length), ...uploads.flatMap((u) => [u16be(u.pod), u.manifestHash])),
    decode: (reader) => ({
      uploads: ascending(
        reader.list(() => ({ pod: reader.uint(2), manifestHash: reader.take(32) })),
        (upload) => upload.pod,
      ),
    }),
  },
  consistency: {
    encode: (body) => body.survivorsHash,
    decode: (reader) => ({ survivorsHash: reader.take(32) }),
  },
  proof: verbatim,
  release: {
    encode: ({ survivorsHash, shares }) =>
      concatBytes(
        survivorsHash,
        u16be(shares.length),
        ...shares.flatMap((s) => [u16be(s.of), Uint8Array.of(s.kind === 'self' ? 1 : 2), s.share]),
      ),
    decode: (reader) => ({
      survivorsHash: reader.take(32),
      shares: ascending(
        reader.list(() => {
          const of = reader.uint(2);
          const kind = reader.uint(1);
          if (kind !== 1 && kind !== 2) throw malformed('unknown kind of share');
          return { of, kind: kind === 1 ? ('self' as const) : ('key' as const), share: reader.take(32) };
        }),
        (share) => share.of,
      ),
    }),
  },
  complaint: {
    encode: (body) => u16be(body.dealer),
    decode: (reader) => ({ dealer: reader.uint(2) }),
  },
};

/** What a message of this type is bound to. */
function contextOf(session: Session, type: MessageType): Uint8Array {
  return type === 'advertise' ? session.base : session.ctx;
}

/** A signed message of `sender`: a pod's index, or {@link COORDINATOR}. Ed25519 is deterministic: same body, same bytes. */
export function encodeMessage<K extends MessageType>(
  session: Session,
  type: K,
  sender: number,
  identity: KeyPair,
  body: Bodies[K],
): Uint8Array {
  const header = concatBytes(Uint8Array.of(VERSION, MESSAGE[type]), u16be(sender), contextOf(session, type));
  const unsigned = concatBytes(header, CODECS[type].encode(body));
  return concatBytes(unsigned, sign(identity, concatBytes(SIGNED_LABEL, unsigned)));
}

/** Type and sender a message claims, unverified; for routing only. @throws KonsilError AGG_BAD_MESSAGE. */
export function peekMessage(bytes: Uint8Array): { readonly type: MessageType; readonly sender: number } {
  const type = (Object.keys(MESSAGE) as MessageType[]).find((key) => MESSAGE[key] === bytes[1]);
  if (bytes.length < HEADER_BYTES + SIGNATURE_BYTES || bytes[0] !== VERSION || type === undefined)
    throw malformed('not a message of this protocol version');
  return { type, sender: bytes[2]! * 256 + bytes[3]! };
}

/**
 * Body of a message after checking version, type, sender, context and signature under the pinned identity.
 * @throws KonsilError AGG_BAD_MESSAGE when any of them or the layout is wrong.
 */
export function openMessage<K extends MessageType>(
  session: Session,
  type: K,
  sender: number,
  bytes: Uint8Array,
): Bodies[K] {
  const claimed = peekMessage(bytes);
  if (claimed.type !== type || claimed.sender !== sender) throw malformed('message has another type or sender');
  if (!equalBytes(bytes.subarray(4, HEADER_BYTES), contextOf(session, type)))
    throw malformed('message is of another context');
  const publicKey = sender === COORDINATOR ? session.coordinator : session.roster[sender]?.publicKey;
  const signedEnd = bytes.length - SIGNATURE_BYTES;
  const signed = concatBytes(SIGNED_LABEL, bytes.subarray(0, signedEnd));
  if (publicKey === undefined || !verify(publicKey, signed, bytes.subarray(signedEnd)))
    throw malformed('message signature is not valid');
  return decodeBody(type, bytes.subarray(HEADER_BYTES, signedEnd));
}

/** Body of a message that was opened before: layout only, no second signature check. */
export function rereadMessage<K extends MessageType>(type: K, bytes: Uint8Array): Bodies[K] {
  return decodeBody(type, bytes.subarray(HEADER_BYTES, bytes.length - SIGNATURE_BYTES));
}

/** Strict parse of a bare body. @throws KonsilError AGG_BAD_MESSAGE. */
export function decodeBody<K extends MessageType>(type: K, body: Uint8Array): Bodies[K] {
  const reader = new Reader(body);
  const decoded = CODECS[type].decode(reader);
  reader.end();
  return decoded;
}

/** Layout of a bare body; what hashes over a body use. */
export function encodeBody<K extends MessageType>(type: K, body: Bodies[K]): Uint8Array {
  return CODECS[type].encode(body);
}

/** A pod's message quoted verbatim inside the coordinator's. */
export interface Quoted<K extends MessageType> {
  readonly sender: number;
  readonly bytes: Uint8Array;
  readonly body: Bodies[K];
}

/** Opens quoted messages of pods; senders strictly ascending. @throws KonsilError AGG_BAD_MESSAGE naming the pod. */
export function openQuoted<K extends MessageType>(
  session: Session,
  type: K,
  messages: readonly Uint8Array[],
): Quoted<K>[] {
  const quoted = messages.map((bytes) => {
    const { sender } = peekMessage(bytes);
    if (sender >= session.n) throw malformed('quoted message is not from a pod');
    return { sender, bytes, body: openMessage(session, type, sender, bytes) };
  });
  return ascending(quoted, (message) => message.sender);
}
