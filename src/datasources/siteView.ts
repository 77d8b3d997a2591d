/**
 * A source as the site lets tasks see it: under the column names that they use, with dates no finer than the site allows.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { type CoarseDate, coarseDates, coarseFilters } from './coarseDates.ts';
import type { Batch, DataSource } from './dataSource.ts';
import type { Filters } from './files/filters.ts';
import { ForwardedSource } from './forwardedSource.ts';
import { didYouMean } from './suggest.ts';

export interface SiteViewOptions {
  /** Column of the site to its name in tasks. @default as they are */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** @default as they are */
  readonly dates?: CoarseDate | undefined;
}

export class SiteView extends ForwardedSource {
  readonly #options: SiteViewOptions;

  /** @throws KonsilError DATA_COLUMN_MISSING for a column that is not there, DATA_INVALID when two columns get one name. */
  constructor(source: DataSource, options: SiteViewOptions) {
    const { names = {} } = options;
    for (const column of Object.keys(names))
      if (!source.columns.includes(column))
        throw new KonsilError(
          'DATA_COLUMN_MISSING',
          `${source.label} has no column "${column}" (rename_cols)${didYouMean(column, source.columns)}`,
          { file: source.label, column },
        );
    const columns = source.columns.map((column) => nameOf(column, options));
    const twice = columns.find((column, i) => columns.indexOf(column) < i);
    if (twice !== undefined)
      throw new KonsilError('DATA_INVALID', `${source.label}: rename_cols makes two columns "${twice}"`, {
        file: source.label,
        column: twice,
      });
    const described = source.schema.columns.map((column) => ({ ...column, name: nameOf(column.name, options) }));
    super(source, { columns, schema: { ...source.schema, columns: described } });
    this.#options = options;
  }

  /** @throws KonsilError DATA_INVALID for a source of rows, DATA_EMPTY */
  narrowed(filters: Filters): DataSource {
    const { source } = this;
    if (source.narrowed === undefined)
      throw new KonsilError('DATA_INVALID', `${this.label}: the task filters files, a ${this.kind} has rows`);
    const { dates } = this.#options;
    const asked = dates === undefined ? filters : coarseFilters(filters, dates);
    return new SiteView(source.narrowed(asked), this.#options);
  }

  protected override shown({ keys, columns }: Batch): Batch {
    const { dates } = this.#options;
    const shown = Object.entries(columns).map(([column, values]) => [
      nameOf(column, this.#options),
      dates === undefined ? values : coarseDates(values, dates, this.#isDate(column)),
    ]);
    return { keys, columns: Object.fromEntries(shown) as Batch['columns'] };
  }

  #isDate(column: string): boolean {
    return this.source.schema.columns.some(({ name, dataType }) => name === column && dataType === 'date');
  }
}

function nameOf(column: string, { names = {} }: SiteViewOptions): string {
  return Object.hasOwn(names, column) ? names[column]! : column;
}
