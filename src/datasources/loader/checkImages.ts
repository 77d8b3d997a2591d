/**
 * Whether all images of a dataset can be decoded: reading a file's header does not tell.
 * @module
 */
import { isKonsilError, throwIfCancelled } from '../../base/index.ts';
import { type DataSource, isImage, type ScanProgress, type UnreadableFile } from '../dataSource.ts';
import { ImageReader } from './imageReader.ts';

/**
 * Decodes every image once; the rows that have one for which this fails, under the names they have at the site.
 * @throws KonsilError CANCELLED between two images.
 */
export async function checkImages(
  source: DataSource,
  {
    signal,
    onProgress,
  }: { readonly signal?: AbortSignal; readonly onProgress?: (progress: ScanProgress) => void } = {},
): Promise<readonly UnreadableFile[]> {
  const columns = source.schema.columns.filter(({ dataType }) => dataType === 'image').map(({ name }) => name);
  const total = columns.length === 0 ? 0 : source.rowCount;
  const reader = new ImageReader();
  const found: UnreadableFile[] = [];
  const started = performance.now();
  let done = 0;
  if (total === 0) return [];
  for await (const { keys, columns: cells } of source.yieldData(100, signal))
    for (const [i, key] of keys.entries()) {
      for (const column of columns) {
        throwIfCancelled(signal);
        const value = cells[column]![i] ?? null;
        if (!isImage(value)) continue;
        try {
          await reader.decode(value);
        } catch (error) {
          if (!isKonsilError(error)) throw error;
          found.push({ name: source.nameOf(key), code: error.code });
          break; // one is enough for the row to be left out
        }
      }
      done++;
      const seconds = (performance.now() - started) / 1_000;
      onProgress?.({ unit: 'images', done, total, secondsLeft: (seconds / done) * (total - done) });
    }
  return found;
}
