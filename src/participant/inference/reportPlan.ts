/**
 * `CSVReportAlgorithm`: from a row's cells and what models say to it to a line of the report.
 *
 * First the row's name, then columns of the dataset, outputs, and a column for each filter that says whether the row matches.
 * @source spec/platform.md §2.2.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { ColumnFilter, CsvReport } from '../../tasks/index.ts';
import type { ReportCell } from './outputs.ts';

/** Column of the name of a row's file, as the platform calls it. */
export const FILE_COLUMN = '_original_filename';
/** Column that says whether a row matches all filters, where there are several. */
const ALL_FILTERS = 'all filters';

/** What a report is made of. */
export interface ReportSources {
  /** Name of the first column. */
  readonly key: string;
  /** Columns of the dataset that may be in it. */
  readonly original: readonly string[];
  readonly outputs: readonly string[];
}

/** A row on its way into a report. */
export interface ReportRow {
  readonly name: string;
  /** Of a column of the dataset. */
  readonly cellOf: (column: string) => ReportCell;
  /** One for each of {@link ReportSources.outputs}. */
  readonly outputs: readonly ReportCell[];
}

/** A line, and what it is sorted by. */
export interface ReportLine {
  readonly cells: readonly ReportCell[];
  readonly sortBy: readonly ReportCell[];
}

type Reader = (row: ReportRow) => ReportCell;

/** The report of one task over one dataset. */
export class ReportPlan {
  readonly columns: readonly string[];
  /** Whether each column that lines are sorted by ascends. */
  readonly ascending: readonly boolean[];
  readonly #readers: readonly Reader[];
  readonly #sorters: readonly Reader[];
  readonly #decimalPlaces: number | null;

  /**
   * @param report - Null for the outputs alone, as they are.
   * @throws KonsilError DATA_COLUMN_MISSING for a column that is there under no name, DATA_INVALID when two get one name.
   */
  constructor(report: CsvReport | null, { key, original, outputs }: ReportSources) {
    const filters = report?.filters ?? [];
    const own = new Map<string, Reader>([[key, (row) => row.name]]);
    for (const name of original) own.set(name, (row) => row.cellOf(name));
    for (const [i, name] of outputs.entries()) {
      if (own.has(name))
        throw new KonsilError('DATA_INVALID', `the dataset and the model both have a column "${name}"; rename one`, {
          column: name,
        });
      own.set(name, (row) => row.outputs[i]!);
    }
    const find = (column: string, place: string): Reader => {
      const reader = own.get(column);
      if (reader === undefined)
        throw new KonsilError('DATA_COLUMN_MISSING', `no column "${column}" (CSVReportAlgorithm ${place})`, { column });
      return reader;
    };
    const tests = filters.map((filter) => testOf(filter, find(filter.column, 'filter')));
    const matches = filters.map(({ column, operator, value }, i): [string, Reader] => [
      `${column} ${operator} ${value}`,
      tests[i]!,
    ]);
    if (tests.length > 1) matches.push([ALL_FILTERS, (row) => tests.every((test) => test(row))]);
    for (const [name, reader] of matches) own.set(name, reader);
    const chosen = this.#choose(
      report,
      { key, original, outputs },
      matches.map(([name]) => name),
      own,
    );
    const renamed = chosen.map((name) => report?.rename[name] ?? name);
    const twice = renamed.find((name, i) => renamed.indexOf(name) < i);
    if (twice !== undefined)
      throw new KonsilError('DATA_INVALID', `the report has two columns "${twice}" (rename_columns)`, {
        column: twice,
      });
    this.columns = renamed;
    this.#readers = chosen.map((name) => own.get(name)!);
    this.#sorters = (report?.sorting ?? []).map(({ column }) => find(column, 'sorting_columns'));
    this.ascending = (report?.sorting ?? []).map(({ direction }) => direction === 'asc');
    this.#decimalPlaces = report?.decimalPlaces ?? null;
  }

  /** The line of a row. */
  lineOf(row: ReportRow): ReportLine {
    return {
      cells: this.#readers.map((read) => this.#rounded(read(row))),
      sortBy: this.#sorters.map((read) => read(row)),
    };
  }

  #choose(
    report: CsvReport | null,
    { key, original, outputs }: ReportSources,
    matches: readonly string[],
    own: ReadonlyMap<string, Reader>,
  ): readonly string[] {
    if (report === null) return [key, ...outputs];
    const { originalColumns, include, drop, dropPrefixes } = report;
    // the file's name is always there
    const asked = originalColumns?.filter((name) => name !== FILE_COLUMN) ?? original;
    const missing = asked.find((name) => !original.includes(name));
    if (missing !== undefined)
      throw new KonsilError('DATA_COLUMN_MISSING', `no column "${missing}" (CSVReportAlgorithm original_cols)`, {
        column: missing,
      });
    const all = include
      ? include.filter((name) => own.has(name) && name !== key)
      : [...new Set([...asked, ...outputs, ...matches])];
    const isKept = (name: string): boolean =>
      !drop.includes(name) && !dropPrefixes.some((prefix) => name.startsWith(prefix));
    return [key, ...all.filter(isKept)];
  }

  #rounded(cell: ReportCell): ReportCell {
    if (typeof cell !== 'number' || Number.isInteger(cell) || this.#decimalPlaces === null) return cell;
    return Number(cell.toFixed(this.#decimalPlaces));
  }
}

/** Whether a row matches; a cell without a value matches nothing but `!=`. */
function testOf({ operator, value }: ColumnFilter, read: Reader): (row: ReportRow) => boolean {
  return (row) => {
    const cell = read(row);
    if (cell === null) return operator === '!=';
    // numbers as numbers; dates and other text in their order
    const isNumber = typeof cell === 'number' || typeof value === 'number';
    const [left, right] = isNumber ? [Number(cell), Number(value)] : [String(cell), String(value)];
    switch (operator) {
      case '==':
        return left === right;
      case '!=':
        return left !== right;
      case '<':
        return left < right;
      case '<=':
        return left <= right;
      case '>':
        return left > right;
      case '>=':
        return left >= right;
    }
  };
}
