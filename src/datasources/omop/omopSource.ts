/**
 * A database of the OMOP Common Data Model in Postgres, of several tables: for queries, not for training.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { CdmVersion, OmopConfig } from '../dataSource.ts';
import type { Schema } from '../schema.ts';
import { readSecretFile } from '../secretFile.ts';
import type { SqlColumnType, SqlTable, TableBatch, TableSource } from '../sql/index.ts';
import { didYouMean } from '../suggest.ts';
import { findSchema, identifier, type PostgresColumn, readColumns } from './catalogue.ts';
import { aboutOf, CORE_TABLES, cdmTables, TELLTALE } from './cdm.ts';
import { type Reading, reading } from './connection.ts';
import { type ConnectionSettings, parseConnectionString } from './connectionString.ts';
import { isHidden } from './hiddenColumns.ts';
import { checkRole } from './roleCheck.ts';

/** Rows of one answer of Postgres, and bytes that they may have: what is held in memory at a time. */
const MAX_ROWS = 4_096;
const MAX_BYTES = 64_000_000;

/** What a database was found to have. */
interface Found {
  readonly schema: string;
  /** By name, as Postgres has them. */
  readonly columns: ReadonlyMap<string, readonly PostgresColumn[]>;
}

export class OMOPSource implements TableSource {
  readonly kind = 'OMOPSource';
  readonly label: string;
  readonly tables: ReadonlyMap<string, SqlTable>;
  readonly hiddenColumns: readonly string[];
  /** Columns as `table.column`; how many rows there are is not counted. */
  readonly schema: Schema;
  readonly #settings: ConnectionSettings;
  readonly #found: Found;

  private constructor(config: OmopConfig, label: string, settings: ConnectionSettings, found: Found) {
    this.label = label;
    this.#settings = settings;
    this.#found = found;
    const { tables, hidden } = shownTables(config, label, found.columns);
    this.tables = tables;
    this.hiddenColumns = hidden;
    this.schema = {
      name: config.name,
      datasource: this.kind,
      rowCount: 0,
      columns: [...tables.values()].flatMap((table) =>
        table.columns.map(({ name, type }) => ({ name: `${table.name}.${name}`, ...SCHEMA_TYPES[type] })),
      ),
    };
  }

  /**
   * Connects, checks the user and the version, and reads the catalogue; no row is read.
   * @throws KonsilError CONFIG_INVALID for a connection string, or a user who may do more than read; FILE_NOT_FOUND;
   *   DATA_UNREACHABLE; DATA_INVALID when it is no CDM of the version; DATA_COLUMN_MISSING; CANCELLED.
   */
  static async open(config: OmopConfig, signal?: AbortSignal): Promise<OMOPSource> {
    const place = `dataset "${config.name}"`;
    const text = 'file' in config.connection ? await readSecretFile(config.connection.file) : config.connection.string;
    const settings = await parseConnectionString(text, place);
    const label = `the database of ${place}`;
    const look = async function* (transaction: Reading): AsyncIterable<Found> {
      const schema = config.schema ?? (await findSchema(transaction, label));
      await checkRole(transaction, schema, label);
      yield { schema, columns: await readColumns(transaction, schema) };
    };
    for await (const found of reading(settings, label, look, signal)) {
      checkVersion(config.version, found, label);
      return new OMOPSource(config, label, settings, found);
    }
    throw new KonsilError('CANCELLED', 'cancelled');
  }

  read(wanted: readonly SqlTable[], signal?: AbortSignal): AsyncIterable<TableBatch> {
    const work = (transaction: Reading): AsyncIterable<TableBatch> => this.#rows(transaction, wanted);
    return reading(this.#settings, this.label, work, signal);
  }

  close(): void {
    // a connection lives as long as one reading
  }

  async *#rows({ query }: Reading, wanted: readonly SqlTable[]): AsyncIterable<TableBatch> {
    for (const table of wanted) {
      const there = this.#found.columns.get(table.name) ?? [];
      const columns = table.columns.map(({ name }) => there.find((column) => column.name === name)!);
      const path = `${identifier(this.#found.schema)}.${identifier(table.name)}`;
      const list = columns.map(({ sql }) => sql).join(', ');
      const bytes = columns.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
      const count = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_BYTES / bytes)));
      await query(`DECLARE konsil NO SCROLL CURSOR FOR SELECT ${list} FROM ${path}`);
      for (;;) {
        const rows = await query(`FETCH FORWARD ${count} FROM konsil`);
        if (rows.length > 0) yield { table, rows };
        if (rows.length < count) break;
      }
      await query('CLOSE konsil');
    }
  }
}

