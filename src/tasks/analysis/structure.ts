/**
 * `data_structure` of a task that asks: what some algorithms look at, and queries have no use for.
 * @module
 */
import type { Problem } from '../configFile.ts';
import type { DataStructureFile } from '../dataStructure/file.ts';
import type { AnalysisFile } from './file.ts';

/** The columns to look at; undefined without a target. */
export function structureOf({ task: { data_structure } }: AnalysisFile): DataStructureFile | undefined {
  const { assign, ...others } = data_structure ?? {};
  return assign && { ...(others as Omit<DataStructureFile, 'assign'>), assign };
}

/** The problem of an algorithm that cannot do without {@link structureOf}. @param what - That is expected in it. */
export function missingStructure({ task: { data_structure } }: AnalysisFile, what: string): Problem {
  return data_structure === undefined
    ? { path: ['task', 'data_structure'], message: `is required; expected ${what}` }
    : { path: ['task', 'data_structure', 'assign'], message: 'is required; expected a map with target' };
}

/** Say which datasets fit, as the platform's own tasks do: nothing is lost when a query goes without. */
const WITHOUT_EFFECT: readonly string[] = [
  ...['table_config', 'select', 'compatible_datasources', 'schema_requirements'],
  // the schema fills it in
  'standardise',
];

/** What is wrong with the structure of an algorithm that has no use for one. */
export function checkUnusedStructure({ task: { data_structure: given } }: AnalysisFile, name: string): Problem[] {
  const isQuery = name === 'SqlQuery' || name === 'PrivateSqlQuery';
  const path = ['task', 'data_structure'];
  if (given === undefined) return [];
  if (!isQuery) return [{ path, message: `is not used by ${name}; remove it`, atKey: true }];
  return Object.keys(given)
    .filter((key) => !WITHOUT_EFFECT.includes(key))
    .map((key) => ({
      path: [...path, key],
      message: `is not used by ${name}, whose query names its columns; remove it`,
      atKey: true,
    }));
}
