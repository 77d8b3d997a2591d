/**
 * Whether the site gave Konsil a user that can only read. Nothing of a modeller reaches Postgres; should that ever fail, it
 * meets a user who can do nothing else.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Reading } from './connection.ts';

/** What a user may be that reads, and what it may not. */
const CHECKS = `SELECT
  rolsuper, rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls,
  pg_has_role(current_user, 'pg_read_server_files', 'MEMBER') OR pg_has_role(current_user, 'pg_write_server_files', 'MEMBER')
    OR pg_has_role(current_user, 'pg_execute_server_program', 'MEMBER'),
  has_schema_privilege($1, 'CREATE'),
  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
      AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
  FROM pg_roles WHERE rolname = current_user`;

/** @throws KonsilError CONFIG_INVALID for a user who may do more than read. */
export async function checkRole({ query }: Reading, schema: string, label: string): Promise<void> {
  const [row] = await query(CHECKS, [schema]);
  const [isSuperuser, isAdministrator, readsFiles, creates, writable] = row ?? [];
  const may =
    isSuperuser !== 'f'
      ? 'is a superuser'
      : isAdministrator !== 'f'
        ? 'may create roles or databases, replicate, or go past row security'
        : readsFiles !== 'f'
          ? "may reach the server's files or programs"
          : creates !== 'f'
            ? `may create objects in the schema "${schema}"`
            : writable !== '0'
              ? `may write to ${writable} tables of the schema "${schema}"`
              : undefined;
  if (may !== undefined)
    throw new KonsilError(
      'CONFIG_INVALID',
      `${label}: its user ${may}; expected one who may only read: CREATE ROLE konsil LOGIN; ` +
        'GRANT USAGE ON SCHEMA …; GRANT SELECT ON ALL TABLES IN SCHEMA …',
    );
}
