/**
 * The site's daemon: listens on its mailbox, answers approved modellers, runs one task at a time and can be stopped at
 * any moment.
 * @module
 */
import { abortControllerForMany, messageOf } from '../base/index.ts';
import { type Identity, MaskPool } from '../crypto/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import type { PodConfig } from '../tasks/index.ts';
import type { OpenProgram } from '../training/index.ts';
import { Blobs, Channel, type Clock, type Link } from '../transport/index.ts';
import type { Context, JobResponse, Message, MessageOf } from '../wire/index.ts';
import { admit, checkModeller, describeDatasets, unreadable } from './admission.ts';
import { Ledger, type LedgerEntry } from './ledger.ts';
import { type PodEvent, PodRun } from './podRun.ts';
import { PrivacyAccount } from './privacyAccount.ts';
import { Refusal } from './refusal.ts';
import { SumJournal } from './sumJournal.ts';

/** Largest model file a pod accepts (the platform's own limit for weights). */
const MAX_MODEL_BYTES = 500 * 2 ** 20;
/** A coordinator that is gone this long has lost the run; the pod becomes free again. */
const COORDINATOR_GRACE_MS = 60_000;

/** What trains a run's model here, and what would have been faster. */
type EngineFacts = Pick<OpenProgram, 'engine' | 'device' | 'fallbacks'>;

/** What happened at the pod, for its terminal and its log. */
export type PodNotice =
  | { readonly type: 'ready'; readonly datasets: readonly string[] }
  | { readonly type: 'request'; readonly run: string; readonly modeller: string; readonly dataset: string }
  | { readonly type: 'accepted'; readonly run: string; readonly rows: number; readonly trains: EngineFacts }
  | { readonly type: 'rejected'; readonly run: string; readonly response: JobResponse; readonly reason: string }
  | { readonly type: 'broker'; readonly up: boolean }
  | { readonly type: 'dropped'; readonly reason: string }
  | { readonly type: 'problem'; readonly reason: string }
  | ({ readonly run: string } & PodEvent);

export interface PodOptions {
  readonly config: PodConfig;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly link: Link;
  readonly clock: Clock;
  /** Konsil's version, told to modellers. */
  readonly version: string;
  readonly onNotice: (notice: PodNotice) => void;
}

interface Active {
  readonly runId: string;
  readonly from: Peer;
  readonly abort: AbortController;
  run: PodRun | null;
}

/** A running pod. */
export class Pod {
  readonly #options: PodOptions;
  readonly #channel: Channel;
  readonly #blobs: Blobs;
  readonly #ledger: Ledger;
  readonly #journal: SumJournal;
  readonly #pool = new MaskPool();
  #active: Active | null = null;
  #cancelGrace = (): void => undefined;
  readonly #watched = new Set<string>();

