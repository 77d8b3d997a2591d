/**
 * Whether a task may run here: identity, the site's policy, data, schema and model, in that order. The site's policy is
 * final; every refusal says what is missing in words the modeller can act on.
 * @module
 */
import { type Member, thresholdsFor } from '../aggregation/index.ts';
import { isKonsilError, messageOf } from '../base/index.ts';
import { fingerprint, type Identity, importPublic } from '../crypto/index.ts';
import {
  type DataSource,
  type DatasourceConfig,
  isDatabase,
  type OpenDataset,
  readSchema,
} from '../datasources/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import { type AnyTask, anyFromWire, isAnalysis, type PodConfig, splitIdentifier } from '../tasks/index.ts';
import { checkAnalysisPolicy, openAnalysis } from './analysis/admitAnalysis.ts';
import type { AnalysisOptions } from './analysis/analysisOptions.ts';
import { AnalysisWork } from './analysis/analysisWork.ts';
import type { EngineFacts } from './notices.ts';
import { selectForTraining } from './people/selectTraining.ts';
import { Refusal } from './refusal.ts';
import type { RunWork, WorkSite } from './runWork.ts';
import { checkTrainingPolicy, setUpTraining, type TrainingOptions } from './training/setUp.ts';
import { TrainingWork } from './training/trainingWork.ts';

/** A task this pod has agreed to, with everything it needs loaded. */
export interface Admitted {
  readonly task: AnyTask;
  readonly members: ReadonlyMap<string, Member>;
  /** Its computations, once it is a run. */
  readonly begin: (site: WorkSite) => RunWork;
  /** Frees what was loaded for a run that does not begin. Never rejects. */
  readonly close: () => Promise<void>;
  /** What the site's operator should know. */
  readonly warnings: readonly string[];
  /** Of a task that trains: rows it trains on, and what trains it here. */
  readonly rows?: number;
  readonly trains?: EngineFacts;
}

/** What admission looks at. */
export interface AdmissionOptions extends TrainingOptions, AnalysisOptions {
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly from: Peer;
  readonly openDataset: OpenDataset;
}

/** @throws Refusal with one of the platform's response types. */
export async function admit(options: AdmissionOptions): Promise<Admitted> {
  const { config, request, from } = options;
  checkModeller(config, from);
  const task = readWire(request.task);
  checkPolicy(config, task);
  checkThresholds(config, task);
  const members = checkRoster(options, task);
  if (isAnalysis(task)) {
    const own = await openAnalysis(options, task, datasetOf(config, request.dataset));
    return {
      ...{ task, members, warnings: [], ...own.trains?.facts },
      begin: (site) => new AnalysisWork(task, own, site, members),
      close: () => own.close(),
    };
  }
  const source = await openSource(options, request.dataset);
  try {
    const selected = await selectForTraining(source, task, {
      ...{ config, dataset: datasetOf(config, request.dataset), openDataset: options.openDataset },
      ...{ modeller: from.public.id, signal: options.signal, nowMs: options.nowMs(), onProblem: options.onProblem },
    });
    const setup = await setUpTraining(options, task, members, selected);
    const { data, trainer } = setup;
    const { engine, device, fallbacks } = trainer.program;
    return {
      ...{ task, members, warnings: data.warnings, rows: data.train.rows, trains: { engine, device, fallbacks } },
      begin: (site) => new TrainingWork(setup, site),
      close: () => trainer.close().catch(() => undefined),
    };
  } finally {
    source.close();
  }
}

/** @throws Refusal unless `from` is pinned as a modeller and approved by this site's configuration. */
export function checkModeller(config: PodConfig, from: Peer): void {
  if (from.role !== 'modeller')
    throw new Refusal('INVALID_PROOF_OF_IDENTITY', `"${from.name}" is pinned here as a pod, not as a modeller`);
  if (!isListed(config.approvedModellers, from.name, from.public.id))
    throw new Refusal(
      'NO_ACCESS',
      `this site has not approved modeller "${from.name}"; its operator adds it to approved_modellers`,
    );
}

function isListed(list: readonly string[], name: string, id: string): boolean {
  return list.includes(name) || list.includes(fingerprint(id));
}

function readWire(json: string): AnyTask {
  try {
    return anyFromWire(JSON.parse(json));
  } catch (error) {
    throw new Refusal('TASK_SETUP_ERROR', `task does not validate here: ${messageOf(error)}`);
  }
}

function checkPolicy(config: PodConfig, task: AnyTask): void {
  const { policy } = config;
  if (!policy.allowedProtocols.includes(task.protocol.name))
    throw new Refusal(
      'UNAUTHORISED',
      `protocol ${task.protocol.name} is not allowed here; allowed: ${policy.allowedProtocols.join(', ')}`,
    );
  if (isAnalysis(task)) {
    checkAnalysisPolicy(config, task);
    if (!task.aggregator.adds) return; // the other rules are about sums
  }
  if (policy.requireSecureAggregation && !task.aggregator.secure)
    throw new Refusal(
      'UNAUTHORISED',
      'this site takes part only with secure aggregation (task.aggregator.secure: true)',
    );
  if (!isAnalysis(task)) checkTrainingPolicy(config, task);
  if (task.pods.length < policy.minimumCohort)
    throw new Refusal(
      'UNAUTHORISED',
      `task names ${task.pods.length} pods; this site takes part only with ${policy.minimumCohort} or more`,
    );
  // pods drop out: only the task's own minimum, which all parties enforce, keeps a sum from getting smaller than that
  if (task.aggregator.secure && task.aggregator.minimumCohort < policy.minimumCohort)
    throw new Refusal(
      'UNAUTHORISED',
      `task.aggregator.minimum_cohort is ${task.aggregator.minimumCohort}; this site takes part only in sums of ${policy.minimumCohort} or more`,
    );
}

