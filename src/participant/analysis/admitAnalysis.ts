/**
 * Whether a task that asks may run here, and what answers it: the site's rules for its algorithm, then the data.
 * @module
 */

import { isKonsilError, KonsilError, messageOf } from '../../base/index.ts';
import { fingerprint } from '../../crypto/index.ts';
import { checkSchema, type DatasourceConfig } from '../../datasources/index.ts';
import type { Peer } from '../../keystore/index.ts';
import { vocabularyProblems } from '../../protocols/index.ts';
import {
  type Analysis,
  type AnyEvaluation,
  budgetOfModeller,
  hasModellerBudgets,
  isEvaluation,
  localTrainingOf,
  type ModellerBudget,
  type PodConfig,
  type StatisticsAlgorithm,
} from '../../tasks/index.ts';
import { checkInferencePolicy, openInference } from '../inference/admitInference.ts';
import { Selections } from '../people/selections.ts';
import { Refusal, withoutPaths } from '../refusal.ts';
import { checkTrainingPolicy } from '../training/setUp.ts';
import type { AnalysisOptions } from './analysisOptions.ts';
import { EvaluationAnalysis } from './evaluationAnalysis.ts';
import { IntersectionAnalysis } from './intersectionAnalysis.ts';
import { LocalTraining } from './localTraining.ts';
import { PrivateSqlAnalysis } from './privateSqlAnalysis.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';
import { SqlAnalysis } from './sqlAnalysis.ts';
import { StatisticsAnalysis } from './statisticsAnalysis.ts';

/** A value of a vocabulary is in at least so many rows of a site that has no `policy.queries`; the default there. */
const DEFAULT_MINIMUM_ROWS = 10;

/** The site's rules on what may be asked. @throws Refusal UNAUTHORISED saying what its operator would have to allow. */
export function checkAnalysisPolicy({ policy }: PodConfig, task: Analysis): void {
  const { algorithm, aggregator } = task;
  if (algorithm.name === 'SqlQuery' && policy.queries === undefined)
    throw new Refusal('UNAUTHORISED', 'this site answers no queries; its operator allows them with policy.queries');
  if (isEvaluation(algorithm)) checkEvaluationPolicy(policy, algorithm, aggregator);
  if (algorithm.name === 'ModelTrainingAndEvaluation')
    checkTrainingPolicy({ policy }, localTrainingOf(task, algorithm));
  if (algorithm.name === 'ModelInference') checkInferencePolicy(policy.inference, algorithm);
  if (algorithm.name === 'FederatedStatistics' && !policy.allowsStatistics)
    throw new Refusal(
      'UNAUTHORISED',
      'this site gives no figures of its columns; its operator allows them with policy.statistics: allow',
    );
  if (algorithm.name === 'PrivateSqlQuery' && !policy.recordPrivacy && !givesModellersBudgets(policy))
    throw new Refusal(
      'UNAUTHORISED',
      'this site answers no private queries; its operator allows them with a budget (policy.record_privacy, policy.private_query)',
    );
  if (algorithm.name === 'PrivateSetIntersection' && policy.intersection === undefined)
    throw new Refusal(
      'UNAUTHORISED',
      'this site compares no lists of people; its operator allows it with policy.intersection',
    );
  if (algorithm.name === 'SqlQuery' && !aggregator.adds && policy.queries?.results !== 'site')
    throw new Refusal(
      'UNAUTHORISED',
      'this site gives results only in sums over pods (task.aggregator); its operator may allow others with policy.queries.results: site',
    );
}

const givesModellersBudgets = ({ privateQuery }: PodConfig['policy']): boolean =>
  privateQuery !== undefined && hasModellerBudgets(privateQuery);

/** The budget of this modeller for private queries, where the site gives modellers their own. */
export function modellerBudget(
  { policy }: PodConfig,
  { name, public: { id } }: Pick<Peer, 'name' | 'public'>,
): ModellerBudget | undefined {
  return policy.privateQuery && budgetOfModeller(policy.privateQuery, [name, fingerprint(id)]);
}

function checkModellerBudget(config: PodConfig, from: Pick<Peer, 'name' | 'public'>): void {
  if (givesModellersBudgets(config.policy) && !modellerBudget(config, from))
    throw new Refusal(
      'UNAUTHORISED',
      `this site gives modeller "${from.name}" no budget for private queries (policy.private_query)`,
    );
}

function checkEvaluationPolicy(
  { evaluation }: PodConfig['policy'],
  { subgroups, siteFigures, exact }: AnyEvaluation,
  { adds, secure }: Analysis['aggregator'],
): void {
  if (evaluation === undefined)
    throw new Refusal(
      'UNAUTHORISED',
      'this site evaluates no models of others; its operator allows it with policy.evaluation',
    );
  // the sums of one site in the open would be its own figures
  if (!(adds && secure) && evaluation.results !== 'site')
    throw new Refusal(
      'UNAUTHORISED',
      'this site gives figures only in secure sums over pods (task.aggregator); its operator may allow others with policy.evaluation.results: site',
    );
  // what others show of theirs can be subtracted from a sum
  if (siteFigures && evaluation.results === 'pooled')
    throw new Refusal(
      'UNAUTHORISED',
      'this site takes part only where no site gives figures of its own (site_figures: false); its operator may allow others with policy.evaluation.results: summed',
    );
  // scores of others leave more of a sum than their figures do
  if (exact && (evaluation.exactScores ?? 'refuse') === 'refuse')
    throw new Refusal(
      'UNAUTHORISED',
      'this site takes part only where no site gives scores of single rows (exact: false); its operator may allow others with policy.evaluation.exact_scores: summed, or allow',
    );
  const refused = subgroups.map(({ column }) => column).filter((column) => !evaluation.subgroups.includes(column));
  if (refused.length > 0)
    throw new Refusal(
      'UNAUTHORISED',
      `this site gives no figures by ${refused.join(', ')}; its operator allows columns with policy.evaluation.subgroups`,
    );
}

