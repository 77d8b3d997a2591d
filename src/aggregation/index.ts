export {
  decodeMean,
  encode,
  type QuantiseParameters,
  quantisationBound,
  quantiseLevels,
} from './quantise.ts';
export * from './secure/index.ts';
export { applyDelta, type FedAvgOptions, fedAvg } from './strategies/fedAvg.ts';
export type { Aggregate, AggregateResult, Contribution, Strategy } from './strategies/strategy.ts';
export {
  hashSpec,
  type PodInput,
  packInput,
  type SummedVector,
  unpackSum,
  type VectorSpec,
  vectorLength,
} from './vector.ts';
export { decodeWide, encodeCount, encodeWide, maxCount, WIDE_WORDS } from './wideInt.ts';