/** Whether secure sums of this task withstand as much as the site asks for. */
function checkThresholds({ policy }: PodConfig, task: AnyTask): void {
  if (!task.aggregator.secure) return;
  const n = task.pods.length;
  let colluding: number;
  try {
    ({ colluding } = thresholdsFor(n, task.aggregator.cohort));
  } catch (error) {
    throw new Refusal('TASK_SETUP_ERROR', messageOf(error));
  }
  const asked = policy.minimumColluding;
  const least = asked === undefined ? thresholdsFor(n).colluding : Math.ceil(asked * n);
  if (colluding < least)
    throw new Refusal(
      'UNAUTHORISED',
      `task withstands ${colluding} colluding pods of ${n}; this site takes part only where it is ${least} (task.aggregator.colluding)`,
    );
}

/** The roster as this pod accepts it: its own entry intact, pinned names with their pinned keys, strangers per policy. */
function checkRoster({ config, identity, peers, request }: AdmissionOptions, task: AnyTask): Map<string, Member> {
  const members = new Map<string, Member>();
  const named = new Set(task.pods.map((identifier) => splitIdentifier(identifier).pod));
  for (const { name, public: line } of request.roster) {
    const key = readLine(name, line);
    if (members.has(name) || !named.has(name))
      throw new Refusal('UNAUTHORISED', `roster names "${name}" twice, or not as the task does`);
    if (name === config.name) {
      if (key.id !== identity.public.id)
        throw new Refusal('UNAUTHORISED', "roster has another key under this pod's name");
    } else {
      if (config.approvedPods && !isListed(config.approvedPods, name, key.id))
        throw new Refusal(
          'UNAUTHORISED',
          `this site has not approved pod "${name}"; its operator adds it to approved_pods`,
        );
      if (peers.findById(key.id)?.role === 'modeller' || peers.findByName(name)?.role === 'modeller')
        throw new Refusal('UNAUTHORISED', `roster names "${name}" as a pod; here it is pinned as a modeller`);
      try {
        peers.pin(name, 'pod', line); // trust on first use; a key that changes later is refused here
      } catch (error) {
        throw new Refusal('UNAUTHORISED', messageOf(error));
      }
    }
    members.set(name, { name, publicKey: key.signing });
  }
  if (!members.has(config.name))
    throw new Refusal('UNAUTHORISED', `roster does not contain this pod ("${config.name}")`);
  return members;
}

function readLine(name: string, line: string): ReturnType<typeof importPublic> {
  try {
    return importPublic(line);
  } catch (error) {
    throw new Refusal('UNAUTHORISED', `roster entry "${name}": ${messageOf(error)}`);
  }
}

function datasetOf(config: PodConfig, dataset: string): DatasourceConfig {
  const chosen = config.datasources.find(({ name }) => name === dataset);
  if (!chosen) throw new Refusal('NO_DATA', `this pod has no dataset "${dataset}"`);
  return chosen;
}

async function openSource({ config, openDataset }: AdmissionOptions, dataset: string): Promise<DataSource> {
  const chosen = datasetOf(config, dataset);
  if (isDatabase(chosen))
    throw new Refusal(
      'INCOMPATIBLE_DATASOURCE',
      `dataset "${dataset}" is an ${chosen.datasource}, a database of several tables; a model trains on one table`,
    );
  try {
    return await openDataset(chosen);
  } catch (error) {
    throw unreadable(dataset, error);
  }
}

/** The refusal for a dataset whose file cannot be read. */
export function unreadable(dataset: string, error: unknown): Refusal {
  return new Refusal('NO_DATA', `dataset "${dataset}" cannot be read${codeOf(error)}`, error);
}

/** Names and schemas of the datasets that can be read, and why the others cannot. */
export async function describeDatasets(
  configs: PodConfig['datasources'],
  openDataset: OpenDataset,
): Promise<{
  readonly datasets: { name: string; schema: string }[];
  readonly unreadable: { name: string; error: unknown }[];
}> {
  const datasets: { name: string; schema: string }[] = [];
  const unreadable: { name: string; error: unknown }[] = [];
  for (const config of configs)
    try {
      const { rowCount: _hidden, ...schema } = await readSchema(config, openDataset);
      datasets.push({ name: config.name, schema: JSON.stringify(schema) });
    } catch (error) {
      unreadable.push({ name: config.name, error });
    }
  return { datasets, unreadable };
}

/** The error's code only: paths and contents of a hospital's files are nobody else's business. */
function codeOf(error: unknown): string {
  return isKonsilError(error) ? ` (${error.code})` : '';
}
