/**
 * The embedded broker: aedes behind a packet-size limit, per-client credentials and topic authorisation, with TLS when
 * a certificate is given. It is as untrusted as any other broker; these rules keep strangers and accidents out.
 * @module
 */
import { randomBytes as nodeRandomBytes, scryptSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type Client } from 'aedes';
import { z } from 'zod';
import { KonsilError, messageOf } from '../base/index.ts';
import { equalSecret } from '../crypto/index.ts';
import { mayPublish, maySubscribe } from '../wire/index.ts';
import { CHUNK_BYTES } from './blobs.ts';
import { PacketLimit } from './packetLimit.ts';

/** A blob chunk, its envelope and MQTT's own fields fit; nothing larger is ever sent. */
const MAX_PACKET_BYTES = CHUNK_BYTES + 64 * 1024;
/** Clients that have not said who they are after this are cut. */
const CONNECT_TIMEOUT_MS = 10_000;
const MAX_CLIENTS = 1_000;

const UsersSchema = z.record(z.string(), z.strictObject({ salt: z.string(), hash: z.string() }));
type Users = z.infer<typeof UsersSchema>;

/** What to listen on and whom to let in. */
export interface BrokerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** File of user names and scrypt hashes (`konsil broker adduser`); without it anyone who can connect may. */
  readonly usersFile?: string | undefined;
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly onEvent?: (event: string, facts: Readonly<Record<string, string | number>>) => void;
}

/** A running broker. */
export interface Broker {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** @throws KonsilError BROKER_UNREACHABLE when the port cannot be had, CONFIG_INVALID or FILE_NOT_FOUND for bad files. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { usersFile } = options;
  const bound = usersFile !== undefined;
  if (bound) readUsers(usersFile);
  const event = options.onEvent ?? (() => undefined);
  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxClientsIdLength: 64,
    concurrency: 1000,
  });
  aedes.authenticate = (client, username, password, done) => {
    const name = username ?? '';
    let known = !bound;
    try {
      // read at each login, so that `adduser` lets somebody in while the broker runs
      if (bound && password !== undefined) known = checkPassword(readUsers(usersFile), name, new Uint8Array(password));
    } catch (error) {
      event('failed', { reason: messageOf(error) });
    }
    if (!known || aedes.connectedClients > MAX_CLIENTS) {
      event('refused', { user: name });
      return done(Object.assign(new Error('not authorised'), { returnCode: 5 }), false);
    }
    mailboxes.set(client, name);
    done(null, true);
  };
  const mailboxes = new WeakMap<Client, string>();
  aedes.authorizePublish = (client, packet, done) => {
    const allowed = client !== null && allowPublish(mailboxes.get(client) ?? '', packet.topic, bound);
    done(allowed ? null : new Error('topic not allowed'));
  };
  aedes.authorizeSubscribe = (client, subscription, done) => {
    const allowed = allowSubscribe(mailboxes.get(client) ?? '', subscription.topic, bound);
    done(null, allowed ? subscription : null);
  };
  aedes.on('clientReady', (client) => event('connected', { client: client.id }));
  aedes.on('clientDisconnect', (client) => event('disconnected', { client: client.id }));
  const accept = (socket: Socket): void => {
    const limit = new PacketGuard(socket, (error) => event('cut', { reason: messageOf(error) }));
    aedes.handle(limit.stream);
  };
  const server: Server = options.tls ? tlsServer(options.tls, accept) : createServer(accept);
  await listen(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return {
    port,
    url: `${options.tls ? 'mqtts' : 'mqtt'}://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** With credentials, a client's user name is its mailbox and binds its topics; without, the shape of topics still counts. */
function allowPublish(mailbox: string, topic: string, bound: boolean): boolean {
  return mayPublish(bound ? mailbox : (topic.split('/')[3] ?? ''), topic);
}

function allowSubscribe(mailbox: string, filter: string, bound: boolean): boolean {
  if (/[+#]/.test(filter)) return false;
  return maySubscribe(bound ? mailbox : (filter.split('/')[3] ?? ''), filter);
}

function listen(server: Server, { host, port }: BrokerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new KonsilError(
          'BROKER_UNREACHABLE',
          `cannot listen on ${host}:${port}: ${messageOf(cause)}`,
          { host, port },
          { cause },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
}

function tlsServer(files: NonNullable<BrokerOptions['tls']>, accept: (socket: Socket) => void): Server {
  const { certFile, keyFile } = files;
  const pem = { cert: readPem(certFile), key: readPem(keyFile) };
  try {
    return createTlsServer(pem, accept);
  } catch (cause) {
    const why = `${messageOf(cause)}; expected a PEM certificate and its PEM private key`;
    throw new KonsilError('CONFIG_INVALID', `${certFile}, ${keyFile}: ${why}`, { certFile, keyFile }, { cause });
  }
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new KonsilError(
      'FILE_NOT_FOUND',
      `${file}: cannot read the broker's certificate or key`,
      { file },
      { cause },
    );
  }
}

// ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────────

/** N = 2^14: passwords of this file are 128 random bits, the hash only keeps a leaked file from being a login. */
const hashPassword = (password: Uint8Array, salt: string): Uint8Array =>
  new Uint8Array(scryptSync(password, Buffer.from(salt, 'base64url'), 32));

function readUsers(file: string): Users {
  try {
    return UsersSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new KonsilError(
      'CONFIG_INVALID',
      `${file}: not a list of broker users; make one with \`konsil broker adduser\``,
      { file },
      { cause },
    );
  }
}

function checkPassword(users: Users, name: string, password: Uint8Array): boolean {
  const user = Object.hasOwn(users, name) ? users[name]! : { salt: '', hash: '' };
  return equalSecret(hashPassword(password, user.salt), new Uint8Array(Buffer.from(user.hash, 'base64url')));
}

/** Adds (or replaces) a user and returns its new random password, which is stored only as a hash. @throws KonsilError FILE_WRITE_FAILED. */
export function addBrokerUser(file: string, mailbox: string): string {
  const users = existsSync(file) ? readUsers(file) : {};
  const password = nodeRandomBytes(16).toString('base64url');
  const salt = nodeRandomBytes(16).toString('base64url');
  const hash = Buffer.from(hashPassword(Buffer.from(password), salt)).toString('base64url');
  users[mailbox] = { salt, hash };
  try {
    writeFileSync(file, `${JSON.stringify(users, null, 2)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });
  }
  return password;
}

/** A socket whose incoming side passes through the packet limit. */
class PacketGuard {
  readonly stream: Duplex;

  constructor(socket: Socket, onCut: (error: Error) => void) {
    const limit = new PacketLimit(MAX_PACKET_BYTES);
    limit.on('error', (error) => {
      onCut(error);
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => limit.destroy());
    socket.pipe(limit);
    this.stream = Duplex.from({ readable: limit, writable: socket });
    this.stream.on('error', () => socket.destroy());
  }
}
