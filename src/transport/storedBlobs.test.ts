/** Blobs by way of a store over real HTTP, and what a store may try. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquainted } from '../../sim/acquainted.ts';
import { S3_KEY, S3Server } from '../../test/support/s3Server.ts';
import { randomBytes } from '../crypto/index.ts';
import { NO_RUN, presenceTopic } from '../wire/index.ts';
import { Blobs, CHUNK_BYTES } from './blobs.ts';
import { Channel } from './channel.ts';
import { type Clock, systemClock } from './link.ts';
import { MemoryBroker } from './memoryLink.ts';
import { type S3Address, S3Store } from './s3Store.ts';
import { SEGMENT_BYTES, storeMs } from './storedBlobs.ts';

const BYTES = 3 * SEGMENT_BYTES + 12_345;

describe('blobs through a store', () => {
  const world = acquainted(['modeller', 'a', 'b']);
  type Name = keyof typeof world;
  const idOf = (name: Name) => world[name].identity.public.id;
  let s3: S3Server;
  let broker: MemoryBroker;
  let channels: Channel[];
  let problems: string[];
  /** Bytes that went through the broker. */
  let carried: number;
  /** Waits pass this much faster. */
  let haste: number;
  const clock: Clock = {
    now: () => systemClock.now() * haste,
    after: (ms, callback) => systemClock.after(ms / haste, callback),
  };

  beforeEach(async () => {
    s3 = await S3Server.start();
    [broker, channels, problems, carried, haste] = [new MemoryBroker(), [], [], 0, 1];
    broker.intercept = (_topic, payload) => {
      carried += payload.length;
      return [payload];
    };
  });
  afterEach(async () => {
    await Promise.all(channels.map((channel) => channel.close()));
    await s3.close();
  });

  const open = async (name: Name, change: Partial<S3Address> | null = {}): Promise<Blobs> => {
    const { identity, peers } = world[name];
    const link = broker.connect(presenceTopic(identity.public.id));
    const channel = await Channel.open({ link, identity, peers, clock });
    channels.push(channel);
    if (change === null) return new Blobs(channel);
    const address = { endpoint: s3.endpoint, bucket: 'bucket', region: 'us-east-1', prefix: 'study/', ...S3_KEY };
    const store = new S3Store({ ...address, ...change });
    return new Blobs(channel, { store: { store, onProblem: (reason) => problems.push(`${name}: ${reason}`) } });
  };
  const pull = (blobs: Blobs, ref: Parameters<Blobs['pull']>[1], signal?: AbortSignal): Promise<Uint8Array> =>
    blobs.pull(idOf('modeller'), ref, NO_RUN, { maxBytes: BYTES, ...(signal && { signal }) });
  const expectBytes = (pulled: Uint8Array, bytes: Uint8Array): void => expect(Buffer.compare(pulled, bytes)).toBe(0);
  const puts = (): string[] => s3.log.filter((line) => line.startsWith('PUT'));

  it('go there once for all readers, by the broker only name and key, and are deleted when withdrawn', async () => {
    const [modeller, a, b] = [await open('modeller'), await open('a'), await open('b')];
    const bytes = randomBytes(BYTES);
    const ref = modeller.offer(bytes, [idOf('a'), idOf('b')]);
    for (const pulled of await Promise.all([pull(a, ref), pull(b, ref)])) expectBytes(pulled, bytes);
    expect(puts()).toHaveLength(1);
    expect(puts()[0]).toMatch(/^PUT \/bucket\/study\/[0-9a-f]{32}$/);
    expect(carried).toBeLessThan(20_000);
    modeller.withdraw(ref);
    await modeller.close();
    expect(s3.objects.size).toBe(0);
    expect(problems).toEqual([]);
  });

  it('are deleted when their owner closes, also those offered twice', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const bytes = randomBytes(BYTES);
    const ref = modeller.offer(bytes, [idOf('a')]);
    modeller.offer(bytes, [idOf('a')]);
    await pull(a, ref);
    modeller.withdraw(ref);
    expectBytes(await pull(a, ref), bytes);
    expect(s3.objects.size).toBe(1);
    await modeller.close();
    expect(s3.objects.size).toBe(0);
  });

  it('show the store nothing: equal bytes are never put twice alike, and look like chance', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const bytes = new Uint8Array(BYTES);
    for (let time = 0; time < 2; time++) {
      const ref = modeller.offer(bytes, [idOf('a')]);
      expectBytes(await pull(a, ref), bytes);
      modeller.withdraw(ref);
    }
    const [[one], [other]] = [...s3.versions.values()] as [Uint8Array[], Uint8Array[]];
    const same = one!.reduce((sum, byte, i) => sum + (byte === other![i] ? 1 : 0), 0);
    expect(same / one!.length).toBeLessThan(1 / 200); // 1/256 by chance
    const counts = new Float64Array(256);
    for (const byte of one!) counts[byte]!++;
    const expected = one!.length / 256;
    const chi2 = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: mean 255, deviation 22.6; six deviations
    expect(chi2).toBeLessThan(255 + 6 * 22.6);
  });

  it('stay with the broker when small, or when one side has no store', async () => {
    const [modeller, a, b] = [await open('modeller'), await open('a'), await open('b', null)];
    const small = randomBytes(CHUNK_BYTES + 1);
    expectBytes(await pull(a, modeller.offer(small, [idOf('a')])), small);
    const large = randomBytes(BYTES);
    expectBytes(await pull(b, modeller.offer(large, [idOf('b')])), large);
    expect(s3.log).toEqual([]);
    // and the other way round: a reader that asks an owner without one
    const ref = b.offer(large, [idOf('a')]);
    expectBytes(await a.pull(idOf('b'), ref, NO_RUN, { maxBytes: BYTES }), large);
    expect(s3.log).toEqual([]);
  });

  it('are not told to somebody they were not offered to', async () => {
    const [modeller, a, b] = [await open('modeller'), await open('a'), await open('b')];
    const ref = modeller.offer(randomBytes(BYTES), [idOf('a')]);
    await expect(pull(b, ref)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    expect(s3.log).toEqual([]);
    await pull(a, ref);
    await expect(pull(b, ref)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
  });

  it('come whole after a store that stumbles, without a byte twice that is there', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const bytes = randomBytes(BYTES);
    const stumbled = new Set<string>();
    s3.fault = (method, _path, range) => {
      const what = `${method} ${range?.[0]}`;
      if (stumbled.has(what)) return 'none';
      stumbled.add(what);
      return method === 'GET' && range![0] > 0 ? 'truncate' : 'unavailable';
    };
    expectBytes(await pull(a, modeller.offer(bytes, [idOf('a')])), bytes);
    expect(stumbled.size).toBe(1 + 4);
    expect(carried).toBeLessThan(20_000);
    expect(problems).toEqual([]);
  });

  /** What a store does instead, and what is said about it. */
  const lies: [string, (bytes: Uint8Array, other: Uint8Array) => Uint8Array][] = [
    ['alters one bit', (bytes) => bytes.map((byte, i) => (i === 2 * SEGMENT_BYTES ? byte ^ 1 : byte))],
    ['gives another object', (_bytes, other) => other],
    [
      'puts segments in another order',
      (bytes) => {
        const size = SEGMENT_BYTES + 16;
        const parts = [bytes.slice(size, 2 * size), bytes.slice(0, size), bytes.slice(2 * size)];
        return new Uint8Array(Buffer.concat(parts));
      },
    ],
    ['cuts the end off', (bytes) => bytes.slice(0, -1000)],
    ['gives zeros', (bytes) => new Uint8Array(bytes.length)],
  ];
  it.each(lies)('come by the broker from a store that %s', async (_what, lie) => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    // an earlier version of the same bytes, sealed under an earlier key, is the other object
    const bytes = randomBytes(BYTES);
    const earlier = modeller.offer(bytes, [idOf('a')]);
    await pull(a, earlier);
    modeller.withdraw(earlier);
    const [other] = [...s3.versions.values()][0]!;
    s3.fault = (method, path) => (method === 'GET' ? { bytes: lie(s3.objects.get(path)!, other!) } : 'none');
    expectBytes(await pull(a, modeller.offer(bytes, [idOf('a')])), bytes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^a: (the blob store gives other bytes|blob store .*GET).*the broker carries large blobs/,
    );
  });

  it('come by the broker from a store that is down, which is left alone for a minute', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const bytes = randomBytes(BYTES);
    s3.fault = () => 'unavailable';
    haste = 20;
    expectBytes(await pull(a, modeller.offer(bytes, [idOf('a')])), bytes);
    expect(problems).toEqual([
      expect.stringMatching(/^modeller: blob store http.*\/bucket: PUT: 503 SlowDown; the broker/),
    ]);
    const asked = s3.log.length;
    await pull(a, modeller.offer(randomBytes(BYTES), [idOf('a')]));
    expect(s3.log).toHaveLength(asked);
  });

  it('come by the broker from a store that hangs, after a bounded time', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const bytes = randomBytes(BYTES);
    s3.fault = (method) => (method === 'GET' ? 'hang' : 'none');
    haste = 20;
    const start = clock.now();
    expectBytes(await pull(a, modeller.offer(bytes, [idOf('a')])), bytes);
    expect(clock.now() - start).toBeGreaterThanOrEqual(storeMs(BYTES) - 1);
    expect(problems[0]).toMatch(/^a: the blob store took longer than/);
  });

  it('come by the broker for a stranger to the store, whose key is in no message', async () => {
    for (const change of [{ secretKey: 'wrong-secret' }, { accessKey: 'STRANGER' }, { now: () => new Date(0) }]) {
      const [modeller, a] = [await open('modeller', change), await open('a')];
      const bytes = randomBytes(BYTES);
      expectBytes(await pull(a, modeller.offer(bytes, [idOf('a')])), bytes);
      await Promise.all(channels.splice(0).map((channel) => channel.close()));
    }
    expect(problems.map((problem) => /403 (\w+)/.exec(problem)?.[1])).toEqual([
      ...['SignatureDoesNotMatch', 'InvalidAccessKeyId', 'RequestTimeTooSkewed'],
    ]);
    expect(problems.join()).not.toContain('wrong-secret');
    expect(s3.objects.size).toBe(0);
  });

  it('do not follow a store that sends them elsewhere', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const bytes = randomBytes(BYTES);
    s3.fault = (method) => (method === 'GET' ? 'redirect' : 'none');
    expectBytes(await pull(a, modeller.offer(bytes, [idOf('a')])), bytes);
    expect(problems[0]).toMatch(/redirect/);
  });

  it('end when their reader is cancelled', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const controller = new AbortController();
    s3.fault = (method) => {
      if (method === 'GET') controller.abort();
      return method === 'GET' ? 'hang' : 'none';
    };
    const ref = modeller.offer(randomBytes(BYTES), [idOf('a')]);
    await expect(pull(a, ref, controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(problems).toEqual([]);
  });
});
