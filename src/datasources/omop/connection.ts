/**
 * A connection to Postgres that reads: one transaction, read-only, in which nothing can change and all rows are of one moment.
 *
 * What Postgres says of an error may quote rows or the password's user: only codes pass, and no `cause`.
 * @source PostgreSQL 15, appendix A (error codes)
 * @module
 */
import type { Client } from 'pg';
import { isKonsilError, KonsilError, throwIfCancelled } from '../../base/index.ts';
import type { ConnectionSettings } from './connectionString.ts';

/** Rows of one answer, a cell a column, as Postgres writes them. */
export type TextRows = readonly (readonly (string | null)[])[];

/** An open transaction. */
export interface Reading {
  /** One statement; its values are parameters. */
  query(sql: string, values?: readonly unknown[]): Promise<TextRows>;
}

const CONNECT_TIMEOUT_MS = 15_000;
/** Of one statement: a portion of rows. The server ends it should nobody wait for it any more. */
const STATEMENT_TIMEOUT_MS = 300_000;

/** Everything as text: numbers beyond 2^53 stay whole, dates stay in their time zone. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** Runs `work` in a transaction of its own; the connection is closed after it, however it ends. */
export async function* reading<T>(
  settings: ConnectionSettings,
  label: string,
  work: (reading: Reading) => AsyncIterable<T>,
  signal?: AbortSignal,
): AsyncGenerator<T> {
  throwIfCancelled(signal);
  const client = await newClient(settings);
  // without a listener a lost connection would end the process; the query that waits for it fails by itself
  client.on('error', () => {});
  const stop = (): void => void client.end().catch(() => {});
  signal?.addEventListener('abort', stop, { once: true });
  const query: Reading['query'] = async (sql, values = []) => {
    throwIfCancelled(signal);
    // parameters make it the extended protocol, in which a text is one statement
    const { rows } = await client.query<(string | null)[]>({
      ...{ text: sql, values: [...values], rowMode: 'array', types: AS_TEXT, queryMode: 'extended' },
    });
    return rows;
  };
  try {
    await client.connect();
    await query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    await query('SET LOCAL search_path = pg_catalog, pg_temp');
    await query("SET LOCAL datestyle = 'ISO, YMD'");
    await query("SET LOCAL timezone = 'UTC'");
    await query('SET LOCAL extra_float_digits = 1');
    yield* work({ query });
  } catch (error) {
    throwIfCancelled(signal);
    throw isKonsilError(error) ? error : failureOf(error, label);
  } finally {
    signal?.removeEventListener('abort', stop);
    // nothing was changed: ending the connection ends the transaction
    await client.end().catch(() => {});
  }
}

async function newClient({ host, port, database, user, password, tls }: ConnectionSettings): Promise<Client> {
  const { default: pg } = await import('pg');
  return new pg.Client({
    ...{ host, port, database, user, password },
    ssl: tls === false ? false : { rejectUnauthorized: true, ...(tls.ca !== undefined && { ca: tls.ca }) },
    application_name: 'konsil',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + CONNECT_TIMEOUT_MS, // a server that is gone says nothing
    keepAlive: true,
  });
}

/** Begins of codes, and what they mean here. */
const REASONS: readonly (readonly [RegExp, 'DATA_UNREACHABLE' | 'DATA_INVALID' | 'DATA_UNSUPPORTED', string])[] = [
  [/^28/, 'DATA_UNREACHABLE', 'refuses the user or the password'],
  [/^3D000/, 'DATA_UNREACHABLE', 'has no database of this name'],
  [/^53/, 'DATA_UNREACHABLE', 'has no room for another connection'],
  [/^57014/, 'DATA_UNREACHABLE', `takes longer than ${STATEMENT_TIMEOUT_MS} ms for a portion of rows`],
  [/^(?:08|57P)/, 'DATA_UNREACHABLE', 'ended the connection'],
  [/^42501/, 'DATA_INVALID', 'does not let this user read a table that it shows'],
  [/^22012/, 'DATA_UNSUPPORTED', 'has a text that is too long to be read'], // see columnSql of catalogue.ts
];

function failureOf(error: unknown, label: string): KonsilError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const known = REASONS.find(([pattern]) => pattern.test(code));
  if (known !== undefined) return new KonsilError(known[1], `${label} ${known[2]}`, { code });
  // codes of Postgres are five letters or digits; others are of the socket, of TLS, or of pg, which has none
  if (/^(?!EPIPE)[0-9A-Z]{5}$/.test(code))
    return new KonsilError('DATA_INVALID', `${label} cannot be read (SQLSTATE ${code})`, { code });
  const shown = /^[A-Z][A-Z0-9_]*$/.test(code) ? ` (${code})` : '';
  return new KonsilError('DATA_UNREACHABLE', `${label} cannot be reached, or the connection was lost${shown}`);
}
