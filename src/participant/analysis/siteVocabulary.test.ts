import { describe, expect, it } from 'vitest';
import type { DataSource, Value } from '../../datasources/index.ts';
import { readVocabularies } from './siteVocabulary.ts';

/** A source of one column; nothing else of it is read. */
function sourceOf(batches: readonly (readonly Value[])[]): DataSource {
  return {
    // oxlint-disable-next-line require-await
    async *yieldData() {
      for (const cells of batches) yield { keys: cells.map((_, i) => i), columns: { word: cells } };
    },
  } as Partial<DataSource> as DataSource;
}
const { signal } = new AbortController();

describe('readVocabularies', () => {
  it('counts cells as text, over batches; empty ones are no values', async () => {
    const [word] = await readVocabularies(
      sourceOf([
        ['a', 3, null, ''],
        [3, '3', 1.5],
      ]),
      ['word'],
      signal,
    );
    expect(word!.rows).toBe(5);
    expect(Object.fromEntries(word!.values)).toEqual({ a: 1, '3': 3, '1.5': 1 });
  });

  it('gives up on a column that is no column of categories, and names no value', async () => {
    const batches = Array.from({ length: 11 }, (_, b) => Array.from({ length: 10_000 }, (_x, i) => `id-${b}-${i}`));
    const reading = readVocabularies(sourceOf(batches), ['word'], signal);
    await expect(reading).rejects.toMatchObject({
      code: 'DATA_UNSUPPORTED',
      message: expect.not.stringMatching(/id-/),
    });
  });

  it('reads nothing for no columns', async () => {
    expect(await readVocabularies({} as DataSource, [], signal)).toEqual([]);
  });
});
