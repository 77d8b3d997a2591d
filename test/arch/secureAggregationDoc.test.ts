import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PROTOCOL_LABEL } from '../../src/aggregation/index.ts';
import { secaggTables } from '../support/secaggTables.ts';

const text = readFileSync(new URL('../../docs/reference/secure-aggregation.md', import.meta.url), 'utf8');

describe('docs/reference/secure-aggregation.md', () => {
  it.each(Object.entries(secaggTables()))('has the computed table %s', (_name, table) => {
    expect(text).toContain(table);
  });

  it('is about this version of the protocol', () => {
    expect(text).toContain(`label: \`${PROTOCOL_LABEL}\``);
  });
});
