/**
 * A coordinator that cheats: the honest program's messages, changed on their way out and signed with its own key.
 * @module
 */
import { PROTOCOL_LABEL } from '../../src/aggregation/index.ts';
import { encodeBody, peekMessage, rereadMessage } from '../../src/aggregation/secure/messages.ts';
import { concatBytes, frame, toHex } from '../../src/base/index.ts';
import { type Identity, type PeerId, sha256, sign } from '../../src/crypto/index.ts';
import type { PeerBook } from '../../src/keystore/index.ts';
import { CHUNK_BYTES, type Channel, type OnMessage } from '../../src/transport/index.ts';
import type { BlobRef, Message } from '../../src/wire/index.ts';
import type { Malicious } from '../scenario/schema.ts';

type Lie = Extract<Malicious, { role: 'different_models' | 'survivor_lie' }>;

/** Bytes of a message of secure aggregation before its body, and of the signature behind it. */
const HEADER_BYTES = 36;
const SIGNATURE_BYTES = 64;

export interface LiarOptions {
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly lies: readonly Lie[];
}

/** `channel` as the coordinator's program sees it, with its owner's lies told over it; itself when there are none. */
export function lyingChannel(channel: Channel, options: LiarOptions): Channel {
  if (options.lies.length === 0) return channel;
  const liar = new Liar(channel, options);
  return new Proxy(channel, {
    get: (target, property) => {
      if (property === 'send') return liar.send;
      if (property === 'onMessage') return liar.onMessage;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

class Liar {
  readonly #channel: Channel;
  readonly #options: LiarOptions;
  /** Models that only the victim is shown, by their hash. */
  readonly #models = new Map<string, Uint8Array>();
  /** Update round underway; 0 in other sums. */
  #round = 0;

  constructor(channel: Channel, options: LiarOptions) {
    this.#channel = channel;
    this.#options = options;
    channel.onMessage((from, context, message) => {
      const bytes = message.type === 'BLOB_GET' ? this.#models.get(message.id) : undefined;
      if (message.type !== 'BLOB_GET' || !bytes) return;
      const start = message.index * CHUNK_BYTES;
      const chunk: Message = { ...message, type: 'BLOB_CHUNK', bytes: bytes.slice(start, start + CHUNK_BYTES) };
      channel.send(from, context, chunk).catch(() => undefined); // the victim is gone, and so is the lie
    });
  }

  readonly onMessage = (listener: OnMessage): void =>
    this.#channel.onMessage((from, context, message) => {
      if (message.type !== 'BLOB_GET' || !this.#models.has(message.id)) listener(from, context, message);
    });

  readonly send: Channel['send'] = (to, context, message, options) =>
    this.#channel.send(to, context, this.#changed(to, message), options);

  #changed(to: PeerId, message: Message): Message {
    const name = this.#options.peers.findById(to)?.name;
    if (message.type === 'ROUND_START') this.#round = message.purpose === 'update' ? message.completed + 1 : 0;
    let told = message;
    for (const { role, pod, round } of this.#options.lies) {
      if (round !== this.#round) continue;
      if (role === 'different_models' && pod === name && told.type === 'ROUND_START' && told.parameters)
        told = { ...told, parameters: this.#otherModel(told.parameters) };
      if (role === 'survivor_lie' && pod !== name && told.type === 'SECURE_SHARE' && isSurvivorList(told.body))
        told = { ...told, body: this.#withoutPod(told.body, this.#indexOf(pod)) };
    }
    return told;
  }

  /** A model of zeros, as long as the true one. */
  #otherModel({ bytes }: BlobRef): BlobRef {
    const model = new Uint8Array(bytes);
    const id = toHex(sha256(model));
    this.#models.set(id, model);
    return { id, bytes };
  }

  /** Place of a pod in the roster of a session, which is sorted by name. */
  #indexOf(pod: string): number {
    const names = this.#options.peers.all().map(({ name }) => name);
    return names.sort().indexOf(pod);
  }

  #withoutPod(body: Uint8Array, pod: number): Uint8Array {
    const { uploads } = rereadMessage('survivors', body);
    const shorter = encodeBody('survivors', { uploads: uploads.filter((upload) => upload.pod !== pod) });
    const unsigned = concatBytes(body.subarray(0, HEADER_BYTES), shorter);
    const label = frame(`${PROTOCOL_LABEL}/message`);
    return concatBytes(unsigned, sign(this.#options.identity.signing, concatBytes(label, unsigned)));
  }
}

function isSurvivorList(body: Uint8Array): boolean {
  return body.length > HEADER_BYTES + SIGNATURE_BYTES && peekMessage(body).type === 'survivors';
}
