/** Prints the tables of docs/reference/secure-aggregation.md: `npx tsx scripts/secaggTables.ts` @module */
import { secaggTables } from '../test/support/secaggTables.ts';

for (const [name, text] of Object.entries(secaggTables())) console.info(`\n${name}\n\n${text}`);
