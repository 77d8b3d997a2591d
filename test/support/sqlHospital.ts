/** A hospital's table of 60 rows, and what a sandbox says of a query that it refuses. */
import { writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { isKonsilError } from '../../src/base/index.ts';
import type { SqlSandbox } from '../../src/datasources/index.ts';

/** Stands in one cell, and in no answer that is a refusal. */
export const SECRET = 'Zebrafish-4711';

/** Ages 20 to 79, three sites, a name with a blank in it, a weight that is missing, a cell that is secret. */
export function writeHospital(path: string): void {
  const rows = Array.from({ length: 60 }, (_, i) =>
    [
      ...[i, 20 + i, `s${i % 3}`, i === 7 ? '' : 1.5 * i, `2020-01-${String(1 + (i % 28)).padStart(2, '0')}`],
      i === 9 ? SECRET : 'free',
    ].join(),
  );
  writeFileSync(path, ['pid,age,site,body weight,visit,note', ...rows].join('\n'));
}

/** Why the query is refused, or `answered`. */
export async function refusalOf(sql: string, sandbox: SqlSandbox): Promise<string> {
  try {
    await sandbox.query(sql);
  } catch (error) {
    if (!isKonsilError(error, 'SQL_REFUSED')) throw error;
    expect(error.cause).toBeUndefined();
    expect(`${error.message} ${JSON.stringify(error.facts)}`).not.toContain(SECRET);
    return error.message.replace('the query is refused: ', '');
  }
  return 'answered';
}
