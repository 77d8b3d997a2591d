/**
 * What a broker has of a sum: sealed envelopes, made from the messages as a channel makes them, with their sizes and
 * their order.
 * @module
 */
import { toHex } from '../../../src/base/index.ts';
import { randomBytes, sealEnvelope, sha256 } from '../../../src/crypto/index.ts';
import { CHUNK_BYTES } from '../../../src/transport/index.ts';
import { encodeHeader, encodeMessage, type Message, PROTOCOL_VERSION } from '../../../src/wire/index.ts';
import type { Cohort, Sent, SumView } from './sum.ts';

/** One envelope on its way. */
export interface Envelope {
  readonly pod: string;
  readonly toCoordinator: boolean;
  readonly bytes: Uint8Array;
  /** The sealed bytes in the place of the masked vector, or of a piece of it; where it is anybody can compute. */
  readonly vector?: Uint8Array;
}

/** Bytes before the sealed part: version and ephemeral key, whose top bit is always clear. */
export const UNSEALED_BYTES = 33;
const TAG_BYTES = 16;
const SIGNATURE_BYTES = 64;

/** Envelopes between the coordinator and `pods`, in order. */
export function sealTraffic({ traffic, session }: SumView, cohort: Cohort, pods: readonly string[]): Envelope[] {
  const boots = new Map<string, Uint8Array>();
  const bootOf = (name: string): Uint8Array => {
    const boot = boots.get(name) ?? randomBytes(16);
    boots.set(name, boot);
    return boot;
  };
  const numbers = new Map<string, number>();
  return traffic
    .filter(({ pod }) => pods.includes(pod))
    .flatMap((sent) =>
      messagesOf(sent).map((message): Envelope => {
        const { pod, toCoordinator } = sent;
        const [own, other] = toCoordinator
          ? [cohort.pods.get(pod)!, cohort.coordinator]
          : [cohort.coordinator, cohort.pods.get(pod)!];
        const way = `${pod} ${toCoordinator}`;
        const seq = numbers.get(way) ?? 0;
        numbers.set(way, seq + 1);
        const header = encodeHeader({
          ...{ v: PROTOCOL_VERSION, kind: 'data', from: own.public.id, to: other.public.id, seq },
          ...{ fromBoot: bootOf(own.public.id), toBoot: bootOf(other.public.id) },
          // a round's number grows by a byte now and then, whoever is in it
          ...{ run: session.runId, round: 1, phase: 'secure' },
        });
        const bytes = sealEnvelope(own, other.public, header, encodeMessage(message));
        if (message.type !== 'BLOB_CHUNK') return { pod, toCoordinator, bytes };
        // frame(…, body, signature): the vector ends where the signature and its length begin
        const end = bytes.length - TAG_BYTES - SIGNATURE_BYTES - 4;
        return { pod, toCoordinator, bytes, vector: bytes.subarray(end - message.bytes!.length, end) };
      }),
    );
}

function messagesOf({ body, vector }: Sent): Message[] {
  const common = { type: 'SECURE_SHARE', purpose: 'update', attempt: 0, body } as const;
  if (!vector) return [common];
  const id = toHex(sha256(vector));
  const chunks = Array.from(
    { length: Math.ceil(vector.length / CHUNK_BYTES) },
    (_, index): Message => ({
      type: 'BLOB_CHUNK',
      id,
      index,
      bytes: vector.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
    }),
  );
  return [{ ...common, vector: { id, bytes: vector.length } }, ...chunks];
}
