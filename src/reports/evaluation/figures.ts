/**
 * Figures as they are shown: with as many digits as their interval bears, and never blank.
 * @module
 */
import type { Estimate, GroupEvaluation, Withheld } from '../../metrics/groupEvaluation.ts';
import { type Content, html, type Markup } from '../markup.ts';
import { shownMetric } from '../metric.ts';
import { NOTHING, significant, whole } from '../numbers.ts';

/** A figure in text. */
export interface Shown {
  readonly value: string;
  readonly low: string;
  readonly high: string;
  /** `0.861 to 0.915`; empty without an interval. */
  readonly interval: string;
}

/**
 * Two digits of half the interval are told, and no more of the value: what is behind them is chance. The same number of
 * decimals for all three.
 */
export function shown(metric: string, { value, low, high, bound = 0 }: Estimate): Shown {
  const isKnown = low !== null && high !== null;
  const half = Math.max(isKnown ? (high - low) / 2 : 0, bound);
  const text = (number: number | null): string => {
    if (number === null || !Number.isFinite(number)) return NOTHING;
    if (!(half > 0) || !Number.isFinite(half)) return shownMetric(metric, number);
    const decimals = Math.min(4, Math.max(0, 1 - Math.floor(Math.log10(half))));
    if (Math.abs(number) >= 1000) return whole(number).replace('-', '−');
    // an interval finer than four decimals: as many digits as other numbers have
    if (decimals === 4 && half < 1e-4) return significant(number);
    return number
      .toFixed(decimals)
      .replace(/^-(?=.*[1-9])/, '−')
      .replace(/^-/, '');
  };
  const ends = { low: text(low), high: text(high) };
  return { value: text(value), ...ends, interval: isKnown ? `${ends.low} to ${ends.high}` : '' };
}

/** `0.89 (0.86 to 0.92)`. */
export function inline(metric: string, estimate: Estimate): string {
  const { value, interval } = shown(metric, estimate);
  return interval === '' ? value : `${value} (${interval})`;
}

/** Two cells: the value, and its interval; or one over both that says why there is none. */
export function estimateCells(metric: string, estimate: Estimate | undefined): Content {
  if (!estimate) return html`<td class="number">${NOTHING}</td><td class="number">${NOTHING}</td>`;
  if (estimate.value === null)
    return html`<td colspan="2" class="muted">not defined${estimate.note && `: ${estimate.note}`}</td>`;
  const { value, interval } = shown(metric, estimate);
  return html`<td class="number">${value}</td><td class="number interval">${interval || NOTHING}</td>`;
}

/** Over `columns` cells: that figures are withheld, and why. */
export function withheldCell(reason: string, columns: number): Markup {
  return html`<td colspan="${columns}"><span class="withheld">withheld</span> ${reason}</td>`;
}

/** Why nothing is shown; null when something is. */
export function reasonOf(found: GroupEvaluation | Withheld | null | undefined): string | null {
  if (found === null || found === undefined) return 'not computed';
  return 'withheld' in found ? found.withheld : null;
}

/** `p = 0.03`, `p < 0.001`. */
export function pText(p: number): string {
  if (p < 0.001) return 'p < 0.001';
  return `p = ${p < 0.1 ? p.toFixed(3) : p.toFixed(2)}`;
}

/** `71 %`. */
export const percent = (share: number): string => `${Math.round(100 * share)} %`;
