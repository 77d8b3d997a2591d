import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificates, makeCertificates } from '../../test/support/certificates.ts';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { until } from '../../test/support/world.ts';
import { generateIdentity, mailboxOf } from '../crypto/index.ts';
import { inboxTopic, joinTopic, presenceTopic } from '../wire/index.ts';
import { addBrokerUser, type Broker, startBroker } from './broker.ts';
import { type Link, PRESENT } from './link.ts';
import { type BrokerAddress, connectMqtt } from './mqttLink.ts';

const fails = (code: string): unknown => expect.objectContaining({ code });
const [a, b] = [generateIdentity().public.id, generateIdentity().public.id];

interface Guarded {
  readonly broker: Broker;
  readonly events: string[];
  readonly addressOf: (peer: string) => BrokerAddress & { username: string; password: string };
}

/** A broker that knows `a` and `b`. */
async function guarded(tls?: Certificates): Promise<Guarded> {
  const usersFile = join(tempFolder(), 'users.json');
  const passwords = new Map([a, b].map((peer) => [peer, addBrokerUser(usersFile, mailboxOf(peer))]));
  const events: string[] = [];
  const broker = await startBroker({
    ...{ host: '127.0.0.1', port: 0, usersFile, tls },
    onEvent: (event, facts) => events.push(`${event} ${Object.values(facts).join(' ')}`),
  });
  onTestFinished(() => broker.close());
  const addressOf = (peer: string): ReturnType<Guarded['addressOf']> => ({
    ...{ url: broker.url, username: mailboxOf(peer), password: passwords.get(peer)! },
    ...(tls ? { caFile: tls.caFile } : {}),
  });
  return { broker, events, addressOf };
}

async function link(address: BrokerAddress, peer: string): Promise<Link> {
  const connected = await connectMqtt(address, presenceTopic(peer));
  onTestFinished(() => connected.close());
  return connected;
}

