/** Prints docs/reference/attacks.md's generated parts into it: `npx tsx scripts/attackTables.ts` @module */
import { readFileSync, writeFileSync } from 'node:fs';
import { attackTables } from '../test/support/attackTables.ts';

const page = new URL('../docs/reference/attacks.md', import.meta.url);
let text = readFileSync(page, 'utf8');
for (const [name, part] of Object.entries(attackTables()))
  text = text.replace(
    new RegExp(`(<!-- ${name} -->\n)[^]*?(\n<!-- end -->)`),
    (_, before: string, after: string) => before + part + after,
  );
writeFileSync(page, text);
