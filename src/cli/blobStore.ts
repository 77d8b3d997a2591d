/** The blob store of a file's settings. @module */
import { readFileSync } from 'node:fs';
import { KonsilError } from '../base/index.ts';
import type { BlobStoreSettings } from '../tasks/index.ts';
import { S3Store, type StoreOptions } from '../transport/index.ts';

/** Nothing is asked of the store until something is large enough. @throws KonsilError FILE_NOT_FOUND for a key that cannot be read. */
export function blobStoreOptions(settings: BlobStoreSettings): StoreOptions {
  const { endpoint, bucket, region, prefix, minimumBytes } = settings;
  const [accessKey, secretKey] = [settings.accessKeyFile, settings.secretKeyFile].map(readKey) as [string, string];
  return { store: new S3Store({ endpoint, bucket, region, prefix, accessKey, secretKey }), minimumBytes };
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${file}: cannot read the blob store's key`, { file }, { cause });
  }
}
