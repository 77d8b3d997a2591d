import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquainted, until } from '../../test/support/world.ts';
import { exportPublic, generateIdentity, sealEnvelope } from '../crypto/index.ts';
import { encodeHeader, encodeMessage, inboxTopic, type Message, NO_RUN, presenceTopic } from '../wire/index.ts';
import { Blobs } from './blobs.ts';
import { Channel } from './channel.ts';
import { type Clock, systemClock } from './link.ts';
import { MemoryBroker } from './memoryLink.ts';

/** Resends come twenty times sooner, so that loss costs no patience. */
const hastyClock: Clock = { now: systemClock.now, after: (delayMs, run) => systemClock.after(delayMs / 20, run) };

const world = acquainted(['modeller', 'a', 'b']);
type Who = keyof typeof world;
const idOf = (who: Who) => world[who].identity.public.id;
const progress = (done: number): Message => ({ type: 'PROGRESS', done, total: 100 });

describe('channel over a hostile broker', () => {
  let broker: MemoryBroker;
  const channels: Channel[] = [];
  const open = async (who: Who) => {
    const { identity, peers } = world[who];
    const channel = await Channel.open({
      link: broker.connect(presenceTopic(identity.public.id)),
      identity,
      peers,
      clock: hastyClock,
    });
    channels.push(channel);
    return channel;
  };
  const collect = (channel: Channel) => {
    const seen: number[] = [];
    channel.onMessage((_from, _context, message) => {
      if (message.type === 'PROGRESS') seen.push(message.done);
    });
    return seen;
  };
  beforeEach(() => {
    broker = new MemoryBroker();
  });
  afterEach(async () => {
    await Promise.all(channels.splice(0).map((channel) => channel.close()));
  });

  it('delivers each message once and in order while a third is lost, doubled or held back', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const seen = collect(a);
    let n = 0;
    const held: Uint8Array[] = [];
    broker.intercept = (topic, payload) => {
      if (!topic.includes('/in/')) return [payload];
      switch (n++ % 5) {
        case 0:
          return [];
        case 1:
          return [payload, payload];
        case 2:
          held.push(payload);
          return [];
        default:
          return [payload, ...held.splice(0).reverse()];
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => modeller.send(idOf('a'), NO_RUN, progress(i))));
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it('rejects a replay of anything ever recorded, in this session and after a restart', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const seen = collect(a);
    for (let i = 0; i < 3; i++) await modeller.send(idOf('a'), NO_RUN, progress(i));
    const recorded = broker.log.filter(({ topic }) => topic === inboxTopic(idOf('a'))).map(({ payload }) => payload);
    const replay = async () => {
      for (const payload of recorded) broker.deliver(inboxTopic(idOf('a')), payload, false);
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await replay();
    expect(seen).toEqual([0, 1, 2]);
    expect(a.dropped.get('REPEATED')).toBe(3);

    await a.close();
    const restarted = await open('a');
    const after = collect(restarted);
    await replay();
    expect(after).toEqual([]);
    expect(restarted.dropped.get('STALE_SESSION')).toBeGreaterThanOrEqual(3);
    // and the live peer, told that a restarted, talks to the new process
    await modeller.send(idOf('a'), NO_RUN, progress(9)).catch(() => modeller.send(idOf('a'), NO_RUN, progress(9)));
    expect(after).toEqual([9]);
  });

  it('rejects truncated and altered envelopes, every byte of them', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const seen = collect(a);
    await modeller.send(idOf('a'), NO_RUN, progress(0));
    let victim: Uint8Array | undefined;
    const forged = new Set<Uint8Array>();
    broker.intercept = (topic, payload) => {
      if (topic !== inboxTopic(idOf('a')) || forged.has(payload)) return [payload];
      victim ??= payload;
      return []; // nor does anything that is sent again meanwhile
    };
    const forge = (bytes: Uint8Array): void => {
      forged.add(bytes);
      broker.deliver(inboxTopic(idOf('a')), bytes, false);
    };
    const sent = modeller.send(idOf('a'), NO_RUN, progress(1));
    await until(() => victim !== undefined, 'the second message');
    const before = a.dropped.get('ENVELOPE_REJECTED') ?? 0;
    for (let i = 0; i < victim!.length; i++) {
      const altered = victim!.slice();
      altered[i]! ^= 1 << (i % 8);
      forge(altered);
      forge(victim!.slice(0, i));
    }
    await until(
      () => (a.dropped.get('ENVELOPE_REJECTED') ?? 0) - before === 2 * victim!.length,
      'every forgery dropped',
    );
    expect(seen).toEqual([0]);
    broker.intercept = (_topic, payload) => [payload];
    await sent; // the resend of the genuine one still arrives
    expect(seen).toEqual([0, 1]);
  });

  it('rejects an intact envelope whose header claims another sender, receiver or session', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const seen = collect(a);
    await modeller.send(idOf('a'), NO_RUN, progress(0));
    const header = {
      v: 1 as const,
      kind: 'data' as const,
      from: idOf('modeller'),
      to: idOf('a'),
      fromBoot: new Uint8Array(16).fill(1),
      toBoot: new Uint8Array(16).fill(2),
      seq: 1,
      ...NO_RUN,
    };
    const forge = (change: Partial<typeof header>) =>
      sealEnvelope(
        world.b.identity,
        world.a.identity.public,
        encodeHeader({ ...header, ...change }),
        encodeMessage(progress(66)),
      );
    for (const change of [{}, { to: idOf('b') }, { from: idOf('b') }])
      broker.deliver(inboxTopic(idOf('a')), forge(change), false);
    // an envelope made for b, delivered to a
    broker.deliver(
      inboxTopic(idOf('a')),
      sealEnvelope(
        world.modeller.identity,
        world.b.identity.public,
        encodeHeader({ ...header, to: idOf('b') }),
        encodeMessage(progress(67)),
      ),
      false,
    );
    await until(
      () => (a.dropped.get('ENVELOPE_REJECTED') ?? 0) >= 3 && a.dropped.has('STALE_SESSION'),
      'four rejections',
    );
    expect(seen).toEqual([0]);
  });

  it('drops messages from an identity that is not pinned, however well formed', async () => {
    const a = await open('a');
    const seen = collect(a);
    const stranger = generateIdentity();
    const link = broker.connect(presenceTopic(stranger.public.id));
    const theirs = await Channel.open({
      link,
      identity: stranger,
      peers: { findById: () => ({ public: world.a.identity.public }) },
      clock: hastyClock,
    });
    channels.push(theirs);
    await expect(theirs.send(idOf('a'), NO_RUN, progress(1), { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
    expect(a.dropped.get('PEER_UNKNOWN')).toBeGreaterThan(0);
    expect(seen).toEqual([]);
    expect(exportPublic(stranger)).toContain('konsil-public-v1:');
  });

  it('goes on after the broker was down: nothing is lost, nothing is doubled', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const seen = collect(a);
    await modeller.send(idOf('a'), NO_RUN, progress(0));
    broker.stop();
    const waiting = [1, 2, 3].map((i) => modeller.send(idOf('a'), NO_RUN, progress(i)));
    broker.start();
    await Promise.all(waiting);
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('fails what was underway when the peer restarts, then starts afresh', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    await modeller.send(idOf('a'), NO_RUN, progress(0));
    await a.close();
    const pending = modeller.send(idOf('a'), NO_RUN, progress(1));
    const outcome = expect(pending).rejects.toMatchObject({ code: 'PEER_RESTARTED' });
    const again = await open('a');
    const seen = collect(again);
    await outcome;
    await modeller.send(idOf('a'), NO_RUN, progress(2));
    expect(seen).toEqual([2]);
  });

  it('resumes a blob across a disconnection and refuses one that was altered at its owner', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const [offers, pulls] = [new Blobs(modeller), new Blobs(a)];
    const bytes = new Uint8Array(3_000_000).map((_, i) => (i * 7919) >> 3);
    const ref = offers.offer(bytes, [idOf('a')]);
    let chunks = 0;
    let cut = false;
    broker.intercept = (topic, payload) => {
      if (topic === inboxTopic(idOf('a')) && payload.length > 200_000 && ++chunks === 5 && !cut) {
        cut = true;
        broker.stop();
        setTimeout(() => broker.start(), 30);
        return [];
      }
      return [payload];
    };
    const pulled = await pulls.pull(idOf('modeller'), ref, NO_RUN, { maxBytes: 4e6 });
    expect(Buffer.compare(pulled, bytes)).toBe(0);
    expect(cut).toBe(true);
    // 12 chunks; the ones that had arrived were not sent again
    expect(chunks).toBeLessThanOrEqual(12 + 5);

    bytes[1_000_000]! ^= 1;
    await expect(pulls.pull(idOf('modeller'), ref, NO_RUN, { maxBytes: 4e6 })).rejects.toMatchObject({
      code: 'BLOB_CORRUPT',
    });
  });

  it('shows someone subscribed to everything no name, no content and no key of either side', async () => {
    const [modeller, a] = [await open('modeller'), await open('a')];
    const seen: unknown[] = [];
    a.onMessage((_from, context) => seen.push(context));
    const secret = 'hospital-a reports diagnosis=malignant';
    await modeller.send(
      idOf('a'),
      { run: 'run-visible-nowhere', round: 3, phase: 'training' },
      { type: 'TASK_ABORT', reason: 'CANCELLED', message: secret },
    );
    expect(seen).toEqual([{ run: 'run-visible-nowhere', round: 3, phase: 'training' }]);
    const needles = [
      secret,
      'malignant',
      'run-visible',
      'training',
      'TASK_ABORT',
      idOf('a'),
      idOf('modeller'),
      'modeller',
    ];
    const keys = [world.a.identity.signing, world.modeller.identity.agreement].flatMap((k) => [k.publicKey, k.secret]);
    for (const { topic, payload } of broker.log) {
      const text = `${topic} ${Buffer.from(payload).toString('latin1')}`;
      for (const needle of needles) expect(text).not.toContain(needle);
      for (const key of keys) expect(Buffer.from(payload).includes(Buffer.from(key))).toBe(false);
      expect(topic).toMatch(/^konsil\/1\/(in|up)\/[\w-]{22}$/);
    }
  });
});
