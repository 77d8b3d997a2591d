/**
 * What a data source in a pod file cannot be, though its keys are known.
 * @module
 */
import { PIXELS, SLO_PIXELS } from '../datasources/index.ts';
import type { Path, Problem } from './configFile.ts';
import { checkReadCsv } from './csvArguments.ts';
import { type DatasourceFile, isAddress, isFileSource, siteFilters } from './datasource.ts';
import { checkInterMine, INTERMINE_ARGUMENTS } from './interMineArguments.ts';
import { checkOmop, OMOP_ARGUMENTS } from './omopArguments.ts';

const CSV_ARGUMENTS = ['delimiter', 'null_values', 'read_csv_kwargs', 'redirect_hosts'] as const;
const EYE_ARGUMENTS = [
  'modality',
  'minimum_dob',
  'maximum_dob',
  'minimum_num_bscans',
  'maximum_num_bscans',
  'check_required_fields',
  'required_field_names',
  'match_slo',
  'drop_row_on_missing_slo',
] as const;
const EYE_SOURCES: readonly string[] = ['DICOMOphthalmologySource', 'HeidelbergSource', 'TopconSource'];

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

/** Columns said to be pictures: any of a CSV file here; a source of files has those it makes itself, and no other. */
function checkPictures(
  { datasource: kind, datasource_args: args, data_config }: DatasourceFile,
  path: Path,
): Problem[] {
  if (kind === 'CSVSource' && !isAddress(args.path ?? '')) return [];
  const isMade = (column: string): boolean => [PIXELS, SLO_PIXELS].some((name) => column.startsWith(name));
  const problems: Problem[] = [];
  for (const key of ['image', 'image_prefix'] as const) {
    const named = data_config?.force_stypes?.[key];
    if (named === undefined || (isFileSource(kind) && named.every(isMade))) continue;
    problems.push({
      path: [...path, 'data_config', 'force_stypes', key],
      message: isFileSource(kind)
        ? `the pictures of this ${kind} are the columns "${PIXELS}", "${PIXELS} 0", …`
        : 'only for a CSVSource of a file here, whose columns name pictures beside it, and sources of files',
      atKey: true,
    });
  }
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
  problems.push(...checkPictures(source, path));
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
  if (args.drop_row_on_missing_slo === true && args.match_slo !== true)
    problems.push({
      path: [...path, 'datasource_args', 'drop_row_on_missing_slo'],
      message: 'has an effect only with match_slo: true',
    });
  if (args.match_slo === true && args.modality === 'SLO')
    problems.push({
      path: [...path, 'datasource_args', 'match_slo'],
      message: 'gives OCT scans their pictures; modality leaves out the scans',
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
