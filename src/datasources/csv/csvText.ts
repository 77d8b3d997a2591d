/**
 * The few things about CSV text that must be known before DuckDB reads it: names, delimiter, lines of records.
 * @module
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { KonsilError } from '../../base/index.ts';
import type { CsvReading } from '../dataSource.ts';

const HEAD_CHARS = 1 << 20;
const DELIMITERS = [',', ';', '\t', '|'] as const;

/** What a file looks like at its beginning. */
export interface CsvHead {
  readonly gzip: boolean;
  readonly delimiter: string;
  readonly names: readonly string[];
}

/** Whether the file begins with the gzip magic number, whatever its name. */
async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** Text of the file, decompressed, without byte order mark. @throws KonsilError DATA_INVALID when not UTF-8 or gzip. */
async function* readText(
  path: string,
  gzip: boolean,
  encoding: CsvReading['encoding'] = 'utf-8',
): AsyncGenerator<string> {
  const file = createReadStream(path);
  const bytes = gzip ? file.pipe(createGunzip()) : file;
  if (gzip) file.once('error', (error) => bytes.destroy(error));
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    // TextDecoder takes "latin-1" for Windows-1252
    for await (const chunk of bytes as AsyncIterable<Buffer>)
      yield encoding === 'latin-1' ? chunk.toString('latin1') : decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw invalid(path, 'is not UTF-8 text; save it as UTF-8');
    throw invalid(path, gzip ? 'cannot be decompressed; expected a whole gzip file' : 'cannot be read');
  } finally {
    file.destroy();
  }
}

/** Names and delimiter. @throws KonsilError DATA_INVALID or DATA_EMPTY. */
export async function readHead(
  path: string,
  delimiter: string | undefined,
  reading: CsvReading = {},
): Promise<CsvHead> {
  const gzip = await isGzip(path);
  let head = '';
  for await (const chunk of readText(path, gzip, reading.encoding)) {
    head += chunk;
    if (head.length >= HEAD_CHARS) break;
  }
  head = withoutLines(head, reading.skipRows ?? 0);
  const { hasHeader = true } = reading;
  if (head.trim() === '')
    throw new KonsilError(
      'DATA_EMPTY',
      `${path} is empty; expected a line of ${hasHeader ? 'column names' : 'values'}`,
      { file: path },
    );
  const used = delimiter ?? findDelimiter(head, reading);
  const first = fieldsOf(head, used, reading)[0]?.map((name) => name.trim());
  if (first === undefined) throw invalid(path, 'has comments only in its first MB; expected column names or values');
  if (reading.names !== undefined && reading.names.length !== first.length)
    throw invalid(
      path,
      `has ${first.length} fields in its first record; expected ${reading.names.length}, as names has`,
    );
  const names = reading.names ?? first;
  checkNames(path, names, hasHeader && reading.names === undefined);
  return { gzip, delimiter: used, names };
}

function withoutLines(text: string, count: number): string {
  const lines = /\r\n|\n|\r/g;
  for (let i = 0; i < count; i++) if (lines.exec(text) === null) return '';
  return text.slice(lines.lastIndex);
}

function checkNames(path: string, names: readonly string[], areRead: boolean): void {
  if (areRead && names.every((name) => name !== '' && Number.isFinite(Number(name))))
    throw invalid(path, 'has numbers in its first line; expected column names');
  const nameless = names.indexOf('');
  if (nameless >= 0)
    throw invalid(path, `has no name for column ${nameless + 1}; expected a name for every column in line 1`);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw invalid(path, `has two columns named "${twice}"; expected different names`);
}

export function invalid(path: string, message: string): KonsilError {
  return new KonsilError('DATA_INVALID', `${path} ${message}`, { file: path });
}

/** The delimiter that cuts the first records into equally many fields, the most of them. */
function findDelimiter(head: string, reading: CsvReading): string {
  let best: string = ',';
  let bestScore = 1;
  for (const delimiter of DELIMITERS) {
    const records = fieldsOf(head, delimiter, reading, 10);
    const width = records[0]?.length ?? 0;
    // the last record may be cut off by the end of the head
    const even = records.slice(1, -1).every((record) => record.length === width);
    const score = width + (even ? 1e6 : 0);
    if (width > 1 && score > bestScore) [best, bestScore] = [delimiter, score];
  }
  return best;
}

/** Fields of the first records, quotes resolved. */
function fieldsOf(
  text: string,
  delimiter: string,
  { quote = '"', escape = quote, comment }: CsvReading,
  maxRecords = 1,
): string[][] {
  const records: string[][] = [];
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length && records.length < maxRecords; i++) {
    const ch = text[i]!;
    if (quoted) {
      if (ch === escape && (text[i + 1] === quote || text[i + 1] === escape)) field += text[++i]!;
      else if (ch === quote) quoted = false;
      else field += ch;
    } else if (ch === quote && field === '') quoted = true;
    else if (ch === comment) i = endOfLine(text, i) - 1;
    else if (ch === delimiter) {
      fields.push(field);
      field = '';
    } else if (ch === '\n' || ch === '\r') {
      if (fields.length > 0 || field !== '') records.push([...fields, field]);
      fields = [];
      field = '';
    } else field += ch;
  }
  if (records.length < maxRecords && (fields.length > 0 || field !== '')) records.push([...fields, field]);
  return records;
}

function endOfLine(text: string, from: number): number {
  const breaks = /[\n\r]/g;
  breaks.lastIndex = from;
  return breaks.exec(text)?.index ?? text.length;
}

/** Line, from 1, on which data record `index` (from 0, header not counted) begins; undefined when there is no such. */
export async function findRecordLine(path: string, gzip: boolean, index: number): Promise<number | undefined> {
  let line = 1;
  let record = -2; // the first record found is the header, -1
  let quoted = false;
  let atStart = true;
  let afterReturn = false;
  for await (const chunk of readText(path, gzip)) {
    for (const ch of chunk) {
      const isBreak = ch === '\n' || ch === '\r';
      const isSecondHalf = ch === '\n' && afterReturn;
      afterReturn = ch === '\r';
      if (!isBreak && atStart) {
        atStart = false;
        if (++record === index) return line;
      }
      if (ch === '"') quoted = !quoted;
      if (isBreak && !isSecondHalf) line++;
      if (isBreak && !quoted) atStart = true;
    }
  }
  return undefined;
}
