/**
 * WHERE of a private query: for every row true, false or NULL, by this row alone.
 *
 * An error would be an answer without noise (`WHERE id = 5 AND note::INT > 0`). Nor is it enough to catch it around the whole
 * expression: whether `a OR fails` meets the error depends on whether the optimiser knows a to be true, which it does from
 * the smallest and largest values of *all* rows. So every part that can fail is NULL by itself where it does; what joins
 * such parts is plain three-valued logic, whose result no order of evaluation changes.
 * @module
 */
import { functionName } from '../allowList.ts';
import { checkExact } from '../groupGuard.ts';
import { refused } from '../refused.ts';
import { isNode, type Node, textOf } from '../syntaxTree.ts';

/** Of one row's values; none joins texts or makes them longer, so that no row can exhaust the memory. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['+', '-', '*', '/', '%', 'abs', 'floor', 'ceil', 'round', 'isnan', 'isfinite'],
  ...['~~', '!~~', '~~*', '!~~*', 'lower', 'upper', 'length', 'trim', 'substr', 'substring', 'left', 'right'],
  ...['starts_with', 'ends_with', 'contains', 'date_part', 'year', 'month', 'day'],
]);
const CLASSES: ReadonlySet<string> = new Set([
  ...['COLUMN_REF', 'CONSTANT', 'FUNCTION', 'COMPARISON', 'CONJUNCTION', 'BETWEEN', 'CAST', 'OPERATOR'],
]);
const OPERATORS: ReadonlySet<string> = new Set([
  ...['OPERATOR_NOT', 'OPERATOR_IS_NULL', 'OPERATOR_IS_NOT_NULL', 'COMPARE_IN', 'COMPARE_NOT_IN'],
]);
/** Fields that every node has. */
const PLAIN = { alias: '', query_location: 0 };

/** Finds the column that a node names: its name in the table. */
export type FindColumn = (node: Node) => string | undefined;

/**
 * `expression` with every column under its full name, such that no row makes it fail.
 * @throws KonsilError SQL_REFUSED naming the part that is not allowed.
 */
export function privateWhere(expression: Node, table: string, findColumn: FindColumn): Node {
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside);
    if (!isNode(value)) return value;
    return 'class' in value ? total(value) : value;
  };
  const parts = (node: Node, rewrite: (value: unknown) => unknown = inside): Node =>
    Object.fromEntries(Object.entries(node).map(([field, value]) => [field, rewrite(value)]));
  const truth = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(truth);
    return isNode(value) && 'class' in value ? asTruth(total(value)) : value;
  };
  const total = (node: Node): Node => {
    checkKind(node);
    switch (node.class) {
      case 'CONSTANT':
        checkExact(node.value);
        return node;
      case 'COLUMN_REF': {
        const column = findColumn(node);
        if (column === undefined) throw refused(`there is no column "${columnText(node)}"`);
        return { ...node, column_names: [table, column] };
      }
      case 'CONJUNCTION':
        return parts(node, truth);
      case 'OPERATOR':
        if (node.type === 'OPERATOR_NOT') return parts(node, truth);
        return node.type === 'OPERATOR_IS_NULL' || node.type === 'OPERATOR_IS_NOT_NULL'
          ? parts(node)
          : nullOnError(parts(node));
      case 'CAST':
        // text that is no number is common: caught without an error, which takes a tenth of the time
        return nullOnError({ ...parts(node), try_cast: true });
      default:
        return nullOnError(parts(node));
    }
  };
  return asTruth(total(expression));
}

function checkKind(node: Node): void {
  const kind = textOf(node.class);
  if (!CLASSES.has(kind)) throw refused(`WHERE of a private query has no ${kind}`);
  if (kind === 'OPERATOR' && !OPERATORS.has(textOf(node.type)))
    throw refused(`WHERE of a private query has no ${textOf(node.type)}`);
  if (kind === 'FUNCTION' && !FUNCTIONS.has(functionName(node)))
    throw refused(`WHERE of a private query has no function ${functionName(node)}`);
}

/** `TRY(node)`. */
function nullOnError(node: Node): Node {
  return { class: 'OPERATOR', type: 'OPERATOR_TRY', ...PLAIN, children: [node] };
}

/** `TRY_CAST(node AS BOOLEAN)`: AND, OR, NOT and WHERE would cast text themselves, and fail. */
function asTruth(node: Node): Node {
  const cast_type = { id: 'BOOLEAN', type_info: null };
  return { class: 'CAST', type: 'OPERATOR_CAST', ...PLAIN, child: node, cast_type, try_cast: true };
}

/** As the query writes it. */
export function columnText({ column_names: names }: Node): string {
  return Array.isArray(names) ? names.map(textOf).join('.') : '';
}
