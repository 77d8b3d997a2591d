/**
 * The metrics a site says it has: shown beside everybody's, checked first, because nothing else vouches for them.
 * @module
 */
import { type EvaluationKind, type Metrics, TRAINING_METRICS } from '../metrics/index.ts';
import { MAX_ROWS_PER_POD } from '../protocols/index.ts';
import type { MessageOf } from '../wire/index.ts';

/** The message's metrics when they have the names and the range that metrics have, else null. */
export function plausibleMetrics(
  { rows, metrics }: MessageOf<'EVALUATION_RESULTS'>,
  kind: EvaluationKind,
): Metrics | null {
  const names = TRAINING_METRICS[kind];
  const inRange = (value: number | null): boolean =>
    value === null || kind === 'regression' || (value >= 0 && value <= 1);
  const plausible = Object.entries(metrics).every(([name, value]) => names.includes(name) && inRange(value));
  return plausible && rows <= MAX_ROWS_PER_POD ? metrics : null;
}
