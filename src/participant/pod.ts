/**
 * The site's daemon: listens on its mailbox, answers approved modellers, takes part in their runs and can be stopped at
 * any moment.
 * @module
 */
import { messageOf } from '../base/index.ts';
import { fingerprint, type Identity, MaskPool } from '../crypto/index.ts';
import { type DecodePool, type OpenDataset, openDataset } from '../datasources/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import type { PodConfig } from '../tasks/index.ts';
import { type OpenPredictor, type OpenTrainer, Predictor, Trainer } from '../training/index.ts';
import { Blobs, Channel, type Clock, type Link, type StoreOptions } from '../transport/index.ts';
import type { Context, Message } from '../wire/index.ts';
import { checkModeller, describeDatasets, unreadable } from './admission.ts';
import { FirstReading } from './firstReading.ts';
import { Ledger } from './ledger.ts';
import type { PodNotice } from './notices.ts';
import { Runs } from './runs.ts';
import { budgetsOf, type PodStatus } from './status.ts';
import { SumJournal } from './sumJournal.ts';

/** What computes for a pod; pods of one process may share each of them. */
export interface PodParts {
  /** Closed by who made it. */
  readonly pool: MaskPool;
  readonly openDataset: OpenDataset;
  readonly openTrainer: OpenTrainer;
  readonly openPredictor: OpenPredictor;
  /** Threads that decode images. @default those of the process */
  readonly decoders?: DecodePool;
}

export interface PodOptions {
  readonly config: PodConfig;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly link: Link;
  /** Where large blobs may go instead of the broker. @default nowhere */
  readonly store?: StoreOptions;
  readonly clock: Clock;
  /** Konsil's version, told to modellers. */
  readonly version: string;
  /** @default files, threads and a mask pool of its own */
  readonly parts?: PodParts;
  readonly onNotice: (notice: PodNotice) => void;
}

/** A running pod. */
export class Pod {
  readonly #options: PodOptions;
  readonly #channel: Channel;
  readonly #blobs: Blobs;
  readonly #runs: Runs;
  readonly #ledger: Ledger;
  readonly #journal: SumJournal;
  readonly #startedMs: number;
  #isConnected = false;
  #isHalted = false;
  readonly #parts: PodParts;
  readonly #reading: FirstReading;

