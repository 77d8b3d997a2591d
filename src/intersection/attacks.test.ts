/**
 * What a peer, or the broker between, can try; where it says so, also against a variant without the defence, in which the
 * same attack succeeds.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { all, keysOf, PLAIN, pairParameters, ringSession, runPair, runRing } from '../../test/support/intersections.ts';
import { concatBytes, toHex } from '../base/index.ts';
import {
  elementOf,
  expandMessage,
  groupReady,
  invertScalar,
  multiply,
  randomBytes,
  randomScalar,
  sha256,
} from '../crypto/index.ts';
import { BlindingPool } from './blindingPool/blindingPool.ts';
import type { Blinding } from './blindingPool/work.ts';
import { type ListShape, split } from './chunks.ts';
import { encodeKey } from './keyRule.ts';
import { answerShape, requestShape } from './pair.ts';
import { PairReceiver } from './pairReceiver.ts';
import { PairSender } from './pairSender.ts';
import { hopShape } from './ring.ts';
import { RingComparator } from './ringComparator.ts';
import { RingPod } from './ringPod.ts';
import { openPair, type PairParameters, tagPrefix } from './session.ts';

/** A pool that shows which scalars it was lent. */
class WatchedPool extends BlindingPool {
  readonly scalars = new Set<Uint8Array>();
  override async blind(blinding: Blinding, items: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    this.scalars.add(blinding.scalar);
    return super.blind(blinding, items, signal);
  }
}

const pool = new WatchedPool({ threads: 2 });
beforeAll(async () => groupReady);
afterAll(async () => pool.close());
beforeEach(() => pool.scalars.clear());

const SIZES = { receiverSize: 4, senderSize: 4 };
const violation = { code: 'PROTOCOL_VIOLATION' };
const receiverOf = (p: PairParameters, ...keys: string[]): PairReceiver =>
  new PairReceiver(openPair(p), { keys: keysOf(keys), pool, random: randomBytes });
const senderOf = (p: PairParameters, ...keys: string[]): PairSender =>
  new PairSender(openPair(p), { keys: keysOf(keys), pool, random: randomBytes });
const chunk = (shape: ListShape, ...items: Uint8Array[]): Uint8Array => [...split(shape, concatBytes(...items))][0]!;
const element = (): Uint8Array => elementOf(randomBytes(64));
const hashOf = (p: PairParameters, text: string): Uint8Array =>
  elementOf(expandMessage(encodeKey(PLAIN, [text])!, openPair(p).dst));
const itemsOf = (bytes: Uint8Array, width = 32): Uint8Array[] =>
  Array.from({ length: (bytes.length - 36) / width }, (_, i) => bytes.subarray(36 + i * width, 36 + (i + 1) * width));

/** Encodings that are no usable elements. */
const UNUSABLE: Record<string, Uint8Array> = {
  'the identity': new Uint8Array(32),
  'a field element that is not reduced': new Uint8Array(32).fill(0xff),
  'p itself, another zero': new Uint8Array(32).fill(0xff).with(0, 0xed).with(31, 0x7f),
  'a negative field element': new Uint8Array(32).with(0, 1),
  's = -1, of order 4 on the curve': new Uint8Array(32).fill(0xff).with(0, 0xec).with(31, 0x7f),
  'no square': new Uint8Array(Buffer.from('26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371', 'hex')),
};

describe('an element that is none', () => {
  const parameters = pairParameters(SIZES);
  for (const [what, bad] of Object.entries(UNUSABLE))
    it(`ends the session of sender, receiver and pod, and their scalars are gone: ${what}`, async () => {
      const good = [element(), element(), element()];
      const sender = senderOf(parameters, 'a');
      await expect(sender.take(chunk(requestShape(openPair(parameters)), ...good, bad))).rejects.toMatchObject(
        violation,
      );
      await expect(all(sender.answer())).rejects.toMatchObject(violation);

      const receiver = receiverOf(parameters, 'a');
      await all(receiver.blinded());
      await expect(receiver.take(chunk(answerShape(openPair(parameters)), bad, ...good))).rejects.toMatchObject(
        violation,
      );
      await expect(receiver.finish()).rejects.toMatchObject(violation);

      const session = ringSession([4, 4, 4]);
      const pod = new RingPod(session, 'pod-1', { keys: keysOf(['a']), pool, random: randomBytes });
      await expect(pod.pass('pod-0', chunk(hopShape(session, 0, 1), ...good, bad))).rejects.toMatchObject(violation);
      await expect(all(pod.blinded())).rejects.toMatchObject(violation);

      expect(pool.scalars.size).toBe(4);
      for (const scalar of pool.scalars) expect(scalar).toEqual(new Uint8Array(new SharedArrayBuffer(32)));
    });
});

