/**
 * Figures of predictions of the time to an event that may be censored. Sums over sites have the pairs of rows within each.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { logitInterval } from './delong.ts';
import { estimateOf, meanEstimate, undefinedEstimate } from './estimate.ts';
import type { Estimate } from './groupEvaluation.ts';
import { checkLength, checkNumbers, checkProbabilities, type Numbers } from './inputs.ts';
import type { PAIR_SUMS } from './layout.ts';

export interface SurvivalTargets {
  /** Time to the event or to the end of observation, > 0. Shape `[rows]`. */
  readonly times: Numbers;
  /** 1 where the event was seen, 0 where censored. Shape `[rows]`. */
  readonly events: Numbers;
}

export interface SurvivalPredictions {
  /** Higher is sooner. Shape `[rows]`. */
  readonly risk: Numbers;
  /** Predicted share without the event at ascending times; probabilities of shape `[rows, times]`. */
  readonly survival?: { readonly times: Numbers; readonly probabilities: Numbers };
}

/** @throws KonsilError as for other predictions; DATA_INVALID naming the row. RangeError when shapes do not fit. */
export function survivalFigures(
  { risk, survival }: SurvivalPredictions,
  targets: SurvivalTargets,
): Record<string, Estimate> {
  const rows = targets.times.length;
  checkTargets(targets);
  checkLength(risk.length, rows);
  checkNumbers(risk, rows);
  if (survival) {
    checkLength(survival.probabilities.length, rows * survival.times.length);
    checkProbabilities(survival.probabilities, rows);
  }
  const sums = pairSums(risk, targets);
  return {
    'Concordance Index': concordanceEstimate((name) => sums[name]),
    'Integrated Brier Score': survival
      ? integratedBrier(survival.times, survival.probabilities, targets)
      : undefinedEstimate('needs predicted survival at times'),
  };
}

export function checkTargets({ times, events }: SurvivalTargets): void {
  checkLength(events.length, times.length);
  for (let i = 0; i < times.length; i++) {
    const isEvent = events[i] === 0 || events[i] === 1;
    if (!isEvent || !Number.isFinite(times[i]) || times[i]! < 0)
      throw new KonsilError('DATA_INVALID', `row ${i} needs a time ≥ 0 and an event of 0 or 1`);
  }
}

/** Per row: pairs it can be compared in, and those ordered rightly (ties of risk count half). */
interface Pairs {
  readonly compared: Float64Array;
  readonly right: Float64Array;
}

/**
 * Pairs of which is known who came first: the earlier has the event, or both times are equal and only one has it. In
 * O(n log n) by a tree of counts over ranks of risk, once from late to early, once from early to late.
 */
function comparePairs(risk: Numbers, { times, events }: SurvivalTargets): Pairs {
  const rows = times.length;
  const sorted = [...new Set(Array.from(risk))].sort((a, b) => a - b);
  const rankOf = new Map(sorted.map((value, i) => [value, i]));
  const rank = Uint32Array.from(risk, (value) => rankOf.get(value)!);
  const [compared, right] = [new Float64Array(rows), new Float64Array(rows)];
  // at one time events come first, so that those censored then count as later
  const order = Array.from({ length: rows }, (_, i) => i).sort(
    (a, b) => times[a]! - times[b]! || events[b]! - events[a]!,
  );
  const isSame = (a: number, b: number): boolean => times[a] === times[b] && events[a] === events[b];
  const pass = (rowsInOrder: readonly number[], isEarlier: boolean): void => {
    const tree = new CountTree(sorted.length);
    for (let from = 0, to = 0; from < rows; from = to) {
      while (to < rows && isSame(rowsInOrder[to]!, rowsInOrder[from]!)) to++;
      const block = rowsInOrder.slice(from, to);
      for (const row of block) {
        if (isEarlier && events[row] === 0) continue;
        const below = tree.below(rank[row]!);
        const upTo = tree.below(rank[row]! + 1);
        compared[row]! += tree.size;
        right[row]! += (isEarlier ? below : tree.size - upTo) + (upTo - below) / 2;
      }
      for (const row of block) if (isEarlier || events[row] === 1) tree.add(rank[row]!);
    }
  };
  pass(order.toReversed(), true);
  pass(order, false);
  return { compared, right };
}

/** Counts by rank with sums of prefixes. @source Fenwick, Software: Practice and Experience 24 (1994). */
class CountTree {
  readonly #counts: Uint32Array;
  size = 0;

  constructor(ranks: number) {
    this.#counts = new Uint32Array(ranks + 1);
  }

