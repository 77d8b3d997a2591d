/** A public database of invented patients (Synthea, OHDSI Eunomia), when it is there: loaded by the model's published definition. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { grantReader, READER } from '../../../test/support/omopDatabase.ts';
import { NO_POSTGRES, Postgres } from '../../../test/support/postgres.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { openQueries } from '../openDataset.ts';

const SAMPLES = new URL('../../../../shared/samples/omop/', import.meta.url);
const missing = NO_POSTGRES ?? (existsSync(SAMPLES) ? null : 'no folder shared/samples beside the repository');

it.skipIf(missing !== null)(
  `answers as Postgres does${missing === null ? '' : ` (${missing})`}`,
  async () => {
    const folder = tempFolder();
    execFileSync('unzip', ['-q', new URL('Synthea27Nj_5.4_small.zip', SAMPLES).pathname, '-d', folder]);
    const definition = readFileSync(new URL('OMOPCDM_postgresql_5.4_ddl.sql', SAMPLES), 'utf8').replaceAll(
      '@cdmDatabaseSchema',
      'cdm',
    );
    const postgres = await Postgres.start();
    try {
      await postgres.run(`CREATE SCHEMA cdm; ${definition}; ALTER ROLE postgres SET search_path = cdm`);
      for (const table of [
        'person',
        'condition_occurrence',
        'measurement',
        'drug_exposure',
        'visit_occurrence',
        'concept',
      ])
        await postgres.copy(`cdm.${table}`, readFileSync(join(folder, `${table.toUpperCase()}.csv`)));
      await grantReader(postgres);
      const sandbox = await openQueries({
        ...{ name: 'synthea', datasource: 'OMOPSource', version: 'v5.4' },
        connection: { string: postgres.url(READER.user, READER.password) },
      });
      for (const sql of [
        'SELECT count(*), min(year_of_birth), max(year_of_birth) FROM person',
        'SELECT c.concept_name, count(*) AS n, count(DISTINCT o.person_id) FROM condition_occurrence o JOIN concept c ON c.concept_id = o.condition_concept_id GROUP BY c.concept_name ORDER BY n DESC, 1 LIMIT 10',
        'SELECT measurement_concept_id, count(value_as_number), round(avg(value_as_number)::numeric, 4)::float8 FROM measurement GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20',
        'SELECT min(drug_exposure_start_date)::varchar, max(drug_exposure_end_date)::varchar, sum(days_supply) FROM drug_exposure',
        'SELECT visit_concept_id, count(*), min(visit_start_datetime)::varchar FROM visit_occurrence GROUP BY 1 ORDER BY 1',
        "SELECT count(*) FROM person p LEFT JOIN condition_occurrence o USING (person_id) WHERE o.condition_start_date >= DATE '2010-01-01'",
      ]) {
        const expected = (await postgres.run(sql)).map((row) => Object.values(row).map(plain));
        // only Postgres rounds numeric to places; there DECIMAL has three
        const { rows } = await sandbox.query(sql.replace('::numeric', ''));
        expect(
          rows.map((row) => row.map(plain)),
          sql,
        ).toEqual(expected);
      }
      sandbox.close();
    } finally {
      await postgres.close();
    }
  },
  300_000,
);

/** What pg gives as text, a number: counts are of 64 bits. */
function plain(cell: unknown): unknown {
  return typeof cell === 'string' && /^-?\d+(?:\.\d+)?$/.test(cell) ? Number(cell) : cell;
}
