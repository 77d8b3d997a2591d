/**
 * Rules of a task that asks, between its keys. Each message names both places.
 * @module
 */
import type { z } from 'zod';
import { checkJson, dotted, type Path, type Problem } from '../configFile.ts';
import { checkDataStructure, checkSoleTarget, soleTarget } from '../dataStructure/checks.ts';
import type { DataStructureFile } from '../dataStructure/file.ts';
import { checkIdentifiers } from '../taskChecks.ts';
import { algorithmsOf, checkEvaluation } from './evaluation.ts';
import { ANALYSIS_ARGUMENTS, type AnalysisFile } from './file.ts';
import { checkUnusedStructure, missingStructure, structureOf } from './structure.ts';
import { checkTrainedEvaluation } from './trainedEvaluation.ts';

/** Every broken rule. */
export function checkAnalysis(file: AnalysisFile, isReceived = false): Problem[] {
  const { algorithm, protocol, aggregator } = file.task;
  const structure = structureOf(file);
  const algorithms = algorithmsOf(file);
  const pathOf = (i: number): Path => (Array.isArray(algorithm) ? ['task', 'algorithm', i] : ['task', 'algorithm']);
  const path = pathOf(0);
  const isEvaluation = algorithms.length > 0 && algorithms.every((one) => one.name === 'ModelEvaluation');
  if (algorithms.length !== 1 && !isEvaluation)
    return [
      {
        path: ['task', 'algorithm'],
        message: `${protocol.name} runs one algorithm, or several of ModelEvaluation, got a list of ${algorithms.length}`,
      },
    ];
  const { name, arguments: given } = algorithms[0]!;
  const inner = protocol.arguments.aggregator;
  const argumentsPath: Path = [...path, 'arguments'];
  const malformed = algorithms.flatMap((one, i) => {
    const checked = checkJson(one.arguments, { schema: ANALYSIS_ARGUMENTS[one.name] as z.ZodType, check: () => [] });
    if (!('problems' in checked)) return [];
    return checked.problems.map((problem) => ({ ...problem, path: [...pathOf(i), 'arguments', ...problem.path] }));
  });
  if (malformed.length > 0) return malformed;
  const problems: Problem[] = [...checkIdentifiers(file.pods.identifiers)];
  if (isEvaluation) problems.push(...checkEvaluation(file, pathOf, isReceived));
  else if (name === 'ModelTrainingAndEvaluation') problems.push(...checkTrainedEvaluation(file, path, isReceived));
  else
    for (const key of ['model', 'pretrained_file'] as const)
      if (algorithms[0]![key] !== undefined)
        problems.push({ path: [...path, key], message: `${name} has no model`, atKey: true });
  if (aggregator && inner)
    problems.push({
      path: ['task', 'protocol', 'arguments', 'aggregator'],
      message: 'already given as task.aggregator; keep one of the two',
      atKey: true,
    });
  const combined = aggregator ?? inner;
  const older = protocol.arguments.secure_aggregation;
  if (older !== undefined && combined && combined.secure !== older)
    problems.push({
      path: ['task', 'protocol', 'arguments', 'secure_aggregation'],
      message: `is ${older}, but the aggregator says secure: ${combined.secure}; keep one of the two`,
      atKey: true,
    });
  const adds = combined !== undefined || older === true;
  const secure = adds && (combined?.secure ?? true);
  if (adds && !protocol.arguments.save_location.includes('Modeller'))
    problems.push({
      path: ['task', 'protocol', 'arguments', 'save_location'],
      message: 'with an aggregator the result is the modeller’s; expected Modeller in the list',
    });
  const minimum = combined?.minimum_cohort ?? (secure ? 3 : 1);
  if (secure && minimum < 2)
    problems.push({
      path: ['task', 'aggregator', 'minimum_cohort'],
      message: 'a sum of one is that one; expected at least 2 with secure aggregation',
    });
  if (file.pods.identifiers.length < minimum)
    problems.push({
      path: ['pods', 'identifiers'],
      message: `a sum of at least ${minimum} pods is asked for, got ${file.pods.identifiers.length}; list more, or leave the aggregator out`,
    });
  if (file.pods.late_join)
    problems.push({ path: ['pods', 'late_join'], message: 'only for tasks that train; a question is asked once' });
  if (name === 'SqlQuery' || name === 'PrivateSqlQuery')
    problems.push(...checkSql(ANALYSIS_ARGUMENTS[name].parse(given), argumentsPath, adds));
  if (name === 'PrivateSetIntersection')
    problems.push(...checkIntersection(ANALYSIS_ARGUMENTS[name].parse(given), file, argumentsPath, adds));
  if (name === 'FederatedStatistics') {
    if (!adds)
      problems.push({
        path: ['task', 'aggregator'],
        message: 'is required; FederatedStatistics adds up over all pods (secure: true keeps each pod’s share secret)',
      });
    if (structure === undefined) problems.push(missingStructure(file, 'the columns to look at'));
    else {
      problems.push(...checkDataStructure(structure, ['task', 'data_structure']));
      problems.push(...checkSoleTarget(structure, ['task', 'data_structure']));
      if (structure.statistics !== undefined)
        problems.push({
          path: ['task', 'data_structure', 'statistics'],
          message: 'only for tasks that train; this one computes statistics',
          atKey: true,
        });
      const args = ANALYSIS_ARGUMENTS.FederatedStatistics.parse(given);
      problems.push(...checkVocabularies(args, argumentsPath, structure, file.pods.identifiers.length));
    }
  } else if (!isEvaluation && name !== 'ModelTrainingAndEvaluation') problems.push(...checkUnusedStructure(file, name));
  return problems;
}

