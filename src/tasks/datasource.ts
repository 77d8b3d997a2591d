/**
 * A data source in a pod file: where the data is, which of it may be used, what is shown of it.
 * @source spec/platform.md §3, §5.1.
 * @module
 */
import { join } from 'node:path';
import { z } from 'zod';
import {
  COARSE_DATES,
  type CsvConfig,
  type DatasourceConfig,
  FILE_SOURCES,
  type FilesConfig,
  type Filters,
  type TableOptions,
} from '../datasources/index.ts';
import { resolvePath } from './configFile.ts';
import { csvOptionsOf, readCsvKwargs } from './csvArguments.ts';
import { day, firstDay, lastDay } from './dataStructure/filters.ts';
import { columnDescriptions, datasourceDetails, descriptionOf, releasedCategories } from './descriptions.ts';
import { interMineArgs, interMineOf } from './interMineArguments.ts';
import { familyName, flag, onlyFalse, refused, text } from './keys.ts';
import { DATASOURCES } from './names.ts';
import { omopArgs, omopOf } from './omopArguments.ts';

const columns = z.array(text).optional();
const forcedTypes = z.strictObject({
  categorical: columns,
  continuous: columns,
  text: columns,
  image: columns.meta({
    description:
      'CSVSource: columns of paths of pictures, relative to the file and in its folder or below. Sources of files need not say it.',
  }),
  image_prefix: columns.meta({ description: 'The same for all columns whose names begin so.' }),
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
  match_slo: flag.optional().meta({
    description:
      'Ophthalmology: an OCT scan gets the SLO picture of the same patient and eye that is nearest within 24 hours, in the column SLO Pixel Data; pictures are no rows then. Default false.',
  }),
  drop_row_on_missing_slo: flag.optional().meta({ description: 'Leave out scans without a picture. Default false.' }),
  read_csv_kwargs: readCsvKwargs.optional(),
  redirect_hosts: z.array(text).max(20).optional().meta({
    description: 'CSVSource at an address: other hosts that its server may redirect to, by https. Default: none.',
  }),
});

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
      coarse_dates: z.enum(COARSE_DATES).optional().meta({
        description:
          'What tasks see of dates: the day without its time, or the first day of the month or year. Default: what the data say.',
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

export function isFileSource(name: string): name is FilesConfig['datasource'] {
  return FILE_SOURCES.some((known) => known === name);
}

/** @param state - The pod's own folder. */
export function datasourceOf(source: DatasourceFile, folder: string, state: string): DatasourceConfig {
  if (source.datasource === 'OMOPSource') return omopOf(source, folder);
  const { path = '', infer_class_labels_from_filepaths } = source.datasource_args;
  const {
    force_stypes,
    ignore_cols,
    rename_cols,
    coarse_dates,
    expose_cols,
    released_categories,
    file_system_filters,
  } = source.data_config ?? {};
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
    ...(force_stypes?.image_prefix && { imagePrefixes: force_stypes.image_prefix }),
    ...(ignore_cols && { ignoreColumns: ignore_cols }),
    ...(rename_cols && { renameColumns: rename_cols }),
    ...(coarse_dates && { coarseDates: coarse_dates }),
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
    ...(source.datasource_args.match_slo === true && {
      slo: source.datasource_args.drop_row_on_missing_slo === true ? ('require' as const) : ('match' as const),
    }),
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

export function isAddress(path: string): boolean {
  return /^\w+:\/\//.test(path);
}

/** The site's rules about files and about what they say. */
export function siteFilters({ datasource_args: args, data_config, datasource: kind }: DatasourceFile): Filters {
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
