/**
 * Figures of columns over all sites, from two sums: the first counts, adds up and finds out on what scale each column lies (a
 * histogram by powers of two), the second counts on agreed edges, from which quantiles follow with a known error.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { problemOf } from '../../datasources/index.ts';
import type { StatisticsAlgorithm } from '../../tasks/index.ts';
import type { FederatedColumn, FederatedSummary } from './federatedSummary.ts';
import type { AnalysisPlan, PublicFacts, StepSum } from './plan.ts';

/** What stands in a column: a number, or one of some categories. */
interface Column {
  readonly name: string;
  /** Undefined for numbers. */
  readonly values?: readonly string[];
}

/** Powers of two that are told apart: below 2^-40 is as good as zero, the last holds all beyond 2^40. */
const LOWEST = -40;
const SCALES = 81;
/** Bins by scale: negative numbers from large to small, zero, positive ones from small to large. */
const SCALE_BINS = 2 * SCALES + 1;
/** Sums that figures take. */
export const FIGURE_STEPS = 2;
/** Channels of images that are told apart. */
export const CHANNELS = 3;

/** The bin of a number by its sign and power of two. */
function scaleBin(value: number): number {
  const size = Math.abs(value);
  if (size < 2 ** LOWEST) return SCALES;
  const power = Math.min(SCALES - 1, Math.floor(Math.log2(size)) - LOWEST);
  return value < 0 ? SCALES - 1 - power : SCALES + 1 + power;
}

/** Lower and upper edge of a bin by scale. */
function scaleEdges(bin: number): readonly [number, number] {
  if (bin === SCALES) return [-(2 ** LOWEST), 2 ** LOWEST];
  const power = (bin < SCALES ? SCALES - 1 - bin : bin - SCALES - 1) + LOWEST;
  return bin < SCALES ? [-(2 ** (power + 1)), -(2 ** power)] : [2 ** power, 2 ** (power + 1)];
}

/** Edges of the second sum of a column of numbers: equal bins from `low` to `high`, the first and last of which are open. */
export interface Edges {
  readonly low: number;
  readonly high: number;
}

/** The columns of an algorithm, the target last. */
export function columnsOf({ dataStructure }: Pick<StatisticsAlgorithm, 'dataStructure'>): readonly Column[] {
  const { select, images, target, categories } = dataStructure;
  const { classes, kind } = problemOf(dataStructure);
  const pictures = images?.columns ?? [];
  const inputs = (select.include ?? []).filter((name) => !pictures.includes(name));
  return [
    ...inputs.map((name) => (Object.hasOwn(categories, name) ? { name, values: categories[name]! } : { name })),
    kind === 'regression' ? { name: target } : { name: target, values: classes },
  ];
}

const slot = (what: string, column: number, index: number | '' = ''): string => `${what}.${column}.${index}`;
const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);

export function statisticsPlan(algorithm: StatisticsAlgorithm): AnalysisPlan {
  const columns = columnsOf(algorithm);
  const numeric = numbers(columns.length).filter((c) => columns[c]!.values === undefined);
  const hasImages = algorithm.dataStructure.images !== undefined;
  return {
    steps: FIGURE_STEPS,
    layout: (step, given) =>
      step === 0
        ? {
            extras: [
              ...numeric.flatMap((c) => [slot('sum', c), slot('squares', c)]),
              ...(hasImages ? numbers(CHANNELS).flatMap((k) => [`pixels.${k}`, `bright.${k}`, `bright2.${k}`]) : []),
            ],
            counts: [
              'rows',
              ...columns.flatMap(({ values }, c) => [
                slot('count', c),
                ...numbers(values ? values.length : SCALE_BINS).map((i) => slot(values ? 'value' : 'scale', c, i)),
              ]),
            ],
          }
        : { extras: [], counts: numeric.flatMap((c) => binSlots(algorithm, readEdges(given, columns.length), c)) },
    given: (step, sums) =>
      step === 0 ? null : numbers(columns.length).map((c) => edgesOf(algorithm, columns, sums[0]!, c)),
    answer: (sums, pods) => ({ kind: 'statistics', summary: summaryOf(algorithm, columns, sums, pods) }),
  };
}

function binSlots({ bins }: StatisticsAlgorithm, edges: readonly (Edges | null)[], column: number): string[] {
  return edges[column] ? numbers(bins).map((i) => slot('bin', column, i)) : [];
}

/** @throws KonsilError PROTOCOL_VIOLATION when the facts are no edges, one or none a column. */
export function readEdges(given: PublicFacts, columns: number): readonly (Edges | null)[] {
  const isEdges = (value: unknown): value is Edges | null => {
    if (value === null) return true;
    const { low, high } = value as Partial<Edges>;
    return Number.isFinite(low) && Number.isFinite(high) && low! < high!;
  };
  if (
    !Array.isArray(given) ||
    given.length !== columns ||
    !given.every((value) => typeof value === 'object' && isEdges(value))
  )
    throw new KonsilError('PROTOCOL_VIOLATION', 'the edges of a histogram are none');
  return given;
}

/** Between them lie all values but fewer than `minimumCount` at each end; null where there are too few. */
function edgesOf(
  { minimumCount }: StatisticsAlgorithm,
  columns: readonly Column[],
  { counts }: StepSum,
  column: number,
): Edges | null {
  if (columns[column]!.values !== undefined) return null;
  const histogram = numbers(SCALE_BINS).map((i) => counts[slot('scale', column, i)]!);
  if (counts[slot('count', column)]! < minimumCount) return null;
  const first = reaching(histogram, minimumCount);
  const last = SCALE_BINS - 1 - reaching(histogram.toReversed(), minimumCount);
  const [low] = scaleEdges(Math.min(first, last));
  const [, high] = scaleEdges(Math.max(first, last));
  return { low, high };
}

