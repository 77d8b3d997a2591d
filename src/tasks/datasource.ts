/**
 * A data source in a pod file: where the data is, which of it may be used, what is shown of it.
 * @source spec/platform.md §3, §5.1.
 * @module
 */
import { join } from 'node:path';
import { z } from 'zod';
import {
  type CsvConfig,
  type DatasourceConfig,
  FILE_SOURCES,
  type FilesConfig,
  type Filters,
  type TableOptions,
} from '../datasources/index.ts';
import { type Path, type Problem, resolvePath } from './configFile.ts';
import { checkReadCsv, csvOptionsOf, readCsvKwargs } from './csvArguments.ts';
import { day, firstDay, lastDay } from './dataStructure/filters.ts';
import { columnDescriptions, datasourceDetails, descriptionOf, releasedCategories } from './descriptions.ts';
import { checkInterMine, INTERMINE_ARGUMENTS, interMineArgs, interMineOf } from './interMineArguments.ts';
import { familyName, flag, onlyFalse, refused, text } from './keys.ts';
import { DATASOURCES } from './names.ts';
import { checkOmop, OMOP_ARGUMENTS, omopArgs, omopOf } from './omopArguments.ts';

const columns = z.array(text).optional();
const forcedTypes = z.strictObject({
  categorical: columns,
  continuous: columns,
  text: columns,
  image: columns.meta({
    description: 'CSVSource: columns of paths of pictures, relative to the file and in its folder or below.',
  }),
  image_prefix: refused('images of a source of files are found by themselves; name the columns of a CSV file in image'),
});

const megabytes = z.number().min(0).max(1e9).optional();
const fileFilters = z.strictObject({
  file_extension: z
    .union([text, z.array(text).min(1)])
    .optional()
    .meta({ description: 'Ending, or endings, of the files, with or without the dot. Default: those of the source.' }),
  strict_file_extension: flag.optional().meta({
    description: 'false also reads files with another ending that begin as files of this kind do. Default true.',
  }),
  file_creation_min_date: day.optional(),
  file_creation_max_date: day.optional(),
  file_modification_min_date: day.optional(),
  file_modification_max_date: day.optional(),
  min_file_size: megabytes.meta({ description: 'In megabytes (10^6 bytes).' }),
  max_file_size: megabytes.meta({ description: 'In megabytes (10^6 bytes).' }),
});

const frames = z.int().min(0).max(1_000_000).optional();
const datasourceArgs = z.strictObject({
  path: text.optional().meta({
    description:
      'CSV file (also .gz), its address by https, or folder of files, which is read with the folders in it; relative to this file.',
  }),
  ...omopArgs,
  ...interMineArgs,
  delimiter: z
    .enum([',', ';', '\t', '|'])
    .optional()
    .meta({ description: 'CSVSource. Default: found out from the file.' }),
  null_values: z.array(z.string().max(100)).max(100).optional().meta({
    description: 'CSVSource: texts that mean "no value". Default: empty, NA, N/A, NaN, nan, null, NULL, ".".',
  }),
  infer_class_labels_from_filepaths: flag.optional().meta({
    description:
      'Sources of files: folders name classes and splits, in columns BITFOUNT_INFERRED_LABEL and BITFOUNT_SPLIT_CATEGORY.',
  }),
  file_extensions: z
    .array(text)
    .min(1)
    .optional()
    .meta({ description: 'ImageSource: as file_extension of file_system_filters.' }),
  allow_burned_in_text: flag.optional().meta({
    description:
      'DICOM: also use images that say they show text, and screenshots and ultrasound that do not say they show none. Default false: the text may be a name.',
  }),
  images_only: flag.optional().meta({ description: 'DICOMSource: leave out files without images. Default true.' }),
  modality: z.enum(['OCT', 'SLO']).optional().meta({ description: 'Ophthalmology: only these scans.' }),
  minimum_dob: day.optional().meta({ description: 'Ophthalmology: patients born on this day or later.' }),
  maximum_dob: day.optional().meta({ description: 'Ophthalmology: patients born on this day or earlier.' }),
  minimum_num_bscans: frames.meta({ description: 'Ophthalmology: at least so many B-scans.' }),
  maximum_num_bscans: frames.meta({ description: 'Ophthalmology: at most so many B-scans.' }),
  check_required_fields: flag.optional().meta({ description: 'Leave out files without the fields below.' }),
  required_field_names: z.array(text).min(1).optional(),
  match_slo: onlyFalse('OCT scans are not matched with their SLO images by this version'),
  drop_row_on_missing_slo: onlyFalse('OCT scans are not matched with their SLO images by this version'),
  read_csv_kwargs: readCsvKwargs.optional(),
  redirect_hosts: z.array(text).max(20).optional().meta({
    description: 'CSVSource at an address: other hosts that its server may redirect to, by https. Default: none.',
  }),
});

