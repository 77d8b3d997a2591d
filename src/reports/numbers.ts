/**
 * Numbers, sizes, times and lists as people read them.
 * @module
 */

/** What stands for a value that is undefined or unknown. */
export const NOTHING = '–';

const WORDS = 'No One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve'.split(' ');

/** A count in words up to twelve, capitalised: it opens a sentence. */
export function inWords(count: number): string {
  return WORDS[count] ?? whole(count);
}

/** `1 hospital`, `2 hospitals`. */
export function countOf(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a, b and c`; more than `most` end in `and 3 more`. */
export function listOf(items: readonly string[], { most = 6, last = 'and' } = {}): string {
  const shown = items.length > most ? [...items.slice(0, most), `${items.length - most} more`] : items;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} ${last} ${shown.at(-1)!}`;
}

/** With thousands separated. */
export function whole(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString('en-US', { maximumFractionDigits: 0 }) : NOTHING;
}

/** Three decimals for a share in [0, 1], else four digits, trailing zeros too, so that columns line up; `–` for nothing. */
export function metricValue(value: number | null | undefined, isShare: boolean): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  if (isShare) return value.toFixed(3);
  const magnitude = Math.abs(value);
  if (magnitude >= 1000 && magnitude < 1e9) return whole(value);
  return magnitude >= 1 && magnitude < 1000 ? value.toPrecision(4).replace('-', '−') : significant(value);
}

/** Significant digits without an exponent where that stays short. */
export function significant(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e9)) {
    const [mantissa = '', exponent = ''] = value.toExponential(1).split('e');
    return `${mantissa.replace('-', '−')} × 10${superscript(Number(exponent))}`;
  }
  return value.toLocaleString('en-US', { maximumSignificantDigits: digits }).replace('-', '−');
}

function superscript(exponent: number): string {
  const digits = '⁰¹²³⁴⁵⁶⁷⁸⁹';
  return Array.from(String(exponent), (ch) => (ch === '-' ? '⁻' : digits[Number(ch)]!)).join('');
}

/** Decimal units, as networks count: 1 kB is 1000 bytes. */
export function size(bytes: number): string {
  if (!Number.isFinite(bytes)) return NOTHING;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  // 999.95 would be shown as 1,000.0
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]!}`;
}

/** Seconds, or minutes and hours where they are many. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return NOTHING;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A day and time in UTC; text that is no date comes back as it is. */
export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`;
}

/** `3, 7–9` of ascending whole numbers. */
export function ranges(values: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0; from < values.length; ) {
    let to = from;
    while (values[to + 1] === values[to]! + 1) to++;
    parts.push(to === from ? String(values[from]) : `${values[from]!}–${values[to]!}`);
    from = to + 1;
  }
  return parts.join(', ');
}
