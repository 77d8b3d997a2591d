/**
 * A small S3 server for tests, written from the interface's description and not from our client: it checks signatures by itself,
 * keeps objects of one bucket in memory, and can be made to misbehave.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const S3_KEY = { accessKey: 'AKIDTESTS', secretKey: 'secret/of+the/tests' };

/** What goes wrong with a request; bytes are sent in place of an object's. */
export type S3Fault = 'none' | 'unavailable' | 'hang' | 'truncate' | 'redirect' | { readonly bytes: Uint8Array };

/** A running server. */
export class S3Server {
  /** Everything that was ever put, by path, latest last. */
  readonly versions = new Map<string, Uint8Array[]>();
  /** What there is now. */
  readonly objects = new Map<string, Uint8Array>();
  readonly log: string[] = [];
  fault: (method: string, path: string, range: readonly [number, number] | null) => S3Fault = () => 'none';
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const { method = '', url: path = '' } = request;
    const refuse = (status: number, code: string): void => {
      this.log.push(`${method} ${path} ${code}`);
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
    };
    const wrong = whatIsWrong(request, body);
    if (wrong !== null) return refuse(403, wrong);
    const range = rangeOf(request.headers.range);
    const fault = this.fault(method, path, range);
    if (fault === 'hang') return;
    if (fault === 'unavailable') return refuse(503, 'SlowDown');
    if (fault === 'redirect') {
      response.writeHead(307, { location: 'http://127.0.0.1:9/elsewhere' });
      return void response.end();
    }
    if (!path.startsWith('/bucket/')) return refuse(404, 'NoSuchBucket');
    this.log.push(`${method} ${path}`);
    if (method === 'PUT') {
      this.objects.set(path, new Uint8Array(body));
      this.versions.set(path, [...(this.versions.get(path) ?? []), new Uint8Array(body)]);
      return void response.writeHead(200).end();
    }
    if (method === 'DELETE') {
      this.objects.delete(path);
      return void response.writeHead(204).end();
    }
    const object = typeof fault === 'object' ? fault.bytes : this.objects.get(path);
    if (!object) return refuse(404, 'NoSuchKey');
    const [first, last] = range ?? [0, object.length - 1];
    if (first >= object.length) return refuse(416, 'InvalidRange');
    const wanted = object.slice(first, last + 1);
    response.writeHead(range ? 206 : 200, { 'content-length': wanted.length });
    if (fault !== 'truncate') return void response.end(wanted);
    response.write(wanted.slice(0, wanted.length >> 1), () => response.destroy());
  }
}

function rangeOf(header: string | undefined): readonly [number, number] | null {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header ?? '') ?? [];
  return first === undefined ? null : [Number(first), Number(last)];
}

/** An error code, or null for a request that is signed as it should be. */
function whatIsWrong(request: IncomingMessage, body: Buffer): string | null {
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!given) return 'AccessDenied';
  const [, key, day, region, signed, signature] = given as unknown as string[];
  if (key !== S3_KEY.accessKey) return 'InvalidAccessKeyId';
  const time = String(request.headers['x-amz-date']);
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const at = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  if (!(Math.abs(Date.now() - at) < 15 * 60_000) || !time.startsWith(day!)) return 'RequestTimeTooSkewed';
  const hash = createHash('sha256').update(body).digest('hex');
  if (request.headers['x-amz-content-sha256'] !== hash) return 'XAmzContentSHA256Mismatch';
  for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256'])
    if (!signed!.split(';').includes(name)) return 'SignatureDoesNotMatch';
  let canonical = `${request.method}\n${request.url}\n\n`;
  for (const name of signed!.split(';')) canonical += `${name}:${String(request.headers[name])}\n`;
  canonical += `\n${signed}\n${hash}`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  let hmac: Buffer = Buffer.from(`AWS4${S3_KEY.secretKey}`);
  for (const part of [day!, region!, 's3', 'aws4_request']) hmac = createHmac('sha256', hmac).update(part).digest();
  const text = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${digest}`;
  return createHmac('sha256', hmac).update(text).digest('hex') === signature ? null : 'SignatureDoesNotMatch';
}
