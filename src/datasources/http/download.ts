/**
 * A file of a server, kept at the site and asked for again only when it has changed.
 * @source RFC 9110 §13.1 (conditional requests), §8.8 (validators)
 * @module
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { KonsilError } from '../../base/index.ts';
import type { ScanProgress } from '../dataSource.ts';
import { type HttpAnswer, httpRequest, shownUrl } from './httpGet.ts';

/** Of one file, in 10^6 bytes. */
const MAX_MEGABYTES = 20_000;
/** Of the whole: a server that sends a byte now and then is not idle. */
const DEADLINE_MS = 4 * 3_600_000;

export interface DownloadOptions {
  /** @default MAX_MEGABYTES */
  readonly maxMegabytes?: number;
  /** Other machines that the server may send us to. @default none */
  readonly redirectHosts?: readonly string[];
  /** Without a byte. @default 60_000 */
  readonly idleMs?: number;
  readonly onProgress?: (progress: ScanProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What the server said of the file that is there. */
const Validators = z.object({
  url: z.string(),
  bytes: z.int(),
  etag: z.string().nullable(),
  lastModified: z.string().nullable(),
});
type Validators = z.output<typeof Validators>;

/**
 * Makes `file` what `url` holds now. The folder is made; the file is the user's alone.
 * @throws KonsilError DATA_UNREACHABLE, DATA_UNSUPPORTED when it is too large, FILE_WRITE_FAILED, CANCELLED.
 */
export async function download(url: URL, file: string, options: DownloadOptions = {}): Promise<void> {
  const { redirectHosts, idleMs, signal } = options;
  const late = AbortSignal.timeout(DEADLINE_MS);
  const known = await readValidators(url, file);
  const answer = await httpRequest(url, {
    headers: {
      ...(known?.etag != null && { 'if-none-match': known.etag }),
      ...(known?.lastModified != null && { 'if-modified-since': known.lastModified }),
    },
    ...(redirectHosts && { redirectHosts }),
    ...(idleMs !== undefined && { idleMs }),
    signal: signal === undefined ? late : AbortSignal.any([signal, late]),
  });
  const { status } = answer;
  if (status === 304 && (known?.etag ?? known?.lastModified ?? null) !== null) return answer.stop();
  if (status !== 200) {
    answer.stop();
    throw new KonsilError('DATA_UNREACHABLE', `${shownUrl(url)} answers ${status}; expected 200`, { status });
  }
  const part = `${file}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const bytes = await receive(answer, url, part, options);
    await rm(validatorsOf(file), { force: true });
    await rename(part, file);
    const { headers } = answer;
    const said: Validators = {
      ...{ url: url.href, bytes, etag: headers.get('etag'), lastModified: headers.get('last-modified') },
    };
    await writeFile(validatorsOf(file), JSON.stringify(said), { mode: 0o600 });
  } catch (cause) {
    if (cause instanceof KonsilError) throw cause;
    throw new KonsilError('FILE_WRITE_FAILED', `cannot write ${file}`, { file }, { cause });
  } finally {
    answer.stop();
    await rm(part, { force: true });
  }
}

/** @returns Bytes of the whole body. */
async function receive(answer: HttpAnswer, url: URL, part: string, options: DownloadOptions): Promise<number> {
  const { maxMegabytes = MAX_MEGABYTES, onProgress } = options;
  const length = answer.headers.get('content-length');
  const expected = length === null || answer.headers.has('content-encoding') ? undefined : Number(length);
  const tooLarge = (): KonsilError =>
    new KonsilError('DATA_UNSUPPORTED', `${shownUrl(url)} is larger than ${maxMegabytes} MB`, { maxMegabytes });
  if (expected !== undefined && expected > maxMegabytes * 1e6) throw tooLarge();
  const started = performance.now();
  let bytes = 0;
  const target = await open(part, 'wx', 0o600);
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > maxMegabytes * 1e6) throw tooLarge();
      await target.writeFile(chunk);
      if (expected !== undefined)
        onProgress?.({
          ...{ unit: 'bytes', done: bytes, total: expected },
          secondsLeft: ((performance.now() - started) / 1_000 / bytes) * (expected - bytes),
        });
    }
  } finally {
    await target.close();
  }
  if (expected !== undefined && bytes !== expected)
    throw new KonsilError('DATA_UNREACHABLE', `${shownUrl(url)} sent ${bytes} bytes; it said ${expected}`);
  return bytes;
}

function validatorsOf(file: string): string {
  return `${file}.json`;
}

/** Of the file that is there, if it is the one that this address gave. */
async function readValidators(url: URL, file: string): Promise<Validators | undefined> {
  try {
    const said = Validators.parse(JSON.parse(await readFile(validatorsOf(file), 'utf8')));
    return said.url === url.href && (await stat(file)).size === said.bytes ? said : undefined;
  } catch {
    return undefined; // never fetched, or not wholly
  }
}
