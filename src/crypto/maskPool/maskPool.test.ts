import { execFileSync } from 'node:child_process';
import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { seededBytes } from '../../../test/support/secaggCohort.ts';
import { allocateVector, type LaneBits, type MaskKey, shapeBytes, type VectorShape } from '../lanes.ts';
import { addVectors, applyMasks } from '../maskStream.ts';
import { hkdf, sha256 } from '../primitives.ts';
import { MaskPool } from './maskPool.ts';

/** Large enough for threads, with a run that ends inside a block. */
const LARGE: VectorShape = [
  { bits: 16, length: 300_001 },
  { bits: 8, length: 77_777 },
  { bits: 32, length: 450_003 },
];
const SMALL: VectorShape = [{ bits: 32, length: 1001 }];

const masks: MaskKey[] = [1, -1, 1].map((sign, i) => ({ key: seededBytes(`pool ${i}`)(32), sign: sign as 1 | -1 }));
const shared = (shape: VectorShape, label = 'vector'): Uint8Array => filled(allocateVector(shape), label);
const own = (shape: VectorShape, label = 'vector'): Uint8Array => filled(new Uint8Array(shapeBytes(shape)), label);

function filled(vector: Uint8Array, label: string): Uint8Array {
  const block = hkdf(sha256(Buffer.from(label)), new Uint8Array(0), 'pool test', 8160);
  for (let at = 0; at < vector.length; at += block.length) vector.set(block.subarray(0, vector.length - at), at);
  return vector;
}

/** The next thread that this process starts. */
const nextWorker = async (): Promise<Worker> => new Promise((resolve) => void process.once('worker', resolve));

describe('mask pool', () => {
  const pools = [1, 2, 3].map((threads) => new MaskPool({ threads }));
  afterAll(async () => {
    await Promise.all(pools.map(async (pool) => pool.close()));
  });

  for (const shape of [LARGE, SMALL])
    for (const [memory, make] of [
      ['shared', shared],
      ['own', own],
    ] as const)
      it(`masks, sums and hashes ${shapeBytes(shape)} bytes of ${memory} memory as one thread does`, async () => {
        const [masked, summed] = [own(shape), own(shape)];
        applyMasks(masked, shape, masks);
        addVectors(summed, own(shape, 'other'), shape);
        for (const pool of pools) {
          const [vector, target] = [make(shape), make(shape)];
          await pool.applyMasks(vector, shape, masks);
          expect(sha256(vector)).toEqual(sha256(masked));
          await pool.add(target, make(shape, 'other'), shape);
          expect(sha256(target)).toEqual(sha256(summed));
          expect(await pool.sha256(target)).toEqual(sha256(summed));
        }
      });

  it('does several calls at once, each to its own vector', async () => {
    const expected = own(LARGE);
    applyMasks(expected, LARGE, masks);
    const vectors = [1, 2, 3, 4].map(() => shared(LARGE));
    await Promise.all(vectors.map(async (vector) => pools[1]!.applyMasks(vector, LARGE, masks)));
    for (const vector of vectors) expect(sha256(vector)).toEqual(sha256(expected));
  });

  it('leaves a vector alone when there is no mask', async () => {
    const vector = shared(LARGE);
    await pools[0]!.applyMasks(vector, LARGE, []);
    expect(sha256(vector)).toEqual(sha256(own(LARGE)));
  });

  it('stops when cancelled, before and during the work', async () => {
    const signal = AbortSignal.abort();
    const cancelled = { code: 'CANCELLED' };
    await expect(pools[1]!.sha256(shared(SMALL), signal)).rejects.toMatchObject(cancelled);
    for (const make of [shared, own]) {
      const controller = new AbortController();
      const done = pools[1]!.applyMasks(make(LARGE), LARGE, masks, controller.signal);
      controller.abort();
      await expect(done).rejects.toMatchObject(cancelled);
    }
    const controller = new AbortController();
    const done = pools[1]!.sha256(shared(LARGE), controller.signal);
    controller.abort();
    await expect(done).rejects.toMatchObject(cancelled);
  });

  it('works on after a call that was cancelled or failed', async () => {
    const odd: VectorShape = [{ bits: 12 as LaneBits, length: 1_000_000 }];
    await expect(pools[1]!.applyMasks(allocateVector(odd), odd, masks)).rejects.toThrow(TypeError);
    const vector = shared(LARGE);
    expect(await pools[1]!.sha256(vector)).toEqual(sha256(vector));
  });

  it('refuses wrong lengths, keys and thread counts', async () => {
    await expect(pools[0]!.applyMasks(new Uint8Array(16), LARGE, masks)).rejects.toThrow(RangeError);
    await expect(pools[0]!.add(shared(LARGE), shared(SMALL), LARGE)).rejects.toThrow(RangeError);
    const short = [{ key: new Uint8Array(31), sign: 1 as const }];
    await expect(pools[0]!.applyMasks(shared(LARGE), LARGE, short)).rejects.toThrow(RangeError);
    for (const threads of [0, 1.5]) expect(() => new MaskPool({ threads })).toThrow(RangeError);
  });

  it('rejects what a lost thread worked on, and starts again', async () => {
    const pool = new MaskPool({ threads: 1 });
    const worker = nextWorker();
    const lost = pool.applyMasks(shared(LARGE), LARGE, masks);
    await (await worker).terminate();
    await expect(lost).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    expect(await pool.sha256(shared(LARGE))).toEqual(sha256(own(LARGE)));
    await pool.close();
  });

  it('rejects everything once closed', async () => {
    const pool = new MaskPool({ threads: 2 });
    const running = expect(pool.applyMasks(shared(LARGE), LARGE, masks)).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    await pool.close();
    await pool.close();
    await running;
    await expect(pool.sha256(own(SMALL))).rejects.toMatchObject({ code: 'RUN_ABORTED' });
  });

  it('lets the process end, but not before its work is done', () => {
    const program = `
      import { MaskPool } from './src/crypto/index.ts';
      const pool = new MaskPool({ threads: 2 });
      const digest = await pool.sha256(new Uint8Array(new SharedArrayBuffer(1 << 22)));
      process.stdout.write(Buffer.from(digest).toString('hex'));
    `;
    const options = ['--import', 'tsx', '--input-type=module', '-e', program];
    const output = execFileSync(process.execPath, options, { encoding: 'utf8', timeout: 30_000 });
    expect(output).toBe(Buffer.from(sha256(new Uint8Array(1 << 22))).toString('hex'));
  });
});