  private constructor(options: PodOptions, channel: Channel, ledger: Ledger, journal: SumJournal) {
    this.#options = options;
    this.#channel = channel;
    this.#blobs = new Blobs(channel);
    this.#ledger = ledger;
    this.#journal = journal;
    channel.onMessage((from, context, message) => this.#onMessage(from, context, message));
    channel.onLink((up) => options.onNotice({ type: 'broker', up }));
    channel.onRestart((peer) => {
      if (this.#active?.from.public.id === peer) this.#end('aborted', 'the coordinator restarted');
    });
  }

  /** @throws KonsilError IDENTITY_IN_USE when another process is this pod, FILE_WRITE_FAILED when its state folder is not writable,
   * DATA_INVALID when the journal in it cannot be read. */
  static async start(options: PodOptions): Promise<Pod> {
    const { link, identity, peers, clock, onNotice } = options;
    const onDropped = (reason: string): void => onNotice({ type: 'dropped', reason });
    const ledger = new Ledger(options.config.state);
    const journal = new SumJournal(options.config.state);
    const channel = await Channel.open({ link, identity, peers, clock, onDropped });
    const pod = new Pod(options, channel, ledger, journal);
    onNotice({ type: 'ready', datasets: options.config.datasources.map(({ name }) => name) });
    return pod;
  }

  /** Leaves the run underway (telling the coordinator) and stops. */
  async stop(reason: string): Promise<void> {
    if (this.#active) {
      const { from, runId } = this.#active;
      const goodbye: Message = { type: 'TASK_ABORT', reason: 'CANCELLED', message: reason };
      await this.#channel
        .send(from.public.id, { run: runId, round: 0, phase: 'cancel' }, goodbye, { timeoutMs: 2_000 })
        .catch(() => undefined); // the coordinator is not there to hear it: leaving is what counts
      this.#end('aborted', reason);
    }
    await this.#pool.close();
    await this.#channel.close();
  }

  #onMessage(fromId: string, context: Context, message: Message): void {
    const from = this.#options.peers.findById(fromId);
    if (!from) return;
    if (message.type === 'ONLINE_CHECK') void this.#answerOnline(from, context);
    else if (message.type === 'JOB_REQUEST') void this.#onRequest(from, context, message);
    else if (this.#active && this.#active.runId === context.run && this.#active.from.public.id === fromId) {
      if (this.#active.run) this.#active.run.receive(context, message);
      else if (message.type === 'TASK_ABORT') this.#end('aborted', message.message);
    }
  }

  async #answerOnline(from: Peer, context: Context): Promise<void> {
    const { config, version } = this.#options;
    try {
      checkModeller(config, from);
      const described = await describeDatasets(config.datasources);
      for (const { name, error } of described.unreadable)
        this.#options.onNotice({ type: 'problem', reason: `dataset "${name}": ${messageOf(error)}` });
      const [broken] = described.unreadable;
      if (broken && described.datasets.length === 0) throw unreadable(broken.name, broken.error);
      const answer: Message = { type: 'ONLINE_RESPONSE', version, datasets: described.datasets };
      await this.#send(from, context, answer).catch(() => undefined); // it asks again if it still wants to know
    } catch (error) {
      await this.#reject(from, context, error);
    }
  }

  async #onRequest(from: Peer, context: Context, request: MessageOf<'JOB_REQUEST'>): Promise<void> {
    const { config, identity, peers, onNotice } = this.#options;
    onNotice({ type: 'request', run: context.run, modeller: from.name, dataset: request.dataset });
    if (this.#active?.from.public.id === from.public.id) this.#end('aborted', 'the modeller started another run');
    if (this.#active)
      return this.#reject(from, context, new Refusal('TASK_SETUP_ERROR', 'this pod is busy with another run'));
    const active: Active = { runId: context.run, from, abort: abortControllerForMany(), run: null };
    this.#active = active;
    try {
      const admitted = await admit({
        ...{ config, identity, peers, request, from, signal: active.abort.signal },
        account: (unit, delta) => {
          const { privacy, recordPrivacy } = config.policy;
          const entry = { run: context.run, modeller: from.name, dataset: request.dataset, unit };
          return new PrivacyAccount(this.#ledger, entry, unit === 'site' ? privacy : recordPrivacy, delta);
        },
        pullModel: () =>
          this.#blobs.pull(from.public.id, request.model, context, {
            maxBytes: MAX_MODEL_BYTES,
            signal: active.abort.signal,
          }),
      });
      if (active.abort.signal.aborted) return await admitted.trainer.close();
      try {
        this.#ledger.append({ event: 'accepted', run: context.run, modeller: from.name, dataset: request.dataset });
      } catch (error) {
        await admitted.trainer.close();
        throw error;
      }
      active.run = new PodRun({
        ...{
          runId: context.run,
          journal: this.#journal,
          state: config.state,
          pool: this.#pool,
          podName: config.name,
          coordinator: from,
          identity,
          policy: config.policy,
          request,
          admitted,
        },
        channel: this.#channel,
        blobs: this.#blobs,
        onEvent: (event) => this.#onRunEvent(active, event),
      });
      for (const warning of admitted.data.warnings)
        onNotice({ type: 'problem', reason: `dataset "${request.dataset}": ${warning}` });
      const { engine, device, fallbacks } = admitted.trainer.program;
      onNotice({
        ...{ type: 'accepted', run: context.run, rows: admitted.data.train.rows },
        trains: { engine, device, fallbacks },
      });
      await this.#watch(from);
    } catch (error) {
      if (active.abort.signal.aborted) return;
      if (active.run) return this.#end('aborted', messageOf(error));
      if (this.#active === active) this.#active = null;
      return this.#reject(from, context, error);
    }
    await this.#send(from, context, { type: 'JOB_ACCEPT' }).catch((error: unknown) => {
      if (this.#active === active) this.#end('aborted', messageOf(error)); // the modeller is not there to hear it
    });
  }

  async #reject(from: Peer, context: Context, error: unknown): Promise<void> {
    const refusal =
      error instanceof Refusal ? error : new Refusal('TASK_SETUP_ERROR', 'the pod could not set the task up');
    const { response, message: reason } = refusal;
    // the site's own operator is told the cause too, with paths and lines that nobody else is
    const cause = error instanceof Refusal ? error.cause : error;
    this.#options.onNotice({
      ...{ type: 'rejected', run: context.run, response },
      reason: cause === undefined ? reason : messageOf(cause),
    });
    this.#record({ event: 'rejected', run: context.run, modeller: from.name, detail: `${response}: ${reason}` });
    await this.#send(from, context, { type: 'JOB_REJECT', response, reason }).catch(() => undefined); // it left meanwhile
  }

  #onRunEvent(active: Active, event: PodEvent): void {
    this.#options.onNotice({ run: active.runId, ...event });
    if (event.type !== 'ended') return;
    if (this.#active === active) this.#active = null;
    this.#record({
      event: event.how,
      run: active.runId,
      modeller: active.from.name,
      detail: event.reason,
      sentBytes: this.#channel.trafficWith(active.from.public.id).sentBytes,
    });
  }

  /** Writes down what has happened anyway: when that fails the operator must hear of it, and nothing else stops. */
  #record(entry: LedgerEntry): void {
    try {
      this.#ledger.append(entry);
    } catch (error) {
      this.#options.onNotice({ type: 'problem', reason: messageOf(error) });
    }
  }

  #end(how: 'completed' | 'aborted', reason: string): void {
    const active = this.#active;
    if (!active) return;
    this.#active = null;
    this.#cancelGrace();
    active.abort.abort();
    active.run?.end(how, reason);
  }

  /** Frees the pod when its coordinator has been gone for long. */
  async #watch(from: Peer): Promise<void> {
    if (this.#watched.has(from.public.id)) return;
    this.#watched.add(from.public.id);
    await this.#channel.watchPresence(from.public.id, (present) => {
      if (this.#active?.from.public.id !== from.public.id) return;
      this.#cancelGrace();
      if (!present)
        this.#cancelGrace = this.#options.clock.after(COORDINATOR_GRACE_MS, () =>
          this.#end('aborted', 'the coordinator has been gone for a minute'),
        );
    });
  }

  #send(to: Peer, context: Context, message: Message): Promise<void> {
    return this.#channel.send(to.public.id, context, message, { timeoutMs: 60_000 });
  }
}
