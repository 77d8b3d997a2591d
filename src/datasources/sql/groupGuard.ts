/**
 * Queries of a site that shows no group of fewer than k rows: what shape they have, and how they are made to keep to it.
 *
 * An aggregate of an expression could pick one row (`sum(CASE WHEN id = 5 …)`), so aggregates are of columns only, each
 * counted: a group needs k rows with a value in every column that is aggregated.
 * @module
 */
import { functionName, type Scope, type ScopeTable } from './allowList.ts';
import { EXTREME_AGGREGATES, isAggregate, SUMMARY_AGGREGATES } from './functions.ts';
import { refused } from './refused.ts';
import { isDouble, isNode, type Node, nodesOf, textOf } from './syntaxTree.ts';
import { quoted } from './tableNames.ts';

/** What a site allows of aggregates. */
export interface GroupPolicy {
  /** Rows, or patients where the table tells them apart, of the smallest group that is shown, at least 2. */
  readonly minimumGroupSize: number;
  /** Whether min, max and median, which are values of single rows, are shown. @default false */
  readonly allowsExtremes?: boolean;
}

/** Of the column that says whether a group is shown; no alias may have it. */
export const IS_LARGE = 'konsil_is_large';

/** Which groups of a query may be shown. */
export interface ShownGroups {
  /** True for such a group. */
  readonly sql: string;
  /** `5 rows`, or `5 patients` of a table that tells them apart. */
  readonly expected: string;
}

/**
 * Which groups of the query may be shown.
 * @throws KonsilError SQL_REFUSED unless the query is SELECT aggregates and keys FROM table [WHERE] [GROUP BY] [HAVING]
 *   [ORDER BY] [LIMIT].
 */
export function shownGroups(query: Node, scope: Scope, policy: GroupPolicy): ShownGroups {
  checkShape(query, 'this site shows aggregates of its table only');
  const table = tableOf(query, scope);
  const walk = new GroupWalk(table, policy, query);
  for (const part of ['select_list', 'where_clause', 'group_expressions', 'having', 'modifiers'])
    walk.value(query[part]);
  if (!walk.hasAggregate && nodesOf(query.group_expressions).length === 0)
    throw refused('this site shows aggregates only; expected count, sum, avg, … or GROUP BY');
  // a patient may have many rows: a group is of patients where they are known
  const patient = typeof table.about === 'object' ? table.about.patient : undefined;
  const everybody = patient === undefined ? 'count(*)' : `count(DISTINCT ${quoted(patient)})`;
  const counts = walk.arguments.map(
    (columns) =>
      `${everybody} FILTER (WHERE ${columns.map((column) => `${quoted(column)} IS NOT NULL`).join(' AND ')})`,
  );
  const { minimumGroupSize } = policy;
  return {
    sql: [everybody, ...new Set(counts)].map((count) => `${count} >= ${minimumGroupSize}`).join(' AND '),
    expected: `${minimumGroupSize} ${patient === undefined ? 'rows' : 'patients'}`,
  };
}

/** The one table of a query whose shape is checked. */
function tableOf({ from_table }: Node, { tables }: Scope): ScopeTable {
  const name = isNode(from_table) ? textOf(from_table.table_name) : '';
  const table = tables.find((known) => known.name.toLowerCase() === name.toLowerCase());
  if (table === undefined) throw refused(`there is no table "${name}"`);
  if (table.about === 'unknown')
    throw refused(`this site shows groups of patients only, and "${table.name}" does not say whose its rows are`);
  return table;
}

/** The query whose groups are all shown: `condition` before its own HAVING, which then sees no smaller group. */
export function withLargeGroups(query: Node, condition: Node): Node {
  const having = isNode(query.having)
    ? {
        class: 'CONJUNCTION',
        type: 'CONJUNCTION_AND',
        alias: '',
        query_location: 0,
        children: [condition, query.having],
      }
    : condition;
  return { ...query, having };
}

/** The groups of the query before HAVING, each with {@link IS_LARGE} last. */
export function withGroupSizes(query: Node, condition: Node): Node {
  // the rest of the list stays: GROUP BY may mean its items by place or alias
  const select_list = [...nodesOf(query.select_list), { ...condition, alias: IS_LARGE }];
  return { ...query, select_list, having: null, modifiers: [] };
}

