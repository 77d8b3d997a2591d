/**
 * The values of columns at a site and how often each stands there: of all rows, not of a split of them, as a value that is found in
 * the test rows alone would otherwise be missing from the categories.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { type DataSource, textOf } from '../../datasources/index.ts';
import type { VocabularyRows } from '../../protocols/index.ts';

/** A column with more different values is no column of categories. */
const MOST_VALUES = 100_000;

/**
 * One of `columns` each, in that order; empty cells are no values.
 * @throws KonsilError DATA_UNSUPPORTED naming a column with more than {@link MOST_VALUES} different values.
 */
export async function readVocabularies(
  source: DataSource,
  columns: readonly string[],
  signal: AbortSignal,
): Promise<VocabularyRows[]> {
  const read = columns.map((name) => ({ name, rows: 0, values: new Map<string, number>() }));
  if (read.length === 0) return read;
  for await (const batch of source.yieldData(10_000, signal))
    for (const column of read) {
      for (const cell of batch.columns[column.name] ?? []) {
        const text = textOf(cell);
        if (text === '') continue;
        column.rows++;
        column.values.set(text, (column.values.get(text) ?? 0) + 1);
      }
      if (column.values.size > MOST_VALUES)
        throw new KonsilError(
          'DATA_UNSUPPORTED',
          `column "${column.name}" has more than ${MOST_VALUES} different values; a vocabulary is of categories`,
        );
    }
  return read;
}
