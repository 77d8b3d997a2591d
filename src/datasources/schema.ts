/**
 * The schema of a dataset: names and kinds of its columns and its size, never a value.
 * @module
 */

/** What a column means. Whole numbers are continuous unless forced. @source spec/platform.md §4.2 */
export type SemanticType = 'categorical' | 'continuous' | 'text';
/** What a column holds. */
export type DataType = 'integer' | 'number' | 'boolean' | 'date' | 'text';

export interface ColumnSchema {
  readonly name: string;
  readonly dataType: DataType;
  readonly semanticType: SemanticType;
}

/** Plain JSON. */
export interface Schema {
  readonly name: string;
  readonly datasource: string;
  readonly rowCount: number;
  readonly columns: readonly ColumnSchema[];
}

/** Type inferred for a column of which `numberShare` in [0, 1] of the values are numbers. */
export function semanticTypeOf(dataType: DataType, numberShare: number): SemanticType {
  // mostly numbers means numbers with mistakes in them: reported when used, rather than silently read as text
  return dataType === 'integer' || dataType === 'number' || numberShare >= 0.5 ? 'continuous' : 'text';
}
