/**
 * How many bytes the messages of one attempt take, from the layouts of `messages.ts`; without the envelopes that carry
 * them and without the masked vector. Nobody drops out: that is the most an attempt can cost.
 * @module
 */
import { isSparse } from './context.ts';
import type { MessageType } from './messages.ts';
import type { Thresholds } from './parameters.ts';

/** Version, type, sender and context before the body, and the signature after it. */
const SIGNED_BYTES = 4 + 32 + 64;
const COUNT_BYTES = 2;
const ADVERTISE_BYTES = SIGNED_BYTES + 4 * 32;
const CONSISTENCY_BYTES = SIGNED_BYTES + 32;
/** Index, two commitments, nonce and sealed shares. */
const ENTRY_BYTES = 2 + 2 * 32 + 12 + 80;

/** Bytes of each message of one pod in an attempt. */
export type MessageSizes = Readonly<Record<Exclude<MessageType, 'complaint'>, number>>;

/** Sizes of the messages to and from one pod. */
export function messageSizes(thresholds: Pick<Thresholds, 'n' | 'k'>): MessageSizes {
  const { n, k } = thresholds;
  const holders = k + 1;
  const nonces = isSparse(thresholds) ? n : 0;
  return {
    advertise: ADVERTISE_BYTES,
    roster: SIGNED_BYTES + COUNT_BYTES + 32 * nonces + COUNT_BYTES + holders * (4 + ADVERTISE_BYTES),
    shares: SIGNED_BYTES + 32 + COUNT_BYTES + holders * ENTRY_BYTES,
    inbox: SIGNED_BYTES + COUNT_BYTES + holders * ENTRY_BYTES,
    manifest: SIGNED_BYTES + 4 + 32,
    survivors: SIGNED_BYTES + COUNT_BYTES + n * (2 + 32),
    consistency: CONSISTENCY_BYTES,
    proof: SIGNED_BYTES + COUNT_BYTES + n * (4 + CONSISTENCY_BYTES),
    release: SIGNED_BYTES + 32 + COUNT_BYTES + holders * (2 + 1 + 32),
  };
}

/** What a pod sends, of {@link MessageSizes}; it receives the rest. */
const SENT = ['advertise', 'shares', 'manifest', 'consistency', 'release'] as const;

/** Bytes one pod sends and receives in an attempt. */
export function messageTotals(sizes: MessageSizes): { readonly sent: number; readonly received: number } {
  const sent = SENT.reduce((sum, type) => sum + sizes[type], 0);
  return { sent, received: Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0) - sent };
}
