/**
 * A task as the program uses it: every default filled in, both forms of contradictory keys made one, all names bare.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CohortAssumptions, StrategySettings } from '../aggregation/index.ts';
import { problemOf } from '../datasources/index.ts';
import type { FoundModel } from '../modelStore/index.ts';
import { modelKindOf } from '../training/index.ts';
import { type BlobStoreSettings, blobStoreOf } from './blobStore.ts';
import type { ConfigKind, Problem } from './configFile.ts';
import { checkJson, parseJson, parseYaml, readConfigText, requireFile, resolvePath } from './configFile.ts';
import { structureWithOutcome } from './dataStructure/outcome.ts';
import { dataStructureFileOf, dataStructureOf, type TaskData } from './dataStructure/read.ts';
import { hyperparametersOf, type TrainingSettings, type TrainingUnit, trainingOf } from './hyperparameters.ts';
import { locateModel, namedModel } from './modelReference.ts';
import { privacyFileOf, privacyOf, survivorsOf, type TaskPrivacy } from './privacy.ts';
import { type QuantisationSettings, quantisationFile, quantisationSettings } from './quantisation.ts';
import { type StalenessSettings, stalenessFileOf, stalenessOf } from './staleness.ts';
import { fillInStatistics, statisticsPathOf } from './statisticsReference.ts';
import { strategyFileOf, strategyOf } from './strategy.ts';
import { checkTask, placesOf } from './taskChecks.ts';
import { type AggregatorFile, type ModelFile, type TaskFile, taskFile } from './taskFile.ts';
import { fillIn, type TaskInputs } from './template/fill.ts';
import { dotted, openYaml, valuesOf, type YamlFile } from './yamlFile.ts';

/** A model every side can build itself, or one that the modeller sends. */
export type ModelChoice =
  | {
      readonly kind: 'builtin';
      readonly name: 'mlp';
      readonly hiddenLayers: readonly number[];
      readonly activation: Activation;
    }
  | { readonly kind: 'builtin'; readonly name: 'logistic_regression' }
  | { readonly kind: 'onnx' }
  | { readonly kind: 'tfjs' };

export type Activation = 'relu' | 'tanh';

export interface AggregatorSettings extends QuantisationSettings {
  readonly secure: boolean;
  /** Pod identifier to weight; undefined weighs by training rows. */
  readonly weights?: Readonly<Record<string, number>>;
  /** Largest absolute change of one weight in a round; undefined leaves the choice to the aggregator. */
  readonly clip?: number;
  /** Largest L2 norm of a pod's update in a round; undefined bounds nothing. */
  readonly clipNorm?: number;
  readonly minimumCohort: number;
  /** What becomes of the updates of a round. @default FedAvg */
  readonly strategy?: StrategySettings;
  /** What updates that come late are worth; undefined drops them. */
  readonly staleness?: StalenessSettings;
  /** Noise on the sum of updates; undefined adds none. */
  readonly privacy?: TaskPrivacy;
  /** What the cohort of a secure sum withstands. */
  readonly cohort?: CohortAssumptions;
}

/** Seconds the coordinator waits in each phase. */
export interface Deadlines {
  readonly join: number;
  readonly train: number;
  readonly exchange: number;
  readonly evaluate: number;
}

/** A task as all parties know it; nothing in it is local to a machine. */
export interface Task {
  /** `pod` or `pod/dataset`, see {@link splitIdentifier}. */
  readonly pods: readonly string[];
  /** Whether pods that were not there at the start may join at a later round. */
  readonly lateJoin: boolean;
  readonly modellerName?: string;
  readonly protocol: {
    readonly name: 'FederatedAveraging';
    /** Steps or epochs (as `training.unit` says) in one round. */
    readonly interval: number;
    readonly autoEval: boolean;
  };
  readonly algorithm: {
    readonly name: 'FederatedModelTraining';
    readonly modellerCheckpointing: boolean;
    readonly checkpointEveryRound: boolean;
  };
  readonly model: ModelChoice;
  readonly training: TrainingSettings;
  readonly aggregator: AggregatorSettings;
  readonly deadlines: Deadlines;
  readonly dataStructure: TaskData;
}

export interface BrokerSettings {
  readonly url: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly caFile?: string;
}

