/**
 * A pod's OMOP database in its file.
 * @source spec/platform.md §3, OMOPSource.
 * @module
 */
import { z } from 'zod';
import { CDM_VERSIONS, type OmopConfig } from '../datasources/index.ts';
import { type Path, type Problem, resolvePath } from './configFile.ts';
import { type Described, descriptionOf } from './descriptions.ts';
import { refused, text } from './keys.ts';

export const omopArgs = {
  connection_file: text.optional().meta({
    description: 'OMOPSource: file with postgresql://user:password@host:port/database that only its owner may read.',
  }),
  connection_string: text.optional().meta({
    description: 'OMOPSource: the same in this file; connection_file keeps the password out of it.',
  }),
  version: z.enum(CDM_VERSIONS).optional().meta({ description: 'OMOPSource: of the Common Data Model.' }),
  schema: text.max(63).optional().meta({
    description: 'OMOPSource: where the tables are. Default: the schema that has a table "person".',
  }),
  read_sql_kwargs: refused('tables are read in portions, as many rows as fit'),
};

export const OMOP_ARGUMENTS = ['connection_file', 'connection_string', 'version', 'schema'] as const;

/** Of the data source what matters here. */
interface OmopFile {
  readonly name: string;
  readonly datasource_args: z.output<z.ZodObject<typeof omopArgs>>;
  readonly data_config?:
    | {
        readonly expose_cols?: readonly string[] | undefined;
        readonly ignore_cols?: readonly string[] | undefined;
        readonly force_stypes?: unknown;
        readonly rename_cols?: unknown;
        readonly coarse_dates?: unknown;
        readonly released_categories?: unknown;
        readonly description?: string | undefined;
        readonly column_descriptions?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  readonly datasource_details_config?: Described['datasource_details_config'];
}

/** @param folder - Of the pod's file. */
export function omopOf(source: OmopFile, folder: string): OmopConfig {
  const { name, datasource_args: args, data_config } = source;
  const { connection_file, connection_string = '', version = 'v5.4', schema } = args;
  return {
    ...{ name, datasource: 'OMOPSource', version },
    connection:
      connection_file === undefined ? { string: connection_string } : { file: resolvePath(folder, connection_file) },
    ...(schema !== undefined && { schema }),
    ...descriptionOf(source),
    ...(data_config?.expose_cols && { exposeColumns: data_config.expose_cols }),
    ...(data_config?.ignore_cols && { ignoreColumns: data_config.ignore_cols }),
  };
}

/** What an OMOPSource lacks, and what of `data_config` a database has not. */
export function checkOmop({ datasource_args: args, data_config = {} }: OmopFile, path: Path): Problem[] {
  const problems: Problem[] = [];
  if ((args.connection_file === undefined) === (args.connection_string === undefined))
    problems.push({
      path: [...path, 'datasource_args'],
      message: 'expected one of connection_file and connection_string',
    });
  if (args.version === undefined)
    problems.push({
      path: [...path, 'datasource_args', 'version'],
      message: `is required; one of ${CDM_VERSIONS.join(', ')}`,
    });
  for (const key of ['force_stypes', 'rename_cols', 'coarse_dates', 'released_categories'] as const)
    if (data_config[key] !== undefined)
      problems.push({
        path: [...path, 'data_config', key],
        message: 'only for sources of one table; an OMOPSource has many',
        atKey: true,
      });
  return problems;
}