  add(rank: number): void {
    this.size++;
    for (let i = rank + 1; i < this.#counts.length; i += i & -i) this.#counts[i]! += 1;
  }

  /** Entries of a rank below `rank`. */
  below(rank: number): number {
    let sum = 0;
    for (let i = rank; i > 0; i -= i & -i) sum += this.#counts[i]!;
    return sum;
  }
}

/** What pairs of the rows of one site add up to: the sums of several sites are those of the pairs within each. */
export function pairSums(risk: Numbers, targets: SurvivalTargets): Record<(typeof PAIR_SUMS)[number], number> {
  const { compared, right } = comparePairs(risk, targets);
  const total = (of: (row: number) => number): number => compared.reduce((sum, _, row) => sum + of(row), 0);
  return {
    pairs: total((row) => compared[row]!) / 2,
    rightPairs: total((row) => right[row]!) / 2,
    comparedSquares: total((row) => compared[row]! ** 2),
    rightSquares: total((row) => right[row]! ** 2),
    comparedRight: total((row) => compared[row]! * right[row]!),
  };
}

/**
 * Harrell's C with the infinitesimal jackknife on the logit scale; of several sites: of all pairs of rows of one site.
 * @source Harrell et al., JAMA 247 (1982); error as in Therneau and Atkinson, "Concordance" (R package survival), also
 * where pairs are of one stratum only.
 */
export function concordanceEstimate(sums: (name: (typeof PAIR_SUMS)[number]) => number): Estimate {
  const pairs = sums('pairs');
  if (pairs === 0) return undefinedEstimate('no two rows of one site of which is known who came first');
  const value = sums('rightPairs') / pairs;
  const squares = sums('rightSquares') - 2 * value * sums('comparedRight') + value ** 2 * sums('comparedSquares');
  const standardError = Math.sqrt(Math.max(0, squares)) / pairs;
  if (!(standardError > 1e-12) || value <= 0 || value >= 1)
    return estimateOf(value, null, { note: 'all pairs agree: no interval' });
  return estimateOf(value, logitInterval(value, standardError), { method: 'infinitesimal jackknife', standardError });
}

/** Kaplan–Meier of the censoring: the share not yet censored just before and at a time; events come first at one time. */
function censoring({ times, events }: SurvivalTargets): (time: number, isBefore: boolean) => number {
  const order = Array.from({ length: times.length }, (_, i) => i).sort((a, b) => times[a]! - times[b]!);
  const steps: { time: number; share: number }[] = [];
  let share = 1;
  for (let from = 0, to = 0; from < order.length; from = to) {
    const time = times[order[from]!]!;
    let [censored, happened] = [0, 0];
    for (; to < order.length && times[order[to]!] === time; to++) {
      if (events[order[to]!] === 1) happened++;
      else censored++;
    }
    if (censored === 0) continue;
    share *= 1 - censored / (order.length - from - happened);
    steps.push({ time, share });
  }
  return (time, isBefore) => {
    let [low, high] = [0, steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore ? steps[middle]!.time < time : steps[middle]!.time <= time) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 1 : steps[low - 1]!.share;
  };
}

/**
 * Brier score of survival, weighted for censoring, averaged over the times by the trapezoid rule (one time: the score
 * there). The interval takes the weights as known, which makes it a little too wide.
 * @source Graf et al., Statistics in Medicine 18 (1999); G(T−) for rows with the event as in Gerds and Schumacher,
 * Biometrical Journal 48 (2006).
 */
function integratedBrier(at: Numbers, probabilities: Numbers, targets: SurvivalTargets): Estimate {
  const { times, events } = targets;
  const count = at.length;
  for (let k = 1; k < count; k++) if (!(at[k]! > at[k - 1]!)) throw new RangeError('times must ascend');
  if (times.length === 0 || count === 0) return undefinedEstimate();
  const share = censoring(targets);
  const atTimes = Float64Array.from(at, (time) => share(time, false));
  if (atTimes.some((g) => g === 0)) return undefinedEstimate('a time is later than the last row is observed');
  const weight = trapezoid(at);
  let [sum, squares] = [0, 0];
  for (let i = 0; i < times.length; i++) {
    const before = events[i] === 1 ? share(times[i]!, true) : 1;
    let loss = 0;
    for (let k = 0; k < count; k++) {
      const survives = probabilities[i * count + k]!;
      if (times[i]! > at[k]!) loss += (weight[k]! * (1 - survives) ** 2) / atTimes[k]!;
      else if (events[i] === 1) loss += (weight[k]! * survives ** 2) / before;
    }
    sum += loss;
    squares += loss * loss;
  }
  return meanEstimate(sum, squares, times.length);
}

/** Weights of values at `at` in their mean over the span. */
function trapezoid(at: Numbers): Float64Array {
  const count = at.length;
  if (count === 1) return Float64Array.of(1);
  const span = at[count - 1]! - at[0]!;
  return Float64Array.from(at, (_, k) => (at[Math.min(count - 1, k + 1)]! - at[Math.max(0, k - 1)]!) / (2 * span));
}
