import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from './errors.ts';

describe('error codes', () => {
  it('are those of docs/reference/errors.md, with the same columns', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (yes|no) \| (yes|no) \|/gm)].map(([, code, retry, peer]) => [
      code,
      retry,
      peer,
    ]);
    const table = Object.entries(ERROR_CODES).map(([code, { retry, peer }]) => [
      code,
      retry ? 'yes' : 'no',
      peer ? 'yes' : 'no',
    ]);
    expect(rows).toEqual(table);
  });
});
