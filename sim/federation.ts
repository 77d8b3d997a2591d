/**
 * Whole federations in one process over an in-memory broker that tests can make hostile: the same coordinator and pod
 * code as the programs, real data, real training.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AnalysisOutcome,
  type FederatedRunOptions,
  type RunEvent,
  type RunOutcome,
  runAnalysis,
  runFederated,
} from '../src/coordinator/index.ts';
import { openDataset } from '../src/datasources/index.ts';
import { Pod, type PodNotice } from '../src/participant/index.ts';
import { trainerOptions } from '../src/protocols/index.ts';
import { type LocalAnalysis, type LocalTask, type PodConfig, parseTask, readPodConfig } from '../src/tasks/index.ts';
import { compile } from '../src/training/index.ts';
import { Channel, type Clock, MemoryBroker, type MemoryLink, type StoreOptions } from '../src/transport/index.ts';
import { presenceTopic } from '../src/wire/index.ts';
import { acquainted } from './acquainted.ts';
import { HastyClock } from './hastyClock.ts';
import { HeldMaskPool } from './memory/pools.ts';
import { SharedTrainers, TrainerThreads } from './memory/trainers.ts';

export const EXAMPLE = join(import.meta.dirname, '../examples/breast-cancer');
const PODS = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'] as const;
export type PodName = (typeof PODS)[number];

/** Waits of seconds (a lost pod's grace, a resend) pass ten times faster; nothing that computes is hurried. */
export const hastyClock = new HastyClock();

/** The task language's own deadline for joining, seconds. */
const DEFAULT_JOIN_S = 60;

export interface FederationOptions {
  /** Rewrites the example's task before it is parsed. */
  readonly task?: (yaml: string) => string;
  /** Changes a pod's configuration. */
  readonly pod?: (name: PodName, config: PodConfig) => PodConfig;
  /** Pods to run. @default all four */
  readonly pods?: readonly PodName[];
  /** The clock of a party. @default waits pass ten times faster */
  readonly clock?: (name: PodName | 'modeller') => Clock;
  /** The blob store of a party. @default none */
  readonly store?: (name: PodName | 'modeller') => StoreOptions;
  /** Each pod has its own engine, on the device of its configuration. @default all share one on the CPU */
  readonly ownEngines?: boolean;
  /** Keeps transcripts of secure sums. */
  readonly transcript?: boolean;
}

/** The example task with few rounds, so that a test takes a second or two. */
export const shortTask = (yaml: string): string =>
  yaml
    .replace(/epochs_between_parameter_updates: \d+/, 'epochs_between_parameter_updates: 1')
    .replace(/\n( +)epochs: \d+/, '\n$1epochs: 3');

/** The short task without secure aggregation, which a pod refuses unless {@link allowPlain} is its configuration. */
export const plainTask = (yaml: string): string =>
  shortTask(yaml).replace('secure: true', 'secure: false').replace('minimum_cohort: 3', 'minimum_cohort: 1');
export const allowPlain: NonNullable<FederationOptions['pod']> = (_name, config) => ({
  ...config,
  policy: { ...config.policy, requireSecureAggregation: false, minimumCohort: 1 },
});
/** `edit` applied to the task, with a section `deadlines` in seconds of the task's clock. */
export const withDeadlines =
  (deadlines: string, edit: (yaml: string) => string = shortTask) =>
  (yaml: string): string =>
    edit(yaml).replace('  aggregator:', `  deadlines: { ${deadlines} }\n  aggregator:`);
/** The plain task with one pod: the smallest run there is. */
export const soloTask = (yaml: string): string => plainTask(yaml).replace(/ {4}- hospital-[bcd]\/.*\n/g, '');

/** A federation in memory; `close` frees everything. */
export class Federation {
  readonly broker = new MemoryBroker();
  readonly folder = mkdtempSync(join(tmpdir(), 'konsil-federation-'));
  readonly events: RunEvent[] = [];
  readonly notices: { pod: PodName; notice: PodNotice }[] = [];
  readonly world = acquainted(['modeller', ...PODS]);
  readonly running = new Map<PodName, { pod: Pod; link: MemoryLink }>();
  task!: LocalTask;
  /** Called with each run event, after it is recorded. */
  onEvent: (event: RunEvent) => void = () => undefined;
  readonly #options: FederationOptions;
  /** Pods train the same model: one engine for all saves most of the time that a test takes. */
  readonly #threads = new TrainerThreads();
  readonly #trainers = new SharedTrainers(hastyClock, this.#threads);
  readonly #pool = new HeldMaskPool(hastyClock);

  private constructor(options: FederationOptions) {
    this.#options = options;
  }

