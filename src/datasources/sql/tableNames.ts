/**
 * Names in backticks, as tasks of the platform write them, to names in double quotes, as DuckDB reads them.
 * @source spec/platform.md, SQL queries; GoogleSQL lexical structure, quoted identifiers
 * @module
 */
import { refused } from './refused.ts';

/** A name of a table: what SQL calls it, and what else the platform does. */
export interface TableName {
  /** Last part of the full name. */
  readonly sqlName: string;
  /** In lower case. */
  readonly spellings: ReadonlySet<string>;
}

/** @param fullName - `dataset`, `pod/dataset` or `pod.dataset`. @throws RangeError when a part is empty. */
export function parseTableName(fullName: string): TableName {
  const parts = fullName.split(/[/.]/);
  if (parts.some((part) => part.trim() === '')) throw new RangeError('tableName needs parts that are not empty');
  const sqlName = parts.at(-1)!;
  const spellings = [fullName, sqlName, parts.join('.'), parts.join('/')].map((name) => name.toLowerCase());
  return { sqlName, spellings: new Set(spellings) };
}

/** As an identifier of SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text, quoted names, comments: what a backtick in them is no name. */
const SKIPPED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\//y;
const NAME = /`((?:[^`]|``)+)`/y;

/** The query with every name in backticks in double quotes; names of the table become its one name. */
export function translateNames(sql: string, { sqlName, spellings }: TableName): string {
  let text = '';
  let at = 0;
  while (at < sql.length) {
    const skipped = matchAt(SKIPPED, sql, at);
    if (skipped !== undefined) {
      text += skipped[0];
      at += skipped[0].length;
    } else if (sql[at] === '`') {
      const path: string[] = [];
      for (;;) {
        const name = matchAt(NAME, sql, at);
        if (name === undefined) throw refused('a backtick is not closed');
        path.push(name[1]!.replaceAll('``', '`'));
        at += name[0].length;
        if (sql[at] !== '.' || sql[at + 1] !== '`') break;
        at++;
      }
      // the longest beginning that names the table: `pod`.`dataset`.`column` has one of two parts
      const lengths = path.map((_, i) => path.length - i);
      const table = lengths.find((length) => spellings.has(path.slice(0, length).join('.').toLowerCase())) ?? 0;
      text += [...(table > 0 ? [sqlName] : []), ...path.slice(table)].map(quoted).join('.');
    } else text += sql[at++]!;
  }
  return text;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
