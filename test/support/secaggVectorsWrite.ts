/**
 * Rewrites `test/vectors/secagg/`; only together with a new protocol label. Run: `npx tsx test/support/secaggVectorsWrite.ts`
 * @module
 */
import { writeFileSync } from 'node:fs';
import { badVectors, goodVector } from './secaggVectors.ts';

const folder = new URL('../vectors/secagg/', import.meta.url);
for (const [name, content] of Object.entries({ v2_attempt: goodVector(), v2_bad_requests: badVectors() }))
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(content, null, 1)}\n`);
