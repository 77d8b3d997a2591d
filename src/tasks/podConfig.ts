/**
 * A pod's configuration as the program uses it, defaults filled in and paths absolute.
 * @module
 */
import { dirname, resolve } from 'node:path';
import type { DatasourceConfig } from '../datasources/index.ts';
import type { DeviceChoice } from '../training/index.ts';
import { type BlobStoreSettings, blobStoreOf } from './blobStore.ts';
import {
  type ConfigKind,
  type Problem,
  parseYaml,
  readConfigText,
  requireFile,
  requirePath,
  resolvePath,
} from './configFile.ts';
import { datasourceOf } from './datasource.ts';
import { checkDatasource } from './datasourceChecks.ts';
import { checkEvaluation, type EvaluationPolicy, evaluationOf } from './evaluationPolicy.ts';
import { type IntersectionPolicy, intersectionOf } from './intersectionPolicy.ts';
import { PROTOCOLS } from './names.ts';
import { type PodFile, podFile } from './podFile.ts';
import { checkPrivateQuery, type PrivateQueryPolicy, privateQueryOf } from './privateQueryPolicy.ts';
import { type BrokerSettings, brokerOf } from './task.ts';

export interface PodPolicy {
  readonly requireSecureAggregation: boolean;
  readonly minimumCohort: number;
  /** Largest share of a secure sum's weight that may be this pod's; undefined is no limit. */
  readonly maximumWeightShare?: number;
  /** Whether two sums of the same numbers may differ in single pods. */
  readonly cohortChange: 'refuse' | 'allow';
  /** Fraction of pods that may collude with the coordinator, at least; undefined asks for the default of the cohort. */
  readonly minimumColluding?: number;
  readonly shareSiteMetrics: boolean;
  readonly minimumTestRows: number;
  readonly allowedProtocols: readonly string[];
  /** Whether figures of the columns leave in sums. */
  readonly allowsStatistics: boolean;
  /** Evaluating models; undefined is not at all. */
  readonly evaluation?: EvaluationPolicy;
  /** Running models; undefined is not at all. */
  readonly inference?: InferencePolicy;
  /** Comparing lists of people; undefined is not at all. */
  readonly intersection?: IntersectionPolicy;
  /** What modellers may ask; undefined is nothing. */
  readonly queries?: QueryPolicy;
  /** Budget of the site as a whole. */
  readonly privacy?: BudgetPolicy;
  /** Budget of each single row. */
  readonly recordPrivacy?: BudgetPolicy;
  /** Budgets of single modellers, and ranges of the site's own. */
  readonly privateQuery?: PrivateQueryPolicy;
}

/** What modellers may ask with queries. */
export interface QueryPolicy {
  /** Whether a result leaves by itself, or in sums only. */
  readonly results: 'sum' | 'site';
  /** Only aggregates of at least so many rows; 1 shows rows. */
  readonly minimumGroupSize: number;
  readonly allowsExtremes: boolean;
  readonly rowLimit: number;
  readonly timeoutMs: number;
  /** In 10^6 bytes. */
  readonly memoryLimitMb: number;
}

/** What becomes of what modellers' models say to rows here. */
export interface InferencePolicy {
  /** Whether rows of predictions leave. */
  readonly returnsRows: boolean;
  /** Columns of datasets that leave with them. */
  readonly columns: readonly string[];
  /** Rows over all runs; undefined is no limit. */
  readonly limitPerModel?: number;
  readonly limitPerModeller?: number;
  /** In 10^6 bytes. */
  readonly maximumModelMb: number;
}

/** How models are run over files. */
export interface InferenceLimits {
  /** Undefined is what the environment says, or the default. */
  readonly batchSize?: number;
  readonly testRunFiles?: number;
  readonly resilience: boolean;
  /** Batches that fail in a row before a run ends; undefined is no end. */
  readonly mostFailures?: number;
  readonly retries: boolean;
}

/** What all runs together may spend on one dataset. */
export interface BudgetPolicy {
  /** Refuse tasks that have no such privacy, and would spend without limit. */
  readonly required: boolean;
  readonly epsilonBudget: number;
  readonly delta: number;
}

