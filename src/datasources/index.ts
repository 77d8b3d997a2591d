export { CSVSource, DEFAULT_NULL_VALUES } from './csv/csvSource.ts';
export type { Batch, Cell, DataSource, DatasourceConfig, ImageHandle, Value } from './dataSource.ts';
export {
  type ColumnSelection,
  type DataSplit,
  type DataStructure,
  IMAGE_STEPS,
  type ImageStep,
  type ImageTransform,
  type PercentageSplit,
  type PredefinedSplit,
  type ProblemKind,
  problemOf,
} from './dataStructure.ts';
export { type LoadedDataset, loadDataset } from './loadDataset.ts';
export { ImageLoader } from './loader/imageRows.ts';
export { type OpenDataset, openDataset } from './openDataset.ts';
export { type ColumnSchema, type DataType, parseSchema, type Schema, type SemanticType } from './schema.ts';
export { checkSchema, encodedFeatures, imageColumns, resolveColumns } from './selection.ts';
export { type Split, type Subset, splitDataset, subsetOf } from './splits.ts';
export {
  applyStandardiser,
  type FeatureStatistics,
  featureStatistics,
  imputeMean,
  type Standardiser,
  standardiser,
} from './statistics.ts';
export { didYouMean, findClosest } from './suggest.ts';