const CSV_ARGUMENTS = ['delimiter', 'null_values', 'read_csv_kwargs', 'redirect_hosts'] as const;
const EYE_ARGUMENTS = [
  'modality',
  'minimum_dob',
  'maximum_dob',
  'minimum_num_bscans',
  'maximum_num_bscans',
  'check_required_fields',
  'required_field_names',
] as const;
const EYE_SOURCES: readonly string[] = ['DICOMOphthalmologySource', 'HeidelbergSource', 'TopconSource'];

export const datasource = z.strictObject({
  name: text
    .regex(/^[A-Za-z0-9_-]+$/, 'expected letters, digits, "-" and "_"')
    .meta({ description: 'The dataset, as in pods.identifiers: pod/dataset.' }),
  datasource: familyName('data source', DATASOURCES, ['NullSource', 'SQLSource']),
  datasource_args: datasourceArgs,
  data_config: z
    .strictObject({
      force_stypes: forcedTypes.optional().meta({
        description: 'Semantic type to the columns that have it whatever their values look like.',
      }),
      ignore_cols: z.array(text).optional().meta({ description: 'Columns that tasks never see.' }),
      rename_cols: z.record(text, text).optional().meta({
        description: 'Column of the site to the name that tasks use for it. Other keys here have the site’s own names.',
      }),
      expose_cols: z.array(text).optional().meta({
        description:
          'Columns that tasks may use though they are hidden by default: of files those that may identify somebody, of tables those that look like names, numbers or addresses of people.',
      }),
      description: text.optional(),
      column_descriptions: columnDescriptions,
      released_categories: releasedCategories,
      datasource_args: refused('stands beside data_config, not in it'),
      modifiers: refused('modifiers are not supported; prepare the file instead'),
      data_split: refused('the task splits the data (task.data_structure.data_split)'),
      auto_tidy: onlyFalse('values are never changed; only false is possible'),
      file_system_filters: fileFilters.optional().meta({
        description: 'Sources of files: files that take part; a task can only narrow them further.',
      }),
    })
    .optional(),
  datasource_details_config: datasourceDetails,
  schema: refused('the schema is read from the data at every start'),
});

/** A data source as the file has it. */
export type DatasourceFile = z.output<typeof datasource>;

function isFileSource(name: string): name is FilesConfig['datasource'] {
  return FILE_SOURCES.some((known) => known === name);
}

