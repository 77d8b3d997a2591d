/**
 * SLO pictures of OCT scans: of the same patient and eye, within a day, the nearest in time.
 * @source spec/platform.md §4.4 (match_slo)
 * @module
 */
import type { Cell } from '../value.ts';
import type { StoredRecord } from './fileTable.ts';

const DAY_MS = 86_400_000;

/** Whose eye, and when. */
interface Look {
  readonly eye: string;
  readonly atMs: number;
}

/**
 * The scans, each with its picture. One that does not say whose eye it shows, or when, has none; a picture may belong to
 * several scans.
 * @param rows - Records that are no pictures; only OCT scans are matched.
 */
export function matchPictures<R extends { readonly frames: number }>(
  rows: readonly R[],
  pictures: readonly R[],
  recordOf: (row: R) => StoredRecord,
): readonly (R & { readonly slo?: R })[] {
  const byEye = new Map<string, { readonly row: R; readonly atMs: number }[]>();
  for (const row of pictures) {
    const look = lookOf(recordOf(row));
    if (look === undefined || row.frames < 1) continue;
    byEye.set(look.eye, [...(byEye.get(look.eye) ?? []), { row, atMs: look.atMs }]);
  }
  return rows.map((row) => {
    const look = lookOf(recordOf(row));
    const near = ((look && byEye.get(look.eye)) ?? [])
      .map((picture) => ({ row: picture.row, apartMs: Math.abs(picture.atMs - look!.atMs) }))
      .filter(({ apartMs }) => apartMs <= DAY_MS);
    const nearest = near.reduce<(typeof near)[number] | undefined>(
      (best, one) => (best === undefined || one.apartMs < best.apartMs ? one : best),
      undefined,
    );
    return nearest === undefined ? row : { ...row, slo: nearest.row };
  });
}

function lookOf({ patient, columns }: StoredRecord): Look | undefined {
  const side = ['ImageLaterality', 'FrameLaterality', 'Laterality']
    .map((name) => /^O?([DRSL])$/.exec(String(columns[name] ?? ''))?.[1])
    .find((letter) => letter !== undefined);
  const atMs = momentOf(columns);
  if (patient === null || side === undefined || atMs === undefined) return undefined;
  return { eye: `${side === 'D' || side === 'R' ? 'R' : 'L'} ${patient}`, atMs };
}

/** When it was taken, ms; devices' clocks are compared as they are, and a day without a time begins at midnight. */
function momentOf(columns: Readonly<Record<string, Cell>>): number | undefined {
  const text = (name: string): string => String(columns[name] ?? '').replace(/\D/g, '');
  const whole = text('AcquisitionDateTime');
  const days = ['AcquisitionDate', 'ContentDate', 'SeriesDate', 'StudyDate'];
  const day = days.find((name) => text(name).length >= 8);
  const digits =
    whole.length >= 8 ? whole : day && text(day).slice(0, 8) + text(day.replace('Date', 'Time')).slice(0, 6);
  if (digits === undefined) return undefined;
  const part = (from: number, length = 2): number => Number(digits.slice(from, from + length));
  const ms = Date.UTC(part(0, 4), part(4) - 1, part(6), part(8), part(10), part(12));
  return Number.isNaN(ms) ? undefined : ms;
}
