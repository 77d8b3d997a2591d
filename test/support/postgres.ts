/** A real Postgres of its own on a Unix socket and a loopback port, for tests of databases. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** Debian keeps each version in a folder of its own, and none of it in the PATH. */
const PLACE = '/usr/lib/postgresql';
const BIN = newestBin();
/** Why there is nothing to test with, or null. */
export const NO_POSTGRES = BIN === undefined ? `no initdb in ${PLACE}/*/bin` : null;

const SUPERUSER = 'postgres';
/** Of the superuser. */
export const POSTGRES_PASSWORD = 'master-4711';

export class Postgres {
  readonly port: number;
  readonly #folder: string;
  readonly #as: { readonly uid?: number; readonly gid?: number };
  #child: ChildProcess | null = null;

  private constructor(port: number, folder: string, as: { readonly uid?: number; readonly gid?: number }) {
    this.port = port;
    this.#folder = folder;
    this.#as = as;
  }

  /** A new cluster in a temporary folder. It refuses to run as root, and runs as somebody else then. */
  static async start(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'konsil-pg-'));
    const as = process.getuid?.() === 0 ? unprivileged() : undefined;
    if (as !== undefined) chownSync(folder, as.uid, as.gid);
    const postgres = new Postgres(await freePort(), folder, as ?? {});
    const password = join(folder, 'password');
    execFileSync('/bin/sh', ['-c', `umask 077; printf %s ${POSTGRES_PASSWORD} > ${password}`], { ...as });
    execFileSync(
      `${BIN}/initdb`,
      [
        '-D',
        join(folder, 'data'),
        '-U',
        SUPERUSER,
        '-A',
        'scram-sha-256',
        '--pwfile',
        password,
        '-N',
        '-E',
        'UTF8',
        '--no-locale',
      ],
      { ...as, cwd: folder, stdio: 'pipe' },
    );
    await postgres.#listen();
    return postgres;
  }

  /** Connection string of a user; the superuser by default. */
  url(user = SUPERUSER, password = POSTGRES_PASSWORD, database = 'postgres'): string {
    return `postgresql://${user}:${password}@127.0.0.1:${this.port}/${database}`;
  }

  /** The same over the Unix socket. */
  socketUrl(user = SUPERUSER, password = POSTGRES_PASSWORD): string {
    return `postgresql://${user}:${password}@:${this.port}/postgres?host=${this.#folder}`;
  }

  /** Runs statements as the superuser; one result a statement. */
  async run(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url() });
    await client.connect();
    try {
      const result = await client.query(sql);
      return (result.rows ?? []) as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  /** Rows of a CSV file with a line of names, which are the columns in some order and case. */
  async copy(table: string, csv: Buffer): Promise<void> {
    const names = csv.subarray(0, csv.indexOf('\n')).toString().trim().toLowerCase();
    const quoted = names.split(',').map((name) => `"${name.replaceAll('"', '')}"`);
    execFileSync(
      `${BIN}/psql`,
      ['-q', '-v', 'ON_ERROR_STOP=1', this.url(), '-c', `\\copy ${table} (${quoted.join(',')}) FROM STDIN CSV HEADER`],
      { input: csv, stdio: ['pipe', 'ignore', 'pipe'] },
    );
  }

  /** Runs `work` while nobody else can read the table. */
  async locked<T>(table: string, work: () => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.url() });
    await client.connect();
    try {
      await client.query(`BEGIN; LOCK TABLE ${table}`);
      return await work();
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child !== null && child.exitCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT'); // ends connections, and itself
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listen(): Promise<void> {
    const settings = {
      ...{ port: this.port, listen_addresses: '127.0.0.1', unix_socket_directories: this.#folder },
      ...{ fsync: 'off', shared_buffers: '16MB', max_connections: '20', logging_collector: 'off' },
    };
    const child = spawn(
      `${BIN}/postgres`,
      [
        '-D',
        join(this.#folder, 'data'),
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      { ...this.#as, cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        if (/ready to accept connections/.test(said)) resolve();
      });
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`postgres ended with ${code}:\n${said}`)));
    });
  }
}

function newestBin(): string | undefined {
  try {
    const versions = readdirSync(PLACE)
      .map(Number)
      .sort((a, b) => b - a);
    const folders = versions.map((version) => join(PLACE, String(version), 'bin'));
    return folders.find((folder) => readdirSync(folder).includes('initdb'));
  } catch {
    return undefined;
  }
}

function unprivileged(): { uid: number; gid: number } {
  for (const user of ['postgres', 'nobody'])
    try {
      const id = (flag: string): number => Number(execFileSync('id', [flag, user], { stdio: 'pipe' }).toString());
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // no such user
    }
  throw new Error('running as root, and there is no user postgres or nobody to run a database as');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
