import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { type DatasourceConfig, type OpenDataset, openDataset, type ScanProgress } from '../datasources/index.ts';
import { FirstReading } from './firstReading.ts';
import type { PodNotice } from './notices.ts';

const IMAGES = 30;

async function folderOf(count: number): Promise<DatasourceConfig> {
  const path = tempFolder();
  const pixels = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  for (let i = 0; i < count; i++) writeFileSync(join(path, `${String(i).padStart(2, '0')}.png`), pixels);
  return { name: 'scans', datasource: 'ImageSource', path, cacheFile: join(tempFolder(), 'scans.db') };
}

/** Reads as `openDataset` does, but stops at the first file until it is let go. */
function stopped(progress: Partial<ScanProgress>): { open: OpenDataset; go: () => void } {
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const open: OpenDataset = async (config, options = {}) => {
    if (options.isPartial || !options.onProgress) return openDataset(config, options);
    options.onProgress({ done: 1, total: IMAGES, secondsLeft: 0, ...progress });
    await gate;
    return openDataset(config, options);
  };
  return { open, go };
}

it('shows columns of the first files while the others are read, and all rows to whoever waits', async () => {
  const config = await folderOf(IMAGES);
  const { open, go } = stopped({});
  const reading = new FirstReading(open, () => undefined);
  reading.begin([config]);
  const first = await reading.partial(config);
  expect(first.schema.partial).toBe(true);
  expect(first.schema.columns.map(({ name }) => name)).toContain('Pixel Data');
  expect(first.rowCount).toBeLessThan(IMAGES);
  first.close();
  const waiting = reading.whole(config);
  go();
  const whole = await waiting;
  expect(whole.rowCount).toBe(IMAGES);
  expect(whole.schema.partial).toBeUndefined();
  whole.close();
  const later = await reading.partial(config);
  expect(later.schema.partial).toBeUndefined();
  later.close();
});

it('does not let a task wait for long, and says how far it is', async () => {
  const config = await folderOf(1);
  const { open, go } = stopped({ done: 7, total: 9_000, secondsLeft: 600 });
  const reading = new FirstReading(open, () => undefined);
  const next = { ...(await folderOf(1)), name: 'more' } as DatasourceConfig;
  reading.begin([config, next]);
  await reading.partial(config).then((source) => source.close());
  await expect(reading.whole(next)).rejects.toMatchObject({
    code: 'DATA_NOT_READ',
    message: 'dataset "more" is read for the first time: after another one, about 10 min left',
  });
  await expect(reading.whole(config)).rejects.toMatchObject({
    code: 'DATA_NOT_READ',
    message: 'dataset "scans" is read for the first time: 7 of 9000 files, about 10 min left',
  });
  go();
  await reading.stop();
});

it('goes on where it was stopped, and tells the operator of a folder that cannot be read', async () => {
  const config = await folderOf(IMAGES);
  const told: PodNotice[] = [];
  const seen: number[] = [];
  let reading: FirstReading | undefined;
  const counting: OpenDataset = (one, options = {}) =>
    openDataset(one, {
      ...options,
      onProgress: (progress) => {
        seen.push(progress.done);
        options.onProgress?.(progress);
        if (progress.done === 10) void reading?.stop();
      },
    });
  reading = new FirstReading(counting, (notice) => told.push(notice));
  reading.begin([config]);
  await expect(reading.whole(config).then((source) => source.close())).resolves.toBeUndefined();
  expect(told).toEqual([]);
  expect(seen.indexOf(10)).toBeLessThan(seen.length - 1);
  const nowhere = { ...config, name: 'gone', path: '/nowhere' } as DatasourceConfig;
  const other = new FirstReading(openDataset, (notice) => told.push(notice));
  other.begin([nowhere]);
  await expect(other.whole(nowhere)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  expect(told).toMatchObject([{ type: 'problem', reason: expect.stringContaining('dataset "gone"') as string }]);
});
