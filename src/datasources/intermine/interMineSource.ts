/**
 * Rows of a template query of an InterMine server as a table: fetched once, page by page, when the source is opened.
 * @module
 */
import type { DuckDBValue } from '@duckdb/node-api';
import { KonsilError } from '../../base/index.ts';
import { checkOptions, hiddenColumns, LoadedSource, namesOf } from '../csv/loadedSource.ts';
import type { LoadedTable } from '../csv/loadedTable.ts';
import {
  findTooLarge,
  openTableDatabase,
  type TableDatabase,
  type TableDatabaseOptions,
} from '../csv/tableDatabase.ts';
import type { InterMineConfig } from '../dataSource.ts';
import { parseHttpUrl } from '../http/httpGet.ts';
import type { DataType } from '../schema.ts';
import { readSecretFile } from '../secretFile.ts';
import { InterMineService, type Model, type ServedCell, type Template } from './service.ts';

/** What servers give at once without complaint. */
const PAGE_ROWS = 10_000;
/** A server that goes on for ever is stopped. */
const MAX_ROWS = 20_000_000;
const CHUNK_ROWS = 2_000;

export type InterMineOptions = Omit<InterMineConfig, 'datasource'> &
  TableDatabaseOptions & {
    /** Rows asked for at once. @default 10_000 */
    readonly pageRows?: number;
    readonly signal?: AbortSignal | undefined;
  };

export class InterMineSource extends LoadedSource {
  /**
   * Fetches all rows.
   * @throws KonsilError CONFIG_INVALID, FILE_NOT_FOUND for a token's file, DATA_UNREACHABLE, DATA_INVALID, DATA_EMPTY,
   *   DATA_UNSUPPORTED when it is too large, DATA_COLUMN_MISSING or CANCELLED.
   */
  static async open(options: InterMineOptions): Promise<InterMineSource> {
    const { name, serviceUrl, templateName, token, signal } = options;
    const url = parseHttpUrl(serviceUrl, `dataset "${name}"`);
    if (url.protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
      throw new KonsilError('CONFIG_INVALID', `dataset "${name}": expected https:// for another machine`);
    const secret = token && ('file' in token ? await readSecretFile(token.file) : token.string);
    const service = new InterMineService(url, secret, signal);
    const template = await service.template(templateName);
    const { view } = template;
    if (new Set(view).size < view.length)
      throw new KonsilError('DATA_INVALID', `${service.label}: the template "${templateName}" has a column twice`);
    checkOptions(options, service.label, view, []);
    const model = await service.model();
    const database = await openTableDatabase(options);
    try {
      const table = await loadPages(database, service, template, model, options);
      checkOptions(options, service.label, namesOf(table), table.nested);
      const hidden = await hiddenColumns(database.connection, table, options);
      return new InterMineSource(options, { kind: 'InterMineSource', label: service.label, table, hidden }, database);
    } catch (error) {
      database.close();
      if (error instanceof KonsilError) throw error;
      throw findTooLarge(service.label, database, error) ?? error;
    }
  }
}

interface ServedColumn {
  readonly name: string;
  readonly id: string;
  readonly dataType: DataType;
}

async function loadPages(
  { connection }: TableDatabase,
  service: InterMineService,
  template: Template,
  model: Model,
  { templateName, pageRows = PAGE_ROWS }: InterMineOptions,
): Promise<LoadedTable> {
  const { DOUBLE, DuckDBDataChunk, VARCHAR } = await import('@duckdb/node-api');
  const columns = template.view.map((name, i) => ({ name, id: `c${i}`, dataType: typeOf(name, model) }));
  const isText = columns.map(({ dataType }) => dataType === 'text' || dataType === 'boolean');
  const definitions = columns.map(({ id }, i) => `${id} ${isText[i] ? 'VARCHAR' : 'DOUBLE'}`);
  await connection.run(`CREATE TABLE data (${definitions.join(', ')})`);
  await connection.run('SET enable_external_access = false');
  const appender = await connection.createAppender('data');
  let rowCount = 0;
  // servers may give fewer rows than asked: only a page without any is the last
  for (;;) {
    const rows = await service.rows(templateName, template, rowCount, pageRows);
    if (rows.length === 0) break;
    rowCount += rows.length;
    if (rowCount > MAX_ROWS)
      throw new KonsilError('DATA_UNSUPPORTED', `${service.label} sends more than ${MAX_ROWS} rows`);
    for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
      const part = rows.slice(from, from + CHUNK_ROWS);
      const chunk = DuckDBDataChunk.create(
        isText.map((text) => (text ? VARCHAR : DOUBLE)),
        part.length,
      );
      columns.forEach((column, i) => {
        chunk.setColumnValues(
          i,
          part.map((row) => valueOf(row[i]!, column, service.label)),
        );
      });
      appender.appendDataChunk(chunk);
    }
  }
  appender.closeSync();
  if (rowCount === 0)
    throw new KonsilError('DATA_EMPTY', `${service.label}: the template "${templateName}" gives no rows`);
  const known = columns.map((column, i) => ({ ...column, numberShare: isText[i] ? 0 : 1 }));
  return { rowCount, columns: known, nested: [] };
}

/** Types of Java in the model; what the model does not have, as attributes of subclasses, is text. */
const TYPES: ReadonlyMap<string, DataType> = new Map([
  ...['int', 'short', 'long', 'Integer', 'Short', 'Long'].map((name) => [name, 'integer'] as const),
  ...['float', 'double', 'Float', 'Double', 'BigDecimal'].map((name) => [name, 'number'] as const),
  ...['boolean', 'Boolean'].map((name) => [name, 'boolean'] as const),
]);

/** @param view - `Class.reference.attribute`. */
function typeOf(view: string, { classes }: Model): DataType {
  const [root = '', ...path] = view.split('.');
  const attribute = path.pop() ?? '';
  let name: string | undefined = root;
  for (const step of path) {
    const at: Model['classes'][string] | undefined = ownOf(classes, name);
    name = (ownOf(at?.references, step) ?? ownOf(at?.collections, step))?.referencedType;
  }
  const type = ownOf(ownOf(classes, name)?.attributes, attribute)?.type;
  return TYPES.get(type?.split('.').at(-1) ?? '') ?? 'text';
}

/** A name of the server's may be one that every object has. */
function ownOf<T>(record: Readonly<Record<string, T>> | undefined, key: string | undefined): T | undefined {
  return record !== undefined && key !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function valueOf(cell: ServedCell, { name, dataType }: ServedColumn, label: string): DuckDBValue {
  if (cell === null) return null;
  const wrong = (expected: string): KonsilError =>
    new KonsilError('DATA_INVALID', `${label}, column "${name}": expected ${expected}, as the model says`, {
      column: name,
    });
  if (dataType === 'integer' || dataType === 'number') {
    if (typeof cell !== 'number') throw wrong('numbers');
    if (dataType === 'integer' && !Number.isSafeInteger(cell)) throw wrong('whole numbers of at most 2^53 - 1');
    return cell;
  }
  const text = String(cell).split('\0')[0]!.replace(/\p{C}/gu, ' ').trim();
  return text === '' ? null : text;
}
