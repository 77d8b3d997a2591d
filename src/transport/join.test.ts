import { describe, expect, it, onTestFinished } from 'vitest';
import { toBase64Url, utf8 } from '../base/index.ts';
import { exportPublic, generateIdentity, type Identity, mailboxOf } from '../crypto/index.ts';
import { startBroker } from './broker.ts';
import { acceptJoin, type Introduction, inviteToJoin, type JoinOptions, makeJoinCode } from './join.ts';
import { type Clock, type Link, systemClock } from './link.ts';
import { MemoryBroker } from './memoryLink.ts';
import { connectMqtt } from './mqttLink.ts';

const failed = expect.objectContaining({ code: 'JOIN_FAILED' });
/** Repeats and deadlines of seconds pass fifty times faster. */
const hasty: Clock = { now: () => 50 * systemClock.now(), after: (ms, then) => systemClock.after(ms / 50, then) };

interface Party extends Introduction {
  readonly identity: Identity;
}

function party(name: string): Party {
  const identity = generateIdentity();
  return { name, line: exportPublic(identity), identity };
}

const [modeller, pod, stranger] = [party('researcher of Uppsala'), party('hospital-a'), party('hospital-b')];
const introduction = ({ name, line }: Party): Introduction => ({ name, line });
const join = (link: Link, self: Party, code: string, more: Partial<JoinOptions> = {}): JoinOptions => ({
  ...{ link, code, self: introduction(self), clock: hasty, timeoutMs: 10_000 },
  ...more,
});
const linkOn = (broker: MemoryBroker, { identity }: Party): Link => broker.connect(mailboxOf(identity.public.id));

/** Invites with `code`; who was accepted, and the invitation's outcome. */
function invite(broker: MemoryBroker, code: string, more: Partial<JoinOptions> = {}) {
  const accepted: Introduction[] = [];
  const outcome = inviteToJoin(join(linkOn(broker, modeller), modeller, code, more), (one) => accepted.push(one));
  outcome.catch(() => undefined);
  return { accepted, outcome };
}

