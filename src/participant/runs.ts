/**
 * The runs of a pod: those it takes part in, up to a limit, and those that wait for their turn. Knows whose each is, and
 * how long one is kept whose coordinator is away.
 * @module
 */
import { abortControllerForMany, isKonsilError, messageOf } from '../base/index.ts';
import type { Identity, MaskPool } from '../crypto/index.ts';
import type { Peer, PeerBook } from '../keystore/index.ts';
import type { PodConfig } from '../tasks/index.ts';
import type { Blobs, Channel, Clock } from '../transport/index.ts';
import { type Context, encodeMessage, type Message, type MessageOf } from '../wire/index.ts';
import { admit, checkModeller } from './admission.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import type { PodNotice } from './notices.ts';
import { type PodEvent, PodRun } from './podRun.ts';
import { PrivacyAccount } from './privacyAccount.ts';
import { Refusal } from './refusal.ts';
import type { SumJournal } from './sumJournal.ts';

/** Largest model file a pod accepts (the platform's own limit for weights). */
const MAX_MODEL_BYTES = 500 * 2 ** 20;
/** A run that has not begun keeps its place this long while its coordinator is away: it asks again anyway. */
const QUEUE_GRACE_MS = 60_000;
/** How long the news has to reach a coordinator; what it is about is true without it. */
const TELL_MS = 60_000;
/** The same for a goodbye: the pod is stopping. */
const GOODBYE_MS = 2_000;

/** What the runs of a pod share. */
export interface RunsOptions {
  readonly config: PodConfig;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly clock: Clock;
  readonly channel: Channel;
  readonly blobs: Blobs;
  readonly pool: MaskPool;
  readonly ledger: Ledger;
  readonly journal: SumJournal;
  readonly onNotice: (notice: PodNotice) => void;
}

/** A run from the request to its end. */
interface Entry {
  readonly run: string;
  readonly from: Peer;
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly abort: AbortController;
  state: 'queued' | 'admitting' | 'running';
  active: PodRun | null;
  /** The coordinator has started anew and has not spoken of this run since. */
  isOrphan: boolean;
  /** The broker says that the coordinator is away. */
  isAway: boolean;
  cancelGrace: (() => void) | null;
  /** Bytes sent to the coordinator before this run. */
  readonly sentBefore: number;
}

/** The runs of one pod. */
export class Runs {
  readonly #options: RunsOptions;
  /** By coordinator and run, in the order of their requests. */
  readonly #entries = new Map<string, Entry>();
  readonly #watched = new Set<string>();
  #isStopping = false;

