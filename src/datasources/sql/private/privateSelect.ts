/**
 * What a private query asks: aggregates of columns by groups, read out of the syntax tree. Nothing else of the query is
 * kept, WHERE excepted, so that nothing else of it can run.
 * @module
 */
import { functionName, type ScopeTable } from '../allowList.ts';
import { checkShape } from '../groupGuard.ts';
import { refused } from '../refused.ts';
import { isNode, type Node, nodesOf, textOf } from '../syntaxTree.ts';
import { columnText, type FindColumn, privateWhere } from './privateWhere.ts';

/** A share of values as the fraction numerator/denominator in lowest terms, in (0, 1). */
export interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

/** A figure of each group. */
export type Aggregate =
  /** Patients (or rows). */
  | { readonly kind: 'people' }
  /** Those with a value in the column. */
  | { readonly kind: 'count'; readonly column: string }
  | { readonly kind: 'sum' | 'avg' | 'min' | 'max'; readonly column: string }
  | { readonly kind: 'quantile'; readonly column: string; readonly share: Share };

/** A column of the result. */
export type SelectItem =
  | { readonly name: string; readonly key: number }
  | { readonly name: string; readonly aggregate: Aggregate };

export interface PrivateSelect {
  /** Columns of GROUP BY, as the table has them. */
  readonly groups: readonly string[];
  readonly items: readonly SelectItem[];
  /** Can be evaluated on any row; absent when all rows count. */
  readonly where: Node | null;
}

/** Shares are thousandths, so that what a query can ask is a small set of exact numbers. */
const SHARES = 1_000;
const POSSIBLE =
  'count(*), count(c), sum(c), avg(c), min(c), max(c), median(c), quantile_cont(c, share) and columns of GROUP BY';

/** @throws KonsilError SQL_REFUSED unless the query is SELECT aggregates and keys FROM table [WHERE] [GROUP BY columns]. */
export function readPrivateSelect(query: Node, scope: ScopeTable): PrivateSelect {
  checkShape(query, 'a private query is one SELECT over one table');
  if (query.having !== null || nodesOf(query.modifiers).length > 0)
    throw refused('a private query has no HAVING, ORDER BY, LIMIT or DISTINCT: filter and sort its noisy result');
  const findColumn = columnFinder(query, scope);
  const groups = nodesOf(query.group_expressions).map((node) => {
    const column = findColumn(node);
    if (column === undefined) throw refused('GROUP BY of a private query needs names of columns');
    return column;
  });
  if (new Set(groups).size !== groups.length) throw refused('GROUP BY names a column twice');
  const items = nodesOf(query.select_list).map((node) => itemOf(node, groups, findColumn));
  if (!items.some((item) => 'aggregate' in item)) throw refused(`it has no aggregate; possible are ${POSSIBLE}`);
  const where = isNode(query.where_clause) ? privateWhere(query.where_clause, scope.name, findColumn) : null;
  return { groups, items, where };
}

/** By name, or by name and table (or its alias); case does not matter. */
function columnFinder(query: Node, scope: ScopeTable): FindColumn {
  const columns = new Map(scope.columns.map((column) => [column.toLowerCase(), column]));
  const alias = isNode(query.from_table) ? textOf(query.from_table.alias) : '';
  const tables = new Set([alias === '' ? scope.name : alias].map((name) => name.toLowerCase()));
  return (node) => {
    if (node.class !== 'COLUMN_REF' || !Array.isArray(node.column_names)) return undefined;
    const names = node.column_names.map((name) => textOf(name).toLowerCase());
    if (names.length > 2 || (names.length === 2 && !tables.has(names[0]!))) return undefined;
    return columns.get(names.at(-1)!);
  };
}

function itemOf(node: Node, groups: readonly string[], findColumn: FindColumn): SelectItem {
  const alias = textOf(node.alias);
  const column = findColumn(node);
  if (column !== undefined) {
    const key = groups.indexOf(column);
    if (key < 0) throw refused(`the column "${column}" is not in GROUP BY`);
    return { name: alias === '' ? column : alias, key };
  }
  if (node.class === 'COLUMN_REF') throw refused(`there is no column "${columnText(node)}"`);
  if (node.class !== 'FUNCTION') throw refused(`its columns are other than ${POSSIBLE}`);
  const { aggregate, name } = aggregateOf(node, findColumn);
  return { name: alias === '' ? name : alias, aggregate };
}

function aggregateOf(node: Node, findColumn: FindColumn): { aggregate: Aggregate; name: string } {
  const name = functionName(node);
  if (node.filter !== null || (isNode(node.order_bys) && nodesOf(node.order_bys.orders).length > 0))
    throw refused(`${name} of a private query has no FILTER or ORDER BY; use WHERE`);
  if (node.distinct !== false)
    throw refused(`${name}(DISTINCT …) is not answered privately; count(*) counts each patient once`);
  const values = nodesOf(node.children);
  if (name === 'count_star' || (name === 'count' && values.length === 0))
    return { aggregate: { kind: 'people' }, name: 'count(*)' };
  const column = values[0] && findColumn(values[0]);
  const named = (kind: 'count' | 'sum' | 'avg' | 'min' | 'max'): { aggregate: Aggregate; name: string } => {
    if (column === undefined || values.length !== 1) throw refused(`${name} needs one column of the table`);
    return { aggregate: { kind, column }, name: `${name}(${column})` };
  };
  switch (name) {
    case 'count':
    case 'sum':
    case 'avg':
    case 'min':
    case 'max':
      return named(name);
    case 'mean':
      return named('avg');
    case 'median':
    case 'quantile_cont': {
      const share = name === 'median' ? { numerator: 1, denominator: 2 } : shareOf(values[1]);
      if (column === undefined || values.length !== (name === 'median' ? 1 : 2))
        throw refused(`${name} needs one column of the table`);
      const text = name === 'median' ? '' : `, ${share.numerator / share.denominator}`;
      return { aggregate: { kind: 'quantile', column, share }, name: `${name}(${column}${text})` };
    }
    default:
      throw refused(`the function ${name} is not answered privately; possible are ${POSSIBLE}`);
  }
}

function shareOf(node: Node | undefined): Share {
  const value = node?.class === 'CONSTANT' && isNode(node.value) ? node.value : {};
  const type = isNode(value.type) ? value.type : {};
  const scale = isNode(type.type_info) && type.id === 'DECIMAL' ? Number(type.type_info.scale) : 0;
  const thousandths = typeof value.value === 'number' ? (value.value * SHARES) / 10 ** scale : Number.NaN;
  const numerator = Math.round(thousandths);
  if (!(Math.abs(thousandths - numerator) < 1e-9 && numerator > 0 && numerator < SHARES))
    throw refused('quantile_cont needs a share from 0.001 to 0.999 of at most three digits; or use min or max');
  const divisor = greatestDivisor(numerator, SHARES);
  return { numerator: numerator / divisor, denominator: SHARES / divisor };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