describe('a list that is not what was agreed', () => {
  const parameters = pairParameters(SIZES);
  const shape = requestShape(openPair(parameters));

  it('is refused when an element comes twice: it would count twice', async () => {
    const twice = element();
    const list = chunk(shape, element(), twice, element(), twice);
    await expect(senderOf(parameters).take(list)).rejects.toMatchObject(violation);
    const receiver = receiverOf(parameters, 'a', 'b');
    await all(receiver.blinded());
    const answers = chunk(answerShape(openPair(parameters)), element(), twice, element(), twice);
    await expect(receiver.take(answers)).rejects.toMatchObject(violation);
  });

  const others: Record<string, Partial<PairParameters>> = {
    run: { runId: 'run-2' },
    task: { context: new Uint8Array(32).fill(1) },
    receiver: { receiver: 'somebody' },
    sender: { sender: 'another pod' },
    kind: { kind: 'cardinality' },
    'rule for keys': { rule: [{ case: 'fold' }] },
    'number of its elements': { receiverSize: 3 },
    'number of the other elements': { senderSize: 5 },
  };
  for (const [what, change] of Object.entries(others))
    it(`is refused when it is of another ${what}: replayed, or a party that was told otherwise`, async () => {
      const [list] = await all(receiverOf({ ...parameters, ...change }, 'a').blinded());
      await expect(senderOf(parameters, 'a').take(list!)).rejects.toMatchObject(violation);
    });

  it('tells nothing when it is replayed under a header that fits: the hash is of the run', async () => {
    // the receiver's scalar of the first run leaks, and the same one is drawn again
    const [p1, p2] = [parameters, { ...parameters, runId: 'run-2' }];
    const scalar = randomScalar(randomBytes);
    const blinded = (p: PairParameters): string => toHex(multiply(hashOf(p, 'a'), scalar)!);
    expect(blinded(p1)).not.toBe(blinded(p2));
    expect(blinded(p1)).toBe(blinded({ ...p1 }));
    const sender = senderOf(p2, 'a');
    await sender.take(
      chunk(requestShape(openPair(p2)), multiply(hashOf(p1, 'a'), scalar)!, element(), element(), element()),
    );
    const [answers, tags] = await all(sender.answer());
    const theirs = new Set(itemsOf(tags!, openPair(p2).tagBytes).map(toHex));
    expect(tagsOf(p2, itemsOf(answers!), scalar).filter((tag) => theirs.has(tag))).toEqual([]);
  });
});

function tagsOf(p: PairParameters, elements: readonly Uint8Array[], scalar: Uint8Array): string[] {
  const session = openPair(p);
  const inverse = invertScalar(scalar);
  return elements.map((item) =>
    toHex(sha256(tagPrefix(session), multiply(item, inverse)!).subarray(0, session.tagBytes)),
  );
}

