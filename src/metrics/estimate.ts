/**
 * Making figures with intervals.
 * @module
 */
import type { Estimate } from './groupEvaluation.ts';
import { type Interval, meanInterval, wilsonInterval, Z } from './intervals.ts';

export const BOTH_CLASSES = 'needs rows of both classes';

/** A figure that is undefined. */
export function undefinedEstimate(note?: string): Estimate {
  return { value: null, low: null, high: null, ...(note !== undefined && { note }) };
}

/** @param interval - Null where there is none; `more.method` is then left out. */
export function estimateOf(
  value: number | null,
  interval: Interval | null = null,
  more: Pick<Estimate, 'method' | 'bound' | 'note' | 'standardError'> = {},
): Estimate {
  if (value === null || Number.isNaN(value)) return undefinedEstimate(more.note);
  const { method, ...rest } = more;
  if (interval === null) return { value, low: null, high: null, ...rest };
  return { value, low: interval[0], high: interval[1], ...(method !== undefined && { method }), ...rest };
}

/** A share `hits / all` with Wilson's interval. */
export function shareEstimate(hits: number, all: number, note?: string): Estimate {
  if (!(all > 0)) return undefinedEstimate(note);
  return estimateOf(hits / all, wilsonInterval(hits, all), { method: 'Wilson' });
}

/**
 * A mean of `count` values with this sum and sum of squares; the interval is cut to `[least, most]`, the range of values.
 */
export function meanEstimate(
  sum: number,
  sumSquares: number,
  count: number,
  [least, most]: Interval = [0, Number.POSITIVE_INFINITY],
): Estimate {
  if (!(count > 0)) return undefinedEstimate();
  const interval = meanInterval(sum, sumSquares, count);
  if (interval === null) return estimateOf(sum / count);
  const [low, high] = interval;
  return estimateOf(sum / count, [Math.max(least, low), Math.min(most, high)], {
    method: 'normal',
    standardError: (high - low) / (2 * Z),
  });
}
