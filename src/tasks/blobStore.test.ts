import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePodConfig, parseTask, toWire } from './index.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/breast-cancer');
const TASK = readFileSync(join(EXAMPLE, 'task.yaml'), 'utf8');
const POD = readFileSync(join(EXAMPLE, 'hospital-a.yaml'), 'utf8');
const store = (more = ''): string =>
  `blob_store: { endpoint: 'https://s3.example:9000', bucket: study, access_key_file: a, secret_key_file: b${more} }\n`;
const ofTask = (more?: string) => parseTask(`${TASK}  ${store(more)}`, '/srv/task.yaml');
const ofPod = (more?: string) => parsePodConfig(`${POD}${store(more)}`, '/srv/pod.yaml');

describe('blob_store', () => {
  it('has defaults, and its keys in files beside the configuration', () => {
    const expected = {
      ...{ endpoint: 'https://s3.example:9000', bucket: 'study', region: 'us-east-1', prefix: 'konsil/' },
      ...{ accessKeyFile: '/srv/a', secretKeyFile: '/srv/b', minimumBytes: 1 << 20 },
    };
    expect(ofTask().local.blobStore).toEqual(expected);
    expect(ofPod().blobStore).toEqual(expected);
    expect(parseTask(TASK, '/srv/task.yaml').local.blobStore).toBeUndefined();
  });

  it('is nothing that pods are told', () => {
    expect(JSON.stringify(toWire(ofTask()))).toBe(JSON.stringify(toWire(parseTask(TASK, '/srv/task.yaml'))));
  });

  it.each([
    [', secret_key: abc', /secret_key: write it to a file/],
    [', prefix: ../other/', /prefix: expected folders/],
    [', prefix: konsil', /prefix: expected folders/],
    [', bucket: My_Bucket', /bucket/],
    [', minimum_bytes: 0', /minimum_bytes/],
    [', endpoint: ftp://s3.example', /endpoint/],
  ])('refuses%s', (more, message) => {
    const file = `${POD}${store(more)
      .replace(more.includes('bucket') ? 'bucket: study, ' : '\0', '')
      .replace(more.includes('endpoint') ? "endpoint: 'https://s3.example:9000', " : '\0', '')}`;
    expect(() => parsePodConfig(file, '/srv/pod.yaml')).toThrow(message);
  });
});
