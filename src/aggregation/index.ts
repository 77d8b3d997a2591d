export * from './privacy/index.ts';
export {
  bitsForPrecision,
  decodeMean,
  encode,
  expectedRms,
  type QuantiseParameters,
  quantisationBound,
  quantiseLevels,
  type Rounding,
} from './quantise.ts';
export * from './secure/index.ts';
export { applyDelta, type FedAvgOptions, fedAvg } from './strategies/fedAvg.ts';
export type { Aggregate, AggregateResult, Contribution, Strategy } from './strategies/strategy.ts';
export {
  type ClipRun,
  fromWire,
  hashSpec,
  type PackOptions,
  type PodInput,
  packInput,
  packLanes,
  type SummedVector,
  shapeOf,
  toWire,
  unpackLanes,
  unpackSum,
  type VectorSpec,
  vectorLength,
  wireBytes,
} from './vector.ts';
export { decodeWide, encodeCount, encodeWide, maxCount, WIDE_WORDS } from './wideInt.ts';
