/**
 * Whether a task may run here: identity, the site's policy, data, schema and model, in that order. The site's policy is
 * final; every refusal says what is missing in words the modeller can act on.
 * @module
 */
import { type Member, type PrivacyTerms, thresholdsFor } from '../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { fingerprint, type Identity, importPublic } from '../crypto/index.ts';
import {
  checkSchema,
  type DataSource,
  type DecodePool,
  isDatabase,
  type OpenDataset,
  readSchema,
} from '../datasources/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import {
  checkModelFits,
  loadSiteData,
  privacyTermsOf,
  type SiteData,
  type SumFacts,
  sumFacts,
  trainerOptions,
} from '../protocols/index.ts';
import { fromWire, type PodConfig, splitIdentifier, type Task } from '../tasks/index.ts';
import { isTfjsModel, type ModelTrainer, type OpenTrainer } from '../training/index.ts';
import type { MessageOf } from '../wire/index.ts';
import type { PrivacyUnit } from './ledger.ts';
import type { PrivacyAccount } from './privacyAccount.ts';
import { Refusal, withoutPaths } from './refusal.ts';

/** A task this pod has agreed to, with everything it needs loaded. */
export interface Admitted {
  readonly task: Task;
  readonly members: ReadonlyMap<string, Member>;
  readonly data: SiteData;
  readonly trainer: ModelTrainer;
  readonly facts: SumFacts;
  /** The model file, kept only where the site will have a model of its own. */
  readonly model?: Uint8Array;
  /** Of a task with noise on its sums. */
  readonly privacy?: { readonly terms: PrivacyTerms; readonly account: PrivacyAccount };
  /** Of a task with private steps. */
  readonly recordAccount?: PrivacyAccount;
}

/** What admission looks at. */
export interface AdmissionOptions {
  readonly config: PodConfig;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly from: Peer;
  readonly openDataset: OpenDataset;
  readonly openTrainer: OpenTrainer;
  readonly decoders?: DecodePool;
  /** Pulls the model the modeller offers; called only after policy has said yes. */
  readonly pullModel: () => Promise<Uint8Array>;
  /** The account of the dataset asked for. @param delta - At which the task reckons. */
  readonly account: (unit: PrivacyUnit, delta: number) => PrivacyAccount;
  readonly signal: AbortSignal;
}

