/**
 * Columns of a data set: its attributes under the standard's keywords, and who the patient is.
 * @module
 */
import type { Cell } from '../../dataSource.ts';
import { cellOf } from './cells.ts';
import type { DataSet } from './dataSet.ts';
import { findAttribute } from './dictionary.ts';
import { functionalGroupCells } from './functionalGroups.ts';

/**
 * A cell for every attribute of the standard that is no sequence and no bytes: one number as a number, one date as
 * YYYY-MM-DD, several values as text with backslashes between, nothing when the value is empty.
 */
export function columnsOf(meta: DataSet, dataSet: DataSet): Readonly<Record<string, Cell>> {
  const columns: Record<string, Cell> = {};
  for (const source of [meta, dataSet])
    for (const tag in source.elements) {
      // lengths of groups say nothing of the file's contents
      const keyword = tag.endsWith('0000') ? undefined : findAttribute(tag)?.keyword;
      if (keyword === undefined) continue;
      const cell = cellOf(source, source.elements[tag]!);
      if (cell !== undefined) columns[keyword] = cell;
    }
  for (const [keyword, cell] of functionalGroupCells(dataSet)) columns[keyword] ??= cell;
  return columns;
}

/** Issuer and number, or name and birth date where there is no number; undefined when the file names nobody. */
export function patientOf(dataSet: DataSet): string | undefined {
  const id = dataSet.text('x00100020');
  if (id) return `${dataSet.text('x00100021') ?? ''}|${id}`;
  const name = dataSet.text('x00100010');
  return name ? `${name}|${dataSet.text('x00100030') ?? ''}` : undefined;
}
