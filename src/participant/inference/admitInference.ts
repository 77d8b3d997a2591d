/**
 * Whether a task that runs models may run here: the site's rules, what is left of its limits, its data.
 * @module
 */
import { checkSchema, type DatasourceConfig, withImages } from '../../datasources/index.ts';
import { columnsNamedBy, columnsOfRules, type InferenceAlgorithm, type InferencePolicy } from '../../tasks/index.ts';
import type { AnalysisOptions } from '../analysis/admitAnalysis.ts';
import { Refusal } from '../refusal.ts';
import { InferenceAnalysis } from './inferenceAnalysis.ts';
import { checkUsage } from './usage.ts';

/** @throws Refusal UNAUTHORISED saying what the site's operator would have to allow. */
export function checkInferencePolicy(policy: InferencePolicy | undefined, { returns }: InferenceAlgorithm): void {
  if (policy === undefined)
    throw new Refusal(
      'UNAUTHORISED',
      'this site runs no models of others; its operator allows it with policy.inference',
    );
  if (returns && !policy.returnsRows)
    throw new Refusal(
      'UNAUTHORISED',
      'this site lets no rows of predictions leave; its operator allows it with policy.inference.return: allow',
    );
}

/** @throws Refusal; KonsilError as the data source. */
export async function openInference(
  { config, openDataset, openPredictor, decoders, signal, usage, from, onProblem }: AnalysisOptions,
  algorithm: InferenceAlgorithm,
  dataset: DatasourceConfig,
): Promise<InferenceAnalysis> {
  const policy = config.policy.inference!;
  if (algorithm.models.some(({ sha256 }) => sha256 === undefined))
    throw new Refusal('TASK_SETUP_ERROR', 'the task does not say which models it runs (model_sha256)');
  checkUsage(algorithm.models, policy, usage);
  const source = await openDataset(dataset, { signal });
  try {
    const problems = checkSchema(withImages(algorithm.dataStructure, source.schema), source.schema);
    if (problems.length > 0)
      throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${dataset.name}" does not fit: ${problems.join('; ')}`);
    const ruled = columnsOfRules(algorithm.records);
    const missing = ruled.find((column) => !source.columns.includes(column));
    if (missing !== undefined)
      throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${dataset.name}" has no column "${missing}"`);
    if (algorithm.returns) {
      const named = [...(algorithm.report ? columnsNamedBy(algorithm.report) : []), ...ruled];
      const kept = named.filter((column) => source.columns.includes(column) && !policy.columns.includes(column));
      if (kept.length > 0)
        throw new Refusal(
          'UNAUTHORISED',
          `this site lets no rows leave by ${[...new Set(kept)].join(', ')}; its operator allows columns with policy.inference.columns`,
        );
    }
    const { device, threads, state, limits } = config;
    return new InferenceAnalysis(algorithm, source, {
      ...{ policy, limits: limits.inference, usage, openPredictor, device, threads, decoders, state, onProblem },
      ...{ dataset: dataset.name, modeller: from.public.id },
    });
  } catch (error) {
    source.close();
    throw error;
  }
}
