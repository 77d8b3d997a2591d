/**
 * A federation in this process: one coordinator and many pods, the very programs, over a broker in memory.
 * @module
 */
import { join } from 'node:path';
import { abortControllerForMany, isKonsilError, throwIfCancelled } from '../../src/base/index.ts';
import { type RunEvent, type RunOutcome, runFederated } from '../../src/coordinator/index.ts';
import { checkedSignatures, readIdentities } from '../../src/crypto/index.ts';
import { Pod, type PodNotice } from '../../src/participant/index.ts';
import { type LocalTask, type PodConfig, parsePodConfig } from '../../src/tasks/index.ts';
import { Channel, MemoryBroker, type MemoryLink } from '../../src/transport/index.ts';
import { presenceTopic } from '../../src/wire/index.ts';
import { acquainted, type Party } from '../acquainted.ts';
import { MemorySource } from '../data/memorySource.ts';
import type { Site } from '../data/partition.ts';
import type { PlannedFault } from '../faults/plan.ts';
import { lyingChannel } from '../malicious/coordinator.ts';
import { updateOf } from '../malicious/pods.ts';
import type { World } from '../play.ts';
import { podYaml } from '../podFiles.ts';
import type { RunTap } from '../privacy/views/tap.ts';
import { MODELLER, type Scenario, type Variant } from '../scenario/scenario.ts';
import { VirtualClock } from '../virtualClock.ts';
import { Network } from './network.ts';
import { HeldDecodePool, HeldMaskPool } from './pools.ts';
import { type OnTrained, SharedTrainers, TrainerThreads } from './trainers.ts';

export interface MemoryWorldOptions {
  readonly scenario: Scenario;
  readonly variant: Variant;
  readonly sites: readonly Site[];
  readonly task: LocalTask;
  /** Folder for what pods keep between starts. */
  readonly folder: string;
  /** Told what each pod trained, as it sends it. */
  readonly onTrained?: (pod: string, ...trained: Parameters<OnTrained>) => void;
  readonly onNotice?: (pod: string, notice: PodNotice) => void;
  /** Overhears what the coordinator opens and what the broker carries. */
  readonly tap?: RunTap;
  /** Whether the coordinator keeps a journal. @default when it is to restart */
  readonly journal?: boolean;
  /** What computes, when other worlds share it: then it is theirs to close. @default threads of its own */
  readonly threads?: TrainerThreads;
  /** See `NetworkOptions`. */
  readonly jitter?: () => number;
}

/** Pods that have all pinned each other before the run begins. */
const MOST_ACQUAINTED = 1_000;
/** Between two attempts to reach the broker. */
const RECONNECT_EVERY_MS = 1_000;
/** Version that pods tell: nothing depends on it. */
const VERSION = 'simulated';

/** One variant's world. `close` frees everything. */
export class MemoryWorld implements World {
  readonly clock = new VirtualClock();
  readonly #options: MemoryWorldOptions;
  readonly #broker = new MemoryBroker({ keepLog: false });
  readonly #network: Network;
  readonly #pool = new HeldMaskPool(this.clock);
  readonly #decoders = new HeldDecodePool(this.clock);
  readonly #threads: TrainerThreads;
  readonly #trainers: SharedTrainers;
  readonly #parties: Readonly<Record<string, Party>>;
  readonly #running = new Map<string, { pod: Pod; link: MemoryLink }>();
  #coordinator: { readonly link: MemoryLink; readonly power: AbortController } | null = null;
  /** Resolves when a coordinator that was cut off is started again. */
  #comeBack: Promise<void> = Promise.resolve();
  readonly #forget: readonly (() => void)[];

