/**
 * `data_structure` of a task file: which columns, what is predicted, how images become numbers, how rows are split.
 * @source spec/platform.md §1, §4.3-4.5.
 * @module
 */
import { z } from 'zod';
import { IMAGE_STEPS } from '../../datasources/index.ts';
import { FILLED_IN, flag, onlyFalse, refused, text } from '../keys.ts';
import { filter } from './filters.ts';

/** What an intersection is called at the pods. */
export const selectionName = z.string().regex(/^[\w-]{1,60}$/, 'expected 1 to 60 letters, digits, "_" and "-"');

/** A transform by its name, or by its name with its arguments. */
const transformation = z.union([text, z.record(text, z.record(text, z.unknown()).nullable())]);

const albumentations = z.strictObject({
  step: z.enum(IMAGE_STEPS),
  arg: text.optional().meta({ description: 'Only below batch: the image column it is for.' }),
  output: z.literal(true, { error: 'only true is possible: what is not fed to the model is not made' }).optional(),
  transformations: z
    .array(transformation)
    .min(1)
    .max(100)
    .meta({ description: 'Names of transforms, or names with their arguments, in order.' }),
});
const steps = z.array(z.strictObject({ albumentations })).max(1000).optional();

const transform = z.strictObject({
  image: steps.meta({ description: 'For all image columns.' }),
  batch: steps.meta({ description: 'Each for the image column in arg.' }),
  dataset: refused('transforms of whole datasets are not supported; standardise and categories are built in'),
  auto_convert_grayscale_images: flag
    .default(true)
    .meta({ description: 'Grey images become red, green and blue. Default true.' }),
});

const split = z.strictObject({
  data_splitter: z.enum(['percentage', 'predefined']).default('percentage'),
  args: z
    .strictObject({
      shuffle: flag.optional().meta({ description: 'percentage: draw rows at random. Default true.' }),
      stratify: flag
        .optional()
        .meta({ description: 'percentage: same share of each class in each split. Default false.' }),
      test_percentage: z.number().min(0).max(100).optional().meta({ description: 'Default 10.' }),
      validation_percentage: z.number().min(0).max(100).optional().meta({ description: 'Default 10.' }),
      seed: z.int().min(0).max(0xffffffff).optional().meta({ description: 'Seed of the draw. Default 0.' }),
      column_name: text
        .optional()
        .meta({ description: 'predefined: column with the labels. Default BITFOUNT_SPLIT_CATEGORY.' }),
      training_set_label: text.optional().meta({ description: 'Default TRAIN.' }),
      validation_set_label: text.optional().meta({ description: 'Default VALIDATION.' }),
      test_set_label: text.optional().meta({ description: 'Default TEST.' }),
      group_by: text.optional().meta({
        description:
          'percentage: rows that stay in one split: patient (default where the data source knows patients), none, or the name of a column.',
      }),
      time_series_sort_by: text.optional().meta({
        description:
          'percentage: column of dates or numbers; the latest rows are the test set, those before them the validation set. Not with shuffle or stratify.',
      }),
      iterative_splitting: onlyFalse('iterative splitting is not supported; rows are split at once'),
      infer_data_split_labels: onlyFalse('labels are not inferred; give training_set_label and the others'),
    })
    .optional(),
});

export const dataStructure = z.strictObject({
  statistics: text.optional().meta({
    description:
      'Only of tasks that train: what konsil stats has written, relative to this file. The word `statistics` stands for what it says in categories, in class_weights, and for mean and std of Normalize.',
  }),
  table_config: z
    .strictObject({
      table: z.union([text, z.record(text, text)]).optional(),
      schema_types_override: refused('use data_structure.categories, or force_stypes at the pod'),
    })
    .optional()
    .meta({ description: 'Accepted without effect: a data source is one table.' }),
  select: z
    .strictObject({
      include: z
        .array(text)
        .min(1)
        .max(100_000)
        .optional()
        .meta({ description: 'Columns to use, in the order the model sees.' }),
      include_prefix: text.optional().meta({ description: 'Use all columns whose name begins so.' }),
      exclude: z.array(text).max(100_000).optional().meta({ description: 'Use all columns but these.' }),
    })
    .optional(),
  assign: z
    .strictObject({
      target: z.union([text, z.array(text).max(1000)]).meta({ description: 'Column to predict.' }),
      image_cols: z
        .array(text)
        .min(1)
        .max(10_000)
        .optional()
        .meta({ description: 'Columns that are images, in the order the model sees.' }),
      image_prefix: text.optional().meta({
        description: 'All image columns whose name begins so, such as the frames "Pixel Data 0", "Pixel Data 1".',
      }),
    })
    .meta({ description: 'Which column is predicted.' }),
  categories: z
    .record(
      text,
      z
        .array(z.union([text, z.number(), flag]))
        .min(2)
        .max(10_000)
        .meta({ [FILLED_IN]: true }),
    )
    .optional()
    .meta({
      description:
        'Column to its allowed values, the same for all pods, or `statistics` for those that data_structure.statistics has. For the target these are the classes (two make a binary problem, the second one is "positive"); other columns become one input a value.',
    }),
  standardise: flag.default(true).meta({
    description: 'Scale every numeric input to mean 0 and deviation 1, with the mean and deviation over all pods.',
  }),
  data_split: split.optional(),
  schema_requirements: z
    .union([
      z.enum(['empty', 'none', 'partial', 'full']),
      z.strictObject({
        empty: z.array(text).optional(),
        none: z.array(text).optional(),
        partial: z.array(text).optional(),
        full: z.array(text).optional(),
      }),
    ])
    .optional()
    .meta({ description: 'Accepted without effect: a pod always has the full schema of its data.' }),
  compatible_datasources: z.array(text).min(1).max(100).optional().meta({ description: 'Default: any.' }),
  transform: transform.optional().meta({
    description:
      'How images become the numbers a model takes. Default for every step: Resize to 224 x 224, Normalize, ToTensorV2.',
  }),
  rows_from_intersection: selectionName.optional().meta({
    description:
      'Only rows of people whom a PrivateSetIntersection of kind row_filter has found, under the name it gave them. With secure aggregation, and without filter.',
  }),
  filter: z.array(filter).max(100).optional().meta({
    description: 'Files that take part, besides the site’s own filters: all must hold. Only for sources of files.',
  }),
});

export type DataStructureFile = z.output<typeof dataStructure>;