describe('messages out of place', () => {
  const parameters = pairParameters(SIZES);

  it('are refused by the sender: an answer before the list, a second answer, more chunks, anything after', async () => {
    await expect(all(senderOf(parameters).answer())).rejects.toMatchObject(violation);
    const [list] = await all(receiverOf(parameters, 'a').blinded());
    const sender = senderOf(parameters, 'a');
    const taking = sender.take(list!);
    await expect(all(sender.answer())).rejects.toMatchObject(violation); // not yet blinded
    await expect(taking).rejects.toMatchObject(violation);
    const other = senderOf(parameters, 'a');
    await other.take(list!);
    await all(other.answer());
    for (const attempt of [all(other.answer()), other.take(list!)])
      await expect(attempt).rejects.toMatchObject(violation);
    const more = senderOf(parameters, 'a');
    await more.take(list!);
    await expect(more.take(list!)).rejects.toMatchObject(violation);
  });

  it('are refused by the receiver: an answer before its list, tags before the answer, a result too early', async () => {
    const { answers } = await runPair(pool, parameters, [keysOf(['a']), keysOf(['a'])]);
    await expect(receiverOf(parameters, 'a').take(answers[0]!)).rejects.toMatchObject(violation);
    const receiver = async (): Promise<PairReceiver> => {
      const made = receiverOf(parameters, 'a');
      await all(made.blinded());
      return made;
    };
    await expect((await receiver()).take(answers[1]!)).rejects.toMatchObject(violation);
    await expect((await receiver()).finish()).rejects.toMatchObject(violation);
    const half = await receiver();
    await half.take(answers[0]!);
    await expect(half.finish()).rejects.toMatchObject(violation);
    await expect(all((await receiver()).blinded())).rejects.toMatchObject(violation);
    const done = await receiver();
    for (const answer of answers) await done.take(answer);
    await done.finish();
    await expect(done.finish()).rejects.toMatchObject(violation);
  });

  it('are refused by a pod and the comparator: own, unknown and repeated lists, another hop, a result too early', async () => {
    const session = ringSession([2, 2, 2]);
    const make = (id: string): RingPod => new RingPod(session, id, { keys: keysOf(['a']), pool, random: randomBytes });
    const [first] = await all(make('pod-0').blinded());
    const second = await make('pod-1').pass('pod-0', first!);
    for (const attempt of [
      make('pod-0').pass('pod-0', first!),
      make('pod-1').pass('pod-7', first!),
      make('pod-1').pass('pod-2', first!),
      make('pod-1').pass('pod-0', second),
      make('pod-2').pass('pod-0', first!),
    ])
      await expect(attempt).rejects.toMatchObject(violation);
    const pod = make('pod-1');
    await pod.pass('pod-0', first!);
    await expect(pod.pass('pod-0', first!)).rejects.toMatchObject(violation);
    const early = make('pod-1');
    await all(early.blinded());
    await expect(early.finish(new Uint8Array(37))).rejects.toMatchObject(violation);
    const third = await make('pod-2').pass('pod-0', second);
    const opening = await make('pod-0').opening();
    const attempts: ((comparator: RingComparator) => unknown)[] = [
      (comparator) => comparator.finish(),
      (comparator) => comparator.take('pod-0', third), // not opened
      (comparator) => (comparator.open('pod-0', opening), comparator.take('pod-0', second)),
      (comparator) => (comparator.open('pod-0', opening), comparator.open('pod-0', opening)),
      (comparator) => comparator.open('pod-1', opening),
      (comparator) =>
        comparator.open(
          'pod-0',
          opening.map((byte, i) => (i < 36 ? byte : 0)),
        ),
      (comparator) =>
        comparator.open(
          'pod-0',
          opening.map((byte, i) => (i < 36 ? byte : 0xff)),
        ),
    ];
    for (const attempt of attempts) {
      const comparator = new RingComparator(session, pool);
      await expect((async () => attempt(comparator))()).rejects.toMatchObject(violation);
      await expect((async () => comparator.open('pod-0', opening))()).rejects.toMatchObject(violation);
    }
  });
});

