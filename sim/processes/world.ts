/**
 * A federation of processes on this machine: the broker and every pod are `konsil` programs of their own, the coordinator
 * runs here, as in the demo. Time is real.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { abortControllerForMany, isKonsilError } from '../../src/base/index.ts';
import { Children } from '../../src/cli/children.ts';
import { type RunEvent, type RunOutcome, runFederated } from '../../src/coordinator/index.ts';
import { exportPublic, type Identity } from '../../src/crypto/index.ts';
import { createIdentity, findIdentity, PeerBook, readIdentity } from '../../src/keystore/index.ts';
import { Channel, connectMqtt, systemClock } from '../../src/transport/index.ts';
import { presenceTopic } from '../../src/wire/index.ts';
import { toCsv } from '../data/table.ts';
import type { PlannedFault } from '../faults/plan.ts';
import type { PreparedVariant } from '../options.ts';
import type { World } from '../play.ts';
import { podYaml } from '../podFiles.ts';
import { MODELLER } from '../scenario/scenario.ts';

/** Between two attempts of a pod to start. */
const RESTART_EVERY_MS = 1_000;

/** One variant's processes; `close` ends them. */
export class ProcessWorld implements World {
  readonly clock = systemClock;
  readonly #prepared: PreparedVariant;
  readonly #children: Children;
  readonly #signal: AbortSignal;
  #modeller!: { readonly identity: Identity; readonly peers: PeerBook };
  #url = '';
  #isClosed = false;

  private constructor(prepared: PreparedVariant, children: Children, signal: AbortSignal) {
    this.#prepared = prepared;
    this.#children = children;
    this.#signal = signal;
  }

  /** @param program - The `konsil` program. @default the one that runs */
  static async open(prepared: PreparedVariant, signal?: AbortSignal, program?: string): Promise<ProcessWorld> {
    const controller = abortControllerForMany();
    signal?.addEventListener('abort', () => controller.abort(), { once: true });
    const world = new ProcessWorld(prepared, new Children(controller.signal, program), controller.signal);
    try {
      world.#modeller = world.#writeFiles();
      const { url } = await world.#startBroker('0');
      world.#url = String(url);
      await Promise.all(prepared.sites.map(({ name }) => world.#startPod(name)));
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async run(onEvent: (event: RunEvent) => void, signal?: AbortSignal): Promise<RunOutcome> {
    const { identity, peers } = this.#modeller;
    const address = { url: this.#url, username: undefined, password: undefined, caFile: undefined };
    const link = await connectMqtt(address, presenceTopic(identity.public.id), this.#signal);
    const { clock } = this;
    const channel = await Channel.open({ link, identity, peers, clock });
    try {
      return await runFederated({
        ...{ task: this.#prepared.task, identity, peers, channel, clock, onEvent },
        ...(signal && { signal }),
      });
    } finally {
      await channel.close();
    }
  }

  begin({ target, fault }: PlannedFault): (() => void | Promise<void>) | null | undefined {
    const children = this.#children;
    if (!children.has(target)) return undefined;
    if (fault === 'hang') {
      children.signal(target, 'SIGSTOP');
      return () => children.signal(target, 'SIGCONT');
    }
    children.kill(target);
    if (fault === 'crash') return null;
    return target === 'broker' ? () => this.#restartBroker() : () => this.#restartPod(target);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // one that hangs could not be asked to stop
    for (const { name } of this.#prepared.sites) this.#children.signal(name, 'SIGCONT');
    await this.#children.stopAll();
  }

  async #startPod(name: string): Promise<void> {
    const file = join(this.#prepared.folder, `${name}.yaml`);
    await this.#children.start(name, ['pod', file, '--broker', this.#url], {}, 'ready');
  }

  /** As a service manager does: while the broker is away, again and again. */
  async #restartPod(name: string): Promise<void> {
    while (!this.#isClosed)
      try {
        return await this.#startPod(name);
      } catch (error) {
        if (this.#isClosed) return;
        if (!isKonsilError(error, 'RUN_ABORTED')) throw error;
        await setTimeout(RESTART_EVERY_MS);
      }
  }

  #startBroker(port: string): Promise<Record<string, unknown>> {
    return this.#children.start('broker', ['broker', '--port', port], {}, 'listening');
  }

  /** On the port that everybody knows. */
  async #restartBroker(): Promise<void> {
    await this.#startBroker(new URL(this.#url).port);
  }

  /** Data, keys that know each other, and a pod file for each site. @returns the modeller's key. */
  #writeFiles(): { identity: Identity; peers: PeerBook } {
    const { sites, folder, scenario } = this.#prepared;
    mkdirSync(join(folder, 'data'), { recursive: true });
    const parties = [MODELLER, ...sites.map(({ name }) => name)].map((name) => {
      const keys = join(folder, 'keys', name);
      const identity = findIdentity(keys) === 'none' ? createIdentity(keys) : readIdentity(keys);
      return { name, keys, identity, role: name === MODELLER ? ('modeller' as const) : ('pod' as const) };
    });
    for (const { name, table } of sites) {
      writeFileSync(join(folder, 'data', `${name}.csv`), toCsv(table));
      const yaml = podYaml({ name, folder, broker: 'mqtt://127.0.0.1', policy: scenario.policy });
      writeFileSync(join(folder, `${name}.yaml`), yaml);
    }
    for (const { keys, name } of parties) {
      const book = PeerBook.read(keys);
      for (const other of parties)
        if (other.name !== name) book.pin(other.name, other.role, exportPublic(other.identity));
    }
    const own = parties[0]!;
    return { identity: own.identity, peers: PeerBook.read(own.keys) };
  }
}
