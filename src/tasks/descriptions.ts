/**
 * What a pod file says of a dataset for people: names and descriptions, and the categories it releases.
 * @source spec/platform.md §5.1, `datasource_details_config`, `column_descriptions`.
 * @module
 */
import { z } from 'zod';
import type { Description } from '../datasources/index.ts';
import { text } from './keys.ts';

/** Most columns that are described: they are part of every answer to a modeller. */
const MOST_DESCRIBED = 1_000;
const short = z.string().min(1).max(200);

export const columnDescriptions = z
  .record(text, short)
  .refine((entries) => Object.keys(entries).length <= MOST_DESCRIBED, {
    error: `expected at most ${MOST_DESCRIBED} columns`,
  })
  .optional()
  .meta({ description: 'Column to what it means, in at most 200 characters; modellers see it.' });

export const releasedCategories = z.array(text).min(1).max(100).optional().meta({
  description:
    'Columns whose values modellers may know: those that at least 10 rows have (10 patients where they are known), of at most 200 characters, at most 1000. Default: none.',
});

export const datasourceDetails = z
  .strictObject({
    display_name: short.optional().meta({ description: 'What the dataset is called for people.' }),
    description: text.optional().meta({ description: 'What it is; before description of data_config.' }),
  })
  .optional()
  .meta({ description: 'Modellers see it with the schema.' });

/** The parts of a data source in the file that say something for people. */
export interface Described {
  readonly data_config?:
    | {
        readonly description?: string | undefined;
        readonly column_descriptions?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  readonly datasource_details_config?: z.output<typeof datasourceDetails>;
}

/** The dataset's description, if there is any. */
export function descriptionOf({ data_config = {}, datasource_details_config: details = {} }: Described): {
  readonly description?: Description;
} {
  const description = details.description ?? data_config.description;
  const { column_descriptions: columns } = data_config;
  const found: Description = {
    ...(details.display_name !== undefined && { displayName: details.display_name }),
    ...(description !== undefined && { description }),
    ...(columns !== undefined && { columns }),
  };
  return Object.keys(found).length === 0 ? {} : { description: found };
}
