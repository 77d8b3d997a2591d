/** Tables at an address: fetched once, revalidated, within limits, from the server that the site named. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { makeCertificates } from '../../../test/support/certificates.ts';
import { type Answering, serve } from '../../../test/support/httpServer.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { openDataset } from '../openDataset.ts';
import { download } from './download.ts';
import { redirectTarget } from './httpGet.ts';

const CSV = 'age,site\n61,a\n7,b\n33,a\n';
const plain: Answering = (_, response) => void response.end(CSV);
const fetched = async (answer: Answering, options: Parameters<typeof download>[2] = {}) => {
  const file = join(tempFolder(), 'state', 'x.table');
  const { url, log } = await serve(answer);
  return { file, url, log, get: () => download(new URL(`${url}/x.csv?token=sesame`), file, options) };
};

describe('a table at an address', () => {
  it.each([
    ['text', CSV],
    ['gzip', gzipSync(CSV)],
  ])('is read: %s', async (_, body) => {
    const { url } = await serve((_, response) => void response.end(body));
    const path = join(tempFolder(), 'state', 'x.table');
    const source = await openDataset({ name: 'x', datasource: 'CSVSource', url: `${url}/x`, path });
    expect((await source.getData([2])).columns).toEqual({ age: [33], site: ['a'] });
    source.close();
  });

  it('is the user’s alone, and is not fetched again while the server says that it is the same', async () => {
    let tag = '"1"';
    const { get, file, log } = await fetched(({ headers }, response) => {
      if (headers['if-none-match'] === tag) return void response.writeHead(304).end();
      response.writeHead(200, { etag: tag, 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT' }).end(CSV + tag);
    });
    await get();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await get();
    expect(log[1]!.headers).toMatchObject({
      'if-none-match': '"1"',
      'if-modified-since': 'Sat, 21 Nov 2026 10:00:00 GMT',
    });
    expect(readFileSync(file, 'utf8')).toBe(`${CSV}"1"`);
    tag = '"2"';
    await get();
    expect(readFileSync(file, 'utf8')).toBe(`${CSV}"2"`);
    writeFileSync(file, 'cut'); // a file that is not what was fetched is not kept
    await get();
    expect(log[3]!.headers['if-none-match']).toBeUndefined();
    expect(readFileSync(file, 'utf8')).toBe(`${CSV}"2"`);
  });

  it('tells how far it is', async () => {
    const seen: unknown[] = [];
    const known = await fetched(
      (_, response) => void response.writeHead(200, { 'content-length': CSV.length }).end(CSV),
      {
        onProgress: ({ unit, done, total }) => seen.push({ unit, done, total }),
      },
    );
    await known.get();
    expect(seen.at(-1)).toEqual({ unit: 'bytes', done: CSV.length, total: CSV.length });
  });

  const large = 'x'.repeat(200_000);
  it.each<[string, Answering, RegExp, string]>([
    [
      'too large, as it says',
      (_, r) => void r.writeHead(200, { 'content-length': 200_000 }).end(large),
      /larger than 0.1 MB/,
      'DATA_UNSUPPORTED',
    ],
    ['too large, unsaid', (_, r) => void r.end(large), /larger than 0.1 MB/, 'DATA_UNSUPPORTED'],
    ['not there', (_, r) => void r.writeHead(404).end('sesame'), /answers 404; expected 200/, 'DATA_UNREACHABLE'],
    [
      'said to be the same, though never fetched',
      (_, r) => void r.writeHead(304).end(),
      /answers 304/,
      'DATA_UNREACHABLE',
    ],
    [
      'cut',
      (_, r) => void r.writeHead(200, { 'content-length': 99 }).write('age', () => r.destroy()),
      /connection was lost/,
      'DATA_UNREACHABLE',
    ],
    ['never sent', () => {}, /sends nothing for 200 ms/, 'DATA_UNREACHABLE'],
    [
      'begun and not gone on with',
      (_, r) => void r.writeHead(200).write('age,'),
      /sends nothing for 200 ms/,
      'DATA_UNREACHABLE',
    ],
    [
      'elsewhere, unencrypted',
      (_, r) => void r.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      /redirects to where it may not/,
      'DATA_UNREACHABLE',
    ],
    [
      'on another host',
      (_, r) => void r.writeHead(307, { location: 'https://example.org/' }).end(),
      /redirects to where it may not/,
      'DATA_UNREACHABLE',
    ],
  ])('is refused when it is %s, and what was there stays', async (_, answer, message, code) => {
    let isFirst = true;
    const { get, file } = await fetched((asked, response) => (isFirst ? plain : answer)(asked, response), {
      maxMegabytes: 0.1,
      idleMs: 200,
    });
    await get();
    isFirst = false;
    const error = await get().catch((caught: Error) => caught);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toContain('sesame');
    expect(readFileSync(file, 'utf8')).toBe(CSV);
    expect(readdirSync(join(file, '..')).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('is refused without a certificate that is trusted, and without a server', async () => {
    const { url } = await serve(plain, makeCertificates(tempFolder()));
    const file = join(tempFolder(), 'x');
    for (const address of [url, 'http://127.0.0.1:1/'])
      await expect(download(new URL(address), file)).rejects.toMatchObject({ code: 'DATA_UNREACHABLE' });
    expect(existsSync(file)).toBe(false);
  });

  it('stops when cancelled', async () => {
    const controller = new AbortController();
    const { get } = await fetched((_, r) => void r.writeHead(200).write('age', () => controller.abort()), {
      signal: controller.signal,
    });
    await expect(get()).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it.each<[string, string | null, string | undefined]>([
    ['https://a.example/x', '/y', 'https://a.example/y'],
    ['http://a.example/x', 'https://a.example/y', 'https://a.example/y'],
    ['https://a.example/x', 'https://mirror.example:444/y', 'https://mirror.example:444/y'],
    ['https://a.example/x', 'http://a.example/y', undefined],
    ['https://a.example/x', 'https://a.example.evil.org/y', undefined],
    ['https://a.example/x', 'https://u:p@a.example/y', undefined],
    ['https://a.example/x', 'file:///etc/passwd', undefined],
    ['https://a.example/x', null, undefined],
  ])('redirected from %s to %s', (from, location, to) =>
    expect(redirectTarget(new URL(from), location, ['a.example', 'mirror.example'])?.href).toBe(to),
  );
});
