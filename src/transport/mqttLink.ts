/**
 * A link over any MQTT 3.1.1 broker (`mqtt://`, `mqtts://`, `ws://`, `wss://`): outgoing connection only, reconnects
 * with backoff, presence by retained last will.
 * @module
 */
import { readFileSync } from 'node:fs';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { KonsilError, messageOf } from '../base/index.ts';
import { randomBytes } from '../crypto/index.ts';
import { ABSENT, type Link, PRESENT } from './link.ts';

/** Where the broker is and how to log in. */
export interface BrokerAddress {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM file of the authority that signed the broker's certificate; the system's authorities when absent. */
  readonly caFile?: string | undefined;
}

const KEEPALIVE_S = 15;
const CONNECT_TIMEOUT_MS = 10_000;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 15_000;

/**
 * Connects and returns once the broker has answered.
 *
 * @param presence - Topic that says whether we are there.
 * @throws KonsilError BROKER_UNREACHABLE when nothing answers there, BROKER_REFUSED when it turns the credentials down.
 */
export async function connectMqtt(address: BrokerAddress, presence: string, signal?: AbortSignal): Promise<Link> {
  const options: IClientOptions = {
    clientId: `konsil-${Buffer.from(randomBytes(8)).toString('hex')}`,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: RECONNECT_FIRST_MS,
    resubscribe: true,
    queueQoSZero: false,
    will: { topic: presence, payload: Buffer.from(ABSENT), qos: 1, retain: true },
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.caFile === undefined ? {} : { ca: readCa(address.caFile) }),
  };
  const where = address.url.replace(/\/\/.*@/, '//');
  let client: MqttClient;
  try {
    client = mqtt.connect(address.url, options);
  } catch (cause) {
    throw new KonsilError(
      'CONFIG_INVALID',
      `broker url "${where}": ${messageOf(cause)}; expected mqtt://host:port or mqtts://host:port`,
      {},
      { cause },
    );
  }
  await firstConnection(client, where, signal);
  return new MqttLink(client, presence);
}

function readCa(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${file}: cannot read the broker's CA certificate`, { file }, { cause });
  }
}

function firstConnection(client: MqttClient, where: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: KonsilError): void => {
      done();
      client.on('error', () => undefined); // errors after we gave up have nobody to tell
      client.end(true);
      reject(error);
    };
    const onError = (cause: Error & { code?: number | string }): void => {
      const refused = cause.code === 4 || cause.code === 5;
      fail(
        refused
          ? new KonsilError(
              'BROKER_REFUSED',
              `broker ${where} refused the login; check username and password`,
              {},
              { cause },
            )
          : new KonsilError('BROKER_UNREACHABLE', `broker ${where}: ${reasonOf(cause)}`, {}, { cause }),
      );
    };
    const onClose = (): void =>
      fail(new KonsilError('BROKER_UNREACHABLE', `broker ${where} closed the connection before answering`));
    const onAbort = (): void => fail(new KonsilError('CANCELLED', 'cancelled while connecting to the broker'));
    const onConnect = (): void => {
      done();
      resolve();
    };
    const done = (): void => {
      client.off('error', onError).off('close', onClose).off('connect', onConnect);
      signal?.removeEventListener('abort', onAbort);
    };
    client.on('error', onError).on('close', onClose).on('connect', onConnect);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

/** OpenSSL's names for a certificate whose signer is not known here. */
const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT\w*))$/;

function reasonOf(error: Error & { code?: number | string }): string {
  const what = error.message || String(error.code ?? 'no answer');
  if (UNTRUSTED.test(String(error.code)))
    return `its certificate is signed by nobody this computer knows (${what}); give the authority's certificate with --broker-ca or ca_file`;
  return /CERT|ALTNAME/.test(String(error.code)) ? `its certificate is not usable: ${what}` : `${what}; is it running?`;
}

class MqttLink implements Link {
  readonly #client: MqttClient;
  readonly #presence: string;
  readonly #handlers = new Map<string, ((payload: Uint8Array) => void)[]>();
  readonly #listeners: ((connected: boolean) => void)[] = [];

  constructor(client: MqttClient, presence: string) {
    this.#client = client;
    this.#presence = presence;
    client.on('message', (topic, payload) => {
      for (const handler of this.#handlers.get(topic) ?? []) handler(new Uint8Array(payload));
    });
    client.on('connect', () => {
      client.options.reconnectPeriod = RECONNECT_FIRST_MS;
      this.#announce();
      this.#tell(true);
    });
    client.on('close', () => {
      // exponential, capped: a hospital's VPN may be down for hours
      client.options.reconnectPeriod = Math.min(
        RECONNECT_MAX_MS,
        (client.options.reconnectPeriod ?? RECONNECT_FIRST_MS) * 2,
      );
      this.#tell(false);
    });
    client.on('error', () => undefined); // a 'close' follows every error; reconnecting is the answer to both
    this.#announce();
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    if (!this.#client.connected) return;
    try {
      await this.#client.publishAsync(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.length), {
        qos: 1,
      });
    } catch {
      // lost with the connection: the channel above resends until there is a receipt
    }
  }

  async subscribe(topic: string, onPayload: (payload: Uint8Array) => void): Promise<void> {
    const handlers = this.#handlers.get(topic) ?? [];
    handlers.push(onPayload);
    this.#handlers.set(topic, handlers);
    if (handlers.length > 1) return;
    try {
      await this.#client.subscribeAsync(topic, { qos: 1 });
    } catch (cause) {
      if (this.#client.connected)
        throw new KonsilError(
          'BROKER_REFUSED',
          'broker refused a subscription to our own mailbox; check its access rules',
          {},
          { cause },
        );
      // not connected: mqtt.js keeps the filter and subscribes on reconnect
    }
  }

  onConnection(listener: (connected: boolean) => void): void {
    this.#listeners.push(listener);
    listener(this.#client.connected);
  }

  async close(): Promise<void> {
    if (this.#client.connected) {
      // a clean goodbye suppresses the will, so say it ourselves
      await this.#client
        .publishAsync(this.#presence, Buffer.from(ABSENT), { qos: 1, retain: true })
        .catch(() => undefined);
    }
    await this.#client.endAsync(!this.#client.connected);
  }

  cut(): void {
    this.#client.end(true); // closes the connection without the goodbye that would suppress the will
  }

  #announce(): void {
    this.#client.publish(this.#presence, Buffer.from(PRESENT), { qos: 1, retain: true }, () => undefined);
  }

  #tell(connected: boolean): void {
    for (const listener of this.#listeners) listener(connected);
  }
}