/** What only the modeller's own machine knows; all paths absolute. */
export interface LocalSettings {
  readonly file: string;
  /** The model file, when the model is one: ONNX or TensorFlow.js. */
  readonly modelFile?: string;
  readonly pretrainedFile?: string;
  readonly checkpointFilename?: string;
  /** Models under evaluation, in order. */
  readonly modelFiles?: readonly string[];
  /** The modeller's list of an intersection. */
  readonly identifiersFile?: string;
  readonly broker?: BrokerSettings;
  readonly blobStore?: BlobStoreSettings;
  readonly identity: string;
  readonly runs: string;
  /** Folder of the model store. @default ~/.konsil/models */
  readonly models?: string;
  /** Which version `modelFile` is, when it is of the store. */
  readonly storedModel?: Pick<FoundModel, 'name' | 'version' | 'sha256'>;
}

/** A task read from a file on this machine. */
export interface LocalTask extends Task {
  readonly local: LocalSettings;
}

/** On the wire a model that the modeller sends has one of these references instead of a path. */
const ATTACHED = { onnx: 'attached:onnx', tfjs: 'attached:tfjs' } as const;

const fileKind = (statistics?: string): ConfigKind<typeof taskFile> => ({
  schema: taskFile,
  prepare: (json) => fillInStatistics(json, statistics),
  check: (file) => checkTask(file),
});
const wireKind: ConfigKind<typeof taskFile> = {
  schema: taskFile,
  check: (file) => checkTask(file, Object.values(ATTACHED)),
  code: 'TASK_REJECTED',
};

/**
 * The task in YAML `text`, or in a file that is open and filled in; `file` is its path, for messages and relative paths.
 * Touches no disk: a model of the store is only looked for by {@link readTask}, and `local.modelFile` is absent here.
 * @param statistics - What the file holds that `data_structure.statistics` names; needed only by a task that names one.
 * @throws KonsilError CONFIG_INVALID that lists every problem as `file:line:column key.path: …`.
 */
export function parseTask(text: string | YamlFile, file: string, statistics?: string): LocalTask {
  const yaml = typeof text === 'string' ? fillIn(openYaml(text, file)) : text;
  const parsed = parseYaml(yaml, file, fileKind(statistics));
  return { ...taskOf(parsed), local: localOf(parsed, file) };
}

/**
 * The task in a value that some other file's settings were made into; `file` is that file, for relative paths. Touches no
 * disk and never throws: problems have their place in `json`.
 */
export function composeTask(
  json: unknown,
  file: string,
): { readonly task: LocalTask } | { readonly problems: readonly Problem[] } {
  const checked = checkJson(structuredClone(json), fileKind());
  if ('problems' in checked) return checked;
  return { task: { ...taskOf(checked.value), local: localOf(checked.value, file) } };
}

/**
 * The task of a file, whose model and weights files exist.
 * @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND; USAGE when `inputs` do not fit the file's template.
 */
export async function readTask(path: string, inputs?: TaskInputs): Promise<LocalTask> {
  return readOpenTask(fillIn(openYaml(await readConfigText(path), path), inputs));
}

/** As {@link readTask}, of a file that is open and filled in. */
export async function readOpenTask(yaml: YamlFile): Promise<LocalTask> {
  const { file } = yaml;
  const parsed = await parseWithStatistics(yaml);
  const { reference } = placesOf(parsed);
  const task = { ...taskOf(parsed), local: localOf(parsed, file) };
  const { models, pretrainedFile } = task.local;
  const path = [...reference!.path, 'model_ref'];
  const at = `${yaml.placeOf(path, false)} ${dotted(path)}`;
  const place = { ...{ file, folder: dirname(file), models, at }, owner: task.modellerName };
  const model = await locateModel(reference!.value, place);
  if (pretrainedFile !== undefined) await requireFile(file, 'pretrained_file', pretrainedFile);
  if (model === undefined) return task;
  const local = { ...task.local, modelFile: model.file, ...(model.stored && { storedModel: model.stored }) };
  return { ...task, model: { kind: model.kind }, local };
}

/** As {@link readOpenTask}, whether the files of model and weights exist or not. */
export async function parseOpenTask(yaml: YamlFile): Promise<LocalTask> {
  const parsed = await parseWithStatistics(yaml);
  return { ...taskOf(parsed), local: localOf(parsed, yaml.file) };
}

async function parseWithStatistics(yaml: YamlFile): Promise<TaskFile> {
  const named = statisticsPathOf(valuesOf(yaml));
  // a file that cannot be read is a problem at its place in the task
  const read = named === undefined ? undefined : readFile(resolvePath(dirname(yaml.file), named), 'utf8');
  return parseYaml(yaml, yaml.file, fileKind(await read?.catch(() => undefined)));
}