  constructor(options: RunsOptions) {
    this.#options = options;
    options.channel.onRestart((peer) => {
      for (const entry of this.#of(peer)) this.#onRestart(entry);
    });
  }

  /** A modeller asks this pod to take part in a run, or to go on with one. */
  async request(from: Peer, context: Context, request: MessageOf<'JOB_REQUEST'>): Promise<void> {
    const { config, onNotice } = this.#options;
    const known = this.#find(from.public.id, context.run);
    if (known && sameRequest(known.request, request)) return this.#again(known);
    onNotice({ type: 'request', run: context.run, modeller: from.name, dataset: request.dataset });
    if (known) this.#end(known, 'the modeller asked anew for this run, for something else');
    try {
      checkModeller(config, from); // before it may learn of other runs
      this.#makeRoom(from);
    } catch (error) {
      return this.reject(from, context, error);
    }
    const entry: Entry = {
      ...{ run: context.run, from, request, abort: abortControllerForMany(), state: 'queued', active: null },
      ...{ isOrphan: false, isAway: false, cancelGrace: null },
      sentBefore: this.#options.channel.trafficWith(from.public.id).sentBytes,
    };
    this.#entries.set(keyOf(entry), entry);
    this.#watch(from);
    this.#next();
    if (entry.state === 'queued') this.#tellPosition(entry);
  }

  /** A message of a run. @returns false when this pod does not have that run. */
  deliver(fromId: string, context: Context, message: Message): boolean {
    const entry = this.#find(fromId, context.run);
    if (!entry) return false;
    this.#heard(entry);
    if (entry.active) entry.active.receive(context, message);
    else if (message.type === 'TASK_ABORT') this.#end(entry, message.message);
    else if (message.type === 'TASK_COMPLETE') this.#end(entry, 'the run is over');
    return true;
  }

  /** Leaves all runs, telling the coordinators. */
  async stop(reason: string): Promise<void> {
    const goodbye: Message = { type: 'TASK_ABORT', reason: 'CANCELLED', message: reason };
    this.#isStopping = true;
    const entries = [...this.#entries.values()];
    // those that wait learn from the broker that the pod is gone, and may ask again when it is back
    const running = entries.filter(({ state }) => state === 'running');
    await Promise.all(
      running.map(
        ({ from, run }) =>
          this.#options.channel
            .send(from.public.id, { run, round: 0, phase: 'cancel' }, goodbye, { timeoutMs: GOODBYE_MS })
            .catch(() => undefined), // the coordinator is not there to hear it: leaving is what counts
      ),
    );
    for (const entry of entries) this.#end(entry, reason);
  }

  /** Tells a modeller that this pod does not do what it asks for, and writes it down. */
  async reject(from: Peer, context: Context, error: unknown): Promise<void> {
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
    await this.#tell(from, context, { type: 'JOB_REJECT', response, reason });
  }

  /** The same request once more: the coordinator was restarted, or has lost this pod for a while. */
  #again(entry: Entry): void {
    this.#heard(entry);
    if (entry.state === 'queued') this.#tellPosition(entry);
    // one that is being admitted is answered in a moment
    if (entry.state === 'running')
      void this.#tell(entry.from, admissionOf(entry), { type: 'JOB_ACCEPT', continues: true });
  }

  /**
   * Sees to it that one more run has a place.
   * @throws Refusal when there is none, not even in the queue.
   */
  #makeRoom(from: Peer): void {
    const { parallelRuns, queue } = this.#options.config.limits;
    if (this.#taken() < parallelRuns) return;
    // what a modeller has left behind gives way to what it asks for now
    const orphan = this.#of(from.public.id).find(({ isOrphan }) => isOrphan);
    if (orphan) return this.#end(orphan, 'the coordinator restarted and asks for another run');
    const waiting = this.#entries.size - this.#taken();
    if (waiting >= queue)
      throw new Refusal(
        'TASK_SETUP_ERROR',
        `this pod is busy with ${this.#taken()} run(s), and its queue of ${queue} is full; try again later`,
      );
  }

  /** Admits waiting runs while there is room; those whose coordinator is away keep their place but not their turn. */
  #next(): void {
    if (this.#isStopping) return;
    const { parallelRuns } = this.#options.config.limits;
    let isMoved = false;
    for (const entry of this.#entries.values()) {
      if (this.#taken() >= parallelRuns) break;
      if (entry.state !== 'queued' || entry.isOrphan || entry.isAway) continue;
      entry.state = 'admitting';
      isMoved = true;
      void this.#admit(entry);
    }
    if (isMoved) for (const entry of this.#queued()) this.#tellPosition(entry);
  }

  async #admit(entry: Entry): Promise<void> {
    const { config, identity, peers, onNotice, ledger, blobs } = this.#options;
    const { run, from, request, abort } = entry;
    const context = admissionOf(entry);
    const { signal } = abort;
    try {
      const admitted = await admit({
        ...{ config, identity, peers, request, from, signal },
        account: (unit, delta) => {
          const { privacy, recordPrivacy } = config.policy;
          const account = { run, modeller: from.name, dataset: request.dataset, unit };
          return new PrivacyAccount(ledger, account, unit === 'site' ? privacy : recordPrivacy, delta);
        },
        pullModel: () => blobs.pull(from.public.id, request.model, context, { maxBytes: MAX_MODEL_BYTES, signal }),
      });
      if (signal.aborted) return await admitted.trainer.close();
      try {
        ledger.append({ event: 'accepted', run, modeller: from.name, dataset: request.dataset });
      } catch (error) {
        await admitted.trainer.close();
        throw error;
      }
      const { channel, pool, journal } = this.#options;
      entry.active = new PodRun({
        ...{ runId: run, journal, pool, podName: config.name, coordinator: from, identity, policy: config.policy },
        ...{ request, admitted, channel, blobs, onEvent: (event) => this.#onRunEvent(entry, event) },
      });
      entry.state = 'running';
      for (const warning of admitted.data.warnings)
        onNotice({ type: 'problem', reason: `dataset "${request.dataset}": ${warning}` });
      const { engine, device, fallbacks } = admitted.trainer.program;
      onNotice({ type: 'accepted', run, rows: admitted.data.train.rows, trains: { engine, device, fallbacks } });
    } catch (error) {
      if (signal.aborted) return;
      if (entry.active) return this.#end(entry, messageOf(error));
      this.#remove(entry);
      return this.reject(from, context, error);
    }
    const isTold = await this.#tell(from, context, { type: 'JOB_ACCEPT' });
    if (!isTold && this.#has(entry))
      this.#startGrace(entry, 'the modeller was not there to hear that this pod takes part');
  }

  #onRunEvent(entry: Entry, event: PodEvent): void {
    this.#options.onNotice({ run: entry.run, ...event });
    if (event.type !== 'ended') return;
    const { sentBytes } = this.#options.channel.trafficWith(entry.from.public.id);
    this.#record({
      event: event.how,
      run: entry.run,
      modeller: entry.from.name,
      detail: event.reason,
      sentBytes: sentBytes - entry.sentBefore,
    });
    this.#remove(entry);
  }

  /** Ends a run that is not complete, whatever state it is in. */
  #end(entry: Entry, reason: string): void {
    entry.abort.abort();
    if (entry.active) entry.active.end('aborted', reason);
    else this.#remove(entry);
  }

