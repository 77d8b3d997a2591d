/**
 * Which queries may run: every node of the syntax tree must be of a kind that is named here.
 * @module
 */
import { isAggregate, JOINING_FUNCTIONS, SCALAR_FUNCTIONS, WINDOW_FUNCTIONS } from './functions.ts';
import { refused } from './refused.ts';
import { isNode, type Node, nodesOf, textOf } from './syntaxTree.ts';
import type { SqlTable } from './tableSource.ts';

/** Queries, tables and the parts of them that are no expression. */
const NODE_TYPES: ReadonlySet<string> = new Set([
  ...['SELECT_NODE', 'SET_OPERATION_NODE', 'BASE_TABLE', 'SUBQUERY', 'JOIN', 'EMPTY', 'EXPRESSION_LIST'],
  ...['TABLE_FUNCTION', 'ORDER_MODIFIER', 'LIMIT_MODIFIER', 'LIMIT_PERCENT_MODIFIER', 'DISTINCT_MODIFIER'],
  ...['ORDER_DEFAULT', 'ASCENDING', 'DESCENDING'],
]);
const EXPRESSION_CLASSES: ReadonlySet<string> = new Set([
  ...['COLUMN_REF', 'CONSTANT', 'FUNCTION', 'COMPARISON', 'CONJUNCTION', 'BETWEEN', 'CASE', 'CAST', 'OPERATOR'],
  ...['STAR', 'SUBQUERY', 'WINDOW', 'POSITIONAL_REFERENCE'],
]);
const OPERATORS: ReadonlySet<string> = new Set([
  ...['OPERATOR_NOT', 'OPERATOR_IS_NULL', 'OPERATOR_IS_NOT_NULL', 'OPERATOR_COALESCE', 'OPERATOR_NULLIF'],
  ...['OPERATOR_TRY', 'COMPARE_IN', 'COMPARE_NOT_IN', 'GROUPING_FUNCTION'],
]);
const VALUE_TYPES: ReadonlySet<string> = new Set([
  ...['NULL', 'BOOLEAN', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'FLOAT', 'DOUBLE', 'DECIMAL'],
  ...['VARCHAR', 'DATE', 'TIME', 'TIMESTAMP', 'INTERVAL'],
]);
/** Names that SQL reads as functions although nothing is called. */
const SESSION_VALUES = /^(?:current_(?:user|role|catalog|schema|database|query)|session_user|user|localtime.*)$/;
/** Views that DuckDB finds under these names when no table of the query has them. */
const SYSTEM_TABLES = /^(?:duckdb_|pragma_|pg_|sqlite_|information_schema)/i;
const MAX_SERIES = 1_000_000;
/** DuckDB 1.5 plans subqueries in time exponential in how deep they stand in each other, and no interrupt ends that. */
const MAX_DEPTH = 8;
const MAX_SELECTS = 50;
/** Calls in each other: DuckDB 1.5 plans 400 in a second, and time grows with their square. */
const MAX_CALLS_DEEP = 200;
/** Texts that a query joins, wherever: 24 of them make a text at most 3^8 = 6,561 times as long. */
const MAX_JOINED = 24;

/** What a query may name. Case does not matter. */
export interface Scope {
  readonly tables: readonly ScopeTable[];
}

export interface ScopeTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** Whom its rows are about, where only groups are shown. @default each row is about somebody else */
  readonly about?: SqlTable['about'];
}

/** @throws KonsilError SQL_REFUSED for a query with a part that is not allowed; the message names it. */
export function checkQuery(query: Node, scope: Scope): void {
  const tables = new Set(scope.tables.map(({ name }) => name.toLowerCase()));
  for (const name of commonTables(query)) {
    if (SYSTEM_TABLES.test(name)) throw refused(`the name "${name}" in WITH is one of the database's own`);
    tables.add(name.toLowerCase());
  }
  const columns = scope.tables.flatMap((table) => table.columns.map((column) => column.toLowerCase()));
  new Walk(tables, new Set(columns)).value(query);
}

/** Names that WITH gives, anywhere in the query. */
function commonTables(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(commonTables);
  if (!isNode(value)) return [];
  const here = isNode(value.cte_map) ? nodesOf(value.cte_map.map).map(({ key }) => textOf(key)) : [];
  return [...here, ...Object.values(value).flatMap(commonTables)];
}

class Walk {
  #depth = 0;
  #selects = 0;
  #calls = 0;
  #joined = 0;
  readonly #tables: ReadonlySet<string>;
  readonly #columns: ReadonlySet<string>;

  constructor(tables: ReadonlySet<string>, columns: ReadonlySet<string>) {
    this.#tables = tables;
    this.#columns = columns;
  }

  value(value: unknown): void {
    if (Array.isArray(value)) for (const item of value) this.value(item);
    if (!isNode(value)) return;
    if ('class' in value) this.#expression(value);
    else if ('type' in value) this.#part(value);
    else this.#children(value);
  }