/** @throws Refusal; anything when `signal` is aborted. */
export async function openAnalysis(
  options: AnalysisOptions,
  task: Analysis,
  dataset: DatasourceConfig,
): Promise<SiteAnalysis> {
  const { config, openDataset, signal } = options;
  const { algorithm } = task;
  try {
    switch (algorithm.name) {
      case 'SqlQuery':
        return await SqlAnalysis.open(algorithm, dataset, config.policy.queries!, openDataset, signal);
      case 'PrivateSqlQuery': {
        checkModellerBudget(config, options.from);
        return await PrivateSqlAnalysis.open(algorithm, {
          ...{ dataset, openDataset, onEvent: options.onEvent },
          account: options.queryAccount(Math.max(algorithm.delta, Number.MIN_VALUE)),
          ranges: config.policy.privateQuery?.ranges[dataset.name],
        });
      }
      case 'PrivateSetIntersection': {
        const { lists } = options;
        return await IntersectionAnalysis.open(algorithm, {
          ...{ dataset, openDataset, policy: config.policy.intersection!, signal },
          ...{ listsBefore: lists.before, record: lists.record, nowMs: options.nowMs },
          ...{ selections: new Selections(config.state), modeller: options.from.public.id },
          ...{ onProblem: options.onProblem, identity: options.identity },
          roster: options.request.roster.map(({ public: line }) => line),
        });
      }
      case 'FederatedStatistics':
        return await openStatistics(options, algorithm, dataset);
      case 'ModelEvaluation':
      case 'ModelTrainingAndEvaluation':
        return await openEvaluation(options, task, algorithm, dataset);
      case 'ModelInference':
        return await openInference(options, algorithm, dataset);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const path = 'path' in dataset ? dataset.path : '';
    const named = path === '' ? messageOf(error) : messageOf(error).replaceAll(path, `dataset "${dataset.name}"`);
    const told = isKonsilError(error)
      ? withoutPaths(new KonsilError(error.code, named, error.facts))
      : 'the dataset cannot be read';
    throw new Refusal(isKonsilError(error, 'DATA_EMPTY') ? 'NO_DATA' : 'INCOMPATIBLE_DATASOURCE', told, error);
  }
}

async function openStatistics(
  { config, openDataset, decoders, signal, onProblem }: AnalysisOptions,
  algorithm: StatisticsAlgorithm,
  dataset: DatasourceConfig,
): Promise<SiteAnalysis> {
  const source = await openDataset(dataset, { signal });
  try {
    const problems = [
      ...checkSchema(algorithm.dataStructure, source.schema),
      ...vocabularyProblems(algorithm, source.schema),
    ];
    if (problems.length > 0)
      throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${dataset.name}" does not fit: ${problems.join('; ')}`);
    const minimumRows = config.policy.queries?.minimumGroupSize ?? DEFAULT_MINIMUM_ROWS;
    return await StatisticsAnalysis.open(algorithm, source, { minimumRows, signal, decoders, onProblem });
  } finally {
    source.close();
  }
}

async function openEvaluation(
  options: AnalysisOptions,
  task: Analysis,
  algorithm: AnyEvaluation,
  dataset: DatasourceConfig,
): Promise<SiteAnalysis> {
  const { config, openDataset, openPredictor, decoders, signal, onProblem, recordScores } = options;
  const {
    aggregator: { adds, secure },
    protocol: { saveLocation },
  } = task;
  const source = await openDataset(dataset, { signal });
  try {
    const { compatibleDatasources: takes } = algorithm.dataStructure;
    if (takes && !takes.includes(source.kind))
      throw new Refusal('INCOMPATIBLE_DATASOURCE', `task takes ${takes.join(', ')}; dataset is a ${source.kind}`);
    const problems = checkSchema(algorithm.dataStructure, source.schema);
    for (const { column } of algorithm.subgroups)
      if (!source.schema.columns.some(({ name }) => name === column))
        problems.push(`column "${column}", which the task groups by, is missing`);
    if (problems.length > 0)
      throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${dataset.name}" does not fit: ${problems.join('; ')}`);
    const { device, threads } = config;
    const evaluation = await EvaluationAnalysis.open(algorithm, source, {
      ...{ policy: config.policy.evaluation!, isSecure: adds && secure, device, threads },
      ...{ keeps: saveLocation.includes('Worker'), tells: saveLocation.includes('Modeller') },
      ...{ openPredictor, signal, decoders, onProblem, recordScores },
    });
    if (algorithm.name === 'ModelEvaluation') return evaluation;
    return trainedFirst(evaluation, await LocalTraining.open(options, task, algorithm, source), options, task);
  } finally {
    source.close();
  }
}

/** An evaluation of what is trained here before. */
function trainedFirst(
  { evaluates }: EvaluationAnalysis,
  training: LocalTraining,
  { config: { name: pod, policy }, recordGivenModel }: AnalysisOptions,
  { algorithm, protocol: { saveLocation } }: Analysis,
): SiteAnalysis {
  const isAsked = algorithm.name === 'ModelTrainingAndEvaluation' && algorithm.crossSite;
  const { givesLocalModel = false, minimumRows } = policy.evaluation!;
  return {
    evaluates,
    trains: {
      ...{ pod, facts: training.facts },
      // of a handful of rows a model is little more than these
      gives: isAsked && givesLocalModel && saveLocation.includes('Modeller') && training.facts.rows >= minimumRows,
      record: recordGivenModel,
      train: (signal, onProgress) => training.train(signal, onProgress),
    },
    close: () => training.close(),
  };
}
