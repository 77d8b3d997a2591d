import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectMqtt } from '../../src/transport/index.ts';
import { presenceTopic } from '../../src/wire/index.ts';
import { describeLink } from '../contract/link.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { Mosquitto, NO_MOSQUITTO } from '../support/mosquitto.ts';
import { introduceParties, type Party, type PartyName, PODS } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

if (NO_MOSQUITTO !== null) {
  it.skip(`Mosquitto is not tested: ${NO_MOSQUITTO}`, () => undefined);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-mosquitto-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describeLink('MQTT through Mosquitto', async () => {
    const mosquitto = await Mosquitto.start({ folder });
    return { connect: (presence) => connectMqtt({ url: mosquitto.url }, presence), close: () => mosquitto.kill() };
  });

  describe('a federation over Mosquitto with TLS and passwords', () => {
    let tls: Certificates;
    let example: ReturnType<typeof exampleCopy>;
    let parties: Record<PartyName, Party>;
    let mosquitto: Mosquitto;
    beforeAll(async () => {
      example = exampleCopy(8);
      tls = makeCertificates(join(folder, 'tls'));
      parties = introduceParties(example.folder);
      mosquitto = await Mosquitto.start({ folder, users: Object.values(parties), tls });
    });
    afterEach(killAll);
    afterAll(async () => {
      await mosquitto.kill();
      example.remove();
    });

    const login = (): { url: string; username: string; password: string; caFile: string } => {
      const { user, password } = parties.researcher;
      return { url: mosquitto.url, username: user, password, caFile: tls.caFile };
    };
    const presence = (): string => presenceTopic(parties.researcher.identity.public.id);
    const start = (who: PartyName, command: string, file: string): Konsil =>
      new Konsil([command, file, '--broker', mosquitto.url, '--broker-ca', tls.caFile, '--json'], {
        cwd: example.folder,
        env: { KONSIL_BROKER_PASSWORD: parties[who].password },
      });

    it('refuses a wrong password', async () => {
      for (const change of [{ password: 'wrong' }, { username: undefined, password: undefined }])
        await expect(connectMqtt({ ...login(), ...change }, presence())).rejects.toMatchObject({
          code: 'BROKER_REFUSED',
          message: expect.stringMatching(/username and password/),
        });
    });

    it('is not spoken to when its certificate is signed by a stranger', async () => {
      await expect(connectMqtt({ ...login(), caFile: undefined }, presence())).rejects.toMatchObject({
        code: 'BROKER_UNREACHABLE',
        message: expect.stringMatching(/certificate.*--broker-ca/),
      });
    });

    // other systems have no 127.0.0.2
    it.runIf(process.platform === 'linux')('is not spoken to when its certificate is for another host', async () => {
      const url = mosquitto.url.replace('127.0.0.1', '127.0.0.2');
      // the same broker under an address that its certificate does not name
      const other = createServer((socket) => socket.pipe(connect(mosquitto.port, '127.0.0.1')).pipe(socket));
      await new Promise<void>((resolve) => other.listen(mosquitto.port, '127.0.0.2', resolve));
      await expect(connectMqtt({ ...login(), url }, presence())).rejects.toMatchObject({
        code: 'BROKER_UNREACHABLE',
        message: expect.stringMatching(/certificate is not usable/),
      });
      other.close();
    });

    it('completes a run, also when the broker dies in the middle of it and comes back', async () => {
      const pods = PODS.map((name) => start(name, 'pod', `${name}.yaml`));
      await Promise.all(pods.map((pod) => pod.until({ type: 'ready' })));
      const run = start('researcher', 'run', 'task.yaml');
      await run.until({ type: 'round', round: 2 });
      await run.until({ type: 'phase', completed: 2, phase: 'masked input' });
      await mosquitto.kill();
      await Promise.all(pods.map((pod) => pod.until({ type: 'broker', up: false })));
      await mosquitto.restart();
      expect(await run.exit, run.text).toBe(0);
      const { result } = run.values.at(-1) as { result: { status: string; rounds: { survivors: string[] }[] } };
      expect(result.status).toBe('complete');
      expect(result.rounds).toHaveLength(8);
      // everybody was back for the end
      expect(result.rounds.at(-1)!.survivors).toHaveLength(4);
    });
  });
}