function checkIntersection(
  {
    columns,
    normalise,
    identifiers,
    identifiers_file,
    pad_to,
    kind,
    save_as,
    among_pods,
  }: z.output<(typeof ANALYSIS_ARGUMENTS)['PrivateSetIntersection']>,
  { task: { protocol }, pods }: AnalysisFile,
  path: Path,
  adds: boolean,
): Problem[] {
  const problems: Problem[] = [];
  const wrong = (key: string, message: string): void => void problems.push({ path: [...path, key], message });
  if (adds)
    problems.push({
      path: ['task', 'aggregator'],
      message: 'not with PrivateSetIntersection, whose result is each pod’s with the modeller; remove it',
      atKey: true,
    });
  if (!protocol.arguments.save_location.every((place) => place === 'Modeller'))
    problems.push({
      path: ['task', 'protocol', 'arguments', 'save_location'],
      message: 'the modeller alone learns an intersection; expected [Modeller]',
    });
  if (new Set(columns).size !== columns.length) wrong('columns', 'names a column twice');
  if (Array.isArray(normalise) && normalise.length !== columns.length)
    wrong('normalise', `expected one for each of the ${columns.length} columns, got ${normalise.length}`);
  if (among_pods) {
    for (const [key, value] of Object.entries({ identifiers_file, identifiers, pad_to }))
      if (value !== undefined) wrong(key, 'not with among_pods, which compares lists of the pods only');
    if (kind === 'intersection')
      wrong('kind', 'the modeller does not learn who two pods share; expected cardinality or row_filter');
    if (pods.identifiers.length < 2)
      problems.push({ path: ['pods', 'identifiers'], message: 'two pods are needed to compare their lists' });
  } else if ((identifiers_file === undefined) === (identifiers === undefined))
    wrong('identifiers_file', 'is required; expected a CSV file with the modeller’s list');
  if (kind === 'row_filter' && save_as === undefined)
    wrong('save_as', 'is required with kind row_filter; expected a name for rows_from_intersection');
  if (kind !== 'row_filter' && save_as !== undefined) wrong('save_as', 'only with kind row_filter');
  if (identifiers !== undefined && pad_to !== undefined) wrong('pad_to', 'only beside identifiers_file');
  return problems;
}

function checkVocabularies(
  args: z.output<(typeof ANALYSIS_ARGUMENTS)['FederatedStatistics']>,
  path: Path,
  structure: DataStructureFile,
  pods: number,
): Problem[] {
  const { vocabularies, minimum_sites = 2 } = args;
  if (vocabularies === undefined)
    return (['minimum_sites', 'vocabulary_salt'] as const)
      .filter((key) => args[key] !== undefined)
      .map((key) => ({ path: [...path, key], message: 'has an effect only with vocabularies', atKey: true }));
  const problems: Problem[] = [];
  for (const [i, column] of vocabularies.entries()) {
    const at = [...path, 'vocabularies', i];
    if (vocabularies.indexOf(column) < i) problems.push({ path: at, message: `${column} is listed twice` });
    if (column === soleTarget(structure))
      problems.push({ path: at, message: `${column} is the target, whose classes are listed in categories` });
  }
  if (minimum_sites > pods)
    problems.push({
      path: [...path, args.minimum_sites === undefined ? 'vocabularies' : 'minimum_sites'],
      message: `no value is at ${minimum_sites} sites; ${pods === 1 ? 'one pod is' : `${pods} pods are`} asked`,
    });
  return problems;
}

function checkSql(
  { aggregate, groups }: Pick<z.output<(typeof ANALYSIS_ARGUMENTS)['SqlQuery']>, 'aggregate' | 'groups'>,
  path: Path,
  adds: boolean,
): Problem[] {
  const problems: Problem[] = [];
  const wrong = (key: string, message: string): void => void problems.push({ path: [...path, key], message });
  if (!adds) {
    const why = 'only with an aggregator, which adds the pods’ results up';
    if (aggregate) wrong('aggregate', why);
    if (groups) wrong('groups', why);
    return problems;
  }
  if (aggregate === undefined || Object.keys(aggregate).length === 0) {
    wrong('aggregate', 'is required with an aggregator; expected a map of result columns to sum, mean or count');
    return problems;
  }
  for (const [name, rule] of Object.entries(aggregate)) {
    if (groups && Object.hasOwn(groups, name)) wrong('aggregate', `${name} names a group, and is not added up`);
    if (typeof rule === 'object' && aggregate[rule.mean] !== 'sum')
      wrong(
        'aggregate',
        `${name} is weighted by ${rule.mean}, which is not summed; expected ${dotted([...path, 'aggregate', rule.mean])}: sum`,
      );
  }
  const cells = Object.values(groups ?? {}).reduce((product, values) => product * values.length, 1);
  if (cells > 10_000) wrong('groups', `make ${cells} groups; expected at most 10000`);
  for (const [name, values] of Object.entries(groups ?? {}))
    if (new Set(values.map(String)).size !== values.length) wrong('groups', `${name} lists a value twice`);
  return problems;
}
