/**
 * From operators of the model to core operators: what the rest of the trainer uses.
 * @module
 */
export { type BatchNormUse, type LowerContext, type MaskSource } from './context.ts';
export { dataInputs, isLowerable, isRewritten, lowerNode, supportedOperators } from './lower.ts';
export { batchNormMode } from './normalisation.ts';
