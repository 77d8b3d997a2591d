/**
 * `RecordFilterAlgorithm` and `ImageSelectionAlgorithm`: which records of a dataset a model is run on, before it is run on any.
 * @module
 */
import { type DataSource, isImage, textOf, type Value } from '../../datasources/index.ts';
import { columnsOfRules, type InferenceAlgorithm, type RecordRule } from '../../tasks/index.ts';

/** Cells of the columns that decide, by column; row `i` is record `keys[i]`. */
type Cells = ReadonlyMap<string, readonly Value[]>;

/** Numbers of the records, ascending. @param now - Ages are reckoned at this time. */
export async function chooseRecords(
  source: DataSource,
  { records, wholePatients }: Pick<InferenceAlgorithm, 'records' | 'wholePatients'>,
  now: Date,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const all = Array.from({ length: source.rowCount }, (_, key) => key);
  if (records.length === 0) return all;
  const columns = [...new Set(columnsOfRules(records))];
  const cells = new Map<string, Value[]>(columns.map((column) => [column, []]));
  for await (const batch of source.yieldData(10_000, signal))
    for (const column of columns) cells.get(column)!.push(...batch.columns[column]!);
  let kept: readonly number[] = all;
  for (const rule of records) kept = apply(rule, kept, cells, now);
  return wholePatients ? withPatients(source, all, kept) : kept;
}

function apply(rule: RecordRule, keys: readonly number[], cells: Cells, now: Date): readonly number[] {
  switch (rule.kind) {
    case 'latest': {
      const dates = cells.get(rule.date)!;
      const latest = [...groups(rule.id, keys, cells).values()].flatMap((group) =>
        group.toSorted((a, b) => timeOf(dates[b]!) - timeOf(dates[a]!)).slice(0, rule.count),
      );
      return latest.sort((a, b) => a - b);
    }
    case 'frequency': {
      const most = rule.most ?? Number.POSITIVE_INFINITY;
      const chosen = [...groups(rule.id, keys, cells).values()].filter(
        ({ length }) => length >= rule.least && length <= most,
      );
      return chosen.flat().sort((a, b) => a - b);
    }
    case 'age_range': {
      const births = cells.get(rule.birth)!;
      return keys.filter((key) => {
        const age = ageAt(textOf(births[key]), now);
        return age !== null && age >= (rule.least ?? 0) && age <= (rule.most ?? Number.POSITIVE_INFINITY);
      });
    }
  }
}

/** Records by their id; who has none is nobody. */
function groups(id: readonly string[], keys: readonly number[], cells: Cells): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const key of keys) {
    const parts = id.map((column) => textOf(cells.get(column)![key]));
    if (parts.every((part) => part === '')) continue;
    const name = JSON.stringify(parts);
    const group = found.get(name);
    if (group) group.push(key);
    else found.set(name, [key]);
  }
  return found;
}

/** Milliseconds; records without a date are older than all others. */
function timeOf(value: Value): number {
  if (typeof value === 'number') return value;
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

/** Whole years since `YYYY-MM-DD…`, in UTC. */
function ageAt(birth: string, now: Date): number | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})/.exec(birth);
  if (!found) return null;
  const [year, month, day] = found.slice(1).map(Number) as [number, number, number];
  const hadBirthday = now.getUTCMonth() + 1 > month || (now.getUTCMonth() + 1 === month && now.getUTCDate() >= day);
  return now.getUTCFullYear() - year - (hadBirthday ? 0 : 1);
}

/** All records of the patients of `kept`; where the source knows no patients, these alone. */
function withPatients(source: DataSource, all: readonly number[], kept: readonly number[]): readonly number[] {
  const patients = new Set(kept.map((key) => source.groupOf(key)).filter((patient) => patient !== null));
  const own = new Set(kept);
  return all.filter((key) => own.has(key) || patients.has(source.groupOf(key) ?? ''));
}

/** A cell as a report shows it; images have no text. */
export function reportCell(value: Value | undefined): string | number | null {
  return value === undefined || isImage(value) ? null : value;
}
