/**
 * A blob store behind the S3 interface (AWS, MinIO, Ceph, Garage, …): put, ranged get, delete, path-style, one request each.
 * Connects outwards only, follows no redirect, and reads no more than it asked for.
 * @module
 */
import { KonsilError, messageOf } from '../base/index.ts';
import { amzDate, authorization, encodePath, sha256Hex } from './awsSignature.ts';
import type { BlobStore } from './storedBlobs.ts';

/** Where the store is and how to log in. */
export interface S3Address {
  /** `https://host` or `https://host:port`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Before each name; ends where the name begins. */
  readonly prefix: string;
  readonly accessKey: string;
  /** Secret. */
  readonly secretKey: string;
  /** @default the wall clock, which signatures need to be right within 15 minutes */
  readonly now?: () => Date;
}

const NO_BYTES = new Uint8Array(0);

export class S3Store implements BlobStore {
  readonly #address: S3Address;

  constructor(address: S3Address) {
    this.#address = address;
  }

  async put(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const response = await this.#request('PUT', name, { body: bytes, signal });
    await this.#expect('PUT', response, 200);
  }

  async get(name: string, from: number, to: number, signal: AbortSignal): Promise<Uint8Array> {
    const response = await this.#request('GET', name, { range: `bytes=${from}-${to - 1}`, signal });
    if (response.status !== 206) await this.#expect('GET', response, 206);
    const bytes = new Uint8Array(to - from);
    let length = 0;
    try {
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        if (length + part.length > bytes.length) throw new RangeError('more than was asked for');
        bytes.set(part, length);
        length += part.length;
      }
    } catch (cause) {
      throw this.#failed('GET', messageOf(cause), 0, cause);
    }
    if (length !== bytes.length) throw this.#failed('GET', `only ${length} of ${bytes.length} bytes`, 0);
    return bytes;
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    const response = await this.#request('DELETE', name, { signal });
    await this.#expect('DELETE', response, 204, 200, 404);
  }

  async #request(
    method: string,
    name: string,
    { body = NO_BYTES, range, signal }: { body?: Uint8Array; range?: string; signal: AbortSignal },
  ): Promise<Response> {
    const { endpoint, bucket, prefix, now = () => new Date() } = this.#address;
    const url = new URL(encodePath(`/${bucket}/${prefix}${name}`), endpoint);
    const payloadHash = sha256Hex(body);
    const headers = {
      ...{ host: url.host, 'x-amz-content-sha256': payloadHash, 'x-amz-date': amzDate(now()) },
      ...(range !== undefined && { range }),
    };
    const request = { method, path: url.pathname, headers, payloadHash };
    const { host: _host, ...sent } = headers; // fetch says it by itself
    try {
      return await fetch(url, {
        method,
        headers: { ...sent, authorization: authorization(request, { ...this.#address, service: 's3' }) },
        ...(method === 'PUT' && { body }),
        redirect: 'error', // whoever answers there may not send us to another machine of this network
        signal,
      });
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause ? messageOf(cause.cause) : messageOf(cause);
      throw this.#failed(method, reason, 0, cause);
    }
  }

  /** Reads away what else the answer says, so that its connection can be used again. */
  async #expect(method: string, response: Response, ...statuses: number[]): Promise<void> {
    const text = await response.text().catch(() => '');
    if (statuses.includes(response.status)) return;
    const code = /<Code>(\w{1,64})<\/Code>/.exec(text.slice(0, 4096))?.[1];
    throw this.#failed(method, `${response.status}${code === undefined ? '' : ` ${code}`}`, response.status);
  }

  #failed(method: string, reason: string, status: number, cause?: unknown): KonsilError {
    const where = `${this.#address.endpoint}/${this.#address.bucket}`;
    return new KonsilError('STORE_FAILED', `blob store ${where}: ${method}: ${reason}`, { status }, { cause });
  }
}
