/** Prints the tables of docs/reference/secure-aggregation.md: `npx tsx scripts/secaggTables.ts` @module */
import { secaggTables } from '../test/support/secaggTables.ts';

for (const [name, text] of Object.entries(secaggTables())) process.stdout.write(`\n${name}\n\n${text}\n`);
