/**
 * Rewrites `test/vectors/secagg/`; only together with a new protocol label. Run: `npx tsx test/support/secaggVectorsWrite.ts`
 * @module
 */
import { writeFileSync } from 'node:fs';
import { vectorFiles } from './secaggVectors.ts';

const folder = new URL('../vectors/secagg/', import.meta.url);
for (const [name, content] of Object.entries(vectorFiles()))
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(content, null, 1)}\n`);
