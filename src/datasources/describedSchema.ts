/**
 * What a site says of its dataset besides what the data say: descriptions, and categories that it releases.
 * @module
 */
import { KonsilError, printable } from '../base/index.ts';
import { releasedCategories } from './categories.ts';
import type { DataSource, DatasourceConfig, Description } from './dataSource.ts';
import type { Schema } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Site's names of columns to those of tasks. */
function renaming(config: DatasourceConfig): (column: string) => string {
  const names = ('renameColumns' in config && config.renameColumns) || {};
  return (column) => (Object.hasOwn(names, column) ? names[column]! : column);
}

/** The schema with what the site says of it. Columns that tasks do not see are not described. */
export function describedSchema(schema: Schema, config: DatasourceConfig): Schema {
  const { displayName, description, columns = {} }: Description = config.description ?? {};
  const name = renaming(config);
  const texts = new Map(Object.entries(columns).map(([column, text]) => [name(column), printable(text)]));
  return {
    ...schema,
    ...(displayName !== undefined && { displayName: printable(displayName) }),
    ...(description !== undefined && { description: printable(description) }),
    columns: schema.columns.map((column) => {
      const text = texts.get(column.name);
      return text === undefined ? column : { ...column, description: text };
    }),
  };
}

/**
 * The schema as modellers get it: described, and with the categories that the site releases.
 * @throws KonsilError DATA_COLUMN_MISSING when a released column is not there, or as reading does.
 */
export async function offeredSchema(
  source: DataSource,
  config: DatasourceConfig,
  signal?: AbortSignal,
): Promise<Schema> {
  const schema = describedSchema(source.schema, config);
  if (!('releasedCategories' in config) || config.releasedCategories === undefined) return schema;
  const wanted = config.releasedCategories.map(renaming(config));
  for (const column of wanted)
    if (!source.columns.includes(column))
      throw new KonsilError(
        'DATA_COLUMN_MISSING',
        `${source.label} has no column "${column}" that tasks can use (released_categories)${didYouMean(column, source.columns)}`,
        { file: source.label, column },
      );
  const released = await releasedCategories(source, wanted, signal);
  return {
    ...schema,
    columns: schema.columns.map((column) => {
      const categories = released.get(column.name);
      return categories === undefined ? column : { ...column, categories };
    }),
  };
}
