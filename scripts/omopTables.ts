/**
 * Writes `src/datasources/omop/gen/cdmTables.ts`: names of tables and columns of the OMOP CDM v5.3 and v5.4, from the field
 * dictionaries that OHDSI publishes (CommonDataModel, inst/csv, `OMOP_CDMv5.x_Field_Level.csv`).
 *
 *     tsx scripts/omopTables.ts OMOP_CDMv5.3_Field_Level.csv OMOP_CDMv5.4_Field_Level.csv
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const OUTPUT = 'src/datasources/omop/gen/cdmTables.ts';

/** Table to its columns, each with whether it is required. */
type Tables = Map<string, Map<string, boolean>>;

function readDictionary(path: string): Tables {
  const tables: Tables = new Map();
  // the first three fields of a record are plain words; later ones may have line breaks, after which no such line begins
  for (const [, table = '', column = '', required] of readFileSync(path, 'utf8').matchAll(
    /^(\w+),"*(\w+)"*,(Yes|No),/gm,
  )) {
    const columns = tables.get(table.toLowerCase()) ?? new Map<string, boolean>();
    columns.set(column.toLowerCase(), required === 'Yes');
    tables.set(table.toLowerCase(), columns);
  }
  return tables;
}

const { positionals } = parseArgs({ allowPositionals: true });
if (positionals.length !== 2) throw new RangeError('expected the dictionaries of v5.3 and v5.4');
const [older, newer] = positionals.map(readDictionary) as [Tables, Tables];
const lines = [...new Set([...older.keys(), ...newer.keys()])].map((table) => {
  const [a, b] = [older.get(table), newer.get(table)];
  const columns = [...new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])].map((column) => {
    const mark = a?.has(column) ? (b?.has(column) ? '' : '-') : '+';
    return `${mark}${column}${(a?.get(column) ?? true) && (b?.get(column) ?? true) ? '!' : ''}`;
  });
  return `${table}: ${columns.join(' ')}`;
});
writeFileSync(
  OUTPUT,
  `/**
 * Tables and columns of the OMOP Common Data Model v5.3 and v5.4, written by \`scripts/omopTables.ts\`.
 *
 * A line is a table; \`-\` before a column: only of v5.3, \`+\`: only of v5.4, \`!\` after it: required.
 * @source https://ohdsi.github.io/CommonDataModel/
 * @module
 */

export const CDM_TABLES = \`
${lines.join('\n')}
\`;
`,
);
