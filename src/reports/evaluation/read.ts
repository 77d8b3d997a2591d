/**
 * Reads a record back: from evaluation.json, or out of a report's page.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { EvaluationResult } from './record.ts';
import { EvaluationRecord } from './schema.ts';

const OPEN = '<script type="application/json" id="record">';
const CLOSE = '</script>';

/** The record as an element of a page; nothing in it can end the element or steer a viewer. */
export function recordElement(result: EvaluationResult): string {
  const json = JSON.stringify(result).replace(
    /[<>&\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (ch) => `\\u${ch.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${OPEN}${json}${CLOSE}`;
}

/**
 * The record in `text`: evaluation.json, or a page with the record in it.
 * @param name - Of the file, for messages.
 * @throws KonsilError REPORT_INVALID naming the file, the place in the record, and what is wrong with it.
 */
export function readEvaluation(text: string, name = 'the report'): EvaluationResult {
  const isPage = text.trimStart().startsWith('<');
  let value: unknown;
  try {
    value = JSON.parse(isPage ? recordIn(text, name) : text);
  } catch (cause) {
    if (cause instanceof KonsilError) throw cause;
    throw new KonsilError(
      'REPORT_INVALID',
      `${name}: expected a record in JSON${isPage ? ' inside the page' : ''}`,
      {},
      { cause },
    );
  }
  const read = EvaluationRecord.safeParse(value);
  if (read.success) return value as EvaluationResult; // as it is, so that keys keep their order
  const { path, message } = read.error.issues[0]!;
  throw new KonsilError('REPORT_INVALID', `${name}: ${placeOf(path)}: ${message}`);
}

/** Text of the embedded record, of which a page has one: text of names is escaped and cannot pass for another. */
function recordIn(page: string, name: string): string {
  const from = page.indexOf(OPEN);
  const to = page.indexOf(CLOSE, from);
  if (from < 0 || to < 0 || page.indexOf(OPEN, from + 1) >= 0)
    throw new KonsilError('REPORT_INVALID', `${name}: expected a page with one record of an evaluation in it`);
  return page.slice(from + OPEN.length, to);
}

/** `findings[0].pooled` of a path; `the record` at the top. */
function placeOf(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? 'the record' : text.replace(/^\./, '');
}
