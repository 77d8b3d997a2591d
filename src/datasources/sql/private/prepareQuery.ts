/**
 * A private query, checked against a schema without any row: read by DuckDB's parser, tried on an empty table.
 * @module
 */
import { openTableDatabase } from '../../csv/tableDatabase.ts';
import type { ColumnSchema, Schema } from '../../schema.ts';
import { checkQuery } from '../allowList.ts';
import { limited } from '../limited.ts';
import { createTable } from '../loadTable.ts';
import { type Node, parseQuery, serialise } from '../syntaxTree.ts';
import { parseTableName, translateNames } from '../tableNames.ts';
import { projectionSql } from './boundedTable.ts';
import { type PrivateSelect, readPrivateSelect } from './privateSelect.ts';

/** Nothing is in the table: what takes longer is no query that a person wrote. */
const LIMITS = { memoryLimitMb: 100, timeoutMs: 10_000 };

/** A query that can run on every table of the schema. */
export interface PreparedQuery {
  readonly table: string;
  readonly personColumn: string;
  readonly select: PrivateSelect;
  /** Columns that are aggregated, each once. */
  readonly columns: readonly ColumnSchema[];
  /** Columns of GROUP BY. */
  readonly keys: readonly ColumnSchema[];
  /** Syntax tree of the projection on persons, keys and columns, WHERE included. */
  readonly projection: Node;
}

/**
 * @param tableName - As `SqlSandbox` takes it.
 * @throws KonsilError SQL_REFUSED for what is not a private query, DATA_EMPTY or DATA_UNSUPPORTED for a schema that SQL
 *   cannot have; RangeError for a name of a table with empty parts.
 */
export async function preparePrivateQuery(sql: string, tableName: string, schema: Schema): Promise<PreparedQuery> {
  const name = parseTableName(tableName);
  const table = name.sqlName;
  const personColumn = freeName(schema);
  const database = await openTableDatabase({ memoryLimitMb: LIMITS.memoryLimitMb, diskLimitMb: 1 });
  try {
    const { connection } = database;
    return await limited(connection, LIMITS, undefined, async () => {
      const all = await createTable(connection, schema, table, personColumn);
      const scope = { name: table, columns: all.map((column) => column.name) };
      const tree = await parseQuery(connection, translateNames(sql, name));
      checkQuery(tree, { tables: [scope] });
      const select = readPrivateSelect(tree, scope);
      const columnOf = (wanted: string): ColumnSchema => all.find((column) => column.name === wanted)!;
      const keys = select.groups.map(columnOf);
      const columns = [...new Set(select.items.flatMap(columnsOf))].map(columnOf);
      const plain = await parseQuery(
        connection,
        projectionSql(
          table,
          personColumn,
          select.groups,
          columns.map((column) => column.name),
        ),
      );
      const projection = { ...plain, where_clause: select.where };
      // types of WHERE that do not fit show now, before anything is charged
      await connection.run('SELECT * FROM json_execute_serialized_sql($1::VARCHAR)', [serialise(projection)]);
      return { table, personColumn, select, columns, keys, projection };
    });
  } finally {
    database.close();
  }
}

function columnsOf(item: PrivateSelect['items'][number]): string[] {
  return 'aggregate' in item && 'column' in item.aggregate ? [item.aggregate.column] : [];
}

/** A name that no column has. */
function freeName({ columns }: Schema): string {
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  let name = 'konsil_person';
  while (taken.has(name)) name += '_';
  return name;
}
