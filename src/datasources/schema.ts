/**
 * The schema of a dataset: names and kinds of its columns and its size, and no value but those the site releases.
 * @module
 */

import { z } from 'zod';
import { KonsilError, printable } from '../base/index.ts';

/** What a column means. Whole numbers are continuous unless forced. @source spec/platform.md §4.2 */
export type SemanticType = 'categorical' | 'continuous' | 'text' | 'image';
/** What a column holds. */
export type DataType = 'integer' | 'number' | 'boolean' | 'date' | 'text' | 'image';

export interface ColumnSchema {
  readonly name: string;
  readonly dataType: DataType;
  readonly semanticType: SemanticType;
  /** What the site says of it. */
  readonly description?: string | undefined;
  /** Values that the site lets modellers know, sorted. */
  readonly categories?: readonly string[] | undefined;
}

/** Plain JSON. */
export interface Schema {
  readonly name: string;
  /** What the site calls it, and says of it, for people. */
  readonly displayName?: string | undefined;
  readonly description?: string | undefined;
  readonly datasource: string;
  readonly rowCount: number;
  /** Of the first files alone: the others are still being read. */
  readonly partial?: boolean | undefined;
  readonly columns: readonly ColumnSchema[];
}

/** Type inferred for a column of which `numberShare` in [0, 1] of the values are numbers. */
export function semanticTypeOf(dataType: DataType, numberShare: number): SemanticType {
  // mostly numbers means numbers with mistakes in them: reported when used, rather than silently read as text
  return dataType === 'integer' || dataType === 'number' || numberShare >= 0.5 ? 'continuous' : 'text';
}

/** Released values of a column, and characters of each. */
export const MOST_RELEASED = 1_000;
export const LONGEST_RELEASED = 200;

const name = z.string().min(1).max(1_000).transform(printable);
const words = z.string().max(1_000).transform(printable).optional();
const category = z
  .string()
  .min(1)
  .max(LONGEST_RELEASED)
  .refine((value) => printable(value) === value);
const SchemaJson: z.ZodType<Schema> = z.object({
  name,
  displayName: words,
  description: words,
  datasource: name,
  // a pod may leave it out: how many rows a site has is for the sums to hide
  rowCount: z.int().min(0).default(0),
  partial: z.boolean().optional(),
  columns: z
    .array(
      z.object({
        name,
        dataType: z.enum(['integer', 'number', 'boolean', 'date', 'text', 'image']),
        semanticType: z.enum(['categorical', 'continuous', 'text', 'image']),
        description: words,
        categories: z.array(category).max(MOST_RELEASED).optional(),
      }),
    )
    .max(100_000),
});

/** The schema in JSON of another party. @throws KonsilError PROTOCOL_VIOLATION when it is none. */
export function parseSchema(json: string): Schema {
  try {
    return SchemaJson.parse(JSON.parse(json));
  } catch (cause) {
    throw new KonsilError('PROTOCOL_VIOLATION', 'not a schema of a dataset', {}, { cause });
  }
}
