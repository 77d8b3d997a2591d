/**
 * Requests to a server that holds a site's data: certificates are checked, redirects are few and lead to no other machine, and
 * a server that says nothing is not waited for.
 * @module
 */
import { KonsilError, throwIfCancelled } from '../../base/index.ts';

/** A server that sends nothing for so long has gone. */
const IDLE_MS = 60_000;
const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

export interface HttpRequest {
  /** Of a GET; a form makes it a POST, which is not redirected. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: URLSearchParams;
  /** Other machines that the server may send us to. @default none */
  readonly redirectHosts?: readonly string[];
  /** @default IDLE_MS */
  readonly idleMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body is being received. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Ends with an error when the connection does, or stays silent for too long. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Gives the rest up; harmless when repeated. */
  stop(): void;
}

/** An address as messages may show it: without names, passwords and queries, which may hold a token. */
export function shownUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

/** @throws KonsilError CONFIG_INVALID unless `text` is an address by http or https without a name and a password in it. */
export function parseHttpUrl(text: string, place: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new KonsilError('CONFIG_INVALID', `${place} needs an address that begins with https:// or http://`);
  if (url.username !== '' || url.password !== '')
    throw new KonsilError('CONFIG_INVALID', `${place} has a name or a password in its address; expected none`);
  return url;
}

/** @throws KonsilError DATA_UNREACHABLE without an answer, or for a redirect that is not followed; CANCELLED. */
export async function httpRequest(url: URL, options: HttpRequest = {}): Promise<HttpAnswer> {
  const { headers = {}, form, redirectHosts = [], idleMs = IDLE_MS, signal } = options;
  throwIfCancelled(signal);
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), idleMs);
  const either = signal === undefined ? idle.signal : AbortSignal.any([signal, idle.signal]);
  const fail = (): KonsilError => {
    clearTimeout(timer);
    throwIfCancelled(signal);
    const why = idle.signal.aborted
      ? `sends nothing for ${idleMs} ms`
      : 'cannot be reached, or the connection was lost';
    return new KonsilError('DATA_UNREACHABLE', `${shownUrl(url)} ${why}`);
  };
  let at = url;
  for (let redirects = 0; ; redirects++) {
    let response: Response;
    try {
      response = await fetch(at, {
        ...(form && { method: 'POST', body: form }),
        headers: { ...headers, 'accept-encoding': 'identity' },
        redirect: 'manual',
        signal: either,
      });
    } catch {
      throw fail(); // the reason may name addresses of the site's network
    }
    const { status } = response;
    if (!REDIRECTS.includes(status)) return answerOf(response, { timer, idle, fail });
    await response.body?.cancel().catch(() => {});
    const next = redirectTarget(at, response.headers.get('location'), [url.host, ...redirectHosts]);
    if (next === undefined || form !== undefined || redirects === MAX_REDIRECTS) {
      clearTimeout(timer);
      throw new KonsilError(
        'DATA_UNREACHABLE',
        `${shownUrl(url)} redirects ${redirects === MAX_REDIRECTS ? 'too often' : 'to where it may not; expected https and the same host'}`,
        { status },
      );
    }
    at = next;
  }
}

/** Where a redirect leads when it may be followed: to https, on one of these hosts, and nowhere with a password. */
export function redirectTarget(from: URL, location: string | null, hosts: readonly string[]): URL | undefined {
  if (location === null || !URL.canParse(location, from.href)) return undefined;
  const next = new URL(location, from);
  const isKnown = hosts.some((host) => host === next.host || host === next.hostname);
  return next.protocol === 'https:' && isKnown && next.username === '' && next.password === '' ? next : undefined;
}

interface Wait {
  readonly timer: NodeJS.Timeout;
  readonly idle: AbortController;
  readonly fail: () => KonsilError;
}

function answerOf(response: Response, { timer, idle, fail }: Wait): HttpAnswer {
  const stop = (): void => {
    clearTimeout(timer);
    idle.abort();
  };
  const body = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (response.body !== null)
        for await (const chunk of response.body) {
          timer.refresh();
          yield chunk as Uint8Array;
        }
    } catch {
      throw fail();
    } finally {
      stop();
    }
  };
  return { status: response.status, headers: response.headers, body: body(), stop };
}
