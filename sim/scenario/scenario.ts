/**
 * A scenario as the program uses it: checked, its variants spelled out, each with a whole task.
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { ERROR_CODES, KonsilError } from '../../src/base/index.ts';
import { LABEL_COLUMN, PIXELS } from '../../src/datasources/index.ts';
import {
  type ConfigKind,
  composeTask,
  type LocalTask,
  type Path,
  type Problem,
  parseYaml,
  quantisationOf,
  readConfigText,
  resolvePath,
} from '../../src/tasks/index.ts';
import { siteNames } from '../data/partition.ts';
import { at, isSettings, merge, type Settings } from './merge.ts';
import {
  type Expectations,
  type FaultSettings,
  type Malicious,
  type Rates,
  type ScenarioFile,
  scenarioFile,
} from './schema.ts';

/** One of the runs that a scenario compares. */
export interface Variant {
  readonly name: string;
  /** What the scenario says of the task, below `task`. */
  readonly task: Settings;
  readonly faults: readonly FaultSettings[];
  readonly rates: Rates;
  readonly malicious: readonly Malicious[];
  readonly expect: Expectations;
}

/** A checked scenario. */
export interface Scenario
  extends Pick<
    ScenarioFile,
    'name' | 'seed' | 'transport' | 'pods' | 'rounds' | 'data' | 'partition' | 'policy' | 'privacy'
  > {
  readonly file: string;
  readonly training: ScenarioFile['training']['kind'];
  readonly latencyMs: number;
  readonly baselines: boolean;
  readonly variants: readonly Variant[];
}

/** Who asks for the run. */
export const MODELLER = 'modeller';
/** The dataset of every pod. */
export const DATASET = 'data';

/**
 * The scenario in YAML `text`; `file` is its path, for messages and relative paths.
 * @throws KonsilError CONFIG_INVALID that lists every problem as `file:line:column key.path: …`; FILE_NOT_FOUND.
 */
export function parseScenario(text: string, file: string): Scenario {
  const kind: ConfigKind<typeof scenarioFile> = {
    schema: scenarioFile,
    check: (value) => [...checkScenario(value), ...checkTasks(value, file)],
  };
  const parsed = parseYaml(text, file, kind);
  const { name, seed, transport, pods, rounds, data, partition, policy, training, network, baselines, privacy } =
    parsed;
  return {
    ...{ name, seed, transport, pods, rounds, partition, policy, baselines, file: resolve(file) },
    data: 'path' in data ? { ...data, path: resolvePath(dirname(resolve(file)), data.path) } : data,
    ...(privacy && { privacy }),
    training: training.kind,
    latencyMs: network.latency_ms,
    variants: variantsOf(parsed, file),
  };
}

/** The scenario of a file. @throws KonsilError CONFIG_INVALID or FILE_NOT_FOUND. */
export async function readScenario(file: string): Promise<Scenario> {
  return parseScenario(await readConfigText(file), file);
}

function variantsOf(file: ScenarioFile, path: string): Variant[] {
  const { faults, rates, malicious, expect } = file;
  const base = partOf(file.task, path);
  return (file.variants ?? [{ name: 'run' }]).map((variant) => ({
    ...{ faults, rates, malicious, expect },
    ...Object.fromEntries(Object.entries(variant).filter(([, value]) => value !== undefined)),
    name: variant.name,
    task: merge(base, partOf(variant.task, path)),
  }));
}

/** What a scenario says of the task: in place, or below `task` in a file. How long it trains is the scenario's to say. */
function partOf(part: ScenarioFile['task'], file: string): Settings {
  if (part === undefined) return {};
  if (isSettings(part)) return part;
  const path = resolvePath(dirname(resolve(file)), part);
  let task: unknown;
  try {
    task = (parse(readFileSync(path, 'utf8')) as Settings | null)?.['task'];
  } catch (cause) {
    throw new KonsilError(
      'FILE_NOT_FOUND',
      `cannot read task ${path}; expected a YAML file`,
      { file: path },
      { cause },
    );
  }
  if (!isSettings(task)) throw new KonsilError('CONFIG_INVALID', `${path}: expected a map below the key task`);
  const hyper = [...MODEL, 'hyperparameters'];
  const without = (path: readonly string[]): Settings =>
    path.reduceRight<Settings>((inner, key) => ({ [key]: inner }), {});
  const known = at(task, hyper);
  if (!isSettings(known)) return task;
  return merge(merge(task, without(hyper)), {
    algorithm: { model: { hyperparameters: { epochs: null, steps: null } } },
  });
}

const MODEL = ['algorithm', 'model'] as const;

/**
 * The whole task of a variant for these pods.
 * @returns the task, or what is wrong with it, at paths below `task`.
 */
