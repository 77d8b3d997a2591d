/**
 * How a pod's file says that CSV text is read: by the names that pandas has for it.
 * @source https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html
 * @module
 */
import { z } from 'zod';
import { type CsvReading, DEFAULT_NULL_VALUES } from '../datasources/index.ts';
import type { Path, Problem } from './configFile.ts';
import { text } from './keys.ts';

const character = z
  .string()
  .length(1)
  .regex(/[^\r\n\0]/, 'expected one character');
const DELIMITERS = [',', ';', '\t', '|'] as const;
const delimiter = z.enum(DELIMITERS);
const TEXT_TYPES = ['str', 'string', 'object', 'category'] as const;
const NUMBER_TYPES = ['float', 'float32', 'float64', 'int', 'int32', 'int64', 'Int64'] as const;

/** What of `pandas.read_csv` can be said here. */
export const readCsvKwargs = z
  .strictObject({
    sep: delimiter.optional(),
    delimiter: delimiter.optional(),
    header: z
      .union([z.literal('infer'), z.literal(0)])
      .nullable()
      .optional(),
    names: z.array(text).min(1).optional(),
    usecols: z.array(text).min(1).optional(),
    dtype: z.record(text, z.enum([...TEXT_TYPES, ...NUMBER_TYPES])).optional(),
    na_values: z.union([z.string().max(100), z.array(z.string().max(100)).max(100)]).optional(),
    skiprows: z.int().min(0).max(1_000_000).optional(),
    nrows: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
    encoding: z.enum(['utf-8', 'utf8', 'utf-8-sig', 'latin-1', 'latin1', 'iso-8859-1']).optional(),
    quotechar: character.optional(),
    escapechar: character.optional(),
    decimal: z.enum(['.', ',']).optional(),
    thousands: z.enum([',', '.', ' ', "'", '_']).optional(),
    comment: character.optional(),
    compression: z.enum(['infer', 'gzip']).nullable().optional().meta({ description: 'Found out from the file.' }),
  })
  .meta({
    description:
      'CSVSource: as pandas.read_csv has them; those that are not listed are refused. na_values come besides the default ones.',
  });
export type ReadCsvKwargs = z.output<typeof readCsvKwargs>;

/** Options of a source of CSV text. */
export function csvOptionsOf(kwargs: ReadCsvKwargs): {
  readonly delimiter?: (typeof DELIMITERS)[number];
  readonly nullValues?: readonly string[];
  readonly reading?: CsvReading;
} {
  const { sep, delimiter = sep, header, names, usecols, dtype, na_values, skiprows, nrows } = kwargs;
  const { encoding, quotechar, escapechar, decimal, thousands, comment } = kwargs;
  // pandas: names without a header mean that the file has none
  const hasHeader = header === null ? false : header === 0 || names === undefined;
  const types = Object.entries(dtype ?? {}).map(
    ([column, type]) => [column, TEXT_TYPES.some((name) => name === type) ? 'text' : 'number'] as const,
  );
  const reading: CsvReading = {
    ...(quotechar !== undefined && { quote: quotechar }),
    ...(escapechar !== undefined && { escape: escapechar }),
    ...(comment !== undefined && { comment }),
    ...(decimal !== undefined && { decimal }),
    ...(thousands !== undefined && { thousands }),
    ...(encoding !== undefined && !encoding.startsWith('utf') && { encoding: 'latin-1' }),
    ...(skiprows && { skipRows: skiprows }),
    ...(!hasHeader && { hasHeader }),
    ...(names && { names }),
    ...(usecols && { columns: usecols }),
    ...(types.length > 0 && { types: Object.fromEntries(types) }),
    ...(nrows !== undefined && { maxRows: nrows }),
  };
  return {
    ...(delimiter !== undefined && { delimiter }),
    ...(na_values !== undefined && { nullValues: [...DEFAULT_NULL_VALUES, ...[na_values].flat()] }),
    ...(Object.keys(reading).length > 0 && { reading }),
  };
}

/** What of it does not go together. */
export function checkReadCsv(kwargs: ReadCsvKwargs, path: Path): Problem[] {
  const { sep, delimiter = sep, header, names, decimal = '.', thousands } = kwargs;
  const problems: Problem[] = [];
  const fail = (key: keyof ReadCsvKwargs, message: string): void => {
    problems.push({ path: [...path, key], message });
  };
  if (sep !== undefined && kwargs.delimiter !== undefined) fail('delimiter', 'is the same as sep; give one of them');
  if (header === null && names === undefined) fail('header', 'without a line of names, names is required');
  if (thousands === decimal) fail('thousands', 'is also the decimal point');
  const special = [
    [delimiter, 'delimiter'],
    [kwargs.quotechar, 'quotechar'],
    [kwargs.comment, 'comment'],
  ] as const;
  for (const [i, [character, key]] of special.entries())
    if (character !== undefined && special.slice(0, i).some(([other]) => other === character))
      fail(key, 'is a character that already means something else');
  return problems;
}
