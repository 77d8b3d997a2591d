export { type ColumnCategories, countCategories, LEAST_ROWS } from './categories.ts';
export { COARSE_DATES } from './coarseDates.ts';
export { CSVSource, DEFAULT_NULL_VALUES } from './csv/csvSource.ts';
export {
  type Batch,
  CDM_VERSIONS,
  type CdmVersion,
  type Cell,
  type CsvConfig,
  type CsvReading,
  type DataSource,
  type DatasourceConfig,
  type Description,
  FILE_SOURCES,
  type FilesConfig,
  type Found,
  type ImageHandle,
  type InterMineConfig,
  isImage,
  type OmopConfig,
  type ScanProgress,
  type TableConfig,
  type TableOptions,
  textOf,
  type UnreadableFile,
  type Value,
} from './dataSource.ts';
export {
  type ColumnSelection,
  type DataSplit,
  type DataStructure,
  IMAGE_STEPS,
  type ImageColumns,
  type ImageStep,
  type ImageTransform,
  type InputStructure,
  type Outcome,
  type PercentageSplit,
  type PredefinedSplit,
  type ProblemKind,
  problemOf,
} from './dataStructure.ts';
export { offeredSchema } from './describedSchema.ts';
export { PIXELS, SLO_PIXELS } from './files/fileSource.ts';
export type { DayRange, FileFacts, Filters } from './files/filters.ts';
export { LABEL_COLUMN } from './files/folderLabels.ts';
export { InputReader, type InputRows } from './inputReader.ts';
export { type LoadedDataset, loadDataset } from './loadDataset.ts';
export { checkImages } from './loader/checkImages.ts';
export { DecodePool } from './loader/decodePool.ts';
export { ImageReader } from './loader/imageReader.ts';
export { ImageLoader } from './loader/imageRows.ts';
export { maskFiles } from './masks/maskFiles.ts';
export { type MaskStack, resized } from './masks/maskStack.ts';
export { readMask } from './masks/readMask.ts';
export { OMOPSource } from './omop/omopSource.ts';
export {
  isDatabase,
  locationOf,
  type OpenDataset,
  type OpenOptions,
  openDataset,
  openQueries,
  readSchema,
} from './openDataset.ts';
export { greysOf, type LoadedOutcomes, loadOutcomes, withMasks, withOutcome } from './outcomes.ts';
export { type ColumnSchema, type DataType, parseSchema, type Schema, type SemanticType } from './schema.ts';
export { SelectedSource } from './selectedSource.ts';
export { checkSchema, encodedFeatures, imageColumns, resolveColumns, targetsOf, withImages } from './selection.ts';
export { cutDataset, narrowSubset, type Split, type Subset, splitDataset, subsetOf } from './splits.ts';
export * from './sql/index.ts';
export {
  applyStandardiser,
  type FeatureStatistics,
  featureStatistics,
  imputeMean,
  type Standardiser,
  standardiser,
} from './statistics.ts';
export { didYouMean, findClosest } from './suggest.ts';
export { DEFAULT_TRANSFORMS, parseTransforms } from './transforms/index.ts';
