/** Connection strings: what they may say, and that no message quotes them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { isKonsilError } from '../../base/index.ts';
import { parseConnectionString } from './connectionString.ts';

const parse = (text: string) => parseConnectionString(text, 'dataset "x"');

describe('connection strings', () => {
  it.each([
    ['postgresql://u:p@db.clinic.example/cdm', { host: 'db.clinic.example', port: 5432, tls: {} }],
    ['postgres://u:p@db:6000/cdm?sslmode=require', { host: 'db', port: 6000, tls: {} }],
    ['postgresql+psycopg2://u:p@db/cdm?sslmode=disable', { host: 'db', tls: false }],
    ['postgresql://u:p@localhost/cdm', { host: 'localhost', tls: false }],
    ['postgresql://u:p@[::1]:1/cdm?sslmode=verify-full', { host: '::1', port: 1, tls: {} }],
    ['postgresql://u:p@/cdm?host=/var/run/postgresql', { host: '/var/run/postgresql', tls: false }],
    ['postgresql://u:p@:77/cdm?host=/run', { host: '/run', port: 77, tls: false }],
  ])('%s', async (text, expected) =>
    expect(await parse(text)).toMatchObject({ user: 'u', password: 'p', database: 'cdm', ...expected }),
  );

  it('decode what URLs encode', async () =>
    expect(await parse('postgresql://a%40b:p%2F%3A@h/d%20b')).toMatchObject({
      user: 'a@b',
      password: 'p/:',
      database: 'd b',
    }));

  it('name a certificate to trust', async () => {
    const file = join(tempFolder(), 'ca.pem');
    writeFileSync(file, 'CERTIFICATE');
    expect((await parse(`postgresql://u@h/d?sslrootcert=${file}`)).tls).toEqual({ ca: 'CERTIFICATE' });
    await expect(parse(`postgresql://u@h/d?sslrootcert=${file}x`)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it.each([
    ['', 'is none of Postgres'],
    ['mysql://u:sesame@h/d', 'is none of Postgres'],
    ['host=h password=sesame', 'is none of Postgres'],
    ['postgresql://u:sesame@h', 'names no database'],
    ['postgresql://h/d?password=sesame', 'has a parameter that is not known here'],
    ['postgresql://:sesame@h/d', 'names no user'],
    ['postgresql://u:sesame%@h/d', 'has a password that is not encoded'],
    ['postgresql://u:sesame@h:port/d', 'cannot be read'],
    ['postgresql://u:sesame@h/d?sslmode=allow', 'has an sslmode that is not known here'],
    ['postgresql://u:sesame@h/d?options=-csearch_path%3Dx', 'has a parameter that is not known here'],
  ])('%s: %s', async (text, expected) => {
    const error: unknown = await parse(text).catch((caught: unknown) => caught);
    if (!isKonsilError(error, 'CONFIG_INVALID')) throw error;
    expect(error.message).toContain(`the connection string of dataset "x" ${expected}`);
    expect(error.message).not.toContain('sesame');
    expect(error.cause).toBeUndefined();
  });
});