  #children(node: Node): void {
    for (const child of Object.values(node)) this.value(child);
  }

  #part(node: Node): void {
    const type = textOf(node.type);
    if (type === 'SHOW_REF') throw refused('expected a SELECT, not DESCRIBE, SHOW or SUMMARIZE');
    if (type === 'RECURSIVE_CTE_NODE') throw refused('WITH RECURSIVE is not allowed');
    if (!NODE_TYPES.has(type)) throw refused(`${type} is not allowed`);
    if (node.sample !== undefined && node.sample !== null) throw refused('samples of rows are not allowed');
    if (node.at_clause !== undefined && node.at_clause !== null) throw refused('AT is not allowed');
    if (type === 'BASE_TABLE') this.#table(node);
    if (type === 'TABLE_FUNCTION') this.#tableFunction(node.function);
    else if (type === 'SELECT_NODE') this.#select(node);
    else this.#children(node);
  }

  #select(node: Node): void {
    if (++this.#depth > MAX_DEPTH) throw refused(`its subqueries stand more than ${MAX_DEPTH} deep`);
    if (++this.#selects > MAX_SELECTS) throw refused(`it has more than ${MAX_SELECTS} SELECTs`);
    this.#children(node);
    this.#depth--;
  }

  #table({ catalog_name, schema_name, table_name }: Node): void {
    const path = [catalog_name, schema_name, table_name].map(textOf).filter((part) => part !== '');
    if (path.length !== 1 || !this.#tables.has(path[0]!.toLowerCase()))
      throw refused(`there is no table "${path.join('.')}"`);
  }

  /** `range(…)` and `generate_series(…)` of few numbers, `unnest([…])` of constants. */
  #tableFunction(call: unknown): void {
    if (!isNode(call)) throw refused('a table function without a name');
    const name = functionName(call);
    const values = nodesOf(call.children);
    if (name === 'range' || name === 'generate_series') {
      const numbers = values.map(constantNumber);
      const [from = 0, to = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
      if (!(Math.abs(to - from) / Math.abs(step) <= MAX_SERIES))
        throw refused(`${name} needs constant numbers and at most ${MAX_SERIES} of them`);
      return;
    }
    const list = values[0];
    const isList =
      name === 'unnest' && values.length === 1 && list !== undefined && functionName(list) === 'list_value';
    if (!isList || nodesOf(list.children).some((item) => item.class !== 'CONSTANT'))
      throw refused(`the table function ${name} is not allowed, or not with these arguments`);
  }

  #expression(node: Node): void {
    if (++this.#calls > MAX_CALLS_DEEP) throw refused(`its expressions stand more than ${MAX_CALLS_DEEP} deep`);
    this.#checkExpression(node);
    this.#calls--;
  }

  #checkExpression(node: Node): void {
    const kind = textOf(node.class);
    if (!EXPRESSION_CLASSES.has(kind)) throw refused(`${kind} is not allowed`);
    switch (kind) {
      case 'CONSTANT':
        checkType(isNode(node.value) ? node.value.type : undefined);
        return; // a value has no parts to look at
      case 'CAST':
        checkType(node.cast_type);
        this.value(node.child);
        return;
      case 'COLUMN_REF':
        this.#column(node);
        return;
      case 'OPERATOR':
        if (!OPERATORS.has(textOf(node.type))) throw refused(`the operator ${textOf(node.type)} is not allowed`);
        break;
      case 'FUNCTION':
        this.#call(node);
        break;
      case 'WINDOW': {
        const name = functionName(node);
        if (!WINDOW_FUNCTIONS.has(name) && !isAggregate(name))
          throw refused(`the function ${name} is not allowed before OVER`);
        break;
      }
    }
    this.#children(node);
  }

  #call(node: Node): void {
    const name = functionName(node);
    if (JOINING_FUNCTIONS.has(name)) {
      this.#joined += nodesOf(node.children).length;
      if (this.#joined > MAX_JOINED) throw refused(`it joins more than ${MAX_JOINED} texts`);
    } else if (!SCALAR_FUNCTIONS.has(name) && !isAggregate(name)) throw refused(`the function ${name} is not allowed`);
    if (name !== 'replace') return;
    const [, from, to] = nodesOf(node.children).map(constantText);
    if (from === undefined || to === undefined || to.length > from.length)
      throw refused('replace needs two constant texts, the second not longer than the first');
  }

  #column({ column_names: names }: Node): void {
    if (!Array.isArray(names) || names.length > 2) throw refused('a column has more than two names');
    const name = textOf(names[0]).toLowerCase();
    if (names.length === 1 && SESSION_VALUES.test(name) && !this.#columns.has(name))
      throw refused(`${name} is not allowed`);
  }
}

/** In lower case, and only of the main schema. */
export function functionName(node: Node): string {
  const path = [node.catalog, node.schema].map(textOf).filter((part) => part !== '' && part !== 'main');
  return [...path, textOf(node.function_name)].join('.').toLowerCase();
}

function constantNumber(node: Node): number {
  // DuckDB reads -5 as a call of "-"
  if (node.class === 'FUNCTION' && functionName(node) === '-' && nodesOf(node.children).length === 1)
    return -constantNumber(nodesOf(node.children)[0]!);
  const value = node.class === 'CONSTANT' && isNode(node.value) ? node.value : {};
  const isWhole = isNode(value.type) && ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'].includes(textOf(value.type.id));
  return isWhole && typeof value.value === 'number' ? value.value : Number.NaN;
}

function constantText(node: Node): string | undefined {
  const value = node.class === 'CONSTANT' && isNode(node.value) ? node.value.value : undefined;
  return typeof value === 'string' ? value : undefined;
}

function checkType(type: unknown): void {
  const id = isNode(type) ? textOf(type.id) : '';
  if (!VALUE_TYPES.has(id)) throw refused(`values of the type ${id === 'UNBOUND' ? 'named' : id} are not allowed`);
}