/** The first index up to which the counts add up to `least`. */
function reaching(counts: readonly number[], least: number): number {
  let sum = 0;
  const at = counts.findIndex((count) => {
    sum += count;
    return sum >= least;
  });
  return at < 0 ? counts.length - 1 : at;
}

/** Rows of numbers: `at(row, column)` is NaN for a missing one, and an index for a category (-1 for none). */
export interface StatisticsRows {
  readonly rows: number;
  readonly at: (row: number, column: number) => number;
  /** Sums over pixels by channel; of tasks with images. */
  readonly pixels?: { readonly count: number[]; readonly sum: number[]; readonly squares: number[] };
}

/** One pod's part. */
export function statisticsInput(
  algorithm: StatisticsAlgorithm,
  step: number,
  given: PublicFacts,
  { rows, at, pixels }: StatisticsRows,
): StepSum {
  const columns = columnsOf(algorithm);
  const layout = statisticsPlan(algorithm).layout(step, given);
  const extras: Record<string, number> = Object.fromEntries(layout.extras.map((name) => [name, 0]));
  const counts: Record<string, number> = Object.fromEntries(layout.counts.map((name) => [name, 0]));
  const edges = step === 0 ? [] : readEdges(given, columns.length);
  if (step === 0) counts['rows'] = rows;
  for (const [c, { values }] of columns.entries())
    for (let row = 0; row < rows; row++) {
      const value = at(row, c);
      if (Number.isNaN(value) || (values !== undefined && value < 0)) continue;
      if (step === 0) {
        counts[slot('count', c)]!++;
        counts[values ? slot('value', c, value) : slot('scale', c, scaleBin(value))]!++;
        if (values) continue;
        extras[slot('sum', c)]! += value;
        extras[slot('squares', c)]! += value * value;
      } else if (edges[c]) counts[slot('bin', c, binOf(value, edges[c], algorithm.bins))]!++;
    }
  if (step === 0 && pixels)
    for (let k = 0; k < CHANNELS; k++)
      [extras[`pixels.${k}`], extras[`bright.${k}`], extras[`bright2.${k}`]] = [
        pixels.count[k]!,
        pixels.sum[k]!,
        pixels.squares[k]!,
      ];
  return { extras, counts };
}

function binOf(value: number, { low, high }: Edges, bins: number): number {
  return Math.max(0, Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins)));
}

function summaryOf(
  algorithm: StatisticsAlgorithm,
  columns: readonly Column[],
  sums: readonly StepSum[],
  pods: number,
): FederatedSummary {
  const [{ extras, counts }] = sums as [StepSum, StepSum];
  const rows = counts['rows']!;
  const all = columns.map((_, c) => columnOf(algorithm, columns, sums, c));
  const target = all.at(-1)!;
  const classes = target.categories;
  return {
    ...{ pods, rows, columns: all.slice(0, -1) },
    target: {
      ...target,
      ...(classes && {
        classWeights: classes.map(({ count }) => (count === 0 ? 0 : target.count / (classes.length * count))),
      }),
    },
    ...(algorithm.dataStructure.images && {
      channels: numbers(CHANNELS)
        .filter((k) => extras[`pixels.${k}`]! > 0)
        .map((k) => moments(extras[`pixels.${k}`]!, extras[`bright.${k}`]!, extras[`bright2.${k}`]!)),
    }),
  };
}

function moments(count: number, sum: number, squares: number): { mean: number; standardDeviation: number } {
  const mean = sum / count;
  return { mean, standardDeviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}

function columnOf(
  algorithm: StatisticsAlgorithm,
  columns: readonly Column[],
  [first, second]: readonly StepSum[],
  c: number,
): FederatedColumn {
  const { minimumCount, bins, quantiles } = algorithm;
  const { name, values } = columns[c]!;
  const { extras, counts } = first!;
  const count = counts[slot('count', c)]!;
  const shared = { name, count, missing: counts['rows']! - count };
  if (count < minimumCount) return { name, count: 0, missing: 0, isSuppressed: true };
  if (values)
    return {
      ...shared,
      categories: values.map((value, i) => ({ value, count: counts[slot('value', c, i)]! })),
    };
  const edges = edgesOf(algorithm, columns, first!, c)!;
  const width = (edges.high - edges.low) / bins;
  const histogram = numbers(bins).map((i) => second!.counts[slot('bin', c, i)]!);
  const [low, high] = [reaching(histogram, minimumCount), bins - 1 - reaching(histogram.toReversed(), minimumCount)];
  return {
    ...shared,
    ...moments(count, extras[slot('sum', c)]!, extras[slot('squares', c)]!),
    range: [edges.low + width * Math.min(low, high), edges.low + width * (Math.max(low, high) + 1)],
    quantiles: quantiles.map((p) => ({ p, value: quantileOf(histogram, p, edges.low, width), atMost: width })),
  };
}

/** Where the counts reach the share `p`, as if values lay evenly in their bin. */
function quantileOf(histogram: readonly number[], p: number, low: number, width: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [i, count] of histogram.entries()) {
    if (count > 0 && below + count >= p * total) return low + width * (i + (p * total - below) / count);
    below += count;
  }
  return low + width * histogram.length;
}