/** @throws Refusal with one of the platform's response types. */
export async function admit(options: AdmissionOptions): Promise<Admitted> {
  const { config, request, from } = options;
  checkModeller(config, from);
  const task = readWire(request.task);
  checkPolicy(config, task);
  checkThresholds(config, task);
  const members = checkRoster(options, task);
  const source = await openSource(options, request.dataset);
  try {
    const ready = await setUp(options, task, source);
    try {
      return { task, members, ...ready, ...checkBudget(options, task, ready), ...checkSteps(options, task, ready) };
    } catch (error) {
      await ready.trainer.close();
      throw error;
    }
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

function readWire(json: string): Task {
  try {
    return fromWire(JSON.parse(json));
  } catch (error) {
    throw new Refusal('TASK_SETUP_ERROR', `task does not validate here: ${messageOf(error)}`);
  }
}

function checkPolicy({ policy }: PodConfig, task: Task): void {
  if (!policy.allowedProtocols.includes(task.protocol.name))
    throw new Refusal(
      'UNAUTHORISED',
      `protocol ${task.protocol.name} is not allowed here; allowed: ${policy.allowedProtocols.join(', ')}`,
    );
  if (policy.requireSecureAggregation && !task.aggregator.secure)
    throw new Refusal(
      'UNAUTHORISED',
      'this site takes part only with secure aggregation (task.aggregator.secure: true)',
    );
  if (policy.privacy?.required && !task.aggregator.privacy)
    throw new Refusal(
      'UNAUTHORISED',
      'this site takes part only in tasks with differential privacy (task.aggregator.privacy)',
    );
  if (policy.recordPrivacy?.required && !task.training.privateSteps)
    throw new Refusal(
      'UNAUTHORISED',
      'this site takes part only in tasks that protect each row (hyperparameters.private_steps)',
    );
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

/** The terms of a task with differential privacy, if the site's budget has room for it. */
function checkBudget(
  { account }: AdmissionOptions,
  task: Task,
  { facts: { parameters } }: Pick<Admitted, 'facts'>,
): Pick<Admitted, 'privacy'> {
  const { privacy } = task.aggregator;
  if (!privacy) return {};
  let terms: PrivacyTerms;
  try {
    terms = privacyTermsOf(task, parameters)!;
  } catch (error) {
    throw new Refusal('TASK_SETUP_ERROR', messageOf(error));
  }
  const opened = account('site', privacy.delta);
  opened.checkTask(task, terms, parameters);
  return { privacy: { terms, account: opened } };
}

/** The account of a task with private steps, if it has room for all of them. */
function checkSteps(
  { account }: AdmissionOptions,
  task: Task,
  { data }: Pick<Admitted, 'data'>,
): Pick<Admitted, 'recordAccount'> {
  const { privateSteps } = task.training;
  if (!privateSteps) return {};
  const recordAccount = account('record', privateSteps.delta);
  recordAccount.checkSteps(task, data.train.rows);
  return { recordAccount };
}

/** Whether secure sums of this task withstand as much as the site asks for. */
function checkThresholds({ policy }: PodConfig, task: Task): void {
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
function checkRoster({ config, identity, peers, request }: AdmissionOptions, task: Task): Map<string, Member> {
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

async function openSource({ config, openDataset }: AdmissionOptions, dataset: string): Promise<DataSource> {
  const chosen = config.datasources.find(({ name }) => name === dataset);
  if (!chosen) throw new Refusal('NO_DATA', `this pod has no dataset "${dataset}"`);
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

async function setUp(
  { request, pullModel, openTrainer, decoders, signal, config }: AdmissionOptions,
  task: Task,
  source: DataSource,
): Promise<Pick<Admitted, 'data' | 'trainer' | 'facts' | 'model'>> {
  const { dataStructure } = task;
  if (dataStructure.compatibleDatasources && !dataStructure.compatibleDatasources.includes(source.kind))
    throw new Refusal(
      'INCOMPATIBLE_DATASOURCE',
      `task takes ${dataStructure.compatibleDatasources.join(', ')}; dataset is a ${source.kind}`,
    );
  const problems = checkSchema(dataStructure, source.schema);
  if (problems.length > 0)
    throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${request.dataset}" does not fit: ${problems.join('; ')}`);
  let data: SiteData;
  try {
    data = await loadSiteData(source, task, signal, decoders);
  } catch (error) {
    const empty = isKonsilError(error, 'DATA_EMPTY');
    const named = messageOf(error).replaceAll(source.label, `dataset "${request.dataset}"`);
    const told = isKonsilError(error) ? withoutPaths(new KonsilError(error.code, named, error.facts)) : named;
    throw new Refusal(empty ? 'NO_DATA' : 'INCOMPATIBLE_DATASOURCE', told, error);
  }
  try {
    const model = await pullModel();
    if (isTfjsModel(model) !== (task.model.kind === 'tfjs'))
      throw new KonsilError(
        'MODEL_INVALID',
        `task announces a ${task.model.kind} model, the model sent is of another kind`,
      );
    const { device, threads } = config;
    const options = trainerOptions(task, model, `model of ${config.name}'s task`);
    const trainer = await openTrainer({ ...options, device, threads }, signal);
    try {
      checkModelFits(trainer.program, task, data.width);
      const facts = sumFacts(task, trainer.program.layout, data.features.length);
      return { data, trainer, facts, ...(facts.shared && { model }) };
    } catch (error) {
      await trainer.close();
      throw error;
    }
  } catch (error) {
    // what a driver says may name folders of this machine
    if (isKonsilError(error, 'DEVICE_UNAVAILABLE'))
      throw new Refusal('TASK_SETUP_ERROR', 'none of the devices this site trains on can be used', error);
    throw new Refusal('TASK_SETUP_ERROR', messageOf(error));
  }
}

/** The error's code only: paths and contents of a hospital's files are nobody else's business. */
function codeOf(error: unknown): string {
  return isKonsilError(error) ? ` (${error.code})` : '';
}
