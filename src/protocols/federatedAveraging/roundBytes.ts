/**
 * What a round moves over the broker, before anything is run.
 * @module
 */
import { blockCount, blocksToSend, SPARSE_BLOCK, wireBytes } from '../../aggregation/index.ts';
import { CHUNK_BYTES } from '../../transport/index.ts';
import { plainBytes } from '../plainSum.ts';
import { exactSums } from './quantisation.ts';
import { hasRanges, sumSpec } from './sums.ts';

/** Bytes of one round at one site; a repeated attempt costs them again. */
export interface RoundBytes {
  /** The masked vector, or the plain input. */
  readonly update: number;
  /** All that the site sends: update, other messages, receipts. */
  readonly sent: number;
  /** All that it receives: parameters, other messages, receipts. */
  readonly received: number;
}

/**
 * Sizes of envelopes, as `bench/roundMessages.ts` prints them for 30 features. What is in a ROUND_START grows by 8 bytes
 * a feature, which is nothing beside parameters.
 */
const SIZES = { receipt: 361, blobGet: 489, chunk: 500, start: 878, progress: 426, done: 586, plain: 520, open: 505 };
/** Messages of the secure sum, with n pods in it: each hears of every other one, so above 32 pods it is less. */
const SHARES = { sent: (n: number): number => 3_025 + 193 * n, received: (n: number): number => 2_206 + 560 * n };

/** How a round's update is masked. */
export interface MaskedRound {
  /** Of a parameter. @default 32 */
  readonly bits?: number;
  /** Stretches with a clip that the pods agree on by a sum of its own before. @default 0 */
  readonly stretches?: number;
  /** Share of the parameters sent, which the pods vote for by that sum. @default all, without a vote */
  readonly sparse?: number;
}

/**
 * Estimates a round with a model of `parameters` numbers.
 * @param sites - In the sum.
 * @param masked - Null in the open.
 */
export function roundBytes(parameters: number, sites: number, masked: MaskedRound | null): RoundBytes {
  const facts = { parameters, features: 1, kind: 'binary', classes: 2 } as const;
  const down = 4 * parameters;
  if (!masked) {
    const update = plainBytes(sumSpec('update', facts, exactSums(sites)));
    const { sent, received } = moved(update, down, { sent: 1, received: 2 });
    return { update, sent: sent + SIZES.progress + SIZES.plain, received };
  }
  const { bits = 32, stretches = 0, sparse: share } = masked;
  const secure = { ...exactSums(sites), bits };
  const updateLength = share === undefined ? parameters : sparseLength(parameters, share);
  const update = wireBytes({ ...sumSpec('update', facts, secure), updateLength });
  const own = { stretches: Array.from({ length: stretches }, () => 1), ...(share !== undefined && { share }) };
  const ranges = wireBytes(sumSpec('range', { ...facts, ...own }, secure));
  // the pods have the parameters from the sum of ranges when they are asked for the update
  const sums = hasRanges(own)
    ? [maskedSum(ranges, down, sites), maskedSum(update, 0, sites)]
    : [maskedSum(update, down, sites)];
  const choice = share === undefined ? 0 : Math.ceil(blockCount(parameters) / 8);
  const total = (way: 'sent' | 'received'): number => sums.reduce((sum, exchange) => sum + exchange[way], 0);
  return { update, sent: total('sent') + SIZES.progress, received: total('received') + choice };
}

/** Parameters in a sparse update; up to a block fewer when the last one, which may be shorter, is among the chosen. */
function sparseLength(parameters: number, share: number): number {
  return Math.min(parameters, SPARSE_BLOCK * blocksToSend(parameters, share));
}

interface Exchange {
  readonly sent: number;
  readonly received: number;
}

/** Blobs of `up` and `down` bytes and the round's start, with a receipt for each message; so many `messages` beside them. */
function moved(up: number, down: number, messages: Exchange): Exchange {
  const [ups, downs] = [Math.ceil(up / CHUNK_BYTES), Math.ceil(down / CHUNK_BYTES)];
  return {
    sent: up + SIZES.chunk * ups + SIZES.blobGet * downs + SIZES.receipt * (messages.sent + ups + downs),
    received:
      down +
      SIZES.chunk * downs +
      SIZES.blobGet * ups +
      SIZES.start +
      SIZES.receipt * (messages.received + ups + downs),
  };
}

function maskedSum(vector: number, down: number, sites: number): Exchange {
  // received: start, open, roster, inbox, survivors, proof; sent: progress, done, advertise, shares, manifest,
  // consistency, release
  const { sent, received } = moved(vector, down, { sent: 6, received: 7 });
  return {
    sent: sent + SIZES.done + SHARES.sent(sites),
    received: received + SIZES.open + SHARES.received(sites),
  };
}
