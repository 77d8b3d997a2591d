/**
 * Sample pictures beside the repository, against the values that OpenCV's readers give: photographs, and 1200 small ones.
 * @module
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rasterFormat } from './rasterFormat.ts';

const SAMPLES = new URL('../../../../../shared/samples/images/', import.meta.url);
const FIXTURES = new URL('../../../../test/fixtures/raster/', import.meta.url);
const isThere = existsSync(SAMPLES);

describe(isThere ? 'samples' : 'samples: skipped, shared/samples is not beside the repository', () => {
  // made by OpenCV: test/fixtures/raster/make_raster.py
  const expected = JSON.parse(readFileSync(new URL('samples.json', FIXTURES), 'utf8')) as Readonly<
    Record<string, unknown>
  >;
  const whenThere = it.skipIf(!isThere);
  const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
  const hashOf = async (name: string): Promise<string> => {
    const [record] = await rasterFormat.read(new Uint8Array(readFileSync(new URL(name, SAMPLES))), name);
    const { values } = await record!.frame(0);
    return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };

  for (const name of ['photos/china.jpg', 'photos/flower.jpg'])
    whenThere(`of ${name} have the values that OpenCV decodes`, async () => {
      expect(await hashOf(name)).toBe(expected[name]);
    });

  for (const folder of ['digits', 'fashion-mnist'])
    whenThere(`of ${folder} have the values that OpenCV decodes`, async () => {
      const names = readdirSync(new URL(folder, SAMPLES), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.includes('.'))
        .map((name) => `${folder}/${name}`)
        .sort();
      const hashes: string[] = [];
      for (const name of names) hashes.push(await hashOf(name));
      expect({ files: names.length, sha256: sha256(hashes.join('')) }).toEqual(expected[folder]);
    });
});
