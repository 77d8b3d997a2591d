import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attackTables, missingTests } from '../support/attackTables.ts';

const text = readFileSync(new URL('../../docs/reference/attacks.md', import.meta.url), 'utf8');

describe('docs/reference/attacks.md', () => {
  it.each(Object.entries(attackTables()))('has the part %s of the catalogue', (name, part) => {
    expect(text, 'run npx tsx scripts/attackTables.ts').toContain(`<!-- ${name} -->\n${part}\n<!-- end -->`);
  });

  it('names tests that there are', () => {
    expect(missingTests()).toEqual([]);
  });
});
