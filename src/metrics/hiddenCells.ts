/**
 * Which cells of a confusion matrix are hidden, and what the rest tells about them.
 *
 * A cell below the minimum is hidden, 0 included: that nobody was missed is as telling as that one was. The rows of each true
 * class are known, so a hidden cell needs company: if what its row hides would narrow it down, the diagonal cell is hidden
 * too, or the next visible one. That choice follows from the hidden cells alone, not from the sizes of others.
 * @module
 */
import { estimateOf, undefinedEstimate } from './estimate.ts';
import type { Estimate } from './groupEvaluation.ts';
import { f1Interval, type Interval, wilsonInterval } from './intervals.ts';

/** Cells as a reader may know them: both ends are equal where a cell is shown. Shape `[classes][classes]`. */
export interface CellRanges {
  readonly shown: readonly (readonly (number | null)[])[];
  readonly low: readonly (readonly number[])[];
  readonly high: readonly (readonly number[])[];
}

/** @param minimum - Cells below are hidden. */
export function hideCells(confusion: readonly (readonly number[])[], minimum: number): CellRanges {
  const rows = confusion.map((row, truth) => hideInRow(row, truth, minimum));
  return {
    shown: rows.map(({ shown }) => shown),
    low: rows.map(({ low }) => low),
    high: rows.map(({ high }) => high),
  };
}

function hideInRow(
  row: readonly number[],
  diagonal: number,
  minimum: number,
): { readonly shown: (number | null)[]; readonly low: number[]; readonly high: number[] } {
  const isSmall = row.map((cell) => cell < minimum);
  const small = isSmall.filter(Boolean).length;
  const most = minimum - 1;
  const hidden = (): number => row.reduce((sum, cell, c) => sum + (isHidden[c] ? cell : 0), 0);
  const isHidden = [...isSmall];
  // each small cell may be anything below the minimum, whatever their sum
  const isFree = hidden() >= most && hidden() <= (small - 1) * most;
  let added = -1;
  if (small > 0 && !isFree) {
    const order = row.map((_, i) => (diagonal + i) % row.length);
    added = order.find((c) => !isSmall[c]) ?? -1;
    if (added >= 0) isHidden[added] = true;
  }
  const sum = hidden();
  // with its companion: free as long as the companion stays at or above the minimum
  const isSafe = isFree || (added >= 0 && sum >= small * most + minimum);
  const high = row.map((cell, c) => {
    if (!isHidden[c]) return cell;
    return isSafe && c !== added ? Math.min(most, sum) : sum;
  });
  const low = row.map((cell, c) => {
    if (!isHidden[c]) return cell;
    return isSafe && c === added ? sum - small * most : 0;
  });
  return { shown: row.map((cell, c) => (isHidden[c] ? null : cell)), low, high };
}

/** Counts of one class against the rest as ranges. */
interface CountRanges {
  readonly tp: Interval;
  readonly fp: Interval;
  readonly positives: number;
  readonly negatives: number;
}

function rangesOf({ low, high }: CellRanges, classRows: readonly number[], c: number): CountRanges {
  const others = classRows.map((_, truth) => truth).filter((truth) => truth !== c);
  const sum = (cells: readonly (readonly number[])[]): number =>
    others.reduce((all, truth) => all + cells[truth]![c]!, 0);
  return {
    tp: [low[c]![c]!, high[c]![c]!],
    fp: [sum(low), sum(high)],
    positives: classRows[c]!,
    negatives: others.reduce((all, truth) => all + classRows[truth]!, 0),
  };
}

const HIDDEN = 'counts below the minimum are hidden: somewhere within the bound';
export const GIVES_AWAY = 'withheld: it would give away a count below the minimum';

/** The middle of a range, its half as the bound, its ends' intervals. */
export function rangeEstimate(range: Interval, interval: Interval | null, method?: string): Estimate {
  const more = { bound: (range[1] - range[0]) / 2, note: HIDDEN };
  return estimateOf((range[0] + range[1]) / 2, interval, { ...more, ...(method !== undefined && { method }) });
}

const over = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** A share of a known number of rows. */
export function shareRange([least, most]: Interval, all: number): Estimate {
  if (all === 0) return undefinedEstimate();
  return rangeEstimate(
    [least / all, most / all],
    [wilsonInterval(least, all)[0], wilsonInterval(most, all)[1]],
    'Wilson',
  );
}

/** What is known of one class's figures. Only those that hidden cells touch are there. */
export function classRanges(cells: CellRanges, classRows: readonly number[], c: number): Record<string, Estimate> {
  const { tp, fp, positives, negatives } = rangesOf(cells, classRows, c);
  const [isTpHidden, isFpHidden] = [tp[0] !== tp[1], fp[0] !== fp[1]];
  const figures: Record<string, Estimate> = {};
  if (isTpHidden) figures['Recall'] = shareRange(tp, positives);
  if (isFpHidden) figures['Specificity'] = shareRange([negatives - fp[1], negatives - fp[0]], negatives);
  if (!isTpHidden && !isFpHidden) return figures;
  const precision: Interval = [over(tp[0], tp[0] + fp[1]), over(tp[1], tp[1] + fp[0])];
  const precisionEnds: Interval = [
    tp[0] + fp[1] > 0 ? wilsonInterval(tp[0], tp[0] + fp[1])[0] : 0,
    tp[1] + fp[0] > 0 ? wilsonInterval(tp[1], tp[1] + fp[0])[1] : 1,
  ];
  figures['Precision'] = rangeEstimate(precision, precisionEnds, 'Wilson');
  const f1: Interval = [over(2 * tp[0], positives + tp[0] + fp[1]), over(2 * tp[1], positives + tp[1] + fp[0])];
  const ends: Interval = [
    f1Interval(tp[0], positives - tp[0] + fp[1])?.[0] ?? 0,
    f1Interval(tp[1], positives - tp[1] + fp[0])?.[1] ?? 1,
  ];
  figures['F1 Score'] = rangeEstimate(f1, ends, 'Wilson');
  return figures;
}

/** Whether any cell is hidden. */
export function hasHidden({ shown }: CellRanges): boolean {
  return shown.some((row) => row.includes(null));
}

/** Accuracy from what is known of the diagonal. */
export function accuracyRange({ low, high }: CellRanges, rows: number): Estimate {
  const diagonal = (cells: readonly (readonly number[])[]): number => cells.reduce((sum, row, c) => sum + row[c]!, 0);
  return shareRange([diagonal(low), diagonal(high)], rows);
}

/** Mean of figures of which some are ranges. */
export function meanRange(each: readonly Estimate[]): Estimate {
  const ends = each.map(({ value, bound = 0 }) => [(value ?? 0) - bound, (value ?? 0) + bound] as const);
  const mean = (end: 0 | 1): number => ends.reduce((sum, range) => sum + range[end], 0) / ends.length;
  return rangeEstimate([mean(0), mean(1)], null);
}
