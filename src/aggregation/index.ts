export { largestClip, meanBound } from './errorBound.ts';
export { checkRule, type InputRule, keepRule } from './inputRule.ts';
export * from './privacy/index.ts';
export {
  bitsForPrecision,
  expectedRms,
  type QuantiseParameters,
  quantisationBound,
  quantiseLevels,
  type Rounding,
} from './quantise.ts';
export { rotatedStretches } from './rotation.ts';
export { agreedClips, type ClipRule, rangeCounts, rangeNames } from './scale.ts';
export * from './secure/index.ts';
export {
  blockCount,
  blocksToSend,
  blockVotes,
  checkChoice,
  chooseBlocks,
  chosenClips,
  chosenLength,
  clearChosen,
  gatherChosen,
  SPARSE_BLOCK,
  scatterChosen,
  voteBits,
} from './sparse.ts';
export { beginOf, createStrategy, ROBUST_STRATEGIES } from './strategies/createStrategy.ts';
export { normaliser } from './strategies/fedNova.ts';
export type {
  Aggregate,
  AggregateResult,
  Contribution,
  RoundFacts,
  Strategy,
  StrategySettings,
  StrategyState,
} from './strategies/strategy.ts';
export { WeightedMean } from './strategies/weightedMean.ts';
export {
  type PackOptions,
  type PodInput,
  packLanes,
  rotatedFor,
  type SummedVector,
  unpackLanes,
} from './vector.ts';
export { type ClipRun, hashSpec, shapeOf, type VectorSpec, wireBytes } from './vectorSpec.ts';
export { fromWire, toWire } from './vectorWire.ts';
export { decodeWide, encodeCount, encodeWide, maxCount, WIDE_WORDS } from './wideInt.ts';
