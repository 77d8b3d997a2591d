import { afterAll, describe, expect, it } from 'vitest';
import { seededBytes } from '../../test/support/secaggCohort.ts';
import { type MaskKey, shapeBytes, type VectorShape } from './lanes.ts';
import { type MaskedStreamOptions, streamMasked } from './maskedStream.ts';
import { MaskPool } from './maskPool/maskPool.ts';
import { applyMasks } from './maskStream.ts';
import { sha256 } from './primitives.ts';

const shape: VectorShape = [
  { bits: 8, length: 100_003 },
  { bits: 32, length: 700_001 },
];
const masks: MaskKey[] = [1, -1].map((sign, i) => ({ key: seededBytes(`stream ${i}`)(32), sign: sign as 1 | -1 }));
const plain = new Uint8Array(shapeBytes(shape)).map((_, i) => (i * i) % 251);
const expected = plain.slice();
applyMasks(expected, shape, masks);

/** Streams the plain vector; gives what came out. */
async function collect(options: Partial<MaskedStreamOptions>): Promise<{ vector: Uint8Array; digest: Uint8Array }> {
  const vector = new Uint8Array(plain.length);
  const digest = await streamMasked({
    shape,
    masks,
    fill: (chunk, from) => chunk.set(plain.subarray(from, from + chunk.length)),
    take: (chunk, from) => vector.set(chunk, from),
    ...options,
  });
  return { vector, digest };
}

describe('masked stream', () => {
  const pool = new MaskPool({ threads: 2 });
  afterAll(async () => pool.close());

  for (const chunkBytes of [100_000, 1 << 20, 1 << 23])
    for (const where of ['here', 'on threads'] as const)
      it(`in chunks of ${chunkBytes} bytes, masked ${where}, is the vector masked whole, with its hash`, async () => {
        const { vector, digest } = await collect({ chunkBytes, ...(where === 'on threads' && { pool }) });
        expect(sha256(vector)).toEqual(sha256(expected));
        expect(digest).toEqual(sha256(expected));
      });

  it('waits for asynchronous ends and gives them zeroed chunks in order', async () => {
    const seen: string[] = [];
    const vector = new Uint8Array(plain.length);
    await streamMasked({
      shape,
      masks,
      pool,
      fill: async (chunk, from) => {
        if (chunk.some((byte) => byte !== 0)) throw new Error('chunk was not zeroed');
        await Promise.resolve();
        seen.push(`fill ${from}`);
        chunk.set(plain.subarray(from, from + chunk.length));
      },
      take: async (chunk, from) => {
        seen.push(`take ${from}`);
        await Promise.resolve();
        vector.set(chunk, from);
      },
    });
    expect(sha256(vector)).toEqual(sha256(expected));
    expect(seen.filter((entry) => entry.startsWith('fill'))).toEqual(['fill 0', 'fill 1048576', 'fill 2097152']);
    expect(seen.filter((entry) => entry.startsWith('take'))).toEqual(['take 0', 'take 1048576', 'take 2097152']);
  });

  it('ends with the error of either end, and when cancelled', async () => {
    const fail = (): void => {
      throw new Error('disk full');
    };
    await expect(collect({ fill: fail })).rejects.toThrow('disk full');
    await expect(collect({ take: fail, pool })).rejects.toThrow('disk full');
    const controller = new AbortController();
    const cancelled = collect({ take: () => controller.abort(), signal: controller.signal });
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(collect({ chunkBytes: 24 })).rejects.toThrow(RangeError);
  });

  it('wipes its chunks', async () => {
    const kept: Uint8Array[] = [];
    await collect({ take: (chunk) => void kept.push(chunk) });
    expect(kept.every((chunk) => chunk.every((byte) => byte === 0))).toBe(true);
  });
});