/** A client with manners of its own. */
async function raw(address: BrokerAddress & { username: string; password: string }, more: IClientOptions = {}) {
  const { username, password } = address;
  const client: MqttClient = mqtt.connect(address.url, { username, password, reconnectPeriod: 0, ...more });
  client.on('error', () => undefined);
  onTestFinished(() => void client.end(true));
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

/** Resolves when the other side has hung up, with or without an error. */
const closed = (end: { once(event: 'close', then: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => end.once('close', resolve));

describe('broker accounts', () => {
  it('are stored as hashes, in a file only the owner reads', () => {
    const file = join(tempFolder(), 'users.json');
    const passwords = [addBrokerUser(file, 'one'), addBrokerUser(file, 'two'), addBrokerUser(file, 'one')];
    expect(new Set(passwords).size).toBe(3);
    const text = readFileSync(file, 'utf8');
    for (const password of passwords) expect(text).not.toContain(password);
    expect(Object.keys(JSON.parse(text) as object)).toEqual(['one', 'two']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('let in who has the right password, and nobody else', async () => {
    const { events, addressOf } = await guarded();
    await link(addressOf(a), a);
    const wrong: Partial<BrokerAddress>[] = [
      { password: 'wrong' },
      { password: '' },
      { password: undefined },
      { username: undefined, password: undefined },
      { username: mailboxOf(b) },
      { username: '__proto__' },
    ];
    for (const change of wrong)
      await expect(
        connectMqtt({ ...addressOf(a), ...change }, presenceTopic(a)),
        JSON.stringify(change),
      ).rejects.toEqual(fails('BROKER_REFUSED'));
    expect(events.filter((event) => event.startsWith('refused'))).toHaveLength(wrong.length);
    expect(events.join()).not.toContain(addressOf(a).password);
  });

  it('let in somebody who was added while the broker runs', async () => {
    const usersFile = join(tempFolder(), 'users.json');
    addBrokerUser(usersFile, mailboxOf(a));
    const broker = await startBroker({ host: '127.0.0.1', port: 0, usersFile });
    onTestFinished(() => broker.close());
    const password = addBrokerUser(usersFile, mailboxOf(b));
    await link({ url: broker.url, username: mailboxOf(b), password }, b);
  });

  it('never show a password in an error', async () => {
    const { broker } = await guarded();
    const password = 'p@ss:word@1';
    const url = broker.url.replace('//', `//${mailboxOf(a)}:${password}@`);
    const error: unknown = await connectMqtt({ url }, presenceTopic(a)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).not.toMatch(/p@ss|word@1/);
  });

  it.each([
    ['missing', null],
    ['malformed', '{'],
    ['of another form', '{"a": "b"}'],
  ])('are refused from a file that is %s', async (_what, text) => {
    const usersFile = join(tempFolder(), 'users.json');
    if (text !== null) writeFileSync(usersFile, text);
    await expect(startBroker({ host: '127.0.0.1', port: 0, usersFile })).rejects.toEqual(fails('CONFIG_INVALID'));
  });
});

describe('broker topics', () => {
  it('are subscribed to by their owner alone, and never with wildcards', async () => {
    const { addressOf } = await guarded();
    const own = await link(addressOf(a), a);
    await own.subscribe(inboxTopic(a), () => undefined);
    await own.subscribe(presenceTopic(b), () => undefined);
    for (const filter of [inboxTopic(b), '#', '+/#', 'konsil/#', 'konsil/1/in/+', 'konsil/1/up/+', '$SYS/#', 'other'])
      await expect(
        own.subscribe(filter, () => undefined),
        filter,
      ).rejects.toEqual(fails('BROKER_REFUSED'));
  });

  it.each(['#', 'konsil/1/in/+', '$SYS/#'])(
    'are not subscribed to with %s where there are no accounts either',
    async (filter) => {
      const broker = await startBroker({ host: '127.0.0.1', port: 0 });
      onTestFinished(() => broker.close());
      const anyone = await link({ url: broker.url }, a);
      await expect(anyone.subscribe(filter, () => undefined)).rejects.toEqual(fails('BROKER_REFUSED'));
    },
  );

  it('keep a client from saying that another is there, also by its last will', async () => {
    const { events, addressOf } = await guarded();
    const liar = await raw(addressOf(b));
    liar.publish(presenceTopic(a), Buffer.of(9), { retain: true, qos: 1 });
    await closed(liar);
    const will = { topic: presenceTopic(a), payload: Buffer.of(9), retain: true, qos: 1 as const };
    const dying = await raw(addressOf(b), { will });
    dying.stream.destroy();
    await until(() => events.filter((event) => event.startsWith('disconnected')).length === 2, 'both are gone');
    const seen: number[] = [];
    const watcher = await link(addressOf(b), b);
    await watcher.subscribe(presenceTopic(a), (bytes) => seen.push(bytes[0]!));
    await link(addressOf(a), a);
    await until(() => seen.length > 0, 'presence');
    expect(seen).toEqual([...PRESENT]);
  });

  it("outside our own are nobody's", async () => {
    const { addressOf } = await guarded();
    const client = await raw(addressOf(a));
    client.publish('somewhere/else', 'x', { qos: 1 });
    await closed(client);
  });
});

describe('broker limits', () => {
  it('cut who sends too large a packet while others keep working', async () => {
    const { events, addressOf } = await guarded();
    const [one, two] = [await link(addressOf(a), a), await link(addressOf(b), b)];
    const seen: number[] = [];
    await one.subscribe(inboxTopic(a), (bytes) => seen.push(bytes.length));
    const greedy = await raw(addressOf(b));
    greedy.publish(joinTopic('A'.repeat(22), 'pod'), Buffer.alloc(2 ** 20));
    await closed(greedy);
    expect(events.some((event) => event.startsWith('cut MQTT packet larger than'))).toBe(true);
    await two.publish(inboxTopic(a), new Uint8Array(2 ** 18));
    await until(() => seen.length === 1, 'the message of another client');
    expect(seen).toEqual([2 ** 18]);
  });

  it('cut who does not speak MQTT', async () => {
    const { broker } = await guarded();
    const socket = connect(broker.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: broker\r\n\r\n');
    socket.resume();
    await closed(socket);
  });

  it('say so when the port is taken', async () => {
    const { broker } = await guarded();
    await expect(startBroker({ host: '127.0.0.1', port: broker.port })).rejects.toEqual(fails('BROKER_UNREACHABLE'));
  });
});

describe('broker over TLS', () => {
  let certificates: Certificates;
  const folder = mkdtempSync(join(tmpdir(), 'konsil-tls-'));
  beforeAll(() => {
    certificates = makeCertificates(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('carries messages for those who trust its authority', async () => {
    const { broker, addressOf } = await guarded(certificates);
    expect(broker.url).toMatch(/^mqtts:/);
    const [one, two] = [await link(addressOf(a), a), await link(addressOf(b), b)];
    const seen: number[] = [];
    await one.subscribe(inboxTopic(a), (bytes) => seen.push(bytes[0]!));
    await two.publish(inboxTopic(a), Uint8Array.of(5));
    await until(() => seen.length === 1, 'the message');
  });

  it('is refused by those who do not, with a word on what to do', async () => {
    const { addressOf } = await guarded(certificates);
    const untrusting = connectMqtt({ ...addressOf(a), caFile: undefined }, presenceTopic(a));
    await expect(untrusting).rejects.toEqual(fails('BROKER_UNREACHABLE'));
    await expect(untrusting).rejects.toThrow(/certificate.*--broker-ca/);
  });

  it('is not spoken to in the clear', async () => {
    const { addressOf } = await guarded(certificates);
    const address = addressOf(a);
    const plain = connectMqtt({ ...address, url: address.url.replace('mqtts', 'mqtt') }, presenceTopic(a));
    await expect(plain).rejects.toEqual(fails('BROKER_UNREACHABLE'));
  });

  it('needs readable certificates', async () => {
    const files = { certFile: '/nowhere/cert.pem', keyFile: certificates.keyFile };
    await expect(startBroker({ host: '127.0.0.1', port: 0, tls: files })).rejects.toEqual(fails('FILE_NOT_FOUND'));
    const swapped = { certFile: certificates.keyFile, keyFile: certificates.certFile };
    await expect(startBroker({ host: '127.0.0.1', port: 0, tls: swapped })).rejects.toEqual(fails('CONFIG_INVALID'));
    await expect(connectMqtt({ url: 'mqtts://127.0.0.1:1', caFile: '/nowhere/ca.pem' }, 'x')).rejects.toEqual(
      fails('FILE_NOT_FOUND'),
    );
  });
});