const SCHEMA_TYPES = {
  BIGINT: { dataType: 'integer', semanticType: 'continuous' },
  DOUBLE: { dataType: 'number', semanticType: 'continuous' },
  BOOLEAN: { dataType: 'boolean', semanticType: 'text' },
  DATE: { dataType: 'date', semanticType: 'text' },
  TIMESTAMP: { dataType: 'date', semanticType: 'text' },
  VARCHAR: { dataType: 'text', semanticType: 'text' },
} as const satisfies Record<SqlColumnType, object>;

/** @throws KonsilError DATA_INVALID when a table or column is not there that this version must have. */
function checkVersion(version: CdmVersion, { schema, columns }: Found, label: string): void {
  const fail = (what: string, hint = ''): never => {
    throw new KonsilError(
      'DATA_INVALID',
      `${label} is no OMOP CDM ${version}: the schema "${schema}" has ${what} that this user may read${hint}`,
    );
  };
  const has = (table: string, column: string): boolean =>
    columns.get(table)?.some(({ name }) => name === column) === true;
  for (const table of CORE_TABLES) if (!columns.has(table)) fail(`no table "${table}"`);
  if (version === 'v3.0') return;
  const other = version === 'v5.3' ? 'v5.4' : 'v5.3';
  const telltale = (of: keyof typeof TELLTALE): boolean => has(TELLTALE[of].table, TELLTALE[of].column);
  if (!telltale(version)) {
    const { table, column } = TELLTALE[version];
    fail(`no column "${table}.${column}"`, telltale(other) ? `; it looks like ${other}` : '');
  }
  for (const table of CORE_TABLES)
    for (const [column, isRequired] of cdmTables(version)!.get(table)!)
      if (isRequired && !has(table, column)) fail(`no column "${table}.${column}"`);
}

/** Tables and columns that the version has, the user may read, and the site shows. */
function shownTables(
  { version, exposeColumns = [], ignoreColumns = [] }: OmopConfig,
  label: string,
  found: Found['columns'],
): { readonly tables: ReadonlyMap<string, SqlTable>; readonly hidden: readonly string[] } {
  const known = cdmTables(version);
  const tables = new Map<string, SqlTable>();
  const hidden: string[] = [];
  const all: string[] = [];
  for (const [name, columns] of found) {
    const defined = known?.get(name);
    if (known !== undefined && defined === undefined) continue;
    const shown = columns.filter((column) => {
      const path = `${name}.${column.name}`;
      all.push(path);
      if (ignoreColumns.includes(path)) return false;
      // what is not of the model has a meaning that only the site knows
      const isOpen =
        exposeColumns.includes(path) || (defined?.has(column.name) !== false && !isHidden(name, column.name));
      if (!isOpen) hidden.push(path);
      return isOpen;
    });
    if (shown.length === 0) continue;
    const names = shown.map((column) => column.name);
    tables.set(name, { name, columns: shown.map(({ name, type }) => ({ name, type })), about: aboutOf(name, names) });
  }
  for (const [key, list] of [
    ['expose_cols', exposeColumns],
    ['ignore_cols', ignoreColumns],
  ] as const)
    for (const column of list)
      if (!all.includes(column))
        throw new KonsilError(
          'DATA_COLUMN_MISSING',
          `${label} has no column "${column}" (${key}); expected table.column${didYouMean(column, all)}`,
          { column },
        );
  return { tables, hidden: hidden.sort() };
}
