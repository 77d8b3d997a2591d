/** Two Mosquittos, bridged by the files of examples/cluster/mosquitto: a site's broker opens one connection outwards. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inboxTopic, presenceTopic } from '../../src/wire/index.ts';
import { type BridgedMosquittos, startBridged } from '../support/bridgedMosquittos.ts';
import { type Mosquitto, NO_MOSQUITTO } from '../support/mosquitto.ts';
import { introduceParties, type Party, type PartyName, PODS } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

if (NO_MOSQUITTO !== null) {
  it.skip(`Bridged Mosquittos are not tested: ${NO_MOSQUITTO}`, () => undefined);
} else {
  describe('two bridged Mosquittos', () => {
    const folder = mkdtempSync(join(tmpdir(), 'konsil-bridged-'));
    const clients: MqttClient[] = [];
    let example: ReturnType<typeof exampleCopy>;
    let parties: Record<PartyName, Party>;
    let bridged: BridgedMosquittos;
    beforeAll(async () => {
      example = exampleCopy(6);
      parties = introduceParties(example.folder);
      bridged = await startBridged({
        ...{ folder, users: Object.values(parties), modeller: parties.researcher.user },
        // hospital-a connects to the central broker, as a small site without one of its own would
        pods: PODS.slice(1).map((name) => parties[name].user),
      });
    });
    afterEach(async () => {
      await killAll();
      await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    });
    afterAll(async () => {
      await bridged?.kill();
      example?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    const login = async (at: Mosquitto, who: PartyName): Promise<MqttClient> => {
      const { user: username, password } = parties[who];
      const ca = readFileSync(bridged.tls.caFile);
      const client = await mqtt.connectAsync(at.url, { username, password, ca, protocolVersion: 4 });
      clients.push(client);
      return client;
    };
    /** The next packet of `topic`, asked for at QoS 1. */
    const next = async (client: MqttClient, topic: string): Promise<() => Promise<IPublishPacket>> => {
      const packets: IPublishPacket[] = [];
      const waiting: ((packet: IPublishPacket) => void)[] = [];
      client.on('message', (on, _payload, packet) => {
        if (on !== topic) return;
        const first = waiting.shift();
        if (first) first(packet);
        else packets.push(packet);
      });
      await client.subscribeAsync(topic, { qos: 1 });
      return () => {
        const packet = packets.shift();
        return packet ? Promise.resolve(packet) : new Promise((resolve) => waiting.push(resolve));
      };
    };
    const id = (who: PartyName): Party['identity']['public']['id'] => parties[who].identity.public.id;
    /** Publishes until it comes out at the other end: a bridge that has just been started needs a moment. */
    const untilThrough = async (
      from: MqttClient,
      topic: string,
      arrives: () => Promise<IPublishPacket>,
    ): Promise<IPublishPacket> => {
      const arrived = arrives();
      const again = setInterval(() => void from.publish(topic, Buffer.from([7]), { qos: 1 }), 100);
      return arrived.finally(() => clearInterval(again));
    };

    it('carry mailboxes both ways at QoS 1, and only those that the site has', async () => {
      const [modeller, pod] = [await login(bridged.central, 'researcher'), await login(bridged.site, 'hospital-b')];
      const toPod = await next(pod, inboxTopic(id('hospital-b')));
      const toModeller = await next(modeller, inboxTopic(id('researcher')));
      const down = await untilThrough(modeller, inboxTopic(id('hospital-b')), toPod);
      const up = await untilThrough(pod, inboxTopic(id('researcher')), toModeller);
      for (const packet of [down, up]) expect(packet).toMatchObject({ qos: 1, retain: false });
      expect([...(down.payload as Buffer)]).toEqual([7]);

      // hospital-a is no pod of this site: what is sent to it at the centre does not come here
      const other = await login(bridged.site, 'hospital-a');
      const stray: IPublishPacket[] = [];
      other.on('message', (_topic, _payload, packet) => stray.push(packet));
      await other.subscribeAsync(inboxTopic(id('hospital-a')), { qos: 1 });
      await modeller.publishAsync(inboxTopic(id('hospital-a')), Buffer.from([8]), { qos: 1 });
      await modeller.publishAsync(inboxTopic(id('hospital-b')), Buffer.from([9]), { qos: 1 });
      // in order over one bridge: the second is here, so the first is not coming
      for (let last = 0; last !== 9; ) last = ((await toPod()).payload as Buffer)[0]!;
      expect(stray).toEqual([]);
    });

    it('keep presence for those who come later, and give out the will of a pod that is cut off', async () => {
      const { user: username, password } = parties['hospital-c'];
      const topic = presenceTopic(id('hospital-c'));
      const pod = await mqtt.connectAsync(bridged.site.url, {
        ...{ username, password, ca: readFileSync(bridged.tls.caFile), protocolVersion: 4 as const },
        will: { topic, payload: Buffer.from([0]), qos: 1, retain: true },
        reconnectPeriod: 0,
      });
      clients.push(pod);
      const early = await next(await login(bridged.central, 'researcher'), topic);
      await pod.publishAsync(topic, Buffer.from([1]), { qos: 1, retain: true });
      expect([...((await early()).payload as Buffer)]).toEqual([1]);
      const late = await next(await login(bridged.central, 'hospital-a'), topic);
      const kept = await late();
      expect([...(kept.payload as Buffer)]).toEqual([1]);
      expect(kept.retain).toBe(true);
      pod.stream.destroy();
      expect([...((await early()).payload as Buffer)]).toEqual([0]);
    });

    it('do not let anybody read the mailbox of another', async () => {
      const [modeller, thief] = [
        await login(bridged.central, 'researcher'),
        await login(bridged.central, 'hospital-a'),
      ];
      const stolen: IPublishPacket[] = [];
      thief.on('message', (topic, _payload, packet) => {
        // presence is for everybody who knows, or guesses, a mailbox; with "#" Mosquitto gives it out
        if (!topic.startsWith('konsil/1/up/') && topic !== inboxTopic(id('hospital-a'))) stolen.push(packet);
      });
      await thief
        .subscribeAsync([inboxTopic(id('hospital-b')), 'konsil/1/in/+', '#'], { qos: 1 })
        .catch(() => undefined);
      const own = await next(thief, inboxTopic(id('hospital-a')));
      await modeller.publishAsync(inboxTopic(id('hospital-b')), Buffer.from([1]), { qos: 1 });
      await modeller.publishAsync(inboxTopic(id('hospital-a')), Buffer.from([2]), { qos: 1 });
      expect([...((await own()).payload as Buffer)]).toEqual([2]);
      expect(stolen).toEqual([]);
    });

    it('complete a run, also when the bridge dies in the middle of it with its broker', async () => {
      const start = (who: PartyName, at: Mosquitto, command: string, file: string): Konsil =>
        new Konsil([command, file, '--broker', at.url, '--broker-ca', bridged.tls.caFile, '--json'], {
          cwd: example.folder,
          env: { KONSIL_BROKER_PASSWORD: parties[who].password },
        });
      const pods = PODS.map((name, i) => start(name, i === 0 ? bridged.central : bridged.site, 'pod', `${name}.yaml`));
      await Promise.all(pods.map((pod) => pod.until({ type: 'ready' })));
      const run = start('researcher', bridged.central, 'run', 'task.yaml');
      await run.until({ type: 'round', round: 2 });
      await run.until({ type: 'phase', completed: 2, phase: 'masked input' });
      await bridged.site.kill();
      await Promise.all(pods.slice(1).map((pod) => pod.until({ type: 'broker', up: false })));
      await bridged.site.restart();
      expect(await run.exit, run.text).toBe(0);
      const { result } = run.values.at(-1) as { result: { status: string; rounds: { survivors: string[] }[] } };
      expect(result.status).toBe('complete');
      expect(result.rounds).toHaveLength(6);
      expect(result.rounds.at(-1)!.survivors).toHaveLength(4);
    });
  });
}
