/**
 * `konsil.blob_store` of a task and `blob_store` of a pod: a store behind the S3 interface that large blobs may go through.
 * @module
 */
import { z } from 'zod';
import { resolvePath } from './configFile.ts';
import { refused, text } from './keys.ts';

const inFile = 'write it to a file and name that';
export const blobStore = z
  .strictObject({
    endpoint: z
      .string()
      .regex(
        /^https?:\/\/[^\s/?#@]+\/?$/,
        'expected an address such as https://s3.example or https://minio.example:9000',
      )
      .meta({ description: 'The S3 interface, with the bucket in the path of requests, not in the name of the host.' }),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of a bucket'),
    region: text.default('us-east-1'),
    access_key_file: text.meta({ description: 'File that holds the access key and nothing else.' }),
    secret_key_file: text.meta({ description: 'File that holds the secret key and nothing else.' }),
    access_key: refused(inFile),
    secret_key: refused(inFile),
    prefix: z
      .string()
      .regex(/^([A-Za-z0-9_-][A-Za-z0-9._-]*\/){0,8}$/, 'expected folders that end with "/"')
      .default('konsil/')
      .meta({ description: 'Before the names of all objects. The same for all parties, as bucket and endpoint.' }),
    minimum_bytes: z
      .int()
      .min(1)
      .default(1 << 20)
      .meta({ description: 'Smaller blobs go through the broker.' }),
  })
  .meta({
    description:
      'A store for parameters and vectors that are large. It gets sealed bytes only; the broker carries them when it fails. Default: none.',
  });

/** The store as the program uses it; paths absolute. */
export interface BlobStoreSettings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyFile: string;
  readonly secretKeyFile: string;
  readonly prefix: string;
  readonly minimumBytes: number;
}

/** Settings of a file in `folder`. */
export function blobStoreOf(store: z.output<typeof blobStore>, folder: string): BlobStoreSettings {
  const { endpoint, bucket, region, prefix } = store;
  return {
    ...{ endpoint, bucket, region, prefix, minimumBytes: store.minimum_bytes },
    accessKeyFile: resolvePath(folder, store.access_key_file),
    secretKeyFile: resolvePath(folder, store.secret_key_file),
  };
}
