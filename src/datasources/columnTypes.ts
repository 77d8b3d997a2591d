/**
 * Types of columns, found out while values go by.
 * @module
 */
import type { Cell } from './dataSource.ts';
import { type ColumnSchema, type DataType, type SemanticType, semanticTypeOf } from './schema.ts';

interface Tally {
  values: number;
  numbers: number;
  integers: number;
  booleans: number;
  dates: number;
}

/** Counts kinds of values by column; holds no value. */
export class ColumnTypes {
  readonly #tallies = new Map<string, Tally>();

  /** Columns with a value so far, by name. */
  get names(): string[] {
    return [...this.#tallies.keys()].sort();
  }

  add(column: string, cell: Cell): void {
    if (cell === null) return;
    let tally = this.#tallies.get(column);
    if (tally === undefined) {
      tally = { values: 0, numbers: 0, integers: 0, booleans: 0, dates: 0 };
      this.#tallies.set(column, tally);
    }
    tally.values++;
    if (typeof cell === 'number') {
      tally.numbers++;
      if (Number.isInteger(cell)) tally.integers++;
    } else if (/^(?:true|false)$/i.test(cell)) tally.booleans++;
    else if (/^\d{4}-\d{2}-\d{2}$/.test(cell)) tally.dates++;
  }

  /** @param forced - Semantic type that the site gives the column. */
  schemaOf(name: string, forced?: SemanticType): ColumnSchema {
    const tally = this.#tallies.get(name);
    const dataType = tally === undefined ? 'text' : dataTypeOf(tally);
    const share = tally === undefined ? 0 : tally.numbers / tally.values;
    return { name, dataType, semanticType: forced ?? semanticTypeOf(dataType, share) };
  }
}

function dataTypeOf({ values, numbers, integers, booleans, dates }: Tally): DataType {
  if (integers === values) return 'integer';
  if (numbers === values) return 'number';
  if (booleans === values) return 'boolean';
  return dates === values ? 'date' : 'text';
}
