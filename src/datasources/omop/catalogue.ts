/**
 * What a database has of a CDM: tables and columns that its catalogue lists and that the user may read.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { SqlColumnType } from '../sql/index.ts';
import type { Reading } from './connection.ts';

/** A column as Postgres has it. */
export interface PostgresColumn {
  readonly name: string;
  /** What it becomes. */
  readonly type: SqlColumnType;
  /** SQL that gives its cells as text of that type. */
  readonly sql: string;
  /** Bytes of its longest cell, at most. */
  readonly maxBytes: number;
}

/** Longer texts are refused: they would have to be held in memory, many at a time. */
const MAX_TEXT_BYTES = 1_000_000;

/** The schema that has a table `person`. @throws KonsilError DATA_INVALID when none has, or several. */
export async function findSchema({ query }: Reading, label: string): Promise<string> {
  const rows = await query(
    `SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'person' AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_'
       AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1 LIMIT 10`,
  );
  if (rows.length === 1) return rows[0]![0]!;
  const found = rows.length === 0 ? 'no schema' : `the schemas ${rows.map(([name]) => name).join(', ')}`;
  throw new KonsilError(
    'DATA_INVALID',
    `${label}: ${found} with a table "person" that this user may read; expected one, or its name in "schema"`,
  );
}

/** Columns that the user may read, by table; those of types that no cell can hold are left out. */
export async function readColumns({ query }: Reading, schema: string): Promise<Map<string, PostgresColumn[]>> {
  const rows = await query(
    `SELECT c.relname, a.attname, t.typname, a.atttypmod
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
       AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
     ORDER BY c.relname, a.attnum LIMIT 100000`,
    [schema],
  );
  const tables = new Map<string, PostgresColumn[]>();
  for (const [table, name, type, modifier] of rows as [string, string, string, string][]) {
    const column = columnOf(name, type, Number(modifier));
    if (column === undefined || name !== name.toLowerCase()) continue;
    tables.set(table, [...(tables.get(table) ?? []), column]);
  }
  return tables;
}

function columnOf(name: string, type: string, modifier: number): PostgresColumn | undefined {
  const id = identifier(name);
  switch (type) {
    case 'int2':
    case 'int4':
    case 'int8':
      return { name, type: 'BIGINT', sql: id, maxBytes: 20 };
    case 'float4':
    case 'float8':
    case 'numeric':
      return { name, type: 'DOUBLE', sql: `${id}::float8`, maxBytes: 25 };
    case 'bool':
      return { name, type: 'BOOLEAN', sql: `${id}::text`, maxBytes: 5 };
    case 'date':
      return { name, type: 'DATE', sql: withinCalendar(id, id), maxBytes: 10 };
    case 'timestamp':
      return { name, type: 'TIMESTAMP', sql: withinCalendar(id, id), maxBytes: 30 };
    case 'timestamptz':
      return { name, type: 'TIMESTAMP', sql: withinCalendar(id, `(${id} AT TIME ZONE 'UTC')`), maxBytes: 30 };
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'uuid': {
      // a declared length is of characters, of up to 4 bytes, and stands in the modifier with 4 more
      const declared = modifier > 4 ? 4 * (modifier - 4) : Number.POSITIVE_INFINITY;
      return { name, type: 'VARCHAR', sql: withinLimit(`${id}::text`), maxBytes: Math.min(declared, MAX_TEXT_BYTES) };
    }
  }
  return undefined;
}

/** Null for infinity and for years before 1 and after 9999, which a CDM uses for "no end". */
function withinCalendar(id: string, value: string): string {
  return `CASE WHEN ${id} >= '0001-01-01' AND ${id} < '10000-01-01' THEN ${value} END`;
}

/** The text, or an error (22012, division by zero) for one beyond the limit: before it is sent, not after. */
function withinLimit(text: string): string {
  return `CASE WHEN octet_length(${text}) <= ${MAX_TEXT_BYTES} THEN ${text} ELSE (1 / (octet_length(${text}) * 0))::text END`;
}

/** A name in SQL of Postgres. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
