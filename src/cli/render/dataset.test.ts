/** A dataset for its owner's eyes: frames on one line, small counts hidden, unreadable files listed and not without bound. */
import { describe, expect, it } from 'vitest';
import { type ColumnContents, columnLines, contentLines } from './dataset.ts';

const image = (name: string, missing = 0): ColumnContents => ({ name, type: 'image', missing });
const contents = { rows: 20, patients: null, files: 20, skipped: {}, hidden: [], unreadable: [], columns: [] };

describe('columns of a dataset', () => {
  it('are one line for frames that follow each other', () => {
    const number: ColumnContents = { name: 'Echo 1', type: 'continuous', missing: 0 };
    const columns = [
      ...[number, { ...number, name: 'Echo 2' }],
      ...Array.from({ length: 25 }, (_, i) => image(`Pixel Data ${i}`, i)),
      ...[image('Pixel Data 30'), image('SLO 31'), image('SLO 32')],
    ];
    expect(columnLines(columns).map(({ label, type, missing }) => [label, type, missing])).toEqual([
      ['Echo 1', 'continuous', 0],
      ['Echo 2', 'continuous', 0],
      ['Pixel Data 0 … 24', 'image', 24],
      ['Pixel Data 30', 'image', 0],
      ['SLO 31 … 32', 'image', 0],
    ]);
  });

  it('are listed without control characters, and no list is endless', () => {
    const files = Array.from({ length: 100 }, (_, i) => ({ name: `\u001b]0;${i}.png`, code: 'DATA_INVALID' }));
    const values = { shown: [{ value: 'a\u0007', rows: 10 }], suppressed: 3 };
    const columns: ColumnContents[] = [{ name: 'ward', type: 'text', missing: 0, values, description: 'where' }];
    const lines = [...contentLines({ ...contents, columns, unreadable: files, undecodable: files }, 10)];
    const text = lines.join('\n');
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(text).toContain('ward  text   where');
    expect(text).toContain('3 more, each of fewer than 10 rows or patients');
    expect(text).toContain('100 of 20 rows have an image that cannot be decoded');
    expect(lines.filter((line) => line.includes('png'))).toHaveLength(120);
  });
});
