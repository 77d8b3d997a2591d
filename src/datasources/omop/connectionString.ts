/**
 * Where a Postgres database is and who asks, from a connection string. The string holds a password: no message quotes any
 * of it but host and port.
 * @source PostgreSQL 15, 34.1.1.2 Connection URIs
 * @module
 */
import { readFile } from 'node:fs/promises';
import { KonsilError } from '../../base/index.ts';

/** What a connection needs. */
export interface ConnectionSettings {
  /** Name, address, or folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Secret; empty when the server asks for none. */
  readonly password: string;
  /** Whether the connection is encrypted, by a certificate that is valid for the host. */
  readonly tls: false | { readonly ca?: string };
}

const DEFAULT_PORT = 5_432;
const PARAMETERS: readonly string[] = ['host', 'sslmode', 'sslrootcert'];

/**
 * `postgresql://user:password@host:port/database`, with `sslmode`, `sslrootcert` and, for a Unix socket, `host` after it.
 *
 * Deviation from libpq: connections to other machines are encrypted and the certificate is checked in full unless the
 * string says `sslmode=disable`; environment and `~/.pgpass` say nothing.
 * @throws KonsilError CONFIG_INVALID that names the part, FILE_NOT_FOUND for `sslrootcert`.
 */
export async function parseConnectionString(text: string, place: string): Promise<ConnectionSettings> {
  const wrong = (what: string): KonsilError =>
    new KonsilError('CONFIG_INVALID', `the connection string of ${place} ${what}`);
  // the scheme of SQLAlchemy names a driver besides; without a host, URL knows no user
  const [, rest] = /^postgres(?:ql)?(?:\+\w+)?:\/\/(.*)$/s.exec(text) ?? [];
  if (rest === undefined) throw wrong('is none of Postgres; expected postgresql://user:password@host:port/database');
  const url = parseUrl(rest.replace(/^([^/?]*@)?(?=(?::\d*)?(?:[/?]|$))/, '$1localhost'));
  if (url === undefined)
    throw wrong('cannot be read; expected postgresql://user:password@host:port/database, encoded as in URLs');
  for (const key of url.searchParams.keys())
    if (!PARAMETERS.includes(key))
      throw wrong(`has a parameter that is not known here; expected ${PARAMETERS.join(', ')}`);
  const host = url.searchParams.get('host') ?? url.hostname.replace(/^\[|\]$/g, '');
  const [database, user] = [decode(url.pathname.slice(1)), decode(url.username)];
  const password = decode(url.password);
  if (!database) throw wrong('names no database');
  if (!user) throw wrong('names no user');
  if (password === undefined) throw wrong('has a password that is not encoded as in URLs');
  return {
    ...{ host, database, user, password },
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    tls: await tlsOf(url.searchParams, host, wrong),
  };
}

async function tlsOf(
  parameters: URLSearchParams,
  host: string,
  wrong: (what: string) => KonsilError,
): Promise<ConnectionSettings['tls']> {
  const isHere = host.startsWith('/') || ['localhost', '127.0.0.1', '::1'].includes(host);
  const mode = parameters.get('sslmode') ?? (isHere ? 'disable' : 'verify-full');
  if (!['disable', 'require', 'verify-ca', 'verify-full'].includes(mode))
    throw wrong('has an sslmode that is not known here; expected disable or verify-full');
  const file = parameters.get('sslrootcert');
  if (mode === 'disable') return false;
  if (file === null) return {};
  const ca = await readFile(file, 'utf8').catch(() => undefined);
  if (ca === undefined) throw new KonsilError('FILE_NOT_FOUND', `cannot read ${file} (sslrootcert)`, { file });
  return { ca };
}

function parseUrl(rest: string): URL | undefined {
  try {
    return new URL(`postgresql://${rest}`);
  } catch {
    return undefined; // the message quotes the password
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