/** How much the pod takes on. */
export interface PodLimits {
  /** Runs at the same time. */
  readonly parallelRuns: number;
  /** Runs that wait for their turn. */
  readonly queue: number;
  /** How long a run is kept while its coordinator is away. */
  readonly coordinatorGraceMs: number;
  readonly inference: InferenceLimits;
}

export interface PodConfig {
  readonly file: string;
  readonly name: string;
  readonly broker: BrokerSettings;
  /** Where large blobs may go instead. */
  readonly blobStore?: BlobStoreSettings;
  /** Folder of the pod's key. */
  readonly identity: string;
  readonly datasources: readonly DatasourceConfig[];
  /** Names or fingerprints; empty admits nobody. */
  readonly approvedModellers: readonly string[];
  /** Names or fingerprints; undefined means the pods that the task names. */
  readonly approvedPods?: readonly string[];
  readonly policy: PodPolicy;
  readonly limits: PodLimits;
  /** Where ONNX models train. */
  readonly device: DeviceChoice;
  /** CPU threads that train; equal runs give equal bits with 1, on the CPU. */
  readonly threads: number;
  /** Folder for what the pod keeps between starts. */
  readonly state: string;
}

const kind: ConfigKind<typeof podFile> = { schema: podFile, check: checkPod };

/** The pod configuration in YAML `text` of `file`. Touches no disk. @throws KonsilError CONFIG_INVALID. */
export function parsePodConfig(text: string, file: string): PodConfig {
  const pod = parseYaml(text, file, kind);
  const folder = dirname(file);
  const policy = pod.policy;
  const state = resolvePath(folder, pod.state ?? `./state/${pod.name}`);
  return {
    file: resolve(file),
    name: pod.name,
    broker: brokerOf(pod.broker, folder),
    ...(pod.blob_store && { blobStore: blobStoreOf(pod.blob_store, folder) }),
    identity: resolvePath(folder, pod.identity ?? `./keys/${pod.name}`),
    datasources: pod.datasources.map((source) => datasourceOf(source, folder, state)),
    approvedModellers: pod.approved_modellers,
    ...(pod.approved_pods && { approvedPods: pod.approved_pods }),
    policy: {
      requireSecureAggregation: policy?.require_secure_aggregation ?? true,
      minimumCohort: policy?.minimum_cohort ?? 3,
      cohortChange: policy?.cohort_change ?? 'refuse',
      ...(policy?.minimum_colluding !== undefined && { minimumColluding: policy.minimum_colluding }),
      ...(policy?.maximum_weight_share !== undefined && { maximumWeightShare: policy.maximum_weight_share }),
      shareSiteMetrics: policy?.share_site_metrics ?? false,
      minimumTestRows: policy?.minimum_test_rows ?? 10,
      allowedProtocols: policy?.allowed_protocols ?? [...PROTOCOLS],
      allowsStatistics: policy?.statistics === 'allow',
      ...(policy?.evaluation && { evaluation: evaluationOf(policy.evaluation) }),
      ...(policy?.inference && { inference: inferenceOf(policy.inference) }),
      ...(policy?.intersection && { intersection: intersectionOf(policy.intersection) }),
      ...(policy?.queries && { queries: queriesOf(policy.queries) }),
      ...(policy?.privacy && { privacy: budgetOf(policy.privacy) }),
      ...(policy?.record_privacy && { recordPrivacy: budgetOf(policy.record_privacy) }),
      ...(policy?.private_query && { privateQuery: privateQueryOf(policy.private_query) }),
    },
    limits: {
      parallelRuns: pod.limits?.parallel_runs ?? 1,
      queue: pod.limits?.queue ?? 8,
      coordinatorGraceMs: 1_000 * (pod.limits?.coordinator_grace ?? 600),
      inference: inferenceLimitsOf(pod.limits?.inference),
    },
    device: pod.device ?? 'auto',
    threads: pod.threads ?? 1,
    state,
  };
}

