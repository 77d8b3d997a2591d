/**
 * Axes: round tick marks and the way from values to places.
 * @module
 */

/** Round numbers that span `[low, high]`, about `count` of them, ascending; at least two. */
export function niceTicks(low: number, high: number, count: number): readonly number[] {
  const [from, to] = low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high];
  const raw = (to - from) / Math.max(1, count - 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw * (1 - 1e-9)) ?? raw;
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  // what the multiplication leaves behind the twelfth digit is no part of the number
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Whole-number ticks from 0 to `high`, at most about `count`, the last always `high`. */
export function wholeTicks(high: number, count: number): readonly number[] {
  const step = Math.max(1, niceTicks(0, high, count)[1]!);
  const size = Math.ceil(step);
  const ticks: number[] = [];
  for (let tick = 0; tick < high - size / 2; tick += size) ticks.push(tick);
  return [...ticks, high];
}

/** The place of a value: `domain` onto `range`, both `[from, to]`; one decimal is finer than a screen. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): (value: number) => number {
  const factor = (range[1] - range[0]) / (domain[1] - domain[0] || 1);
  return (value) => Math.round((range[0] + (value - domain[0]) * factor) * 10) / 10;
}