/** @param state - The pod's own folder. */
export function datasourceOf(source: DatasourceFile, folder: string, state: string): DatasourceConfig {
  if (source.datasource === 'OMOPSource') return omopOf(source, folder);
  const { path = '', infer_class_labels_from_filepaths } = source.datasource_args;
  const { force_stypes, ignore_cols, rename_cols, expose_cols, released_categories, file_system_filters } =
    source.data_config ?? {};
  const common = {
    name: source.name,
    ...descriptionOf(source),
    ...(force_stypes && {
      forceStypes: {
        categorical: force_stypes.categorical ?? [],
        continuous: force_stypes.continuous ?? [],
        text: force_stypes.text ?? [],
        ...(force_stypes.image && { image: force_stypes.image }),
      },
    }),
    ...(ignore_cols && { ignoreColumns: ignore_cols }),
    ...(rename_cols && { renameColumns: rename_cols }),
    ...(expose_cols && { exposeColumns: expose_cols }),
    ...(released_categories && { releasedCategories: released_categories }),
  };
  if (source.datasource === 'InterMineSource') return interMineOf(source.datasource_args, common, folder);
  if (!isFileSource(source.datasource)) return csvOf(source, common, folder, state);
  return {
    ...common,
    path: resolvePath(folder, path),
    datasource: source.datasource,
    filters: siteFilters(source),
    detectsByContent: file_system_filters?.strict_file_extension === false,
    infersLabels: infer_class_labels_from_filepaths ?? false,
    ...(source.datasource_args.allow_burned_in_text === true && { allowsBurnedInText: true }),
    cacheFile: join(state, 'datasets', `${source.name}.db`),
  };
}

function csvOf(
  { name, datasource_args: args }: DatasourceFile,
  common: TableOptions,
  folder: string,
  state: string,
): CsvConfig {
  const { path = '', delimiter, null_values, read_csv_kwargs = {}, redirect_hosts } = args;
  return {
    ...common,
    datasource: 'CSVSource',
    ...(isAddress(path)
      ? {
          url: path,
          path: join(state, 'datasets', `${name}.table`),
          ...(redirect_hosts && { redirectHosts: redirect_hosts }),
        }
      : { path: resolvePath(folder, path) }),
    ...csvOptionsOf(read_csv_kwargs),
    ...(delimiter !== undefined && { delimiter }),
    ...(null_values !== undefined && { nullValues: null_values }),
  };
}

function isAddress(path: string): boolean {
  return /^\w+:\/\//.test(path);
}

/** The site's rules about files and about what they say. */
function siteFilters({ datasource_args: args, data_config, datasource: kind }: DatasourceFile): Filters {
  const files = data_config?.file_system_filters ?? {};
  const listed =
    args.file_extensions ?? (files.file_extension === undefined ? undefined : [files.file_extension].flat());
  const created = range(files.file_creation_min_date, files.file_creation_max_date);
  const modified = range(files.file_modification_min_date, files.file_modification_max_date);
  const born = range(args.minimum_dob, args.maximum_dob);
  // a DICOM file without images is a report or a key object: nothing to train on
  const least = args.minimum_num_bscans ?? (kind.startsWith('DICOM') && args.images_only !== false ? 1 : undefined);
  return {
    ...(listed && {
      extensions: listed.map((ending) => (ending.startsWith('.') ? ending : `.${ending}`).toLowerCase()),
    }),
    ...(files.min_file_size !== undefined && { minFileSize: files.min_file_size }),
    ...(files.max_file_size !== undefined && { maxFileSize: files.max_file_size }),
    ...(created && { created }),
    ...(modified && { modified }),
    ...(args.modality && { modality: args.modality }),
    ...(born && { born }),
    ...(least !== undefined && { minFrames: least }),
    ...(args.maximum_num_bscans !== undefined && { maxFrames: args.maximum_num_bscans }),
    ...(args.check_required_fields === true && { requiredFields: args.required_field_names ?? [] }),
  };
}

type Day = z.output<typeof day>;

function range(from: Day | undefined, to: Day | undefined): { from?: string; to?: string } | undefined {
  if (from === undefined && to === undefined) return undefined;
  return { ...(from && { from: firstDay(from) }), ...(to && { to: lastDay(to) }) };
}