/** The pod configuration of a file, whose data files exist. @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND. */
export async function readPodConfig(path: string): Promise<PodConfig> {
  const config = parsePodConfig(await readConfigText(path), path);
  for (const [i, source] of config.datasources.entries()) {
    const key = `datasources.${i}.datasource_args`;
    const { datasource } = source;
    if (datasource === 'OMOPSource') {
      if ('file' in source.connection) await requireFile(path, `${key}.connection_file`, source.connection.file);
    } else if (datasource === 'InterMineSource') {
      if (source.token !== undefined && 'file' in source.token)
        await requireFile(path, `${key}.token_file`, source.token.file);
    } else if (datasource !== 'CSVSource') await requirePath(path, `${key}.path`, source.path);
    else if (source.url === undefined) await requireFile(path, `${key}.path`, source.path);
  }
  return config;
}

function inferenceOf(file: NonNullable<NonNullable<PodFile['policy']>['inference']>): InferencePolicy {
  const { return: returning, columns, limit_per_model, limit_per_modeller, maximum_model } = file;
  return {
    ...{ returnsRows: returning === 'allow', columns, maximumModelMb: maximum_model },
    ...(limit_per_model !== undefined && { limitPerModel: limit_per_model }),
    ...(limit_per_modeller !== undefined && { limitPerModeller: limit_per_modeller }),
  };
}

function inferenceLimitsOf(file: NonNullable<PodFile['limits']>['inference']): InferenceLimits {
  const most = file?.maximum_consecutive_failures ?? 5;
  return {
    ...(file?.batch_size !== undefined && { batchSize: file.batch_size }),
    ...(file?.test_run_files !== undefined && { testRunFiles: file.test_run_files }),
    resilience: file?.batch_resilience ?? true,
    ...(typeof most === 'number' && most > 0 && { mostFailures: most }),
    retries: file?.individual_retry ?? true,
  };
}

type QueriesFile = NonNullable<NonNullable<PodFile['policy']>['queries']>;

function queriesOf(file: QueriesFile): QueryPolicy {
  return {
    results: file.results,
    minimumGroupSize: file.minimum_group_size,
    allowsExtremes: file.extremes,
    rowLimit: file.maximum_rows,
    timeoutMs: 1_000 * file.timeout,
    memoryLimitMb: file.memory,
  };
}

type BudgetFile = NonNullable<NonNullable<PodFile['policy']>['privacy']>;

function budgetOf({ required, epsilon_budget, delta }: BudgetFile): BudgetPolicy {
  return { required, epsilonBudget: epsilon_budget, delta };
}

function checkPod(pod: PodFile): Problem[] {
  const problems: Problem[] = [];
  const names = pod.datasources.map((source) => source.name);
  for (const [i, source] of pod.datasources.entries()) {
    if (names.indexOf(source.name) < i)
      problems.push({
        path: ['datasources', i, 'name'],
        message: `${source.name} is the name of an earlier data source`,
      });
    problems.push(...checkDatasource(source, ['datasources', i]));
    const forced = Object.entries(source.data_config?.force_stypes ?? {}).flatMap(([type, columns]) =>
      (columns ?? []).map((column) => ({ type, column })),
    );
    for (const [j, { type, column }] of forced.entries()) {
      const earlier = forced.slice(0, j).find((other) => other.column === column);
      if (earlier !== undefined && earlier.type !== type)
        problems.push({
          path: ['datasources', i, 'data_config', 'force_stypes', type],
          message: `${column} is already forced to be ${earlier.type}`,
        });
    }
  }
  const policy = pod.policy;
  if (policy?.require_secure_aggregation !== false && policy?.minimum_cohort === 1)
    problems.push({
      path: ['policy', 'minimum_cohort'],
      message: 'a sum of one update is that update; expected at least 2 with secure aggregation',
    });
  if (policy?.evaluation) problems.push(...checkEvaluation(policy.evaluation, ['policy', 'evaluation']));
  if (policy?.private_query)
    problems.push(
      ...checkPrivateQuery(policy.private_query, ['policy', 'private_query'], {
        approved: pod.approved_modellers,
        datasets: names,
      }),
    );
  return problems;
}
