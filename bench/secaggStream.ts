/**
 * A client whose vector is never in memory as a whole: quantises, masks and hashes chunk by chunk. Reports its peak
 * memory. Part of bench/secagg.ts.
 * @module
 */
import { MaskPool, randomBytes, streamMasked } from '../src/crypto/index.ts';
import { optionsOf, peakMiB, report, type Times, timedAsync } from './secaggMeasure.ts';

export interface StreamReport {
  readonly words: number;
  readonly masks: number;
  readonly threads: number;
  /** Milliseconds. */
  readonly times: Times;
  readonly peakMiB: number;
  /** Before the first chunk: the engine and the loaded modules. */
  readonly startMiB: number;
  readonly uploaded: number;
}

const { words, masks, threads } = optionsOf({ words: 300_000_000, masks: 33, threads: 0 });
const startMiB = peakMiB();
const pool = threads > 0 ? new MaskPool({ threads }) : undefined;
const keys = Array.from({ length: masks }, (_, i) => ({
  key: randomBytes(32),
  sign: i % 2 === 0 ? (1 as const) : (-1 as const),
}));
/** Stands for a stretch of a trained model read from disk. */
const update = new Float32Array(1 << 18).map((_, i) => Math.sin(i));
let uploaded = 0;

/** Rounds to 2^20 levels a unit, as the quantiser does. */
function quantise(chunk: Uint8Array): void {
  const lanes = new Int32Array(chunk.buffer, chunk.byteOffset, chunk.length / 4);
  for (let i = 0; i < lanes.length; i++) lanes[i] = Math.floor(Math.max(-1, Math.min(1, update[i]!)) * 2 ** 20 + 0.5);
}

const { times } = await timedAsync(async () =>
  streamMasked({
    shape: [{ bits: 32, length: words }],
    masks: keys,
    fill: quantise,
    take: (chunk) => {
      uploaded += chunk.length;
    },
    ...(pool && { pool }),
  }),
);
await pool?.close();
const answer: StreamReport = { words, masks, threads, times, peakMiB: peakMiB(), startMiB, uploaded };
report(answer);
