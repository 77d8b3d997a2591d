/** What every link must do; run for the in-memory link, the embedded broker and Mosquitto. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomBytes } from '../../src/crypto/index.ts';
import { ABSENT, Blobs, Channel, type Link, PRESENT, systemClock } from '../../src/transport/index.ts';
import { inboxTopic, type Message, NO_RUN, presenceTopic } from '../../src/wire/index.ts';
import { acquainted, until } from '../support/world.ts';

/** A place where links meet. `connect` takes the topic on which the link's presence is kept. */
export interface Meeting {
  connect(presence: string): Promise<Link>;
  close(): Promise<void>;
}

export function describeLink(name: string, open: () => Promise<Meeting>): void {
  describe(`link: ${name}`, () => {
    let meeting: Meeting;
    beforeEach(async () => {
      meeting = await open();
    });
    afterEach(() => meeting.close());

    const world = acquainted(['modeller', 'a', 'b']);
    const idOf = (who: 'modeller' | 'a' | 'b') => world[who].identity.public.id;
    const channelOf = async (who: 'modeller' | 'a' | 'b') => {
      const link = await meeting.connect(presenceTopic(idOf(who)));
      return Channel.open({ link, identity: world[who].identity, peers: world[who].peers, clock: systemClock });
    };

    it('delivers bytes to every subscriber of the topic and to nobody else', async () => {
      const [one, two, three] = await Promise.all(
        ['a', 'b', 'modeller'].map(() => meeting.connect(presenceTopic(idOf('a')))),
      );
      const seen: string[] = [];
      await one!.subscribe(inboxTopic(idOf('a')), (bytes) => seen.push(`one ${bytes.join()}`));
      await two!.subscribe(inboxTopic(idOf('b')), (bytes) => seen.push(`two ${bytes.join()}`));
      await three!.publish(inboxTopic(idOf('a')), Uint8Array.of(1, 2));
      await three!.publish(inboxTopic(idOf('b')), Uint8Array.of(3));
      await until(() => seen.length === 2, 'both payloads');
      expect(seen.sort()).toEqual(['one 1,2', 'two 3']);
      await Promise.all([one!.close(), two!.close(), three!.close()]);
    });

    it('says who is present, also to those who come later, and who has left', async () => {
      const watcher = await meeting.connect(presenceTopic(idOf('modeller')));
      const a = await meeting.connect(presenceTopic(idOf('a')));
      const seen: number[] = [];
      await watcher.subscribe(presenceTopic(idOf('a')), (bytes) => seen.push(bytes[0]!));
      await until(() => seen.at(-1) === PRESENT[0], 'presence of a');
      await a.close();
      await until(() => seen.at(-1) === ABSENT[0], 'absence of a');
      await watcher.close();
    });

    it('says that one has left whose connection was cut, and carries nothing of it any more', async () => {
      const watcher = await meeting.connect(presenceTopic(idOf('modeller')));
      const a = await meeting.connect(presenceTopic(idOf('a')));
      const [seen, heard]: [number[], number[]] = [[], []];
      await watcher.subscribe(presenceTopic(idOf('a')), (bytes) => seen.push(bytes[0]!));
      await watcher.subscribe(inboxTopic(idOf('modeller')), (bytes) => heard.push(bytes[0]!));
      await until(() => seen.at(-1) === PRESENT[0], 'presence of a');
      a.cut();
      await until(() => seen.at(-1) === ABSENT[0], 'the will of a');
      await a.publish(inboxTopic(idOf('modeller')), Uint8Array.of(1));
      await watcher.publish(inboxTopic(idOf('modeller')), Uint8Array.of(2));
      await until(() => heard.length > 0, 'what the watcher says itself');
      expect(heard).toEqual([2]);
      await watcher.close();
    });

    it('carries sealed messages both ways, in order', async () => {
      const [modeller, a] = [await channelOf('modeller'), await channelOf('a')];
      const seen: number[] = [];
      a.onMessage((_from, _context, message) => {
        if (message.type === 'PROGRESS') seen.push(message.done);
      });
      const messages = Array.from({ length: 50 }, (_, i): Message => ({ type: 'PROGRESS', done: i, total: 50 }));
      await Promise.all(messages.map((message) => modeller.send(idOf('a'), NO_RUN, message)));
      expect(seen).toEqual(messages.map((_, i) => i));
      const back = new Promise<string>((resolve) => modeller.onMessage((from) => resolve(from)));
      await a.send(idOf('modeller'), NO_RUN, { type: 'JOB_ACCEPT' });
      expect(await back).toBe(idOf('a'));
      await Promise.all([modeller.close(), a.close()]);
    });

    it('pulls a blob of several chunks and refuses one it was not offered', async () => {
      const [modeller, a, b] = [await channelOf('modeller'), await channelOf('a'), await channelOf('b')];
      const [offered, pullA, pullB] = [new Blobs(modeller), new Blobs(a), new Blobs(b)];
      const bytes = randomBytes(700_001);
      const ref = offered.offer(bytes, [idOf('a')]);
      const pulled = await pullA.pull(idOf('modeller'), ref, NO_RUN, { maxBytes: 1e6 });
      expect(Buffer.compare(pulled, bytes)).toBe(0);
      await expect(pullB.pull(idOf('modeller'), ref, NO_RUN, { maxBytes: 1e6 })).rejects.toMatchObject({
        code: 'BLOB_UNAVAILABLE',
      });
      await expect(pullA.pull(idOf('modeller'), ref, NO_RUN, { maxBytes: 1e5 })).rejects.toMatchObject({
        code: 'BLOB_UNAVAILABLE',
      });
      await Promise.all([modeller.close(), a.close(), b.close()]);
    });

    it('refuses a second process with the same identity', async () => {
      const first = await channelOf('a');
      await expect(channelOf('a')).rejects.toMatchObject({ code: 'IDENTITY_IN_USE' });
      await first.close();
    });
  });
}
