/**
 * `data_structure` of a task file as the program uses it, and back.
 * @module
 */
import type { DataStructure, ImageColumns, ImageTransform, PercentageSplit } from '../../datasources/index.ts';
import { bareName } from '../names.ts';
import type { DataStructureFile } from './file.ts';
import { filterFileOf, filtersOf } from './filters.ts';

/** What a task says about data. */
export type TaskData = DataStructure & {
  readonly standardise: boolean;
  /** Selection of people whose rows are used; pods know who they are. */
  readonly rowsFrom?: string;
};

/** @param structure - Accepted by {@link checkDataStructure}. */
export function dataStructureOf(structure: DataStructureFile): TaskData {
  const { select = {}, assign, categories = {}, data_split, filter } = structure;
  const args = data_split?.args ?? {};
  return {
    select: {
      ...(select.include && { include: select.include }),
      ...(select.include_prefix !== undefined && { includePrefix: select.include_prefix }),
      ...(select.exclude && { exclude: select.exclude }),
    },
    target: typeof assign.target === 'string' ? assign.target : assign.target[0]!,
    categories: Object.fromEntries(Object.entries(categories).map(([column, values]) => [column, values.map(String)])),
    standardise: structure.standardise,
    split:
      data_split?.data_splitter === 'predefined'
        ? {
            splitter: 'predefined',
            column: args.column_name ?? 'BITFOUNT_SPLIT_CATEGORY',
            trainingLabel: args.training_set_label ?? 'TRAIN',
            validationLabel: args.validation_set_label ?? 'VALIDATION',
            testLabel: args.test_set_label ?? 'TEST',
          }
        : {
            splitter: 'percentage',
            testPercentage: args.test_percentage ?? 10,
            validationPercentage: args.validation_percentage ?? 10,
            shuffle: args.shuffle ?? args.time_series_sort_by === undefined,
            stratify: args.stratify ?? false,
            seed: args.seed ?? 0,
            ...(args.group_by !== undefined && { groupBy: groupByOf(args.group_by) }),
            ...(args.time_series_sort_by !== undefined && { sortBy: args.time_series_sort_by }),
          },
    ...imagesOf(structure),
    ...(structure.rows_from_intersection !== undefined && { rowsFrom: structure.rows_from_intersection }),
    ...(filter !== undefined && filter.length > 0 && { filters: filtersOf(filter) }),
    ...(structure.compatible_datasources && { compatibleDatasources: structure.compatible_datasources.map(bareName) }),
  };
}

function groupByOf(text: string): NonNullable<PercentageSplit['groupBy']> {
  return text === 'patient' || text === 'none' ? text : { column: text };
}

/** Images are used as soon as anything is said about them. */
function imagesOf({ assign, transform }: DataStructureFile): { images?: ImageColumns } {
  if (assign.image_cols === undefined && assign.image_prefix === undefined && transform === undefined) return {};
  const listed = [...(transform?.image ?? []), ...(transform?.batch ?? [])];
  return {
    images: {
      ...(assign.image_cols && { columns: assign.image_cols }),
      ...(assign.image_prefix !== undefined && { prefix: assign.image_prefix }),
      transforms: listed.map(
        ({ albumentations: { step, arg, transformations } }): ImageTransform => ({
          ...{ step, transformations },
          ...(arg !== undefined && { column: arg }),
        }),
      ),
      convertsGreyscale: transform?.auto_convert_grayscale_images ?? true,
    },
  };
}

/** The keys of the file for `dataStructure`. */
export function dataStructureFileOf(dataStructure: TaskData): unknown {
  const { split, select, images } = dataStructure;
  return {
    select: {
      ...(select.include && { include: [...select.include] }),
      ...(select.includePrefix !== undefined && { include_prefix: select.includePrefix }),
      ...(select.exclude && { exclude: [...select.exclude] }),
    },
    assign: {
      target: dataStructure.outcome ? [...dataStructure.outcome.columns] : dataStructure.target,
      ...(images?.columns && { image_cols: [...images.columns] }),
      ...(images?.prefix !== undefined && { image_prefix: images.prefix }),
    },
    ...(images && { transform: transformFileOf(images) }),
    ...(dataStructure.rowsFrom !== undefined && { rows_from_intersection: dataStructure.rowsFrom }),
    ...(dataStructure.filters && { filter: filterFileOf(dataStructure.filters) }),
    categories: Object.fromEntries(Object.entries(dataStructure.categories).map(([key, values]) => [key, [...values]])),
    standardise: dataStructure.standardise,
    data_split:
      split.splitter === 'percentage'
        ? {
            data_splitter: 'percentage',
            args: {
              shuffle: split.shuffle,
              stratify: split.stratify,
              test_percentage: split.testPercentage,
              validation_percentage: split.validationPercentage,
              seed: split.seed,
              ...(split.groupBy !== undefined && {
                group_by: typeof split.groupBy === 'string' ? split.groupBy : split.groupBy.column,
              }),
              ...(split.sortBy !== undefined && { time_series_sort_by: split.sortBy }),
            },
          }
        : {
            data_splitter: 'predefined',
            args: {
              column_name: split.column,
              training_set_label: split.trainingLabel,
              validation_set_label: split.validationLabel,
              test_set_label: split.testLabel,
            },
          },
    ...(dataStructure.compatibleDatasources && {
      compatible_datasources: [...dataStructure.compatibleDatasources],
    }),
  };
}

function transformFileOf({ transforms, convertsGreyscale }: ImageColumns): unknown {
  const entry = ({ step, column, transformations }: ImageTransform): unknown => ({
    albumentations: { step, ...(column !== undefined && { arg: column }), transformations },
  });
  return {
    image: transforms.filter(({ column }) => column === undefined).map(entry),
    batch: transforms.filter(({ column }) => column !== undefined).map(entry),
    auto_convert_grayscale_images: convertsGreyscale,
  };
}
