/**
 * Cells of attributes, by their value representation.
 * @module
 */
import type { Cell } from '../../dataSource.ts';
import type { DataSet } from './dataSet.ts';
import type { Element } from './parser.ts';

/** Most tags of one value that are shown. */
const MAX_TAGS = 256;

const DATE = /^(\d{4})[.]?(\d{2})[.]?(\d{2})$/;

/** Cell of an attribute; undefined when it is not shown. */
export function cellOf(dataSet: DataSet, element: Element): Cell | undefined {
  const { tag } = element;
  switch (dataSet.kindOf(element)) {
    case 'number': {
      const numbers = dataSet.numbers(tag);
      // one number, or none, or a text in its place
      if (numbers.length < 2) return Number.isFinite(numbers[0]) ? numbers[0]! : null;
      return numbers.map((value) => (Number.isFinite(value) ? String(value) : '')).join('\\');
    }
    case 'tag': {
      const halves = dataSet.bytesOf(tag);
      return halves === undefined || halves.length < 4 ? null : tagsOf(halves, dataSet.encoding.littleEndian);
    }
    case 'text': {
      const texts = dataSet.texts(tag);
      if (texts.length === 0) return null;
      return dataSet.vrOf(element) === 'DA' ? texts.map(dateText).join('\\') : texts.join('\\');
    }
    default:
      return undefined;
  }
}

/** YYYY-MM-DD of a day that exists; anything else as it is. Older files part the numbers with dots. */
export function dateText(text: string): string {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return text;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return isDay ? `${year}-${month}-${day}` : text;
}

function tagsOf(bytes: Uint8Array, littleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number): string => view.getUint16(at, littleEndian).toString(16).padStart(4, '0').toUpperCase();
  const tags: string[] = [];
  const end = Math.min(bytes.length, 4 * MAX_TAGS);
  for (let at = 0; at + 4 <= end; at += 4) tags.push(`(${half(at)},${half(at + 2)})`);
  return tags.join('\\');
}
