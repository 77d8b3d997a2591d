/**
 * Times as devices write them, to ISO 8601 text. A field that was never filled in gives null, not a date in 1601.
 * @module
 */

const DAY_MS = 86_400_000;
/** Day 0 of an OLE date. */
const OLE_EPOCH_MS = Date.UTC(1899, 11, 30);
/** Time 0 of a FILETIME. */
const FILETIME_EPOCH_MS = Date.UTC(1601, 0, 1);
// nobody whose eye was scanned was born before, and no device runs after
const FIRST_YEAR = 1850;
const LAST_YEAR = 2150;

function isoOf(ms: number): string | null {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return null;
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  return year >= FIRST_YEAR && year <= LAST_YEAR ? date.toISOString() : null;
}

/** Date `YYYY-MM-DD` of days since 1899-12-30, or null. @source OLE automation date (Windows `VARIANT` DATE) */
export function oleDate(days: number): string | null {
  // 0 is what an empty field holds
  return days === 0 ? null : (isoOf(OLE_EPOCH_MS + Math.floor(days) * DAY_MS)?.slice(0, 10) ?? null);
}

/** Time `YYYY-MM-DDThh:mm:ssZ` of 100 ns since 1601 in UTC, or null. @source Windows `FILETIME` */
export function fileTime(ticks: bigint): string | null {
  const iso = isoOf(FILETIME_EPOCH_MS + Number(ticks / 10_000n));
  return iso === null ? null : `${iso.slice(0, 19)}Z`;
}

/** Date `YYYY-MM-DD` of a calendar day, or null when there is no such day. */
export function calendarDate(year: number, month: number, day: number): string | null {
  const iso = isoOf(Date.UTC(year, month - 1, day))?.slice(0, 10) ?? null;
  const text = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
  return iso === text ? iso : null;
}

/** Local time `YYYY-MM-DDThh:mm:ss`, or null when there is no such time. */
export function calendarTime(date: string | null, hour: number, minute: number, second: number): string | null {
  if (date === null || hour > 23 || minute > 59 || second > 59) return null;
  return `${date}T${[hour, minute, second].map((n) => String(n).padStart(2, '0')).join(':')}`;
}
