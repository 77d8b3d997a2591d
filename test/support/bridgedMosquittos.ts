/** Two Mosquittos with the files of examples/cluster/mosquitto: a central one, and one at a site that bridges to it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import { Mosquitto } from './mosquitto.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/cluster/mosquitto');
const BRIDGE = { user: 'bridge-of-a-site', password: 'bridge-password' };

export interface BridgedOptions {
  readonly folder: string;
  /** Logins at both brokers. */
  readonly users: readonly { readonly user: string; readonly password: string }[];
  /** Mailboxes of the pods that connect at the site, and of their modeller. */
  readonly pods: readonly string[];
  readonly modeller: string;
}

/** A central broker and a site's. */
export interface BridgedMosquittos {
  readonly central: Mosquitto;
  readonly site: Mosquitto;
  readonly tls: Certificates;
  kill(): Promise<void>;
}

export async function startBridged({ folder, users, pods, modeller }: BridgedOptions): Promise<BridgedMosquittos> {
  const tls = makeCertificates(join(folder, 'tls'));
  // each line with a placeholder once for each mailbox it stands for
  const perMailbox = (text: string): string =>
    text
      .split('\n')
      .flatMap((line) => (/^topic .*POD-MAILBOX/.test(line) ? pods.map((pod) => put(line, 'POD-MAILBOX', pod)) : line))
      .map((line) => (line.startsWith('topic') ? line.replace('MODELLER-MAILBOX', modeller) : line))
      .join('\n');
  const start = (name: 'central' | 'site', more: (text: string) => string): Promise<Mosquitto> => {
    const own = join(folder, name);
    mkdirSync(own);
    const acl = join(own, 'konsil.acl');
    writeFileSync(acl, perMailbox(readFileSync(join(EXAMPLES, 'konsil.acl'), 'utf8')), { mode: 0o600 });
    return Mosquitto.start({
      ...{ folder: own, tls },
      users: name === 'central' ? [...users, BRIDGE] : users,
      config: ({ port, passwords }) => {
        let text = more(perMailbox(readFileSync(join(EXAMPLES, `${name}.conf`), 'utf8')));
        text = put(text, 'listener 8883', `listener ${port} 127.0.0.1`);
        text = put(text, '/etc/mosquitto/certs/broker.pem', tls.certFile);
        text = put(text, '/etc/mosquitto/certs/broker.key', tls.keyFile);
        text = put(text, '/etc/mosquitto/passwords', passwords);
        text = put(text, '/etc/mosquitto/konsil.acl', acl);
        text = put(text, '/var/lib/mosquitto/', `${own}/`);
        return process.getuid?.() === 0 ? `user root\n${text}` : text;
      },
    });
  };
  const central = await start('central', (text) => text);
  const site = await start('site', (text) => {
    const there = put(text, 'address central.example:8883', `address 127.0.0.1:${central.port}`);
    return put(put(there, '/etc/mosquitto/certs/central-ca.pem', tls.caFile), 'CHANGE-ME', BRIDGE.password);
  });
  return { central, site, tls, kill: async () => void (await Promise.all([central.kill(), site.kill()])) };
}

/** @throws Error when the example no longer has what is to be replaced. */
function put(text: string, what: string, by: string): string {
  if (!text.includes(what)) throw new Error(`the example has no "${what}"`);
  return text.replace(what, by);
}
