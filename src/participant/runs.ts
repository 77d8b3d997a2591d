/**
 * The runs of a pod: those it takes part in, up to a limit, and those that wait for their turn. What its site says about
 * them (pause, cancel, drain) is final.
 * @module
 */
import { abortControllerForMany, isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import type { Peer } from '../keystore/index.ts';
import { type Context, encodeMessage, type Message, type MessageOf } from '../wire/index.ts';
import { checkModeller } from './admission.ts';
import { CoordinatorWatch, PresenceOf } from './coordinators.ts';
import type { LedgerEntry } from './ledger.ts';
import type { PodEvent } from './notices.ts';
import type { PodRun } from './podRun.ts';
import { Refusal } from './refusal.ts';
import { admissionOf, type RunRequest, type RunsOptions, startRun } from './startRun.ts';
import { Pace, type PodStatus, type RunStatus } from './status.ts';

/** A run that has not begun keeps its place this long while its coordinator is away: it asks again anyway. */
const QUEUE_GRACE_MS = 60_000;
/** How long the news has to reach a coordinator; what it is about is true without it. */
const TELL_MS = 60_000;
/** The same for a goodbye: the pod is stopping. */
const GOODBYE_MS = 2_000;

/** A run from the request to its end. */
interface Entry extends RunRequest {
  readonly abort: AbortController;
  readonly coordinator: CoordinatorWatch;
  readonly pace: Pace;
  readonly sinceMs: number;
  /** Bytes sent to the coordinator before this run. */
  readonly sentBefore: number;
  state: 'queued' | 'starting' | 'running';
  /** Settles when `active` is set, or nothing is left of the attempt. */
  starting: Promise<void>;
  active: PodRun | null;
}

/** The runs of one pod. */
export class Runs {
  readonly #options: RunsOptions;
  /** By coordinator and run, in the order of their requests. */
  readonly #entries = new Map<string, Entry>();
  readonly #presence: PresenceOf;
  readonly #onEmpty: (() => void)[] = [];
  #isPaused = false;
  #isDraining = false;
  #isStopping = false;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#presence = new PresenceOf(options.channel);
    options.channel.onRestart((peer) => {
      for (const entry of this.#of(peer)) this.#onRestart(entry);
    });
  }

  // ── what coordinators say ────────────────────────────────────────────────────────────────────────────────────

  /** A modeller asks this pod to take part in a run, or to go on with one. */
  async request(from: Peer, context: Context, request: MessageOf<'JOB_REQUEST'>): Promise<void> {
    const { config, onNotice, clock, channel, ledger } = this.#options;
    const { run } = context;
    const known = this.#find(from.public.id, run);
    if (known && sameRequest(known.request, request)) return this.#again(known);
    onNotice({ type: 'request', run, modeller: from.name, dataset: request.dataset });
    if (known) this.#end(known, 'the modeller asked anew for this run, for something else');
    try {
      checkModeller(config, from); // before it may learn of other runs
      if (ledger.hasCancelled(from.name, run))
        throw new Refusal('UNAUTHORISED', 'this site has left this run for good');
      this.#makeRoom(from);
    } catch (error) {
      return this.reject(from, context, error);
    }
    const entry: Entry = {
      ...{ run, from, request, abort: abortControllerForMany(), state: 'queued', active: null, pace: new Pace() },
      ...{ sinceMs: clock.now(), sentBefore: channel.trafficWith(from.public.id).sentBytes },
      coordinator: new CoordinatorWatch(clock, (reason) => this.#end(entry, reason)),
      starting: Promise.resolve(),
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
    entry.coordinator.heard();
    if (entry.active) entry.active.receive(context, message);
    else if (message.type === 'TASK_ABORT') this.#end(entry, message.message);
    else if (message.type === 'TASK_COMPLETE') this.#end(entry, 'the run is over');
    return true;
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

  // ── what the site says ───────────────────────────────────────────────────────────────────────────────────────

  get state(): PodStatus['state'] {
    if (this.#isDraining) return 'draining';
    return this.#isPaused ? 'paused' : 'running';
  }

  /** Takes part in no rounds, and begins no runs, until {@link resume}; the coordinators are told not to wait. */
  pause(): void {
    this.#isPaused = true;
    for (const entry of this.#entries.values()) {
      if (entry.active) entry.active.pause();
      else if (entry.state === 'queued') this.#tellPosition(entry);
    }
  }

  /** Takes part again, in each run from its next round on. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // a run that was finishing a sum has not been away
    for (const entry of this.#entries.values()) if (entry.active?.resume()) void this.#accept(entry, false);
    this.#next(true);
  }

  /**
   * Leaves a run for good, whatever its coordinator asks for later.
   * @throws KonsilError RUN_UNKNOWN when this pod does not have it; FILE_WRITE_FAILED when that cannot be written down.
   */
  cancel(run: string): void {
    const entries = [...this.#entries.values()].filter((entry) => entry.run === run);
    if (entries.length === 0) throw new KonsilError('RUN_UNKNOWN', `this pod does not have a run ${run}`, { run });
    const reason = 'cancelled by the site';
    for (const entry of entries) {
      this.#options.ledger.append({ event: 'cancelled', run, modeller: entry.from.name });
      const message: Message = entry.active
        ? { type: 'TASK_ABORT', reason: 'CANCELLED', message: reason }
        : { type: 'JOB_REJECT', response: 'UNAUTHORISED', reason };
      void this.#tell(entry.from, admissionOf(entry), message);
      this.#end(entry, reason);
    }
  }

  /** Takes no more runs; resolves when those under way are over. A pause ends, or they never would be. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const entry of this.#queued()) {
      this.#remove(entry);
      void this.reject(entry.from, admissionOf(entry), shuttingDown());
    }
    this.resume();
    if (this.#entries.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  /** Leaves all runs, telling the coordinators. */
  async stop(reason: string): Promise<void> {
    this.#isStopping = true;
    const entries = [...this.#entries.values()];
    const goodbye: Message = { type: 'TASK_ABORT', reason: 'CANCELLED', message: reason };
    // those that wait learn from the broker that the pod is gone, and may ask again when it is back
    const running = entries.filter(({ active }) => active !== null);
    await Promise.all(running.map((entry) => this.#tell(entry.from, admissionOf(entry), goodbye, GOODBYE_MS)));
    for (const entry of entries) this.#end(entry, reason);
    // what is being set up may be deep in a large file; who stops does not wait for it for ever
    const isFreed = Promise.all(entries.map(({ starting }) => starting));
    await Promise.race([isFreed, new Promise<void>((resolve) => this.#options.clock.after(GOODBYE_MS, resolve))]);
  }

  /** As in a power cut: stops everything, tells nobody, writes nothing. Resolves when threads and models are freed. */
  async halt(): Promise<void> {
    this.#isStopping = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { abort, coordinator } of entries) {
      abort.abort();
      coordinator.close();
    }
    await Promise.all(entries.flatMap(({ active }) => (active ? [active.halt()] : [])));
    await Promise.all(entries.map(({ starting }) => starting));
  }

  /** Where each run is. */
  status(): Pick<PodStatus, 'runs' | 'queue'> {
    const queue = this.#queued().map(({ run, from, request }) => ({
      ...{ run, modeller: from.name, dataset: request.dataset },
    }));
    const taken = [...this.#entries.values()].filter(({ state }) => state !== 'queued');
    return { runs: taken.map((entry) => this.#statusOf(entry)), queue };
  }

  // ── from request to run ──────────────────────────────────────────────────────────────────────────────────────

  /** The same request once more: the coordinator was restarted, or has lost this pod for a while. */
  #again(entry: Entry): void {
    entry.coordinator.heard();
    if (entry.state === 'queued') {
      this.#next(); // its turn may have come while the coordinator was away
      if (entry.state === 'queued') this.#tellPosition(entry);
    }
    // one that is being set up is answered in a moment
    if (entry.active?.isPaused) this.#tellPaused(entry);
    else if (entry.active) void this.#accept(entry, true);
  }

  /**
   * Sees to it that one more run has a place.
   * @throws Refusal when there is none, not even in the queue.
   */
  #makeRoom(from: Peer): void {
    if (this.#isDraining || this.#isStopping) throw shuttingDown();
    const { parallelRuns, queue } = this.#options.config.limits;
    if (this.#taken() < parallelRuns && !this.#isPaused) return;
    // what a modeller has left behind gives way to what it asks for now
    const orphan = this.#of(from.public.id).find(({ coordinator }) => coordinator.isOrphan);
    if (orphan) return this.#end(orphan, 'the coordinator restarted and asks for another run');
    if (this.#queued().length >= queue)
      throw new Refusal(
        'TASK_SETUP_ERROR',
        `this pod is busy with ${this.#taken()} run(s), and its queue of ${queue} is full; try again later`,
      );
  }

  /** Begins waiting runs while there is room; those whose coordinator is away keep their place but not their turn. */
  #next(hasNews = false): void {
    if (this.#isStopping || this.#isDraining || this.#isPaused) return;
    for (const entry of this.#queued()) {
      if (this.#taken() >= this.#options.config.limits.parallelRuns) break;
      if (entry.coordinator.isGone) continue;
      entry.state = 'starting';
      entry.starting = this.#start(entry);
      hasNews = true;
    }
    if (hasNews) for (const entry of this.#queued()) this.#tellPosition(entry);
  }

  async #start(entry: Entry): Promise<void> {
    const { signal } = entry.abort;
    try {
      const started = await startRun(this.#options, entry, signal, (event) => this.#onRunEvent(entry, event));
      if (signal.aborted) return await started.halt();
      entry.active = started;
      entry.state = 'running';
    } catch (error) {
      if (signal.aborted) return;
      this.#remove(entry);
      return this.reject(entry.from, admissionOf(entry), error);
    }
    if (this.#isPaused) entry.active.pause();
    else void this.#accept(entry, false);
  }

  async #accept(entry: Entry, continues: boolean): Promise<void> {
    const message: Message = { type: 'JOB_ACCEPT', ...(continues && { continues }) };
    const isTold = await this.#tell(entry.from, admissionOf(entry), message);
    if (!isTold && this.#has(entry)) entry.coordinator.missed(this.#graceMs(entry));
  }

  #onRunEvent(entry: Entry, event: PodEvent): void {
    this.#options.onNotice({ run: entry.run, ...event });
    if (event.type === 'paused') this.#tellPaused(entry);
    if (event.type === 'round' && entry.active) entry.pace.begin(entry.active.progress.completed, this.#nowMs);
    if (event.type !== 'ended') return;
    this.#record({
      ...{ event: event.how, run: entry.run, modeller: entry.from.name, detail: event.reason },
      sentBytes: this.#sentBytes(entry),
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
    entry.coordinator.close();
    const hasWaited = entry.state === 'queued';
    this.#entries.delete(keyOf(entry));
    this.#next(hasWaited);
    if (this.#entries.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  // ── coordinators that come and go ────────────────────────────────────────────────────────────────────────────

  #onRestart(entry: Entry): void {
    // what it offered for the admission is gone with it; it asks again
    if (entry.state === 'starting') return this.#end(entry, 'the coordinator restarted');
    entry.coordinator.restarted(this.#graceMs(entry));
  }

  #watch(from: Peer): void {
    const { id } = from.public;
    const listener = (isPresent: boolean): void => {
      for (const entry of this.#of(id)) this.#onPresence(entry, isPresent);
    };
    this.#presence
      .watch(id, listener)
      .catch((error: unknown) => this.#options.onNotice({ type: 'problem', reason: messageOf(error) }));
  }

  #onPresence(entry: Entry, isPresent: boolean): void {
    if (!entry.coordinator.presence(isPresent, this.#graceMs(entry))) return;
    void this.#tell(entry.from, admissionOf(entry), { type: 'ONLINE_CHECK' });
    this.#next();
  }

  #graceMs(entry: Entry): number {
    return entry.active ? this.#options.config.limits.coordinatorGraceMs : QUEUE_GRACE_MS;
  }

  // ── bookkeeping ──────────────────────────────────────────────────────────────────────────────────────────────

  #statusOf(entry: Entry): RunStatus {
    const nowMs = this.#nowMs;
    const at = entry.active?.progress;
    const done =
      at && at.completed + (at.progress && at.purpose === 'update' ? at.progress.done / at.progress.total : 0);
    const pause = at?.pause === 'no' ? undefined : at?.pause;
    return {
      ...{ run: entry.run, modeller: entry.from.name, dataset: entry.request.dataset },
      state: at ? (pause ?? (entry.coordinator.isGone ? 'away' : 'running')) : 'starting',
      ...{ phase: at?.phase ?? 'waiting', round: at?.round ?? null, purpose: at?.purpose ?? null },
      ...{ completed: at?.completed ?? 0, rounds: at?.rounds ?? 0, progress: at?.progress ?? null },
      etaSeconds: at && done !== undefined ? entry.pace.estimate(done, at.rounds, nowMs) : null,
      ...{ seconds: (nowMs - entry.sinceMs) / 1_000, sentBytes: this.#sentBytes(entry) },
    };
  }

  get #nowMs(): number {
    return this.#options.clock.now();
  }

  #sentBytes({ from, sentBefore }: Entry): number {
    return this.#options.channel.trafficWith(from.public.id).sentBytes - sentBefore;
  }

  #of(peer: string): Entry[] {
    return [...this.#entries.values()].filter(({ from }) => from.public.id === peer);
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

  #has(entry: Entry): boolean {
    return this.#entries.get(keyOf(entry)) === entry;
  }

  #tellPosition(entry: Entry): void {
    const position = this.#queued().indexOf(entry) + 1;
    const message: Message = { type: 'JOB_QUEUED', position, ...(this.#isPaused && { paused: true }) };
    void this.#tell(entry.from, admissionOf(entry), message);
  }

  #tellPaused(entry: Entry): void {
    void this.#tell(entry.from, admissionOf(entry), { type: 'JOB_QUEUED', position: 0, paused: true });
  }

  /** Writes down what has happened anyway: when that fails the operator must hear of it, and nothing else stops. */
  #record(entry: LedgerEntry): void {
    try {
      this.#options.ledger.append(entry);
    } catch (error) {
      this.#options.onNotice({ type: 'problem', reason: messageOf(error) });
    }
  }

  /** Says what stays true when nobody hears it: a coordinator that is gone or restarted asks again. @returns whether it arrived. */
  async #tell(to: Peer, context: Context, message: Message, timeoutMs = TELL_MS): Promise<boolean> {
    try {
      await this.#options.channel.send(to.public.id, context, message, { timeoutMs });
      return true;
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      return false;
    }
  }
}

const keyOf = ({ from, run }: Entry): string => `${from.public.id} ${run}`;

const shuttingDown = (): Refusal => new Refusal('TASK_SETUP_ERROR', 'this pod is about to stop and takes no more runs');

function sameRequest(one: Message, other: Message): boolean {
  return Buffer.compare(encodeMessage(one), encodeMessage(other)) === 0;
}
