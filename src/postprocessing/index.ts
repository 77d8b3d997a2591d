export { fillInLabels, labelPathsOf } from './labels.ts';
export { postprocess } from './postprocess.ts';
export { type Postprocessor, postprocessors } from './schema.ts';
export type { Json, PredictionTable } from './table.ts';