/** Rounds until every pod has made all its steps or epochs; the last round may be shorter. */
export function roundsOf(task: Pick<Task, 'protocol' | 'training'>): number {
  return Math.ceil(task.training.total / task.protocol.interval);
}

/** Parts of an identifier `pod` or `pod/dataset`. */
export function splitIdentifier(identifier: string): { readonly pod: string; readonly dataset?: string } {
  const [pod = '', dataset] = identifier.split('/');
  return dataset === undefined ? { pod } : { pod, dataset };
}

/** Plain JSON of the task for the pods, in the keys of the file; without paths, broker or anything else local. */
export function toWire(task: Task): TaskFile {
  const { training, model, aggregator, dataStructure } = task;
  return taskFile.parse({
    pods: { identifiers: [...task.pods], late_join: task.lateJoin },
    ...(task.modellerName !== undefined && { modeller: { username: task.modellerName } }),
    task: {
      protocol: {
        name: task.protocol.name,
        arguments: {
          [`${training.unit}_between_parameter_updates`]: task.protocol.interval,
          auto_eval: task.protocol.autoEval,
        },
      },
      algorithm: {
        name: task.algorithm.name,
        arguments: {
          modeller_checkpointing: task.algorithm.modellerCheckpointing,
          checkpoint_every_round: task.algorithm.checkpointEveryRound,
          ...(dataStructure.outcome && { problem: dataStructure.outcome.kind }),
        },
        model: {
          konsil_model: { model_ref: model.kind === 'builtin' ? `builtin:${model.name}` : ATTACHED[model.kind] },
          hyperparameters: {
            ...hyperparametersOf(training),
            ...(model.kind === 'builtin' &&
              model.name === 'mlp' && { hidden_layers: [...model.hiddenLayers], activation: model.activation }),
          },
        },
      },
      aggregator: {
        secure: aggregator.secure,
        ...(aggregator.weights !== undefined && { weights: { ...aggregator.weights } }),
        ...(aggregator.clip !== undefined && { clip: aggregator.clip }),
        ...(aggregator.clipNorm !== undefined && { clip_norm: aggregator.clipNorm }),
        ...quantisationFile(aggregator),
        minimum_cohort: aggregator.minimumCohort,
        ...aggregator.cohort,
        ...(aggregator.strategy && { strategy: strategyFileOf(aggregator.strategy) }),
        ...(aggregator.staleness && { staleness: stalenessFileOf(aggregator.staleness) }),
        ...(aggregator.privacy && { privacy: privacyFileOf(aggregator.privacy) }),
      },
      deadlines: { ...task.deadlines },
      data_structure: dataStructureFileOf(dataStructure),
    },
  });
}

/** The task that another party sent, checked as strictly as a file. @throws KonsilError TASK_REJECTED. */
export function fromWire(json: unknown): Task {
  // a copy: validation may drop keys without a value
  return taskOf(parseJson(structuredClone(json), 'received task', wireKind));
}

/** @param file - Accepted by {@link checkTask}, which rules out what the `!` below assume. */
function taskOf(file: TaskFile): Task {
  const places = placesOf(file);
  const { protocol, deadlines } = file.task;
  const hyper = places.model!.value.hyperparameters!;
  const unit: TrainingUnit = hyper.steps === undefined ? 'epochs' : 'steps';
  const structure = places.dataStructure!.value;
  const dataStructure = structureWithOutcome(dataStructureOf(structure), structure, places.problem);
  const aggregator: AggregatorFile = places.aggregator?.value ?? {};
  const secure = places.secure;
  return {
    pods: file.pods.identifiers,
    lateJoin: file.pods.late_join ?? false,
    ...(file.modeller?.username !== undefined && { modellerName: file.modeller.username }),
    protocol: {
      name: protocol.name,
      interval: protocol.arguments[`${unit}_between_parameter_updates`]!,
      autoEval: protocol.arguments.auto_eval,
    },
    algorithm: {
      name: places.algorithm.value.name,
      modellerCheckpointing: places.algorithm.value.arguments?.modeller_checkpointing ?? true,
      checkpointEveryRound: places.algorithm.value.arguments?.checkpoint_every_round ?? false,
    },
    model: modelChoiceOf(places.reference!.value.model_ref, hyper),
    training: trainingOf(hyper, problemOf(dataStructure)),
    aggregator: {
      secure,
      ...(aggregator.weights !== undefined && { weights: aggregator.weights }),
      ...(aggregator.clip !== undefined && { clip: aggregator.clip }),
      ...(aggregator.clip_norm !== undefined && { clipNorm: aggregator.clip_norm }),
      minimumCohort: minimumCohortOf(file.pods.identifiers.length, aggregator, secure),
      ...(aggregator.privacy && { privacy: privacyOf(aggregator.privacy, secure) }),
      ...quantisationSettings(aggregator, file.pods.identifiers.length),
      ...(aggregator.strategy && { strategy: strategyOf(aggregator.strategy) }),
      ...(aggregator.staleness && { staleness: stalenessOf(aggregator.staleness) }),
      ...cohortOf(aggregator),
    },
    deadlines: deadlines ?? { join: 60, train: 600, exchange: 60, evaluate: 300 },
    dataStructure,
  };
}