  private constructor(options: MemoryWorldOptions) {
    this.#options = options;
    // every pod checks the same keys and signatures
    this.#forget = [checkedSignatures.start(), readIdentities.start()];
    const { scenario, variant, sites, jitter, tap } = options;
    if (tap)
      this.#broker.intercept = (_topic, payload) => {
        tap.carried(payload);
        return [payload];
      };
    const pods = sites.map(({ name }) => name);
    // thousands of pods that all knew each other would be millions of pins; in the open nobody asks for them
    const knows = pods.length <= MOST_ACQUAINTED ? null : (name: string) => (name === MODELLER ? pods : [MODELLER]);
    this.#parties = acquainted([MODELLER, ...pods], undefined, knows);
    // pseudo-updates compute nothing: one thread says what the model is
    this.#threads = options.threads ?? new TrainerThreads(scenario.training === 'synthetic' ? 1 : undefined);
    this.#trainers = new SharedTrainers(this.clock, this.#threads, scenario.training === 'synthetic');
    const replay = variant.malicious.find(({ role }) => role === 'replaying_broker');
    this.#network = new Network(this.#broker, {
      ...{ clock: this.clock, latencyMs: scenario.latencyMs },
      ...(replay?.role === 'replaying_broker' && { replay: { every: replay.every, afterMs: 1_000 * replay.after } }),
      ...(jitter && { jitter }),
    });
  }

  /** Everybody's program, started. */
  static async open(options: MemoryWorldOptions): Promise<MemoryWorld> {
    const world = new MemoryWorld(options);
    try {
      await Promise.all(options.sites.map(({ name }) => world.#startPod(name)));
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async run(onEvent: (event: RunEvent) => void, signal?: AbortSignal): Promise<RunOutcome> {
    for (let resume: string | undefined; ; )
      try {
        return await this.#coordinate(onEvent, resume, signal);
      } catch (error) {
        const run = isKonsilError(error, 'RUN_INTERRUPTED') ? error.facts['run'] : undefined;
        if (typeof run !== 'string') throw error;
        resume = run;
        await this.#comeBack;
      }
  }

  /** One life of the coordinator: to the run's end, or until it is cut off. */
  async #coordinate(
    onEvent: (event: RunEvent) => void,
    resume: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<RunOutcome> {
    const { identity, peers } = this.#parties[MODELLER]!;
    const { task, variant } = this.#options;
    const restarts = variant.faults.some(({ coordinator, fault }) => coordinator && fault === 'restart');
    const { clock } = this;
    const link = await this.#connect(MODELLER, signal);
    const channel = await Channel.open({ link, identity, peers, clock });
    const { tap } = this.#options;
    if (tap) channel.onMessage((from, _context, message) => tap.received(peers.findById(from)?.name ?? from, message));
    const power = abortControllerForMany();
    power.signal.addEventListener('abort', () => channel.halt(), { once: true });
    this.#coordinator = { link, power };
    const lies = variant.malicious.filter((one) => one.role === 'different_models' || one.role === 'survivor_lie');
    try {
      return await runFederated({
        ...{ task, identity, peers, clock, onEvent, halt: power.signal },
        channel: lyingChannel(channel, { identity, peers, lies }),
        parts: { pool: this.#pool, openTrainer: this.#trainers.opener(MODELLER) },
        journal: this.#options.journal ?? restarts,
        ...(resume !== undefined && { resume }),
        ...(signal && { signal }),
      });
    } finally {
      this.#coordinator = null;
      await channel.close();
    }
  }

  begin({ target, fault, forMs, delayMs }: PlannedFault): (() => void | Promise<void>) | null | undefined {
    const link = target === 'coordinator' ? this.#coordinator?.link : this.#running.get(target)?.link;
    const isBroker = target === 'broker';
    if (!link && !isBroker) return undefined; // crashed before
    switch (fault) {
      case 'crash':
      case 'restart':
        if (isBroker) {
          this.#broker.stop();
          return fault === 'crash' ? null : () => this.#broker.start();
        }
        if (target === 'coordinator') return this.#cutCoordinator();
        this.#crash(target);
        return fault === 'crash' ? null : () => this.#startPod(target);
      case 'disconnect':
        if (isBroker) {
          this.#broker.stop();
          return () => this.#broker.start();
        }
        link!.setConnected(false);
        return () => link!.setConnected(true);
      default:
        return this.#network.add({
          ...{ kind: fault, link: link ?? null, delayMs },
          untilMs: this.clock.now() + forMs,
        });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ pod }) => pod.stop('simulation over')));
    if (!this.#options.threads) await this.#threads.close();
    await Promise.all([this.#pool.close(), this.#decoders.close()]);
    this.clock.stop();
    for (const forget of this.#forget) forget();
  }

  /** Tries until the broker is there, as a service manager does. */
  async #connect(name: string, signal?: AbortSignal): Promise<MemoryLink> {
    for (;;)
      try {
        throwIfCancelled(signal);
        return this.#broker.connect(presenceTopic(this.#parties[name]!.identity.public.id));
      } catch (error) {
        if (!isKonsilError(error, 'BROKER_UNREACHABLE')) throw error;
        await new Promise<void>((resolve) => void this.clock.after(RECONNECT_EVERY_MS, resolve));
      }
  }

  async #startPod(name: string): Promise<void> {
    const { sites, variant, onTrained, onNotice } = this.#options;
    const { identity, peers } = this.#parties[name]!;
    const { table } = sites.find((site) => site.name === name)!;
    const link = await this.#connect(name);
    const change = updateOf(name, variant.malicious);
    const opener = this.#trainers.opener(name, (start, trained, rows) => {
      const sent = change(start, trained, rows);
      onTrained?.(name, start, sent, rows);
      return sent;
    });
    const pod = await Pod.start({
      ...{ identity, peers, link, clock: this.clock, version: VERSION, config: this.#configOf(name) },
      parts: {
        pool: this.#pool,
        decoders: this.#decoders,
        openDataset: async (config) => new MemorySource(config.name, table),
        openTrainer: opener,
        openPredictor: this.#trainers.openPredictor,
      },
      onNotice: (notice) => onNotice?.(name, notice),
    });
    this.#running.set(name, { pod, link });
  }

  /** As a power cut: what it says from now on is not heard, and it hears nothing. */
  #crash(name: string): void {
    const { pod } = this.#running.get(name)!;
    this.#running.delete(name);
    pod.halt().catch(() => undefined); // it is gone either way
  }

  /** @returns what starts it again, on the run that it was in. */
  #cutCoordinator(): () => void {
    let start = (): void => undefined;
    this.#comeBack = new Promise((resolve) => {
      start = resolve;
    });
    this.#coordinator!.power.abort();
    return start;
  }

  #configOf(name: string): PodConfig {
    const { scenario, folder } = this.#options;
    const yaml = podYaml({ name, folder, broker: 'mqtt://memory', policy: scenario.policy });
    return parsePodConfig(yaml, join(folder, `${name}.yaml`));
  }
}