  /** @param prepare - Called with the federation's own copy of the example before any pod starts. */
  static async open(
    options: FederationOptions = {},
    prepare: (federation: Federation) => void = () => undefined,
  ): Promise<Federation> {
    const federation = new Federation(options);
    cpSync(EXAMPLE, federation.folder, { recursive: true, filter: (path) => !/[/\\](keys|runs|state)$/.test(path) });
    const file = join(federation.folder, 'task.yaml');
    const task = parseTask((options.task ?? shortTask)(readFileSync(file, 'utf8')), file);
    // on a hasty clock a machine that is busy with other tests would not admit anybody in the default minute
    const seconds = task.deadlines.join === DEFAULT_JOIN_S ? 10 * DEFAULT_JOIN_S : task.deadlines.join;
    federation.task = { ...task, deadlines: { ...task.deadlines, join: seconds } };
    prepare(federation);
    await Promise.all((options.pods ?? PODS).map((name) => federation.startPod(name)));
    return federation;
  }

  /** Starts a pod (again). */
  async startPod(name: PodName): Promise<void> {
    const { identity, peers } = this.world[name];
    const link = this.broker.connect(presenceTopic(identity.public.id));
    const read = await readPodConfig(join(this.folder, `${name}.yaml`));
    // equal runs give equal bits on the CPU only
    const config: PodConfig = { ...read, approvedModellers: ['modeller'], device: 'cpu' };
    const pod = await Pod.start({
      config: this.#options.pod?.(name, config) ?? config,
      ...{ identity, peers, link, clock: this.clockOf(name), version: 'test' },
      ...(!this.#options.ownEngines && {
        parts: {
          ...{ pool: this.#pool, openDataset, openTrainer: this.#trainers.opener(name) },
          openPredictor: this.#trainers.openPredictor,
        },
      }),
      ...(this.#options.store && { store: this.#options.store(name) }),
      onNotice: (notice) => this.notices.push({ pod: name, notice }),
    });
    this.running.set(name, { pod, link });
  }

  clockOf(name: PodName | 'modeller'): Clock {
    return this.#options.clock?.(name) ?? hastyClock;
  }

  /** What the pods have told their operators, as `type` or one pod's. */
  noticesOf<T extends PodNotice['type']>(pod: PodName, type: T): Extract<PodNotice, { type: T }>[] {
    const own = this.notices.filter((entry) => entry.pod === pod).map(({ notice }) => notice);
    return own.filter((notice): notice is Extract<PodNotice, { type: T }> => notice.type === type);
  }

  /** As a power cut: the pod's link is gone, and nothing it does from now on arrives. */
  kill(name: PodName): void {
    this.running.get(name)?.link.setConnected(false);
  }

  /** Runs the task to its end, or goes on with a run. */
  async run(
    signal?: AbortSignal,
    options: Pick<FederatedRunOptions, 'halt' | 'resume' | 'control' | 'onLoss'> = {},
  ): Promise<RunOutcome> {
    const { identity, peers } = this.world.modeller;
    const link = this.broker.connect(presenceTopic(identity.public.id));
    const clock = this.clockOf('modeller');
    const channel = await Channel.open({ link, identity, peers, clock });
    try {
      return await runFederated({
        ...{ task: this.task, identity, peers, channel, clock, ...options },
        ...(signal ? { signal } : {}),
        parts: { pool: this.#pool, openTrainer: this.#trainers.opener('modeller') },
        transcript: this.#options.transcript ?? false,
        ...(this.#options.store && { store: this.#options.store('modeller') }),
        onEvent: (event) => {
          this.events.push(event);
          this.onEvent(event);
        },
      });
    } finally {
      await channel.close();
    }
  }

  /** Asks a question to its end. */
  async ask(task: LocalAnalysis, signal?: AbortSignal): Promise<AnalysisOutcome> {
    const { identity, peers } = this.world.modeller;
    const link = this.broker.connect(presenceTopic(identity.public.id));
    const clock = this.clockOf('modeller');
    const channel = await Channel.open({ link, identity, peers, clock });
    try {
      return await runAnalysis({
        ...{ task, identity, peers, channel, clock, pool: this.#pool, transcript: this.#options.transcript ?? false },
        ...(signal && { signal }),
        onEvent: (event) => {
          this.events.push(event);
          this.onEvent(event);
        },
      });
    } finally {
      await channel.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ pod }) => pod.stop('test over')));
    await this.#threads.close();
    await this.#pool.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The parameters the run began with. */
export function initialOf({ resolved }: RunOutcome): Float32Array {
  const { task, model, source } = resolved!;
  const { model: _model, ...options } = trainerOptions(task, model, source);
  return compile(model, options).initial;
}

/** Names of the pods that ended up in a state, with the reason. */
export function reasons(outcome: RunOutcome): Record<string, string> {
  return Object.fromEntries(
    outcome.members.map(({ name, state, reason }) => [name, reason ? `${state}: ${reason}` : state]),
  );
}
