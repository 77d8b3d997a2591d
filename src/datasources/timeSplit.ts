/**
 * Splits by time: later rows are in later sets, so that a model is tested on what came after what it has learned from.
 * @source spec/platform.md §4.4, `time_series_sort_by`.
 * @module
 */
import { isImage, type Value } from './dataSource.ts';

/** Year, month, day, and perhaps a time of day, as sources give them; the zone may be missing. */
const DATE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*(?:Z|([+-])(\d{2})(?::?(\d{2}))?)?)?$/;

/** A number that orders cells by time: numbers as they are, dates as milliseconds; undefined for anything else. */
export function findTime(cell: Value): number | undefined {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : undefined;
  if (cell === null || isImage(cell)) return undefined;
  const found = DATE.exec(cell.trim());
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = [1, 2, 3, 4, 5, 6, 8, 9].map((i) =>
    Number(found[i] ?? 0),
  ) as [number, number, number, number, number, number, number, number];
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day); // Date.UTC would take the year 20 for 1920
  const exists = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second >= 61) return undefined;
  const zone = (found[7] === '-' ? -1 : 1) * (zoneHour * 60 + zoneMinute);
  return midnight.getTime() + (hour * 60 + minute - zone) * 60_000 + second * 1_000;
}

/** How many rows the later sets take. */
export interface LaterRows {
  readonly validation: number;
  readonly test: number;
}

/**
 * The set of each row: 0 training, 1 validation, 2 test. The last rows by time are the test set, those before them the
 * validation set; rows of one time keep the order of the source. A group goes where its latest row goes: then nothing in an
 * earlier set is later than the cut, but the later sets may get more than their share.
 * @param times - Shape `[rows]`.
 * @param groups - Shape `[rows]`: rows with equal numbers stay together. @default each row is its own
 */
export function splitByTime(times: Float64Array, { validation, test }: LaterRows, groups?: Uint32Array): Uint8Array {
  const rows = times.length;
  const order = Uint32Array.from({ length: rows }, (_, row) => row).sort((a, b) => times[a]! - times[b]! || a - b);
  const parts = new Uint8Array(rows);
  order.forEach((row, i) => {
    parts[row] = i >= rows - test ? 2 : i >= rows - test - validation ? 1 : 0;
  });
  if (groups === undefined) return parts;
  const latest = new Map<number, number>();
  groups.forEach((group, row) => void latest.set(group, Math.max(latest.get(group) ?? 0, parts[row]!)));
  return Uint8Array.from(groups, (group) => latest.get(group)!);
}
