/** A small CDM of invented patients in a real Postgres: core tables, a vocabulary, and what must not be seen. */
import type { CdmVersion } from '../../src/datasources/index.ts';
import { cdmTables } from '../../src/datasources/omop/cdm.ts';
import type { Postgres } from './postgres.ts';

/** Stands in hidden columns and in a table of another schema, and in no answer. */
export const OMOP_SECRET = 'Zebrafish-4711';
/** Of the user that reads. */
export const READER = { user: 'konsil', password: 'reader-pass-4711' };
export const PATIENTS = 30;

const CORE = [
  ...['person', 'observation_period', 'visit_occurrence', 'condition_occurrence', 'drug_exposure', 'measurement'],
  ...['note', 'concept', 'fact_relationship', 'death', 'provider'],
];

/** Type of a column by its name, much as the published definitions have it. */
function typeOf(column: string): string {
  if (
    /_id$|_id_\d$|_of_birth$|^refills$|^days_supply$/.test(column) &&
    !/^(?:domain|vocabulary|concept_class|unique_device|production)_id$/.test(column)
  )
    return 'integer';
  if (column.endsWith('_datetime')) return 'timestamp';
  if (column.endsWith('_date')) return 'date';
  if (/^(?:value_as_number|range_low|range_high|quantity)$/.test(column)) return 'numeric';
  if (/_text$|^sig$/.test(column)) return 'text';
  return 'varchar(255)';
}

/**
 * Schema `cdm` with 30 patients: 20 women (8507 is male, 8532 female), patient i with i % 4 conditions of concept 201826
 * (one more, 432867, for the first three patients, who have 10 rows of it each), a measurement 3004249 of 100 + i.
 */
export async function writeOmop(postgres: Postgres, version: CdmVersion, schema = 'cdm'): Promise<void> {
  const tables = cdmTables(version === 'v3.0' ? 'v5.3' : version)!;
  const definitions = CORE.filter((table) => version !== 'v3.0' || table !== 'measurement').map((table) => {
    const columns = [...tables.get(table)!.keys()].map((column) => `"${column}" ${typeOf(column)}`);
    return `CREATE TABLE ${schema}.${table} (${columns.join(', ')});`;
  });
  await postgres.run(`CREATE SCHEMA ${schema}; ${definitions.join('\n')}`);
  await postgres.run(`
    SET search_path = ${schema};
    INSERT INTO person (person_id, gender_concept_id, year_of_birth, month_of_birth, day_of_birth, birth_datetime,
      race_concept_id, ethnicity_concept_id, person_source_value)
      SELECT i, CASE WHEN i <= 20 THEN 8532 ELSE 8507 END, 1940 + i, 1 + i % 12, 1 + i % 28, '1950-01-02', 0, 0, '${OMOP_SECRET}'
      FROM generate_series(1, ${PATIENTS}) i;
    INSERT INTO observation_period SELECT i, i, '2010-01-01', '2020-12-31', 44814724 FROM generate_series(1, ${PATIENTS}) i;
    INSERT INTO visit_occurrence (visit_occurrence_id, person_id, visit_concept_id, visit_start_date, visit_start_datetime,
      visit_end_date, visit_type_concept_id)
      SELECT i, i, 9202, date '2019-01-01' + i, timestamp '2019-01-01 08:30:00.25' + i * interval '1 day', 'infinity', 44818517
      FROM generate_series(1, ${PATIENTS}) i;
    INSERT INTO condition_occurrence (condition_occurrence_id, person_id, condition_concept_id, condition_start_date,
      condition_type_concept_id)
      SELECT row_number() OVER (), i, c, '2019-03-04', 32020 FROM (
        SELECT i, 201826 AS c FROM generate_series(1, ${PATIENTS}) i, generate_series(1, i % 4)
        UNION ALL SELECT i, 432867 FROM generate_series(1, 3) i, generate_series(1, 10)) x;
    INSERT INTO note (note_id, person_id, note_date, note_text) VALUES (1, 1, '2019-01-01', '${OMOP_SECRET}');
    INSERT INTO concept (concept_id, concept_name, domain_id) VALUES (8507, 'MALE', 'Gender'), (8532, 'FEMALE', 'Gender'),
      (201826, 'Type 2 diabetes mellitus', 'Condition');
    INSERT INTO fact_relationship VALUES (1, 1, 1, 2, 1);`);
  if (version !== 'v3.0')
    await postgres.run(`INSERT INTO ${schema}.measurement (measurement_id, person_id, measurement_concept_id, measurement_date,
      value_as_number, value_source_value) SELECT i, i, 3004249, '2019-02-03', 100.5 + i, '${OMOP_SECRET}'
      FROM generate_series(1, ${PATIENTS}) i`);
}

/** The user that a site should give Konsil: it may read the schema, and nothing else. */
export async function grantReader(postgres: Postgres, schema = 'cdm'): Promise<void> {
  const [found] = await postgres.run(`SELECT 1 FROM pg_roles WHERE rolname = '${READER.user}'`);
  if (found === undefined) await postgres.run(`CREATE ROLE ${READER.user} LOGIN PASSWORD '${READER.password}'`);
  await postgres.run(
    `GRANT USAGE ON SCHEMA ${schema} TO ${READER.user}; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${READER.user}`,
  );
}
