export { BlindingPool, type BlindingPoolOptions } from './blindingPool/blindingPool.ts';
export { CHUNK_ITEMS } from './chunks.ts';
export { encodeKey, type KeyCell, type KeyColumn, type KeyRule } from './keyRule.ts';
export { collectKeys, type KeySet, NO_KEY, rowsOf } from './keySet.ts';
export { type IntersectionResult, PairReceiver } from './pairReceiver.ts';
export { PairSender } from './pairSender.ts';
export type { PartyOptions } from './party.ts';
export { nextHop } from './ring.ts';
export { RingComparator, type RingResult } from './ringComparator.ts';
export { RingPod } from './ringPod.ts';
export {
  type IntersectionKind,
  MAX_LIST,
  MAX_PODS,
  openPair,
  openRing,
  type PairParameters,
  type PairSession,
  type RingParameters,
  type RingSession,
} from './session.ts';
