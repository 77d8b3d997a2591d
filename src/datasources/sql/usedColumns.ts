/**
 * Which columns of which tables a query may read, so that no others are fetched.
 *
 * Never too few: a name counts wherever it stands, as a column, an alias or a text, and what may mean all columns, or
 * columns by their place, means all of them.
 * @module
 */
import { isNode, type Node, textOf } from './syntaxTree.ts';
import type { SqlTable } from './tableSource.ts';

/** The tables that the query names, each with the columns that it may need: one at least. */
export function usedTables(query: Node, tables: ReadonlyMap<string, SqlTable>): SqlTable[] {
  const names = new Names();
  names.add(query);
  return [...names.tables]
    .flatMap((name) => tables.get(name) ?? [])
    .map((table) => {
      if (names.usesAll) return table;
      const columns = table.columns.filter(({ name }) => names.words.has(name));
      return { ...table, columns: columns.length > 0 ? columns : table.columns.slice(0, 1) };
    });
}

class Names {
  /** Tables and their aliases, in lower case. */
  readonly tables = new Set<string>();
  /** Every text of the tree, in lower case. */
  readonly words = new Set<string>();
  #hasStar = false;
  readonly #single = new Set<string>();
  readonly #aliases = new Set<string>();

  /** A star, a place, or a table that stands for its row. */
  get usesAll(): boolean {
    return this.#hasStar || [...this.#single].some((name) => this.tables.has(name) || this.#aliases.has(name));
  }

  add(value: unknown): void {
    if (typeof value === 'string') this.words.add(value.toLowerCase());
    if (Array.isArray(value)) for (const item of value) this.add(item);
    if (!isNode(value)) return;
    if (value.class === 'STAR' || value.class === 'POSITIONAL_REFERENCE' || value.ref_type === 'NATURAL')
      this.#hasStar = true;
    if (value.class === 'COLUMN_REF' && Array.isArray(value.column_names) && value.column_names.length === 1)
      this.#single.add(textOf(value.column_names[0]).toLowerCase());
    if (!('class' in value) && textOf(value.alias) !== '') this.#aliases.add(textOf(value.alias).toLowerCase());
    if (value.type === 'BASE_TABLE') {
      this.tables.add(textOf(value.table_name).toLowerCase());
      if (Array.isArray(value.column_name_alias) && value.column_name_alias.length > 0) this.#hasStar = true;
    }
    for (const child of Object.values(value)) this.add(child);
  }
}
