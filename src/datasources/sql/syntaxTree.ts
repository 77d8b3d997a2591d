/**
 * A query as DuckDB's own parser reads it: what is checked is what runs.
 * @module
 */
import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { refused } from './refused.ts';

/** A node as `json_serialize_sql` of DuckDB 1.5 writes it. */
export type Node = Readonly<Record<string, unknown>>;

/** Longer queries are written by no person. */
const MAX_QUERY_CHARS = 20_000;

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The nodes of a list; others of it are left out. */
export function nodesOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** Text of a field; empty when there is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The one SELECT of the query. @throws KonsilError SQL_REFUSED when it is no, or more than, one. */
export async function parseQuery(connection: DuckDBConnection, sql: string): Promise<Node> {
  if (sql.length > MAX_QUERY_CHARS) throw refused(`it has ${sql.length} characters; expected ≤ ${MAX_QUERY_CHARS}`);
  if (sql.includes('\0')) throw refused('it has a character NUL');
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  const tree = parseJson(reader.getRowsJS()[0]![0] as string);
  if (tree.error !== false) {
    // the parser knows no data: its message quotes the query
    if (tree.error_type === 'parser') throw refused(textOf(tree.error_message));
    throw refused('expected a SELECT');
  }
  const statements = nodesOf(tree.statements);
  if (statements.length !== 1) throw refused(`it has ${statements.length} statements; expected one SELECT`);
  const { node, named_param_map: parameters } = statements[0]!;
  if (!isNode(node)) throw refused('expected a SELECT');
  if (!Array.isArray(parameters) || parameters.length > 0) throw refused('it has parameters; expected values');
  return node;
}

/** `json_serialize_sql` back: a statement for `json_execute_serialized_sql`. */
export function serialise(node: Node): string {
  const mark = randomUUID(); // that no text of the query can have
  const json = JSON.stringify({ error: false, statements: [{ node, named_param_map: [] }] }, (_, value: unknown) =>
    isNode(value) && isDouble(value.type) && typeof value.value === 'number'
      ? { ...value, value: mark + withPoint(value.value) }
      : value,
  );
  return json.replaceAll(new RegExp(`"${mark}([^"]+)"`, 'g'), '$1');
}

/** Whether values of the type are floating point numbers. */
export function isDouble(type: unknown): boolean {
  return isNode(type) && (type.id === 'DOUBLE' || type.id === 'FLOAT');
}

/** DuckDB takes `100` for no double, and JavaScript writes none with `.0`. */
function withPoint(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Places in the text go up to 2^64 - 1, which JSON of JavaScript rounds to what DuckDB cannot read. */
function parseJson(json: string): Node {
  try {
    return JSON.parse(json, (key, value: unknown) => (key === 'query_location' ? 0 : value)) as Node;
  } catch {
    throw refused('it has a number that is not finite'); // DuckDB writes Infinity, which is not JSON
  }
}