/** What of a table at an address, or of how it is read, cannot be. */
function checkCsv({ datasource: kind, datasource_args: args }: DatasourceFile, path: Path): Problem[] {
  const problems = checkReadCsv(args.read_csv_kwargs ?? {}, [...path, 'datasource_args', 'read_csv_kwargs']);
  if (args.path === undefined || !isAddress(args.path)) return problems;
  const at = [...path, 'datasource_args', 'path'];
  const url = URL.canParse(args.path) ? new URL(args.path) : undefined;
  if (kind !== 'CSVSource') problems.push({ path: at, message: `is an address; a ${kind} reads a folder` });
  else if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    problems.push({ path: at, message: 'expected a file, or an address that begins with https:// or http://' });
  else if (url.username !== '' || url.password !== '')
    problems.push({ path: at, message: 'expected an address without a name and a password' });
  return problems;
}

/** Arguments that the kind of source does not have, and bounds that nothing passes. */
export function checkDatasource(source: DatasourceFile, path: Path): Problem[] {
  const { datasource: kind, datasource_args: args, data_config } = source;
  const problems: Problem[] = [];
  const only = (keys: readonly (keyof typeof args)[], who: string): void => {
    for (const key of keys)
      if (args[key] !== undefined)
        problems.push({
          path: [...path, 'datasource_args', key],
          message: `only for ${who}; this is a ${kind}`,
          atKey: true,
        });
  };
  if (kind !== 'CSVSource') only(CSV_ARGUMENTS, 'a CSVSource');
  if (data_config?.force_stypes?.image && (kind !== 'CSVSource' || /^https?:/i.test(args.path ?? '')))
    problems.push({
      path: [...path, 'data_config', 'force_stypes', 'image'],
      message: 'only for a CSVSource of a file here, whose columns name pictures beside it',
      atKey: true,
    });
  if (kind !== 'InterMineSource') only(INTERMINE_ARGUMENTS, 'an InterMineSource');
  problems.push(...checkCsv(source, path));
  if (!isFileSource(kind)) only(['infer_class_labels_from_filepaths'], 'sources of files');
  if (kind === 'OMOPSource') {
    only(['path'], 'other sources');
    problems.push(...checkOmop(source, path));
  } else {
    only(OMOP_ARGUMENTS, 'an OMOPSource');
    if (kind === 'InterMineSource') {
      only(['path'], 'other sources');
      problems.push(...checkInterMine(args, [...path, 'datasource_args']));
    } else if (args.path === undefined)
      problems.push({ path: [...path, 'datasource_args', 'path'], message: 'is required' });
  }
  if (!EYE_SOURCES.includes(kind)) only(EYE_ARGUMENTS, EYE_SOURCES.join(', '));
  if (!kind.startsWith('DICOM')) only(['images_only', 'allow_burned_in_text'], 'a DICOMSource');
  if (kind !== 'ImageSource') only(['file_extensions'], 'an ImageSource');
  if (!isFileSource(kind) && data_config?.file_system_filters !== undefined)
    problems.push({
      path: [...path, 'data_config', 'file_system_filters'],
      message: `only for sources of files; this is a ${kind}`,
      atKey: true,
    });
  if (args.required_field_names !== undefined && args.check_required_fields !== true)
    problems.push({
      path: [...path, 'datasource_args', 'required_field_names'],
      message: 'has an effect only with check_required_fields: true',
    });
  const { minFrames = 0, maxFrames, minFileSize = 0, maxFileSize, ...rest } = siteFilters(source);
  if (maxFrames !== undefined && minFrames > maxFrames)
    problems.push({
      path: [...path, 'datasource_args', 'minimum_num_bscans'],
      message: `is more than maximum_num_bscans, ${maxFrames}`,
    });
  if (maxFileSize !== undefined && minFileSize > maxFileSize)
    problems.push({
      path: [...path, 'data_config', 'file_system_filters'],
      message: `min_file_size is more than max_file_size, ${maxFileSize}`,
    });
  for (const [name, days] of Object.entries({
    'dates of birth': rest.born,
    'creation dates': rest.created,
    'modification dates': rest.modified,
  }))
    if (days?.from !== undefined && days.to !== undefined && days.from > days.to)
      problems.push({ path, message: `the first of the ${name} is after the last: no file passes` });
  return problems;
}
