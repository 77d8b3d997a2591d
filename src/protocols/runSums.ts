/**
 * What the sums of a run look like, whatever the run is about.
 * @module
 */
import type { InputRule, VectorSpec } from '../aggregation/index.ts';
import type { Purpose, SecureParameters } from '../wire/index.ts';
import { hasRanges, type SumFacts, sumSpec } from './federatedAveraging/sums.ts';

export interface RunSums {
  /** Layout of a sum. @throws KonsilError PROTOCOL_VIOLATION when the run has no such sum. */
  readonly spec: (purpose: Purpose, secure: SecureParameters) => VectorSpec;
  /** The bound on each pod's part, where there is one. */
  readonly rule: (purpose: Purpose) => InputRule | undefined;
  /** What pods are doing before a sum. */
  readonly workBefore: (purpose: Purpose) => string;
}

/** Of a run that trains. */
export function trainingSums(facts: SumFacts): RunSums {
  return {
    spec: (purpose, secure) => sumSpec(purpose, facts, secure),
    rule: (purpose) => (purpose === 'update' ? facts.rule : undefined),
    // an update whose ranges were summed before is trained by then
    workBefore: (purpose) =>
      purpose === 'range' || (purpose === 'update' && !hasRanges(facts)) ? 'training' : purpose,
  };
}
