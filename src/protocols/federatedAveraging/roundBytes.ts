/**
 * What a round moves over the broker, before anything is run.
 * @module
 */
import { wireBytes } from '../../aggregation/index.ts';
import { CHUNK_BYTES } from '../../transport/index.ts';
import { plainBytes } from '../plainSum.ts';
import { exactSums } from './quantisation.ts';
import { sumSpec } from './sums.ts';

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
const SIZES = { receipt: 361, blobGet: 489, chunk: 500, start: 836, progress: 426, done: 437, plain: 520, open: 492 };
/** Messages of the secure sum, with n pods in it: each hears of every other one. */
const SHARES = { sent: (n: number): number => 3_025 + 195 * n, received: (n: number): number => 306 + 1_582 * n };

/**
 * Estimates a round with a model of `parameters` numbers.
 * @param sites - In the sum.
 * @param bits - Of a masked parameter. A sum of ranges before it costs as much again, but for the update and the parameters.
 */
export function roundBytes(parameters: number, sites: number, isSecure: boolean, bits = 32): RoundBytes {
  const facts = { parameters, features: 1, kind: 'binary', classes: 2 } as const;
  const spec = sumSpec('update', facts, { ...exactSums(sites), bits });
  const update = isSecure ? wireBytes(spec) : plainBytes(spec);
  const down = 4 * parameters;
  const [ups, downs] = [Math.ceil(update / CHUNK_BYTES), Math.ceil(down / CHUNK_BYTES)];
  const sent = update + SIZES.chunk * ups + SIZES.blobGet * downs + SIZES.progress;
  const received = down + SIZES.chunk * downs + SIZES.blobGet * ups + SIZES.start;
  // each message is answered by a receipt
  const receipts = (messages: number): number => SIZES.receipt * (messages + ups + downs);
  if (!isSecure) return { update, sent: sent + SIZES.plain + receipts(1), received: received + receipts(2) };
  return {
    update,
    // received: start, open, roster, inbox, survivors, proof
    sent: sent + SIZES.done + SHARES.sent(sites) + receipts(6),
    // sent: progress, done, advertise, shares, manifest, consistency, release
    received: received + SIZES.open + SHARES.received(sites) + receipts(7),
  };
}
