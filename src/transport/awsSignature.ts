/**
 * AWS Signature Version 4, as S3 and its likes take it: for requests without a query.
 * @source "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk", Amazon S3 API reference.
 * @module
 */
import { createHash, createHmac } from 'node:crypto';

/** Who signs, and for whom. */
export interface SigningKey {
  readonly accessKey: string;
  /** Secret. */
  readonly secretKey: string;
  readonly region: string;
  readonly service: string;
}

/** What is signed. */
export interface SignableRequest {
  readonly method: string;
  /** As it is sent: encoded. */
  readonly path: string;
  /** All of these are signed; `host` and `x-amz-date` (20150830T123600Z) must be among them. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal. */
  readonly payloadHash: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

export const sha256Hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Uint8Array | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Value of the header `authorization`. */
export function authorization(request: SignableRequest, { accessKey, secretKey, region, service }: SigningKey): string {
  const names = Object.keys(request.headers).sort();
  const canonical = [
    ...[request.method, request.path, ''],
    ...names.map((name) => `${name}:${request.headers[name]!.trim().replace(/ +/g, ' ')}`),
    ...['', names.join(';'), request.payloadHash],
  ].join('\n');
  const time = request.headers['x-amz-date']!;
  const scope = [time.slice(0, 8), region, service, 'aws4_request'];
  const key = scope.reduce<Uint8Array | string>((secret, part) => hmac(secret, part), `AWS4${secretKey}`);
  const signature = hmac(key, [ALGORITHM, time, scope.join('/'), sha256Hex(canonical)].join('\n')).toString('hex');
  return `${ALGORITHM} Credential=${accessKey}/${scope.join('/')}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
}

/** A path with all but unreserved characters and slashes encoded, once, as S3 wants it. */
export const encodePath = (path: string): string =>
  path
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/');

/** `20150830T123600Z`. */
export const amzDate = (time: Date): string => time.toISOString().replace(/[-:]|\.\d+/g, '');