export function taskOf(
  scenario: Pick<Scenario, 'seed' | 'rounds' | 'file'> & {
    readonly classes: readonly string[];
    readonly target: string;
  },
  settings: Settings,
  pods: readonly string[],
): { readonly task: LocalTask } | { readonly problems: readonly Problem[] } {
  const { seed, rounds, classes, target, file } = scenario;
  const bySteps = at(settings, ['protocol', 'arguments', 'steps_between_parameter_updates']);
  const interval = bySteps ?? at(settings, ['protocol', 'arguments', 'epochs_between_parameter_updates']) ?? 1;
  const unit = bySteps === undefined ? 'epochs' : 'steps';
  const secure = at(settings, ['aggregator', 'secure']) ?? true;
  const defaults: Settings = {
    protocol: { name: 'FederatedAveraging', arguments: { [`${unit}_between_parameter_updates`]: interval } },
    algorithm: {
      name: 'FederatedModelTraining',
      arguments: { modeller_checkpointing: false },
      model: {
        konsil_model: { model_ref: 'builtin:mlp' },
        hyperparameters: { batch_size: 32, optimizer: 'sgd', learning_rate: 0.1, seed },
      },
    },
    aggregator: { secure, minimum_cohort: secure === true ? Math.max(3, Math.ceil(pods.length / 2)) : 1 },
    data_structure: {
      assign: { target, ...(target === LABEL_COLUMN && { image_cols: [PIXELS] }) },
      ...(classes.length > 0 && { categories: { [target]: classes } }),
      data_split: { args: { test_percentage: 20, validation_percentage: 10, seed } },
    },
  };
  const amount = typeof interval === 'number' ? rounds * interval : rounds;
  const length = { algorithm: { model: { hyperparameters: { [unit]: amount } } } };
  const task = merge(merge(defaults, settings), length);
  const json = {
    pods: { identifiers: pods.map((pod) => `${pod}/${DATASET}`) },
    modeller: { username: MODELLER },
    task,
  };
  return composeTask(json, file);
}

/** Column that is predicted. */
export function targetOf(data: ScenarioFile['data']): string {
  if (data.kind === 'csv') return data.target;
  return data.kind === 'images' ? LABEL_COLUMN : 'y';
}

/** Problems of the tasks of all variants, where the scenario says what is wrong. */
function checkTasks(file: ScenarioFile, path: string): Problem[] {
  const { data } = file;
  const classes =
    data.kind === 'csv' || data.kind === 'images'
      ? (data.classes ?? []).map(String)
      : data.kind === 'linear'
        ? []
        : ['a', 'b'];
  // how many pods a column names is not known yet
  const names = siteNames(file.pods ?? 3);
  const base = { ...file, file: path, classes, target: targetOf(data) };
  const found = new Map<string, Problem>();
  for (const [i, variant] of variantsOf(file, path).entries()) {
    for (const unit of ['epochs', 'steps'])
      if (at(variant.task, [...MODEL, 'hyperparameters', unit]) !== undefined)
        place([...MODEL, 'hyperparameters', unit], 'the scenario says how long: rounds, times what a round trains');
    const composed = taskOf(base, variant.task, names);
    if ('task' in composed) {
      const why = variant.expect.equals_plain_average && notPlainAverage(composed.task);
      if (why) place(['aggregator'], `equals_plain_average is expected, but ${why}`);
    } else
      for (const { path: at, message, atKey } of composed.problems)
        place(at[0] === 'task' ? at.slice(1) : at, message, atKey);

    function place(inner: Path, message: string, atKey = false): void {
      const own = file.variants?.[i]?.task;
      const isOwn = own !== undefined && at(own, inner) !== undefined;
      const where = isOwn ? ['variants', i, 'task', ...inner] : ['task', ...inner];
      const outside = typeof (isOwn ? own : file.task) === 'string' ? `${inner.map(String).join('.')}: ` : '';
      found.set(`${where.join('.')} ${message}`, { path: where, message: `${outside}${message}`, atKey });
    }
  }
  return [...found.values()];
}

/** Why a round of this task is another than the mean by rows of all that its pods trained; null when it is that. */
function notPlainAverage({ aggregator, training }: LocalTask): string | null {
  const { name = 'FedAvg', serverLearningRate = 1 } = aggregator.strategy ?? {};
  if (name !== 'FedAvg' && name !== 'FedProx') return `${name} does more than average`;
  if (serverLearningRate !== 1) return 'the coordinator has a learning rate of its own';
  if (training.localParameters) return 'some parameters stay at the sites';
  if (aggregator.privacy) return 'noise is added to it';
  if (aggregator.weights) return 'pods have other weights than their rows';
  if (aggregator.clipNorm !== undefined) return 'long updates are shortened';
  return quantisationOf(aggregator).sparse === undefined ? null : 'only a part of the parameters is sent';
}