describe('join', () => {
  it('introduces both sides to each other, whatever is typed around the code', async () => {
    for (const typed of [(c: string) => c, (c: string) => ` ${c.toLowerCase().replaceAll('-', ' ')} `]) {
      const broker = new MemoryBroker();
      const code = makeJoinCode();
      const { accepted, outcome } = invite(broker, code);
      expect(await acceptJoin(join(linkOn(broker, pod), pod, typed(code)))).toEqual(introduction(modeller));
      expect(await outcome).toEqual(introduction(pod));
      expect(accepted).toEqual([introduction(pod)]);
    }
  });

  it('works when the pod comes first and when messages are lost or doubled', async () => {
    const broker = new MemoryBroker();
    const code = makeJoinCode();
    const published = new Map<string, number>();
    broker.intercept = (topic, payload) => {
      published.set(topic, 1 + (published.get(topic) ?? 0));
      return published.get(topic)! > 2 ? [payload, payload] : [];
    };
    const early = acceptJoin(join(linkOn(broker, pod), pod, code, { timeoutMs: 60_000 }));
    const { accepted, outcome } = invite(broker, code, { timeoutMs: 60_000 });
    expect(await early).toEqual(introduction(modeller));
    expect(await outcome).toEqual(introduction(pod));
    expect(accepted).toHaveLength(1);
  });

  it('works through the embedded broker', async () => {
    const broker = await startBroker({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => broker.close());
    const open = async (presence: string): Promise<Link> => {
      const link = await connectMqtt({ url: broker.url }, presence);
      onTestFinished(() => link.close());
      return link;
    };
    const code = makeJoinCode();
    const [one, two] = [await open('konsil/1/up/one'), await open('konsil/1/up/two')];
    const invited = inviteToJoin(join(one, modeller, code, { timeoutMs: 500_000 }), () => undefined);
    expect(await acceptJoin(join(two, pod, code, { timeoutMs: 500_000 }))).toEqual(introduction(modeller));
    expect(await invited).toEqual(introduction(pod));
  });

  it('brings nobody together who has another code', async () => {
    const broker = new MemoryBroker();
    const { accepted, outcome } = invite(broker, makeJoinCode());
    await expect(acceptJoin(join(linkOn(broker, pod), pod, makeJoinCode()))).rejects.toEqual(failed);
    await expect(outcome).rejects.toEqual(failed);
    expect(accepted).toEqual([]);
  });

  it('refuses a second pod with the same code', async () => {
    const broker = new MemoryBroker();
    const code = makeJoinCode();
    const { accepted, outcome } = invite(broker, code);
    await acceptJoin(join(linkOn(broker, pod), pod, code));
    // within the time in which the inviter still answers a pod that missed its answer
    await expect(acceptJoin(join(linkOn(broker, stranger), stranger, code))).rejects.toEqual(failed);
    await outcome;
    expect(accepted).toEqual([introduction(pod)]);
  });

  it('ends with the reason when the inviter cannot pin the pod', async () => {
    const broker = new MemoryBroker();
    const code = makeJoinCode();
    const outcome = inviteToJoin(join(linkOn(broker, modeller), modeller, code), () => {
      throw new Error('name is taken');
    });
    outcome.catch(() => undefined);
    await expect(acceptJoin(join(linkOn(broker, pod), pod, code))).rejects.toEqual(failed);
    await expect(outcome).rejects.toThrow('name is taken');
  });

  it.each<[string, (topic: string, payload: Uint8Array, log: MemoryBroker['log']) => Uint8Array[]]>([
    ['changes a byte', (_topic, payload) => [payload.map((byte, i) => (i === 20 ? byte ^ 1 : byte))]],
    [
      'cuts messages',
      (_topic, payload) => [payload.subarray(0, payload.length - 1), payload.subarray(0, 5), new Uint8Array()],
    ],
    [
      "answers the pod with the pod's own message",
      (topic, payload, log) =>
        topic.endsWith('/pod') ? log.map((entry) => entry.payload) : topic.endsWith('/modeller') ? [] : [payload],
    ],
  ])('brings nobody together over a broker that %s', async (_what, tamper) => {
    const broker = new MemoryBroker();
    broker.intercept = (topic, payload) => tamper(topic, payload, broker.log);
    const code = makeJoinCode();
    const { accepted, outcome } = invite(broker, code);
    await expect(acceptJoin(join(linkOn(broker, pod), pod, code))).rejects.toEqual(failed);
    await expect(outcome).rejects.toEqual(failed);
    expect(accepted).toEqual([]);
  });

  it('does not take the answer meant for another pod', async () => {
    // the broker shows both pods of one code each other's answers
    const broker = new MemoryBroker();
    const code = makeJoinCode();
    const { outcome } = invite(broker, code);
    const [first, second] = await Promise.allSettled(
      [pod, stranger].map((self) => acceptJoin(join(linkOn(broker, self), self, code))),
    );
    expect([first!.status, second!.status].sort()).toEqual(['fulfilled', 'rejected']);
    await outcome;
  });

  it('shows the broker neither names nor keys nor the code', async () => {
    const broker = new MemoryBroker();
    const code = makeJoinCode();
    const { outcome } = invite(broker, code);
    await acceptJoin(join(linkOn(broker, pod), pod, code));
    await outcome;
    const wire = Buffer.concat(broker.log.flatMap(({ topic, payload }) => [utf8(`${topic} `), payload]));
    expect(wire.length).toBeGreaterThan(500);
    for (const { name, line, identity } of [modeller, pod]) {
      const { id, signing, agreement } = identity.public;
      for (const part of [name, line.slice(17, 60), id, toBase64Url(signing), signing, agreement])
        expect(wire.includes(Buffer.from(part as Uint8Array))).toBe(false);
    }
    for (const group of [code, code.replaceAll('-', '')]) expect(wire.includes(group)).toBe(false);
  });

  it.each(['', 'ABCD', 'A'.repeat(31), 'A'.repeat(33), 'U'.repeat(32)])('says that "%s" is no code', async (code) => {
    const broker = new MemoryBroker();
    await expect(acceptJoin(join(linkOn(broker, pod), pod, code))).rejects.toEqual(failed);
    await expect(inviteToJoin(join(linkOn(broker, modeller), modeller, code), () => undefined)).rejects.toEqual(failed);
  });

  it('ends at once when cancelled, and is silent afterwards', async () => {
    const broker = new MemoryBroker();
    const controller = new AbortController();
    const code = makeJoinCode();
    const { signal } = controller;
    const { accepted, outcome } = invite(broker, code, { signal });
    const other = acceptJoin(join(linkOn(broker, pod), pod, makeJoinCode(), { signal }));
    controller.abort();
    for (const side of [outcome, other]) await expect(side).rejects.toMatchObject({ code: 'CANCELLED' });
    const aborted = acceptJoin(join(linkOn(broker, pod), pod, code, { signal }));
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' });
    // the inviter has left: a pod that comes now is not pinned
    await expect(acceptJoin(join(linkOn(broker, stranger), stranger, code))).rejects.toEqual(failed);
    expect(accepted).toEqual([]);
  });

  it('stops introducing itself when nobody came', async () => {
    const broker = new MemoryBroker();
    const timers = new Set<() => void>();
    const clock: Clock = {
      now: () => 0,
      after: (ms, then) => {
        const fire = (): void => {
          if (timers.delete(fire)) then();
        };
        timers.add(fire);
        void ms;
        return () => timers.delete(fire);
      },
    };
    const outcome = acceptJoin(join(linkOn(broker, pod), pod, makeJoinCode(), { clock }));
    outcome.catch(() => undefined);
    await Promise.resolve();
    await Promise.resolve();
    for (const fire of [...timers]) fire();
    await expect(outcome).rejects.toEqual(failed);
    expect(timers.size).toBe(0);
  });
});
