/**
 * Text and numbers for the report. Every string from a result passes through {@link escapeHtml}: names come from other
 * people's files.
 * @module
 */

/** `text` as HTML text or attribute value. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (ch) => `&#${ch.charCodeAt(0)};`);
}

/** A metric with three decimals; an en dash when undefined. */
export function metricText(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return Math.abs(value) >= 1000 ? value.toPrecision(5) : value.toFixed(digits);
}

/** `low to high`, or nothing. */
export function intervalText(low: number | null, high: number | null): string {
  return low === null || high === null ? '' : `${metricText(low)} to ${metricText(high)}`;
}

/** 1.2 kB, 3.4 MB. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

const WORDS = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten', 'Eleven', 'Twelve'];

/** Small numbers as words, for the start of a sentence. */
export const numberWord = (n: number): string => WORDS[n] ?? String(n);

/** `s` as people say durations. */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} seconds`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}
