/**
 * A training task made ready at a site: its own rules on training, data, schema and model, in that order.
 * @module
 */
import type { Member, PrivacyTerms } from '../../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf } from '../../base/index.ts';
import { checkSchema, type DataSource, type DecodePool } from '../../datasources/index.ts';
import {
  checkModelFits,
  loadSiteData,
  privacyTermsOf,
  type SiteData,
  type SumFacts,
  sumFacts,
  trainerOptions,
} from '../../protocols/index.ts';
import type { PodConfig, Task } from '../../tasks/index.ts';
import { isTfjsModel, type ModelTrainer, type OpenTrainer } from '../../training/index.ts';
import type { MessageOf } from '../../wire/index.ts';
import type { PrivacyUnit } from '../ledger.ts';
import type { PrivacyAccount } from '../privacyAccount.ts';
import { Refusal, withoutPaths } from '../refusal.ts';

/** A training task this pod has agreed to, with everything it needs loaded. */
export interface TrainingSetup {
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

/** What setting up needs. */
export interface TrainingOptions {
  readonly config: PodConfig;
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly openTrainer: OpenTrainer;
  readonly decoders?: DecodePool;
  /** Pulls the model the modeller offers; called only after policy has said yes. */
  readonly pullModel: () => Promise<Uint8Array>;
  /** The account of the dataset asked for. @param delta - At which the task reckons. */
  readonly account: (unit: PrivacyUnit, delta: number) => PrivacyAccount;
  readonly signal: AbortSignal;
  /** Told of rows that a run leaves out; for the site's operator alone. */
  readonly onProblem: (problem: string) => void;
}

/** The site's rules on training tasks. @throws Refusal UNAUTHORISED */
export function checkTrainingPolicy({ policy }: Pick<PodConfig, 'policy'>, task: Task): void {
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
}

/** @throws Refusal; anything when `signal` is aborted. */
export async function setUpTraining(
  options: TrainingOptions,
  task: Task,
  members: ReadonlyMap<string, Member>,
  source: DataSource,
): Promise<TrainingSetup> {
  const ready = await setUp(options, task, source);
  try {
    return { task, members, ...ready, ...checkBudget(options, task, ready), ...checkSteps(options, task, ready) };
  } catch (error) {
    await ready.trainer.close();
    throw error;
  }
}

/** The terms of a task with differential privacy, if the site's budget has room for it. */
function checkBudget(
  { account }: TrainingOptions,
  task: Task,
  { facts: { parameters } }: Pick<TrainingSetup, 'facts'>,
): Pick<TrainingSetup, 'privacy'> {
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
  { account }: TrainingOptions,
  task: Task,
  { data }: Pick<TrainingSetup, 'data'>,
): Pick<TrainingSetup, 'recordAccount'> {
  const { privateSteps } = task.training;
  if (!privateSteps) return {};
  const recordAccount = account('record', privateSteps.delta);
  recordAccount.checkSteps(task, data.train.rows);
  return { recordAccount };
}

async function setUp(
  { request, pullModel, openTrainer, decoders, signal, config, onProblem }: TrainingOptions,
  task: Task,
  source: DataSource,
): Promise<Pick<TrainingSetup, 'data' | 'trainer' | 'facts' | 'model'>> {
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
    data = await loadSiteData(source, task, { signal, decoders, onProblem, isSelected: true });
  } catch (error) {
    // numbers of rows in what it says would be those of the selection
    if (dataStructure.rowsFrom !== undefined)
      throw new Refusal('NO_DATA', `rows of the intersection "${dataStructure.rowsFrom}" cannot be used here`, error);
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