/** Pods without which there is no sum; with noise from the pods, as many as the noise is reckoned with. */
function minimumCohortOf(pods: number, { minimum_cohort, privacy }: AggregatorFile, secure: boolean): number {
  const asked = minimum_cohort ?? (secure ? 3 : 1);
  return secure && privacy ? Math.max(asked, survivorsOf(pods, privacy.dropout_fraction)) : asked;
}

function cohortOf({ graph, colluding, dropouts }: Pick<AggregatorFile, 'graph' | 'colluding' | 'dropouts'>): {
  cohort?: CohortAssumptions;
} {
  const cohort = {
    ...(graph !== undefined && { graph }),
    ...(colluding !== undefined && { colluding }),
    ...(dropouts !== undefined && { dropouts }),
  };
  return Object.keys(cohort).length > 0 ? { cohort } : {};
}

/** The kind of a model that the modeller sends, by its file's ending or, on the wire, by its reference. */
function attachedKind(reference: string): 'onnx' | 'tfjs' {
  return reference === ATTACHED.tfjs || modelKindOf(reference) === 'tfjs' ? 'tfjs' : 'onnx';
}

/** The model that an accepted reference names. */
export function modelChoiceOf(reference: string, hyper: NonNullable<ModelFile['hyperparameters']>): ModelChoice {
  if (!reference.startsWith('builtin:')) return { kind: attachedKind(reference) };
  if (reference === 'builtin:logistic_regression') return { kind: 'builtin', name: 'logistic_regression' };
  const { hidden_layers = [16], activation = 'relu' } = hyper;
  return { kind: 'builtin', name: 'mlp', hiddenLayers: hidden_layers, activation };
}

function localOf(file: TaskFile, path: string): LocalSettings {
  const folder = dirname(path);
  const places = placesOf(file);
  const named = namedModel(places.reference!.value, file.modeller?.username);
  const { pretrained_file, arguments: args } = places.algorithm.value;
  return {
    ...commonLocal(file.konsil, path),
    ...('kind' in named && named.kind === 'file' && { modelFile: resolvePath(folder, named.path) }),
    ...(pretrained_file !== undefined && { pretrainedFile: resolvePath(folder, pretrained_file) }),
    ...(args?.checkpoint_filename !== undefined && { checkpointFilename: args.checkpoint_filename }),
  };
}

/** What only the modeller's machine knows of a task file at `path`, whatever its kind. */
export function commonLocal(konsil: TaskFile['konsil'], path: string): LocalSettings {
  const folder = dirname(path);
  return {
    file: resolve(path),
    ...(konsil?.broker && { broker: brokerOf(konsil.broker, folder) }),
    ...(konsil?.blob_store && { blobStore: blobStoreOf(konsil.blob_store, folder) }),
    identity: resolvePath(folder, konsil?.identity ?? './keys/modeller'),
    runs: resolvePath(folder, konsil?.runs ?? './runs'),
    ...(konsil?.models !== undefined && { models: resolvePath(folder, konsil.models) }),
  };
}

/** Broker settings with absolute paths. */
export function brokerOf(
  broker: NonNullable<NonNullable<TaskFile['konsil']>['broker']>,
  folder: string,
): BrokerSettings {
  return {
    url: broker.url,
    ...(broker.username !== undefined && { username: broker.username }),
    ...(broker.password_file !== undefined && { passwordFile: resolvePath(folder, broker.password_file) }),
    ...(broker.ca_file !== undefined && { caFile: resolvePath(folder, broker.ca_file) }),
  };
}
