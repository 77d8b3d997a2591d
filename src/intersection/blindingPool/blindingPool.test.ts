import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { concatBytes } from '../../base/index.ts';
import {
  elementOf,
  groupReady,
  invertScalar,
  multiply,
  randomBytes,
  randomScalar,
  sha256,
} from '../../crypto/index.ts';
import { BlindingPool } from './blindingPool.ts';
import { answer, type Blinding, type SharedBytes } from './work.ts';

function shared(bytes: Uint8Array): SharedBytes {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

await groupReady;

const COUNT = 150;
const secret = randomScalar(randomBytes);
const [scalar, inverse] = [shared(secret), shared(invertScalar(secret))];
const uniform = randomBytes(COUNT * 64);
const elements = concatBytes(...Array.from({ length: COUNT }, (_, i) => elementOf(uniform.slice(i * 64, i * 64 + 64))));
const times: Blinding = { from: 'element', scalar, to: 'element' };

describe('blinding pool', () => {
  const pool = new BlindingPool({ threads: 2 });
  afterAll(async () => pool.close());

  it('blinds every item in its place: elements, uniform bytes, to tags, and back', async () => {
    const blinded = await pool.blind(times, elements);
    for (const i of [0, 63, 64, 149])
      expect(blinded.subarray(i * 32, i * 32 + 32)).toEqual(multiply(elements.subarray(i * 32, i * 32 + 32), secret));
    const [hashed, undone, tags] = await Promise.all([
      pool.blind({ ...times, from: 'uniform' }, uniform),
      pool.blind({ ...times, scalar: inverse }, blinded),
      pool.blind({ ...times, to: { prefix: Uint8Array.of(7), bytes: 9 } }, elements),
    ]);
    expect(hashed).toEqual(blinded);
    expect(undone).toEqual(elements);
    expect(tags).toHaveLength(COUNT * 9);
    const last = blinded.subarray(-32);
    expect(tags.subarray(-9)).toEqual(sha256(Uint8Array.of(7), last).subarray(0, 9));
  });

  it('names the item that is no element', async () => {
    const bad = elements.slice();
    bad.fill(0xff, 100 * 32, 101 * 32);
    const refused = { code: 'PROTOCOL_VIOLATION', message: expect.stringMatching(/^item 100 is not/) as string };
    await expect(pool.blind(times, bad)).rejects.toMatchObject(refused);
    await expect(pool.blind(times, elements.subarray(1))).rejects.toThrow(RangeError);
  });

  it('does nothing for an empty list', async () => {
    expect(await pool.blind(times, new Uint8Array(0))).toHaveLength(0);
  });

  it('stops when cancelled, before and during the work, and goes on with the next call', async () => {
    await expect(pool.blind(times, elements, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    const controller = new AbortController();
    const running = pool.blind(times, concatBytes(elements, elements, elements), controller.signal);
    setImmediate(() => controller.abort());
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await pool.blind(times, elements.subarray(0, 32))).toEqual(multiply(elements.subarray(0, 32), secret));
  });

  it('ends calls when it is closed, and takes no more', async () => {
    const own = new BlindingPool({ threads: 1 });
    const running = expect(own.blind(times, elements)).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    await own.close();
    await own.close();
    await running;
    await expect(own.blind(times, elements)).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    expect(() => new BlindingPool({ threads: 0 })).toThrow(RangeError);
  });

  it('ends calls when a thread dies, and starts anew for the next', async () => {
    const own = new BlindingPool({ threads: 1 });
    const started = new Promise<Worker>((resolve) => void process.once('worker', resolve));
    const running = expect(own.blind(times, elements)).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    await (await started).terminate();
    await running;
    expect(await own.blind(times, elements.subarray(0, 32))).toEqual(multiply(elements.subarray(0, 32), secret));
    await own.close();
  });
});

describe("a thread's answer to an order", () => {
  it('is its items blinded, and the items are gone', () => {
    const items = elements.slice(0, 64);
    expect(answer({ id: 3, blinding: times, items })).toEqual({
      id: 3,
      output: concatBytes(multiply(elements.slice(0, 32), secret)!, multiply(elements.slice(32, 64), secret)!),
    });
    expect(items).toEqual(new Uint8Array(64));
  });

  it('says which item it refused, and no more of what went wrong than that', () => {
    expect(answer({ id: 1, blinding: times, items: new Uint8Array(32) })).toEqual({ id: 1, refused: 0 });
    const wiped: Blinding = { ...times, scalar: shared(new Uint8Array(32)) };
    expect(answer({ id: 2, blinding: wiped, items: elements.slice(0, 32) })).toEqual({ id: 2, error: true });
  });
});
