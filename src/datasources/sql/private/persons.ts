/**
 * Whose row is it: patients as numbers. The lower 32 bits are drawn for each patient, so that what is chosen by them (in
 * which of their groups they count) says nothing of other patients; the upper ones count, so that no two are the same.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { type Batch, type DataSource, isImage } from '../../dataSource.ts';

/** Whom noise hides: a patient with all rows, or each row where the source knows no patients. */
export type PrivateUnit = 'patient' | 'row';

/** Random part of a person's number; all else of it is below 2^31. */
export const TAG_BITS = 32n;

/**
 * Numbers for the persons of `source`, batch after batch in order. A row without a patient is a person of its own.
 * @param patientColumn - Whose values are patients, instead of what the source knows.
 * @param drawTag - A uniform whole number in [0, 2^32).
 * @throws KonsilError DATA_COLUMN_MISSING when there is no such column.
 */
export function numberPersons(
  source: DataSource,
  patientColumn: string | undefined,
  drawTag: () => number,
): { numberOf(batch: Batch, at: number): bigint; unit(): PrivateUnit } {
  if (patientColumn !== undefined && !source.columns.includes(patientColumn))
    throw new KonsilError('DATA_COLUMN_MISSING', `${source.label} has no column "${patientColumn}" of patients`, {
      file: source.label,
    });
  const numbers = new Map<string, bigint>();
  let next = 0n;
  const nameOf = (batch: Batch, at: number): string | null => {
    if (patientColumn === undefined) return source.groupOf(batch.keys[at]!);
    const value = batch.columns[patientColumn]?.[at];
    return value === null || value === undefined || isImage(value) ? null : `${typeof value} ${value}`;
  };
  return {
    numberOf: (batch, at) => {
      const name = nameOf(batch, at);
      const known = name === null ? undefined : numbers.get(name);
      if (known !== undefined) return known;
      const number = (next++ << TAG_BITS) | BigInt(drawTag());
      if (name !== null) numbers.set(name, number);
      return number;
    },
    // a column that the site names says it even when it is empty
    unit: () => (patientColumn !== undefined || numbers.size > 0 ? 'patient' : 'row'),
  };
}
