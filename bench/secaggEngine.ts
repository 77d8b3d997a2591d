/**
 * Part (a) of bench/secagg.ts: masks and sums over one long vector, beside what they are made of. The cases take turns,
 * so that other load on the machine meets all of them; medians of CPU time.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import {
  addVectors,
  allocateVector,
  applyMasks,
  type LaneBits,
  type MaskKey,
  MaskPool,
  randomBytes,
  sha256,
  type VectorShape,
} from '../src/crypto/index.ts';
import { openLaneKernel, STRETCH_BYTES } from '../src/crypto/lanesKernel/laneKernel.ts';
import { medianOf, optionsOf, report, type Times, timedAsync } from './secaggMeasure.ts';

/** Everything about `bytes` bytes of vector; times in milliseconds. */
export interface EngineReport {
  readonly bytes: number;
  /** Whether ciphers' outputs can be given back at once (`ArrayBuffer.prototype.transfer`). */
  readonly canTransfer: boolean;
  /** Of the `openssl` command's own AES-256-CTR, 16 KiB at a time; null where there is none. */
  readonly openssl: number | null;
  readonly cases: Readonly<Record<string, Times>>;
}

const options = optionsOf({ words: 10_000_000, rounds: 9 });
/** Masks where several are applied at once. */
const MANY = 10;
const bytes = 4 * options.words;
const shapeOf = (bits: LaneBits): VectorShape => [{ bits, length: (bytes * 8) / bits }];
const masksOf = (count: number): MaskKey[] =>
  Array.from({ length: count }, (_, i) => ({ key: randomBytes(32), sign: i % 2 === 0 ? 1 : -1 }));

/** Milliseconds `openssl speed` needs for as many bytes, from its own CPU time. */
function opensslMs(): number | null {
  const args = ['speed', '-mr', '-evp', 'aes-256-ctr', '-bytes', '16384', '-seconds', '1'];
  try {
    const output = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const bytesPerSecond = Number(output.trimEnd().split(':').at(-1));
    return bytesPerSecond > 0 ? (1000 * bytes) / bytesPerSecond : null;
  } catch {
    return null;
  }
}

/** AES-256-CTR by Node's interface alone: what a mask cannot be faster than without another cipher. */
function rawCipher(): void {
  const cipher = createCipheriv('aes-256-ctr', randomBytes(32), new Uint8Array(16));
  const zeros = new Uint8Array(STRETCH_BYTES);
  for (let at = 0; at < bytes; at += STRETCH_BYTES) cipher.update(zeros);
}

const own = { vector: new Uint8Array(bytes).fill(1), other: new Uint8Array(bytes).fill(2) };
const shared = { vector: allocateVector(shapeOf(32)).fill(1), other: allocateVector(shapeOf(32)).fill(2) };
const stretch = new Uint8Array(STRETCH_BYTES);
const kernel = openLaneKernel();
const pools = [new MaskPool({ threads: 1 }), new MaskPool({ threads: 2 })] as const;

const cases: Record<string, () => unknown> = {
  'memory copy': () => own.vector.set(own.other),
  'AES-256-CTR, Node': rawCipher,
  'sum in cache': () => {
    for (let at = 0; at < bytes; at += STRETCH_BYTES) kernel.combine(stretch, 32, 1);
  },
  'one mask, 32-bit lanes': () => applyMasks(own.vector, shapeOf(32), masksOf(1)),
  'one mask, 16-bit lanes': () => applyMasks(own.vector, shapeOf(16), masksOf(1)),
  'one mask, 8-bit lanes': () => applyMasks(own.vector, shapeOf(8), masksOf(1)),
  [`${MANY} masks`]: () => applyMasks(own.vector, shapeOf(32), masksOf(MANY)),
  'sum of two vectors': () => addVectors(own.vector, own.other, shapeOf(32)),
  'sum of two shared vectors': () => addVectors(shared.vector, shared.other, shapeOf(32)),
  'SHA-256': () => sha256(own.vector),
  [`${MANY} masks, 1 thread`]: async () => pools[0].applyMasks(shared.vector, shapeOf(32), masksOf(MANY)),
  [`${MANY} masks, 2 threads`]: async () => pools[1].applyMasks(shared.vector, shapeOf(32), masksOf(MANY)),
};

const taken = new Map<string, Times[]>(Object.keys(cases).map((name) => [name, []]));
for (let round = -1; round < options.rounds; round++)
  for (const [name, work] of Object.entries(cases)) {
    const { times } = await timedAsync(async () => work());
    if (round >= 0) taken.get(name)!.push(times); // the first round warms up
  }
await Promise.all(pools.map(async (pool) => pool.close()));
const answer: EngineReport = {
  bytes,
  canTransfer: 'transfer' in ArrayBuffer.prototype,
  openssl: opensslMs(),
  cases: Object.fromEntries([...taken].map(([name, times]) => [name, medianOf(times)])),
};
report(answer);
