/**
 * Whole federations in one process over an in-memory broker that tests can make hostile: the same coordinator and pod
 * code as the programs, real data, real training.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunEvent, type RunOutcome, runFederated } from '../../src/coordinator/index.ts';
import { Pod, type PodNotice } from '../../src/participant/index.ts';
import { type LocalTask, type PodConfig, parseTask, readPodConfig } from '../../src/tasks/index.ts';
import { Channel, type Clock, MemoryBroker, type MemoryLink, systemClock } from '../../src/transport/index.ts';
import { presenceTopic } from '../../src/wire/index.ts';
import { acquainted } from './world.ts';

export const EXAMPLE = join(import.meta.dirname, '../../examples/breast-cancer');
const PODS = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'] as const;
export type PodName = (typeof PODS)[number];

/** Waits of seconds (a lost pod's grace, a resend) pass ten times faster; nothing that computes is hurried. */
const hastyClock: Clock = {
  now: () => systemClock.now(),
  after: (delayMs, callback) => systemClock.after(delayMs / 10, callback),
};

export interface FederationOptions {
  /** Rewrites the example's task before it is parsed. */
  readonly task?: (yaml: string) => string;
  /** Changes a pod's configuration. */
  readonly pod?: (name: PodName, config: PodConfig) => PodConfig;
  /** How far a pod's clock is off. */
  readonly clockSkewMs?: (name: PodName) => number;
  /** Pods to run. @default all four */
  readonly pods?: readonly PodName[];
}

/** The example task with few rounds, so that a test takes a second or two. */
export const shortTask = (yaml: string): string =>
  yaml
    .replace(/epochs_between_parameter_updates: \d+/, 'epochs_between_parameter_updates: 1')
    .replace(/\n( +)epochs: \d+/, '\n$1epochs: 3');

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

  private constructor(options: FederationOptions) {
    this.#options = options;
  }

  static async open(options: FederationOptions = {}): Promise<Federation> {
    const federation = new Federation(options);
    cpSync(EXAMPLE, federation.folder, { recursive: true, filter: (path) => !/[/\\](keys|runs|state)$/.test(path) });
    const file = join(federation.folder, 'task.yaml');
    federation.task = parseTask((options.task ?? shortTask)(readFileSync(file, 'utf8')), file);
    await Promise.all((options.pods ?? PODS).map((name) => federation.startPod(name)));
    return federation;
  }

  /** Starts a pod (again). */
  async startPod(name: PodName): Promise<void> {
    const { identity, peers } = this.world[name];
    const link = this.broker.connect(presenceTopic(identity.public.id));
    const read = await readPodConfig(join(this.folder, `${name}.yaml`));
    const config = { ...read, approvedModellers: ['modeller'] };
    const pod = await Pod.start({
      config: this.#options.pod?.(name, config) ?? config,
      ...{ identity, peers, link, version: 'test' },
      clock: { ...hastyClock, now: () => hastyClock.now() + (this.#options.clockSkewMs?.(name) ?? 0) },
      onNotice: (notice) => this.notices.push({ pod: name, notice }),
    });
    this.running.set(name, { pod, link });
  }

  /** As a power cut: the pod's link is gone, and nothing it does from now on arrives. */
  kill(name: PodName): void {
    this.running.get(name)?.link.setConnected(false);
  }

  /** Runs the task to its end. */
  async run(signal?: AbortSignal): Promise<RunOutcome> {
    const { identity, peers } = this.world.modeller;
    const link = this.broker.connect(presenceTopic(identity.public.id));
    const channel = await Channel.open({ link, identity, peers, clock: hastyClock });
    try {
      return await runFederated({
        ...{ task: this.task, identity, peers, channel, clock: hastyClock },
        ...(signal ? { signal } : {}),
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
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Names of the pods that ended up in a state, with the reason. */
export function reasons(outcome: RunOutcome): Record<string, string> {
  return Object.fromEntries(
    outcome.members.map(({ name, state, reason }) => [name, reason ? `${state}: ${reason}` : state]),
  );
}