  private constructor(options: PodOptions, channel: Channel, ledger: Ledger, journal: SumJournal) {
    this.#options = options;
    this.#parts = options.parts ?? {
      ...{ pool: new MaskPool(), openDataset },
      ...{ openTrainer: Trainer.create, openPredictor: Predictor.create },
    };
    this.#channel = channel;
    this.#ledger = ledger;
    this.#journal = journal;
    const { config, identity, peers, clock } = options;
    this.#startedMs = clock.now();
    const onNotice = (notice: PodNotice): void => this.#notify(notice);
    this.#reading = new FirstReading(this.#parts.openDataset, onNotice);
    this.#blobs = new Blobs(
      channel,
      options.store && {
        store: { ...options.store, onProblem: (reason) => this.#notify({ type: 'problem', reason }) },
      },
    );
    this.#runs = new Runs({
      ...this.#parts,
      openDataset: this.#reading.whole,
      config,
      identity,
      peers,
      clock,
      channel,
      blobs: this.#blobs,
      ledger,
      journal,
      onNotice,
    });
    channel.onMessage((from, context, message) => this.#onMessage(from, context, message));
    channel.onLink((up) => {
      this.#isConnected = up;
      onNotice({ type: 'broker', up });
    });
  }

  /** @throws KonsilError IDENTITY_IN_USE when another process is this pod, FILE_WRITE_FAILED when its state folder is not writable,
   * DATA_INVALID when ledger or journal in it cannot be read, or the ledger was altered. */
  static async start(options: PodOptions): Promise<Pod> {
    const { link, identity, peers, clock, onNotice } = options;
    const onDropped = (reason: string): void => onNotice({ type: 'dropped', reason });
    const ledger = new Ledger(options.config.state);
    const journal = new SumJournal(options.config.state);
    const channel = await Channel.open({ link, identity, peers, clock, onDropped });
    const pod = new Pod(options, channel, ledger, journal);
    onNotice({ type: 'ready', datasets: options.config.datasources.map(({ name }) => name) });
    pod.#reading.begin(options.config.datasources);
    return pod;
  }

  /** Leaves the runs underway (telling their coordinators) and stops. */
  async stop(reason: string): Promise<void> {
    await Promise.all([this.#runs.stop(reason), this.#reading.stop()]);
    if (!this.#options.parts) await this.#parts.pool.close();
    await this.#blobs.close();
    await this.#channel.close();
  }

  /**
   * As a power cut: from this call on nothing is sent, written or told, and the broker finds the pod gone. Resolves when
   * its threads and models are freed.
   */
  async halt(): Promise<void> {
    this.#isHalted = true;
    this.#ledger.close();
    this.#journal.close();
    this.#channel.halt();
    await Promise.all([this.#runs.halt(), this.#reading.stop()]);
    if (!this.#options.parts) await this.#parts.pool.close();
  }

  /** What it is doing, for its own people. */
  status(): PodStatus {
    const { config, clock, version, peers } = this.#options;
    const traffic = { sentBytes: 0, receivedBytes: 0 };
    for (const { public: peer } of peers.all()) {
      const { sentBytes, receivedBytes } = this.#channel.trafficWith(peer.id);
      traffic.sentBytes += sentBytes;
      traffic.receivedBytes += receivedBytes;
    }
    return {
      ...{ pod: config.name, version, state: this.#runs.state, connected: this.#isConnected, traffic },
      uptimeSeconds: (clock.now() - this.#startedMs) / 1_000,
      ...this.#runs.status(),
      budgets: budgetsOf(config, this.#ledger, (modeller) => {
        const peer = peers.findByName(modeller);
        return peer && fingerprint(peer.public.id);
      }),
      ledgerHead: this.#ledger.head,
    };
  }

  /**
   * Takes part in no rounds and begins no runs until {@link resume}. Training stops at once, a sum under way is finished;
   * the coordinators are told not to wait.
   */
  pause(): void {
    this.#runs.pause();
    this.#notify({ type: 'state', state: this.#runs.state });
  }

  /** Takes part again, in each run from its next round on. */
  resume(): void {
    this.#runs.resume();
    this.#notify({ type: 'state', state: this.#runs.state });
  }

  /** Leaves a run for good. @throws KonsilError RUN_UNKNOWN, FILE_WRITE_FAILED. */
  cancel(run: string): void {
    this.#runs.cancel(run);
  }

  /** Takes no more runs; resolves when those under way are over. A pause ends. The pod still has to be stopped then. */
  async drain(): Promise<void> {
    const isOver = this.#runs.drain();
    this.#notify({ type: 'state', state: this.#runs.state });
    await isOver;
  }

  #notify(notice: PodNotice): void {
    if (!this.#isHalted) this.#options.onNotice(notice);
  }

  #onMessage(fromId: string, context: Context, message: Message): void {
    const from = this.#options.peers.findById(fromId);
    if (!from) return;
    if (message.type === 'ONLINE_CHECK') void this.#answerOnline(from, context);
    else if (message.type === 'JOB_REQUEST') void this.#runs.request(from, context, message);
    else if (!this.#runs.deliver(fromId, context, message)) this.#onUnknownRun(from, context, message);
  }

  async #answerOnline(from: Peer, context: Context): Promise<void> {
    const { config, version } = this.#options;
    try {
      checkModeller(config, from);
      const described = await describeDatasets(config.datasources, this.#reading.partial);
      for (const { name, error } of described.unreadable)
        this.#notify({ type: 'problem', reason: `dataset "${name}": ${messageOf(error)}` });
      const [broken] = described.unreadable;
      if (broken && described.datasets.length === 0) throw unreadable(broken.name, broken.error);
      this.#send(from, context, { type: 'ONLINE_RESPONSE', version, datasets: described.datasets });
    } catch (error) {
      await this.#runs.reject(from, context, error);
    }
  }

  /** A coordinator goes on with a run that this pod has forgotten or left: it must not wait for an answer. */
  #onUnknownRun(from: Peer, context: Context, { type }: Message): void {
    if (type !== 'ROUND_START' && type !== 'SECURE_OPEN' && type !== 'SECURE_SHARE') return;
    try {
      checkModeller(this.#options.config, from);
    } catch {
      return; // a stranger is told nothing about which runs there are
    }
    this.#send(from, context, {
      type: 'TASK_ABORT',
      reason: 'UNKNOWN_RUN',
      message: 'this pod does not have this run',
    });
  }

  /** An answer; whoever still wants it when it does not arrive asks again. */
  #send(to: Peer, context: Context, message: Message): void {
    this.#channel.send(to.public.id, context, message, { timeoutMs: 60_000 }).catch(() => undefined);
  }
}
