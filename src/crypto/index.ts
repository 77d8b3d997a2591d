export * from './envelope.ts';
export * from './identity.ts';
export * from './lanes.ts';
export * from './maskedStream.ts';
export * from './maskPool/maskPool.ts';
export { addVectors, applyMasks } from './maskStream.ts';
export * from './primitives.ts';
export * from './secretBox.ts';
export * from './shamir.ts';