function checkScenario(file: ScenarioFile): Problem[] {
  const problems: Problem[] = [];
  const complain = (path: Path, message: string): void => void problems.push({ path, message });
  const byColumn = file.partition.kind === 'column';
  if (byColumn && file.data.kind !== 'csv')
    complain(
      ['partition'],
      `${file.data.kind === 'images' ? 'a folder of pictures' : 'synthetic data'} has no column that names sites`,
    );
  if (byColumn && file.pods !== undefined)
    complain(['pods'], 'the column says how many pods there are; leave this out');
  if (!byColumn && file.pods === undefined) complain(['pods'], 'is required; expected a whole number');
  const isNumber = file.data.kind === 'linear' || (file.data.kind === 'csv' && file.data.classes === undefined);
  if (isNumber && file.partition.kind === 'dirichlet')
    complain(['partition'], 'dirichlet deals classes; the target of this data is a number');
  if (file.data.kind === 'images') {
    if (file.transport === 'processes') complain(['transport'], 'pictures are dealt to pods in memory; use memory');
    if (file.privacy) complain(['privacy'], 'attacks are on numbers; use another kind of data');
    if (file.partition.kind === 'shift') complain(['partition'], 'shift moves numbers; pictures have none');
  }
  if (file.privacy && file.transport === 'processes')
    complain(['privacy'], 'what processes send each other cannot be looked at; use memory');
  if (file.privacy && file.training.kind === 'synthetic')
    complain(['privacy'], 'attacks on updates that no row went into say nothing; use training: { kind: real }');
  const names = new Set<string>();
  for (const [i, { name }] of (file.variants ?? []).entries()) {
    if (names.has(name)) complain(['variants', i, 'name'], `${name} is the name of an earlier variant`);
    names.add(name);
  }
  checkPlan([], file, file, complain);
  for (const [i, variant] of (file.variants ?? []).entries()) checkPlan(['variants', i], variant, file, complain);
  return problems;
}

type Plan = { readonly [K in 'faults' | 'rates' | 'malicious' | 'expect']?: ScenarioFile[K] | undefined };

function checkPlan(
  prefix: Path,
  plan: Plan,
  file: ScenarioFile,
  complain: (path: Path, message: string) => void,
): void {
  const known = file.partition.kind === 'column' ? null : new Set(siteNames(file.pods ?? 0));
  const checkPod = (path: Path, pod: string): void => {
    if (known && !known.has(pod))
      complain(path, `no such pod; expected one of ${[...known][0] ?? ''} to ${[...known].at(-1) ?? ''}, got "${pod}"`);
  };
  for (const [i, fault] of (plan.faults ?? []).entries()) {
    const path = [...prefix, 'faults', i];
    const targets = [fault.pod, fault.pods, fault.coordinator, fault.broker].filter((target) => target !== undefined);
    if (targets.length !== 1) complain(path, 'expected one of pod, pods, coordinator, broker: whom it happens to');
    for (const pod of [fault.pod ?? []].flat()) checkPod([...path, 'pod'], pod);
    if (fault.pods !== undefined && known && fault.pods > known.size)
      complain([...path, 'pods'], `expected at most ${known.size}, got ${fault.pods}`);
    if (typeof fault.at.round === 'number' && fault.at.round > file.rounds)
      complain([...path, 'at', 'round'], `expected at most ${file.rounds}, got ${fault.at.round}`);
    const why = unsupported(fault, file.transport);
    if (why) complain([...path, 'fault'], why);
  }
  for (const kind of Object.keys(plan.rates ?? {})) {
    const why = unsupported({ fault: kind as FaultSettings['fault'] }, file.transport);
    if (why) complain([...prefix, 'rates', kind], why);
  }
  for (const [i, attacker] of (plan.malicious ?? []).entries()) {
    const path = [...prefix, 'malicious', i];
    if ('pod' in attacker) checkPod([...path, 'pod'], attacker.pod);
    const onlyMemory = attacker.role !== 'label_flipping' && file.transport === 'processes';
    if (onlyMemory) complain([...path, 'role'], 'processes are the real programs, which have no such role; use memory');
  }
  const { code, status, equals_plain_average } = plan.expect ?? {};
  if (code !== undefined && status !== 'aborted')
    complain([...prefix, 'expect', 'code'], 'only a run that is aborted ends with a code; add status: aborted');
  if (code !== undefined && !Object.hasOwn(ERROR_CODES, code))
    complain([...prefix, 'expect', 'code'], `no error has the code ${code}; docs/reference/errors.md lists all`);
  if (equals_plain_average && file.transport === 'processes')
    complain([...prefix, 'expect', 'equals_plain_average'], 'updates of processes cannot be looked at; use memory');
}

/** Why a fault cannot be had, or null. */
function unsupported(
  { fault, coordinator, broker }: Pick<FaultSettings, 'fault' | 'coordinator' | 'broker'>,
  transport: ScenarioFile['transport'],
): string | null {
  if (coordinator && fault === 'crash')
    return 'a coordinator that is gone for good leaves nothing to look at; restart is what it can have';
  if (transport === 'memory') return null;
  if (coordinator) return 'the coordinator of processes has no faults; use memory';
  if (fault === 'crash' || fault === 'restart' || (fault === 'hang' && !broker)) return null;
  return `${fault} happens in memory only; processes crash, restart and hang`;
}
