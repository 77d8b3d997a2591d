/** OMOP databases in a real Postgres: what queries see of them, versions, users, limits, lost connections. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantReader, OMOP_SECRET, PATIENTS, READER, writeOmop } from '../../../test/support/omopDatabase.ts';
import { NO_POSTGRES, POSTGRES_PASSWORD, Postgres } from '../../../test/support/postgres.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { isKonsilError } from '../../base/index.ts';
import type { OmopConfig } from '../dataSource.ts';
import { openDataset, openQueries, readSchema } from '../openDataset.ts';
import type { SqlResult, SqlTablesOptions } from '../sql/index.ts';
import { OMOPSource } from './omopSource.ts';

describe.skipIf(NO_POSTGRES !== null)(NO_POSTGRES === null ? 'OMOPSource' : `OMOPSource (${NO_POSTGRES})`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await Postgres.start();
    await writeOmop(postgres, 'v5.4');
    await grantReader(postgres);
    await postgres.run(`CREATE SCHEMA secrets; CREATE TABLE secrets.person (name text); INSERT INTO secrets.person VALUES
      ('${OMOP_SECRET}'); CREATE TABLE cdm.staff (name text); INSERT INTO cdm.staff VALUES ('${OMOP_SECRET}');
      GRANT SELECT ON cdm.staff TO konsil; ALTER TABLE cdm.death ADD COLUMN remark text, ADD COLUMN scan bytea`);
  }, 120_000);
  afterAll(async () => postgres?.close());

  const config = (changes: Partial<OmopConfig> = {}): OmopConfig => ({
    ...{ name: 'clinic', datasource: 'OMOPSource', version: 'v5.4' },
    connection: { string: postgres.url(READER.user, READER.password) },
    ...changes,
  });
  const ask = async (
    sql: string,
    options: SqlTablesOptions = {},
    changes: Partial<OmopConfig> = {},
  ): Promise<SqlResult> => {
    const sandbox = await openQueries(config(changes), options);
    try {
      return await sandbox.query(sql);
    } finally {
      sandbox.close();
    }
  };
  /** Code and message of what `work` throws; never with a secret in it. */
  const failure = async (work: Promise<unknown>): Promise<string> => {
    try {
      return `no error: ${JSON.stringify(await work)}`;
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      if (error.code !== 'CANCELLED') expect(error.cause).toBeUndefined();
      expect(`${error.message} ${JSON.stringify(error.facts)}`).not.toMatch(
        new RegExp(`${OMOP_SECRET}|${READER.password}|${POSTGRES_PASSWORD}|konsil:`),
      );
      return `${error.code} ${error.message}`;
    }
  };

  describe('answers', () => {
    it.each<[string, unknown[][]]>([
      ['select count(*) from person', [[PATIENTS]]],
      [
        'SELECT gender_concept_id, count(*) n FROM Person GROUP BY 1 ORDER BY n',
        [
          [8507, 10],
          [8532, 20],
        ],
      ],
      [
        'select c.concept_name, count(distinct o.person_id) from condition_occurrence o join concept c on c.concept_id = o.condition_concept_id group by 1',
        [['Type 2 diabetes mellitus', 23]],
      ],
      ['select sum(value_as_number), max(measurement_date) from measurement', [[3480, '2019-02-03']]],
      [
        "select visit_start_datetime, visit_start_date - date '2019-01-01', visit_end_date from visit_occurrence where person_id = 2",
        [['2019-01-03 08:30:00.25', 2, null]],
      ],
      ['select person_id from person natural join observation_period order by 1 limit 1', [[1]]],
      ['with person as (select 1 as x) select * from person', [[1]]],
      ['select p.a from person p(a, b) order by 1 limit 1', [[1]]],
      ['select #1 from death', []],
      ['select 1', [[1]]],
    ])('%s', async (sql, rows) => expect((await ask(sql)).rows).toEqual(rows));

    it('many queries of one run, each fetching only what is not there yet', async () => {
      const seen: string[] = [];
      const sandbox = await openQueries(config(), { onProgress: ({ table, rows }) => seen.push(`${table} ${rows}`) });
      expect((await sandbox.query('select count(*) from person')).rows).toEqual([[PATIENTS]]);
      expect((await sandbox.query('select count(person_id) from person')).rows).toEqual([[PATIENTS]]);
      expect(seen).toEqual(['person 30']);
      const answers = await Promise.all(
        ['min(year_of_birth)', 'max(gender_concept_id)', 'sum(person_id)'].map((cell) =>
          sandbox.query(`select ${cell} from person`),
        ),
      );
      expect(answers.map(({ rows }) => rows)).toEqual([[[1941]], [[8532]], [[465]]]);
      expect(seen).toEqual(['person 30', 'person 30', 'person 30']);
      sandbox.close();
    });

    it('over a Unix socket, and from a file that only its owner may read', async () => {
      const file = join(tempFolder(), 'clinic.url');
      writeFileSync(file, `${postgres.socketUrl(READER.user, READER.password)}\n`, { mode: 0o600 });
      expect((await ask('select count(*) from person', {}, { connection: { file } })).rows).toEqual([[PATIENTS]]);
      chmodSync(file, 0o644);
      expect(await failure(ask('', {}, { connection: { file } }))).toMatch(/^CONFIG_INVALID .*others may read it/);
      expect(await failure(ask('', {}, { connection: { file: `${file}x` } }))).toMatch(/^FILE_NOT_FOUND/);
    });

    it('of many rows, in portions', async () => {
      await postgres.run(`INSERT INTO cdm.death SELECT i, '2020-01-01' FROM generate_series(1, 20000) i`);
      const seen: number[] = [];
      const { rows } = await ask('select count(*), sum(person_id) from death', {
        onProgress: ({ rows }) => seen.push(rows),
      });
      expect(rows).toEqual([[20_000, 200_010_000]]);
      expect(seen).toEqual([4_096, 8_192, 12_288, 16_384, 20_000]);
      await postgres.run('TRUNCATE cdm.death');
    });
  });

  describe('hides', () => {
    it.each([
      'select person_source_value from person',
      'select birth_datetime from person',
      'select day_of_birth from person',
      'select month_of_birth from person',
      'select note_text from note',
      'select value_source_value from measurement',
      'select provider_name from provider',
      'select remark from death', // not of the model
      'select scan from death',
    ])('%s', async (sql) => expect(await failure(ask(sql))).toMatch(/^SQL_REFUSED .*not found/));

    it('them from SELECT *, and shows those that the site names', async () => {
      const person = await ask('select * from person');
      expect(person.columns).toEqual(expect.arrayContaining(['person_id', 'year_of_birth']));
      expect(person.columns).not.toContain('person_source_value');
      const exposed = await ask('select note_text from note', {}, { exposeColumns: ['note.note_text'] });
      expect(exposed.rows).toEqual([[OMOP_SECRET]]);
      const ignored = ask('select race_concept_id from person', {}, { ignoreColumns: ['person.race_concept_id'] });
      expect(await failure(ignored)).toMatch(/^SQL_REFUSED/);
      expect(await failure(ask('', {}, { exposeColumns: ['person.race_concept'] }))).toMatch(
        /^DATA_COLUMN_MISSING .*did you mean/,
      );
    });

    it.each([
      'select * from secrets.person',
      'select * from staff',
      'select * from pg_authid',
      'select * from cdm.person',
      'select * from information_schema.tables',
    ])('%s', async (sql) => expect(await failure(ask(sql))).toMatch(/^SQL_REFUSED .*there is no table/));
  });

  describe('refuses', () => {
    it.each([
      'insert into person values (99)',
      'delete from person',
      'drop table person',
      'select 1; delete from person',
      "copy person to '/tmp/x'",
      "select pg_read_file('/etc/passwd')",
      "select * from dblink('host=127.0.0.1', 'select 1')",
      "select lo_import('/etc/passwd')",
      'select pg_sleep(60)',
      "select set_config('role', 'postgres', false)",
      "select current_setting('data_directory')",
      'select version()',
      'select current_user',
      'set role postgres',
      "select * from read_csv('/etc/passwd')",
      "select query_to_xml('select 1', true, true, '')",
    ])('%s', async (sql) => expect(await failure(ask(sql))).toMatch(/^SQL_REFUSED/));

    it('a user who may do more than read', async () => {
      const as = (user: string) =>
        ask('select 1', {}, { connection: { string: postgres.url(user, POSTGRES_PASSWORD) }, schema: 'cdm' });
      expect(await failure(as('postgres'))).toMatch(/^CONFIG_INVALID .*is a superuser; expected one who may only read/);
      const roles: [string, string, RegExp][] = [
        ['writer', 'GRANT SELECT, INSERT ON cdm.person TO writer', /may write to 1 tables of the schema "cdm"/],
        ['files', 'GRANT pg_read_server_files TO files', /may reach the server's files or programs/],
        ['creator', 'GRANT CREATE ON SCHEMA cdm TO creator', /may create objects in the schema "cdm"/],
        ['admin', 'ALTER ROLE admin CREATEROLE', /may create roles or databases/],
      ];
      for (const [role, grant, expected] of roles) {
        await postgres.run(
          `CREATE ROLE ${role} LOGIN PASSWORD '${POSTGRES_PASSWORD}'; GRANT USAGE ON SCHEMA cdm TO ${role}; ${grant}`,
        );
        const said = await as(role).catch((error: Error) => error.message);
        expect(said).toMatch(expected);
      }
    });

    it('a password or a database that is wrong, and a server that is not there', async () => {
      const connected = (string: string) => failure(ask('select 1', {}, { connection: { string } }));
      expect(await connected(postgres.url(READER.user, 'wrong-pass'))).toBe(
        'DATA_UNREACHABLE the database of dataset "clinic" refuses the user or the password',
      );
      expect(await connected(postgres.url(READER.user, READER.password, 'nowhere'))).toMatch(
        /has no database of this name/,
      );
      expect(await connected(`postgresql://a:${READER.password}@127.0.0.1:1/x`)).toMatch(
        /^DATA_UNREACHABLE .*ECONNREFUSED/,
      );
      expect(await connected(`${postgres.url(READER.user, READER.password)}?sslmode=verify-full`)).toMatch(
        /^DATA_UNREACHABLE/,
      );
    });
  });

  describe('where only groups are shown', () => {
    const groups = { minimumGroupSize: 5 };
    it('counts patients, not rows', async () => {
      const sql = 'select condition_concept_id, count(*) from condition_occurrence group by 1';
      // concept 432867 has 30 rows, of three patients
      expect(await ask(sql, groups)).toMatchObject({ rows: [[201_826, 45]], suppressed: 1 });
      expect((await ask(sql)).rows).toHaveLength(2);
      expect(
        await failure(ask('select count(*) from condition_occurrence where condition_concept_id = 432867', groups)),
      ).toBe(
        'SQL_REFUSED the query is refused: no group has 5 patients with values in every column that it aggregates',
      );
    });

    it('refuses joins, rows, and tables that do not say whose their rows are', async () => {
      expect(await failure(ask('select person_id from person', groups))).toMatch(/aggregates only/);
      expect(await failure(ask('select count(*) from person p, death d', groups))).toMatch(/no joins/);
      expect(await failure(ask('select count(*) from fact_relationship', groups))).toMatch(/does not say whose/);
      expect(await failure(ask('select count(*) from person group by person_id', groups))).toMatch(
        /no group has 5 patients/,
      );
    });

    it('answers from vocabularies by rows', async () => {
      expect(await failure(ask('select count(*) from concept', groups))).toMatch(/no group has 5 rows/);
      expect((await ask('select count(*) from concept', { minimumGroupSize: 3 })).rows).toEqual([[3]]);
    });
  });

  describe('versions', () => {
    it('v5.3 and v3.0 are known by their columns and tables', async () => {
      for (const [schema, version] of [
        ['old', 'v5.3'],
        ['oldest', 'v3.0'],
      ] as const) {
        await writeOmop(postgres, version, schema);
        await grantReader(postgres, schema);
        expect((await ask('select count(*) from person', {}, { version, schema })).rows).toEqual([[PATIENTS]]);
      }
      expect(await failure(ask('', {}, { version: 'v5.3', schema: 'cdm' }))).toBe(
        'DATA_INVALID the database of dataset "clinic" is no OMOP CDM v5.3: the schema "cdm" has no column "visit_occurrence.admitting_source_concept_id" that this user may read; it looks like v5.4',
      );
      expect(await failure(ask('', {}, { version: 'v5.4', schema: 'secrets' }))).toMatch(/has no table "person"/);
      expect(await failure(ask(''))).toMatch(/the schemas cdm, old, oldest with a table "person"/);
      await postgres.run('DROP SCHEMA old CASCADE; DROP SCHEMA oldest CASCADE');
    });
  });

  it('is no table to train on, and shows its columns without a number of rows', async () => {
    expect(await failure(openDataset(config()))).toMatch(/^DATA_UNSUPPORTED .*database of several tables/);
    const schema = await readSchema(config());
    expect(schema).toMatchObject({ name: 'clinic', datasource: 'OMOPSource', rowCount: 0 });
    expect(schema.columns).toContainEqual({
      name: 'person.person_id',
      dataType: 'integer',
      semanticType: 'continuous',
    });
    expect(JSON.stringify(schema)).not.toMatch(/note_text|source_value|staff|remark/);
  });

  describe('limits', () => {
    it('of time: a table that is locked is not waited for, and the next query works', async () => {
      const sandbox = await openQueries(config(), { loadTimeoutMs: 1_000 });
      const sql = 'select count(*) from person';
      expect(await postgres.locked('cdm.person', () => failure(sandbox.query(sql)))).toBe(
        'SQL_REFUSED the query is refused: its tables are not read within 1000 ms',
      );
      expect((await sandbox.query(sql)).rows).toEqual([[PATIENTS]]);
      sandbox.close();
    });

    it('of memory and disk', async () => {
      await postgres.run(
        `INSERT INTO cdm.note (note_id, person_id, note_text) SELECT i, 1, repeat(md5(i::text), 3000) FROM generate_series(10, 1500) i`,
      );
      const options = { memoryLimitMb: 48, diskLimitMb: 1 };
      const exposed = { exposeColumns: ['note.note_text'] };
      expect(await failure(ask('select count(note_text) from note', options, exposed))).toMatch(
        /^SQL_REFUSED .*needs more than 48 MB of memory/,
      );
      await postgres.run(`INSERT INTO cdm.note (note_id, person_id, note_text) VALUES (9, 1, repeat('x', 1000001))`);
      expect(await failure(ask('select count(note_text) from note', {}, exposed))).toBe(
        'DATA_UNSUPPORTED the database of dataset "clinic" has a text that is too long to be read',
      );
      await postgres.run('DELETE FROM cdm.note WHERE note_id >= 9');
    });

    it('stops when cancelled, while it waits for the database', async () => {
      const controller = new AbortController();
      const sandbox = await openQueries(config(), { signal: controller.signal });
      const said = await postgres.locked('cdm.person', () => {
        setTimeout(() => controller.abort(), 300);
        return failure(sandbox.query('select count(*) from person'));
      });
      expect(said).toMatch(/^CANCELLED/);
      sandbox.close();
    });

    it('a connection that is lost in the middle is an error, and the next reading has a new one', async () => {
      await postgres.run(`INSERT INTO cdm.death SELECT i, '2020-01-01' FROM generate_series(1, 20000) i`);
      const source = await OMOPSource.open(config());
      const wanted = [source.tables.get('death')!];
      const count = async (kill: boolean): Promise<number> => {
        let rows = 0;
        for await (const batch of source.read(wanted)) {
          if (kill && rows === 0)
            await postgres.run(
              "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'konsil'",
            );
          rows += batch.rows.length;
        }
        return rows;
      };
      expect(await failure(count(true))).toMatch(
        /^DATA_UNREACHABLE the database of dataset "clinic" (?:ended the connection|cannot be reached)/,
      );
      expect(await count(false)).toBe(20_000);
      await postgres.run('TRUNCATE cdm.death');
    });
  });

  it('leaves no connection behind, and its transactions are read-only', async () => {
    const source = await OMOPSource.open(config());
    const batches = source.read([source.tables.get('person')!])[Symbol.asyncIterator]();
    await batches.next();
    const [activity] = await postgres.run(
      "SELECT application_name, state FROM pg_stat_activity WHERE usename = 'konsil'",
    );
    expect(activity).toEqual({ application_name: 'konsil', state: 'idle in transaction' });
    await batches.return?.();
    await expect.poll(() => postgres.run("SELECT 1 FROM pg_stat_activity WHERE usename = 'konsil'")).toEqual([]);
  });
});
