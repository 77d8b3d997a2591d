/**
 * What kinds of values the columns of a table of text hold.
 * @module
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { CsvReading } from '../dataSource.ts';
import type { DataType } from '../schema.ts';

/** Rows that say which kinds a column cannot be, so that not all are counted in all rows. */
const SAMPLE_ROWS = 1_000;

/** Kinds that a column has when all its values do. */
const KINDS = ['integer', 'number', 'boolean', 'date'] as const;
type Kind = (typeof KINDS)[number];

/** Of one column. */
export interface TextColumn {
  readonly dataType: DataType;
  /** Of the values that are there, those that are numbers, in [0, 1]. */
  readonly numberShare: number;
  readonly values: number;
  readonly numbers: number;
}

/** How numbers are written. */
export class NumberText {
  /** Regular expressions; not "inf", not "0x10", not "1_000". */
  readonly number: string;
  readonly integer: string;
  readonly #decimal: string;
  readonly #thousands: string | undefined;

  constructor({ decimal = '.', thousands }: CsvReading = {}) {
    const group = thousands === undefined ? undefined : literal(thousands);
    const whole = group === undefined ? '[0-9]+' : `(?:[0-9]{1,3}(?:${group}[0-9]{3})+|[0-9]+)`;
    const point = literal(decimal);
    this.integer = `[+-]?${whole}`;
    this.number = `[+-]?(?:${whole}${point}?[0-9]*|${point}[0-9]+)(?:[eE][+-]?[0-9]+)?`;
    this.#decimal = decimal;
    this.#thousands = thousands;
  }

  /** SQL for the number that a column's text says; nothing to do for numbers as SQL writes them. */
  plain(id: string): string {
    const whole = this.#thousands === undefined ? id : `replace(${id}, ${sqlText(this.#thousands)}, '')`;
    return this.#decimal === '.' ? whole : `replace(${whole}, ${sqlText(this.#decimal)}, '.')`;
  }
}

/** Looks at every row of `data`, a table of text. @returns Rows, and columns in the order of `ids`. */
export async function readTypes(
  connection: DuckDBConnection,
  ids: readonly string[],
  text: NumberText,
): Promise<{ readonly rowCount: number; readonly columns: readonly TextColumn[] }> {
  const count = async (from: string, kinds: readonly (readonly Kind[])[]) => {
    const cells = ids.map((id, i) =>
      [`count(${id})`, ...KINDS.map((kind) => (kinds[i]!.includes(kind) ? counted(kind, id) : '0'))].join(', '),
    );
    const reader = await connection.runAndReadAll(`SELECT $1 <> $2, count(*), ${cells.join(', ')} FROM ${from}`, [
      text.number,
      text.integer,
    ]);
    const [, rows = 0, ...rest] = reader.getRowsJS()[0]!.map(Number);
    return { rows, columns: ids.map((_, i) => rest.slice(5 * i, 5 * i + 5)) };
  };
  const sample = await count(
    `(SELECT * FROM data LIMIT ${SAMPLE_ROWS}) AS data`,
    ids.map(() => KINDS),
  );
  // the share of numbers is always told; to fail as a date is the slowest of all
  const possible = sample.columns.map(([values, ...counts]) =>
    KINDS.filter((kind, i) => kind === 'number' || counts[i] === values),
  );
  const { rows, columns } = await count('data', possible);
  return { rowCount: rows, columns: columns.map(typeOf) };
}

function counted(kind: Kind, id: string): string {
  switch (kind) {
    case 'number':
      return `count(*) FILTER (regexp_full_match(${id}, $1))`;
    case 'integer':
      return `count(*) FILTER (regexp_full_match(${id}, $2))`;
    case 'boolean':
      return `count(*) FILTER (lower(${id}) IN ('true', 'false'))`;
    case 'date':
      return `count(TRY_CAST(${id} AS DATE))`;
  }
}

function typeOf([values = 0, ...counts]: readonly number[]): TextColumn {
  const numbers = counts[KINDS.indexOf('number')]!;
  // an empty column fits any type; it counts as a number so that using it is reported, not skipped
  if (values === 0) return { dataType: 'number', numberShare: 1, values, numbers };
  const dataType = KINDS.find((_, i) => counts[i] === values) ?? 'text';
  return { dataType, numberShare: numbers / values, values, numbers };
}

/** A character as itself in a regular expression. */
function literal(character: string): string {
  return /\w/.test(character) ? character : `\\${character}`;
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
