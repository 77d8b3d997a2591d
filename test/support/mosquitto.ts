/** A real Mosquitto on a free loopback port, for tests of interoperation. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Certificates } from './certificates.ts';

/** Debian installs it where an ordinary user's PATH does not look. */
const PLACES = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'];
const BINARY = PLACES.find((place) => existsSync(place));
/** Why there is nothing to test with, or null. */
export const NO_MOSQUITTO = BINARY === undefined ? `no mosquitto in ${PLACES.join(', ')}` : null;

export interface MosquittoOptions {
  /** Where its files go. */
  readonly folder: string;
  /** Users and passwords; anybody may come when absent. */
  readonly users?: readonly { readonly user: string; readonly password: string }[];
  readonly tls?: Certificates;
  /** The configuration itself, in place of the one made of the other options; `passwords` is the file of the users. */
  readonly config?: (at: { readonly port: number; readonly passwords: string }) => string;
}

/** A Mosquitto that can be killed and started again on the same port, without memory of its past. */
export class Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly #config: string;
  #child: ChildProcess | null = null;

  private constructor(port: number, options: MosquittoOptions) {
    const { folder, users, tls, config } = options;
    this.port = port;
    this.url = `${tls ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`;
    this.#config = join(folder, 'mosquitto.conf');
    const passwords = join(folder, 'mosquitto.passwords');
    if (users) {
      writeFileSync(passwords, users.map(({ user, password }) => `${user}:${password}\n`).join(''), { mode: 0o600 });
      execFileSync('mosquitto_passwd', ['-U', passwords], { stdio: 'pipe' });
    }
    const lines = [
      `listener ${port} 127.0.0.1`,
      'persistence false',
      ...(users ? ['allow_anonymous false', `password_file ${passwords}`] : ['allow_anonymous true']),
      ...(tls ? [`certfile ${tls.certFile}`, `keyfile ${tls.keyFile}`] : []),
      // as root it would otherwise become a user who cannot read a private folder
      ...(process.getuid?.() === 0 ? ['user root'] : []),
    ];
    writeFileSync(this.#config, config?.({ port, passwords }) ?? `${lines.join('\n')}\n`);
  }

  static async start(options: MosquittoOptions): Promise<Mosquitto> {
    const mosquitto = new Mosquitto(await freePort(), options);
    await mosquitto.restart();
    return mosquitto;
  }

  /** Starts it (again); resolves when it listens. */
  async restart(): Promise<void> {
    const child = spawn(BINARY!, ['-c', this.#config, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        if (/mosquitto version \S+ running/.test(said)) resolve();
      });
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`mosquitto ended with ${code}:\n${said}`)));
    });
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return (address as { port: number }).port;
}
