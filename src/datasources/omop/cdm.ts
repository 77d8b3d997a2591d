/**
 * What the OMOP Common Data Model says of its tables: which there are, which columns they must have, whom they are about.
 * @module
 */
import type { CdmVersion } from '../dataSource.ts';
import type { SqlTable } from '../sql/index.ts';
import { CDM_TABLES } from './gen/cdmTables.ts';

/** Without these there is nothing to ask. v3.0 has no published definition: they are all that is asked of it. */
export const CORE_TABLES = [
  ...['person', 'observation_period', 'visit_occurrence', 'condition_occurrence', 'drug_exposure'],
] as const;

/** Column to whether a table of this version must have it. */
export type CdmColumns = ReadonlyMap<string, boolean>;

/** Tables of a version, by name; undefined for v3.0, of which whatever is there counts. */
export function cdmTables(version: CdmVersion): ReadonlyMap<string, CdmColumns> | undefined {
  if (version === 'v3.0') return undefined;
  const other = version === 'v5.3' ? '+' : '-';
  const tables = new Map<string, CdmColumns>();
  for (const line of CDM_TABLES.trim().split('\n')) {
    const [table = '', list = ''] = line.split(': ');
    const columns = list
      .split(' ')
      .filter((column) => !column.startsWith(other))
      .map((column) => [column.replace(/^[+-]|!$/g, ''), column.endsWith('!')] as const);
    if (columns.length > 0) tables.set(table, new Map(columns));
  }
  return tables;
}

/** Columns that a v5 database has in one version only, of a table that each has. */
export const TELLTALE = {
  'v5.3': { table: 'visit_occurrence', column: 'admitting_source_concept_id' },
  'v5.4': { table: 'visit_occurrence', column: 'admitted_from_concept_id' },
} as const;

/** The vocabularies, and what is said of the database itself. */
const ABOUT_NOBODY: ReadonlySet<string> = new Set([
  ...['concept', 'vocabulary', 'domain', 'concept_class', 'concept_relationship', 'relationship', 'concept_synonym'],
  ...['concept_ancestor', 'source_to_concept_map', 'drug_strength', 'cdm_source'],
]);

/** Whom the rows of a table with these columns are about. */
export function aboutOf(table: string, columns: readonly string[]): SqlTable['about'] {
  if (ABOUT_NOBODY.has(table)) return 'nobody';
  if (columns.includes('person_id')) return { patient: 'person_id' };
  if (table === 'cohort' && columns.includes('subject_id')) return { patient: 'subject_id' };
  return 'unknown';
}