  #remove(entry: Entry): void {
    if (!this.#has(entry)) return;
    this.#entries.delete(keyOf(entry));
    entry.cancelGrace?.();
    this.#next();
  }

  // ── coordinators that come and go ────────────────────────────────────────────────────────────────────────────

  /** The coordinator speaks of this run: it is there, and knows of it. */
  #heard(entry: Entry): void {
    [entry.isOrphan, entry.isAway] = [false, false];
    this.#endGrace(entry);
  }

  /** The coordinator has lost its memory. It may have written the run down and go on with it. */
  #onRestart(entry: Entry): void {
    // what it offered for the admission is gone with it; it asks again
    if (entry.state === 'admitting') return this.#end(entry, 'the coordinator restarted');
    entry.isOrphan = true;
    this.#startGrace(entry, 'the coordinator restarted and did not go on with the run');
  }

  #watch(from: Peer): void {
    const { id } = from.public;
    if (this.#watched.has(id)) return;
    this.#watched.add(id);
    const onPresence = (present: boolean): void => {
      for (const entry of this.#of(id)) this.#onPresence(entry, present);
    };
    this.#options.channel.watchPresence(id, onPresence).catch((error: unknown) => {
      this.#watched.delete(id);
      this.#options.onNotice({ type: 'problem', reason: messageOf(error) });
    });
  }

  #onPresence(entry: Entry, present: boolean): void {
    const wasAway = entry.isAway;
    entry.isAway = !present;
    if (!present) return this.#startGrace(entry, 'the coordinator was away for too long');
    if (!wasAway || entry.isOrphan) return; // somebody is there with its key, but nobody who has spoken of this run
    this.#endGrace(entry);
    // it may be another process than before: whether it still knows us shows when it gets a message
    void this.#tell(entry.from, admissionOf(entry), { type: 'ONLINE_CHECK' });
    this.#next();
  }

  #startGrace(entry: Entry, reason: string): void {
    const { clock, config } = this.#options;
    const graceMs = entry.state === 'running' ? config.limits.coordinatorGraceMs : QUEUE_GRACE_MS;
    entry.cancelGrace ??= clock.after(graceMs, () => this.#end(entry, reason));
  }

  #endGrace(entry: Entry): void {
    entry.cancelGrace?.();
    entry.cancelGrace = null;
  }

  // ── bookkeeping ──────────────────────────────────────────────────────────────────────────────────────────────

  #of(peer: string): Entry[] {
    return [...this.#entries.values()].filter(({ from }) => from.public.id === peer);
  }

  #has(entry: Entry): boolean {
    return this.#entries.get(keyOf(entry)) === entry;
  }

  #queued(): Entry[] {
    return [...this.#entries.values()].filter(({ state }) => state === 'queued');
  }

  #taken(): number {
    return this.#entries.size - this.#queued().length;
  }

  #find(peer: string, run: string): Entry | undefined {
    return this.#entries.get(`${peer} ${run}`);
  }

  #tellPosition(entry: Entry): void {
    const position = this.#queued().indexOf(entry) + 1;
    void this.#tell(entry.from, admissionOf(entry), { type: 'JOB_QUEUED', position });
  }

  /** Writes down what has happened anyway: when that fails the operator must hear of it, and nothing else stops. */
  #record(entry: LedgerEntry): void {
    try {
      this.#options.ledger.append(entry);
    } catch (error) {
      this.#options.onNotice({ type: 'problem', reason: messageOf(error) });
    }
  }

  /** Says something that stays true when nobody hears it: a coordinator that is gone or restarted asks again. @returns whether it arrived. */
  async #tell(to: Peer, context: Context, message: Message): Promise<boolean> {
    try {
      await this.#options.channel.send(to.public.id, context, message, { timeoutMs: TELL_MS });
      return true;
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      return false;
    }
  }
}

const keyOf = ({ from, run }: Entry): string => `${from.public.id} ${run}`;

const admissionOf = ({ run }: Entry): Context => ({ run, round: 0, phase: 'admission' });

function sameRequest(one: Message, other: Message): boolean {
  return Buffer.compare(encodeMessage(one), encodeMessage(other)) === 0;
}