/** @param only - How its refusals begin. @throws KonsilError SQL_REFUSED unless it is one SELECT over one table. */
export function checkShape(query: Node, only: string): void {
  if (query.type !== 'SELECT_NODE') throw refused(`${only}: no UNION, INTERSECT or EXCEPT`);
  if (isNode(query.cte_map) && nodesOf(query.cte_map.map).length > 0) throw refused(`${only}: no WITH`);
  const table = query.from_table;
  if (!isNode(table) || table.type !== 'BASE_TABLE') throw refused(`${only}: no joins, subqueries or table functions`);
  if (hasItems(table.column_name_alias)) throw refused(`${only}: no other names for its columns`);
  if (query.qualify !== null) throw refused(`${only}: no QUALIFY`);
  if (query.aggregate_handling !== 'STANDARD_HANDLING') throw refused(`${only}: name the columns of GROUP BY`);
  if (Array.isArray(query.group_sets) && query.group_sets.length > 1)
    throw refused(`${only}: no ROLLUP, CUBE or GROUPING SETS`);
  for (const modifier of nodesOf(query.modifiers)) {
    if (modifier.type !== 'ORDER_MODIFIER' && modifier.type !== 'LIMIT_MODIFIER')
      throw refused(`${only}: no DISTINCT, no LIMIT in percent`);
  }
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

class GroupWalk {
  hasAggregate = false;
  /** Columns of each aggregate that has some. */
  readonly arguments: string[][] = [];
  readonly #policy: GroupPolicy;
  readonly #columns: ReadonlyMap<string, string>;
  readonly #aliases: ReadonlySet<string>;
  readonly #tables: ReadonlySet<string>;

  constructor(table: ScopeTable, policy: GroupPolicy, query: Node) {
    this.#policy = policy;
    this.#columns = new Map(table.columns.map((column) => [column.toLowerCase(), column]));
    const alias = isNode(query.from_table) ? textOf(query.from_table.alias) : '';
    this.#tables = new Set([alias, table.name].map((name) => name.toLowerCase()));
    const aliases = new Set<string>();
    for (const item of nodesOf(query.select_list)) {
      const name = textOf(item.alias).toLowerCase();
      if (name === '') continue;
      // an alias that hides a column could stand for another expression in an aggregate
      if (name === IS_LARGE || (this.#columns.has(name) && this.#findColumn(item)?.toLowerCase() !== name))
        throw refused(`the alias "${name}" is the name of a column; expected another`);
      aliases.add(name);
    }
    this.#aliases = aliases;
  }

  value(value: unknown): void {
    if (Array.isArray(value)) for (const item of value) this.value(item);
    if (!isNode(value)) return;
    if (value.class === 'FUNCTION' && isAggregate(functionName(value))) {
      this.#aggregate(value);
      return;
    }
    if (value.class === 'CONSTANT') {
      checkExact(value.value);
      return;
    }
    if (value.class === 'COLUMN_REF') this.#column(value);
    if (['SUBQUERY', 'WINDOW', 'STAR', 'POSITIONAL_REFERENCE'].includes(textOf(value.class)))
      throw refused(`this site shows aggregates of its table only: no ${textOf(value.class)}`);
    for (const child of Object.values(value)) this.value(child);
  }

  #aggregate(node: Node): void {
    const name = functionName(node);
    const isExtreme = EXTREME_AGGREGATES.has(name);
    if (!isExtreme && !SUMMARY_AGGREGATES.has(name)) throw refused(`this site does not show ${name}`);
    if (isExtreme && this.#policy.allowsExtremes !== true)
      throw refused(`this site does not show ${name}, which is the value of one row`);
    if (node.filter !== null) throw refused(`${name} with FILTER is not shown; use WHERE`);
    if (isNode(node.order_bys) && hasItems(node.order_bys.orders)) throw refused(`${name} with ORDER BY is not shown`);
    if (node.distinct !== false && name !== 'count') throw refused(`${name} of DISTINCT values is not shown`);
    const columns = nodesOf(node.children).map((child) => {
      const column = this.#findColumn(child);
      if (column === undefined) throw refused(`${name} needs a column of the table, not an expression`);
      return column;
    });
    this.hasAggregate = true;
    if (columns.length > 0) this.arguments.push(columns);
  }

  /** Its name in the table when the node is a column of it. */
  #findColumn(node: Node): string | undefined {
    if (node.class !== 'COLUMN_REF' || !Array.isArray(node.column_names)) return undefined;
    const names = node.column_names.map((name) => textOf(name).toLowerCase());
    if (names.length === 2 && !this.#tables.has(names[0]!)) return undefined;
    return names.length <= 2 ? this.#columns.get(names.at(-1)!) : undefined;
  }

  #column(node: Node): void {
    if (this.#findColumn(node) !== undefined) return;
    const names = Array.isArray(node.column_names) ? node.column_names.map(textOf) : [];
    if (names.length !== 1 || !this.#aliases.has(names[0]!.toLowerCase()))
      throw refused(`there is no column "${names.join('.')}"`);
  }
}

/** The tree goes through JSON of JavaScript: whole numbers that it rounds would become others. */
export function checkExact(value: unknown): void {
  if (isNode(value)) {
    if (isDouble(value.type)) return;
    for (const part of Object.values(value)) checkExact(part);
  } else if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw refused('a whole number is beyond 2^53; expected a smaller one, or one with an exponent');
}
