/**
 * Transforms of images before training: the names, arguments and numbers of Albumentations, on OpenCV's arithmetic.
 * @module
 */
export { applyTransforms, type Draws } from './applyTransforms.ts';
export { type Image, type ImageTensor, type Samples, toImage } from './image.ts';
export {
  DEFAULT_TRANSFORMS,
  parseTransforms,
  type TransformEntry,
  type TransformPipeline,
} from './parseTransforms.ts';