describe('a dictionary of all identifiers', () => {
  const parameters = pairParameters({ ...SIZES, receiverSize: 3 });
  const dictionary = Array.from({ length: 20 }, (_, i) => `id-${i}`);
  const secrets = ['id-3', 'id-11', 'id-17'];
  /** Which of the dictionary's hashes are in a list. */
  const guess = (list: readonly Uint8Array[]): string[] => {
    const seen = new Set(list.map(toHex));
    return dictionary.filter((id) => seen.has(toHex(hashOf(parameters, id))));
  };

  it('opens lists that are hashed only', () => {
    expect(guess(secrets.map((id) => hashOf(parameters, id)))).toEqual(secrets);
  });

  it('opens neither blinded lists, nor tags', async () => {
    const { requests, answers } = await runPair(pool, parameters, [keysOf(secrets), keysOf(secrets)]);
    expect(guess(itemsOf(requests[0]!))).toEqual([]);
    expect(guess(itemsOf(answers[0]!))).toEqual([]);
    const session = openPair(parameters);
    const tags = new Set(itemsOf(answers[1]!, session.tagBytes).map(toHex));
    const tagOf = (id: string): string =>
      toHex(sha256(tagPrefix(session), hashOf(parameters, id)).subarray(0, session.tagBytes));
    expect(dictionary.filter((id) => tags.has(tagOf(id)))).toEqual([]);
  });

  it("opens no list under a scalar of one's own: the peer's is fresh in every session", async () => {
    const lists = [
      await all(receiverOf(parameters, ...secrets).blinded()),
      await all(receiverOf(parameters, ...secrets).blinded()),
    ];
    const [one, two] = lists.map(([list]) => new Set(itemsOf(list!).map(toHex)));
    expect([...one!].filter((item) => two!.has(item))).toEqual([]);
  });
});

describe('which keys are shared, when only their number may be learnt', () => {
  /** Runs in which one key of the receiver, at place 0 of its list, is shared: how often its match is at each place. */
  async function placesOfMatch(kind: PairParameters['kind'], runs: number): Promise<number[]> {
    const p = pairParameters({ kind, receiverSize: 4, senderSize: 1 });
    const session = openPair(p);
    const counts = [0, 0, 0, 0];
    for (let run = 0; run < runs; run++) {
      const scalar = randomScalar(randomBytes);
      const list = ['a', 'b', 'c', 'd'].map((id) => multiply(hashOf(p, id), scalar)!);
      const sender = senderOf(p, 'a');
      await sender.take(chunk(requestShape(session), ...list));
      const [answers, tags] = await all(sender.answer());
      const [theirs] = itemsOf(tags!, session.tagBytes).map(toHex);
      counts[tagsOf(p, itemsOf(answers!), scalar).indexOf(theirs!)]!++;
    }
    return counts;
  }

  it('can be read off an answer in order', async () => {
    expect(await placesOfMatch('intersection', 3)).toEqual([3, 0, 0, 0]);
  });

  it('cannot be read off a shuffled one: every place is as likely', async () => {
    const runs = 120;
    const counts = await placesOfMatch('cardinality', runs);
    const chiSquare = counts.reduce((sum, count) => sum + (count - runs / 4) ** 2 / (runs / 4), 0);
    expect(chiSquare).toBeLessThan(36); // 3 degrees of freedom: above it with probability 7e-8; in order it would be 360
  });
});

describe('the end of a session', () => {
  it('wipes all scalars, by success, failure and close', async () => {
    const gone = (): boolean => [...pool.scalars].every((scalar) => scalar.every((byte) => byte === 0));
    await runPair(pool, pairParameters(SIZES), [keysOf(['a']), keysOf(['a'])]);
    expect(pool.scalars.size).toBe(3);
    expect(gone()).toBe(true);
    const receiver = receiverOf(pairParameters(SIZES), 'a');
    await all(receiver.blinded());
    expect(gone()).toBe(false);
    receiver.close();
    expect(gone()).toBe(true);
    const { pods } = await runRing(pool, ringSession([2, 2]), [keysOf(['a']), keysOf(['a'])]);
    expect(gone()).toBe(false);
    for (const pod of pods) pod.close();
    expect(gone()).toBe(true);
  });

  it('comes with a cancellation', async () => {
    const controller = new AbortController();
    const options = { keys: keysOf(['a']), pool, random: randomBytes, signal: controller.signal };
    const receiver = new PairReceiver(openPair(pairParameters(SIZES)), options);
    const lists = receiver.blinded();
    controller.abort();
    await expect(lists.next()).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(receiver.finish()).rejects.toMatchObject(violation);
  });
});
