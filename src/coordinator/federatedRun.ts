/**
 * The life of a federated-averaging run at the modeller: admission or resumption, the rounds, its end.
 * @module
 */
import { join } from 'node:path';
import type { Strategy } from '../aggregation/index.ts';
import { abortControllerForMany, KonsilError, messageOf } from '../base/index.ts';
import { type Identity, MaskPool } from '../crypto/index.ts';
import type { PeerBook } from '../keystore/index.ts';
import { serverStrategy, trainingSums, updateParameters } from '../protocols/index.ts';
import { type LocalTask, roundsOf, toWire } from '../tasks/index.ts';
import { type OpenTrainer, Trainer } from '../training/index.ts';
import { Blobs, type Channel, type Clock, type StoreOptions } from '../transport/index.ts';
import { Aggregator } from './aggregate.ts';
import { type AgreedTask, agreeOnTask, recallAgreed, rememberAgreed } from './agreedTask.ts';
import { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import { type OpenSum, openSum, RunJournal, type SumEntry, type SumJournal } from './journal/index.ts';
import { LinkTime } from './linkTime.ts';
import { describeAbsent, type Member, Members } from './members.ts';
import { Rounds } from './rounds.ts';
import { RunControl } from './runControl.ts';
import { RunFolder } from './runFolder.ts';
import type { RunOutcome } from './runOutcome.ts';
import { RunState, type StatefulParts } from './runState.ts';
import { asKonsilError, newRunId, trainedModelFiles } from './trainedModel.ts';
import { Transcripts } from './transcript.ts';

/** Pods in a roster; a secure sum has no more. */
const MOST_IN_ROSTER = 1_000;
/** How long pods have to hear that the run is over. */
const GOODBYE_MS = 5_000;
/** How long a run waits for its own connection to the broker: by then pods have given it up, unless they were told otherwise. */
const BROKER_AWAY_MS = 600_000;

export interface FederatedRunOptions {
  readonly task: LocalTask;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly channel: Channel;
  /** Where large blobs may go instead of the broker. @default nowhere */
  readonly store?: StoreOptions;
  readonly clock: Clock;
  /** Ends the run: pods are told, what there is is kept. */
  readonly signal?: AbortSignal;
  /** Stops the run where it is, as a power cut would: nobody is told, nothing more is written, and it can be resumed. */
  readonly halt?: AbortSignal;
  /** The run to go on with, by its name in the task's folder of runs. @default a new run */
  readonly resume?: string;
  /** Name of a new run, as {@link newRunId} makes them. @default one of them */
  readonly run?: string;
  readonly control?: RunControl;
  /** What happens when the run cannot go on for now: it waits for `control` to resume it, or it ends. @default 'abort' */
  readonly onLoss?: 'pause' | 'abort';
  /** False for a run that nobody will go on with. @default true */
  readonly journal?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
  /** Keeps what the coordinator saw in every secure sum, in the run's folder. */
  readonly transcript?: boolean;
  /** What computes, when others share it: then it is theirs to close. @default threads of its own */
  readonly parts?: { readonly pool: MaskPool; readonly openTrainer: OpenTrainer };
}

/** A run in progress; use {@link runFederated}. */
class FederatedRun {
  readonly #options: FederatedRunOptions;
  readonly #runId: string;
  readonly #folder: RunFolder;
  readonly #journal: RunJournal | null;
  readonly #members: Members;
  readonly #blobs: Blobs;
  readonly #deadlines: LearnedDeadlines;
  readonly #control: RunControl;
  readonly #abort = abortControllerForMany();
  readonly #pool: MaskPool;
  readonly #startedAt: Date;
  readonly #started: number;
  readonly #time: LinkTime;
  #isHalted = false;
  /** What ended the run where nothing could be thrown. */
  #failure: KonsilError | null = null;
  #cancelAway: (() => void) | null = null;
  #agreed: AgreedTask | null = null;
  #state: RunState | null = null;
  #strategy: Strategy | null = null;

  constructor(options: FederatedRunOptions, runId: string, journal: RunJournal | null, startedAt: Date) {
    this.#options = options;
    this.#runId = runId;
    this.#journal = journal;
    this.#startedAt = startedAt;
    const { channel, peers, clock, task, signal, halt } = options;
    this.#pool = options.parts?.pool ?? new MaskPool();
    this.#started = clock.now();
    this.#folder = new RunFolder(task.local.runs, runId);
    this.#time = new LinkTime(clock);
    this.#blobs = new Blobs(channel, {
      clock: this.#time,
      ...(options.store && {
        store: { ...options.store, onProblem: (reason) => this.#emit({ type: 'problem', reason }) },
      }),
    });
    this.#deadlines = new LearnedDeadlines(task.deadlines);
    this.#control = options.control ?? new RunControl();
    signal?.addEventListener('abort', () => this.#abort.abort(), { once: true });
    if (signal?.aborted) this.#abort.abort();
    halt?.addEventListener('abort', () => this.#halt(), { once: true });
    this.#members = new Members({
      ...{ runId, channel, peers, clock: this.#time, identifiers: task.pods, lateJoin: task.lateJoin },
      signal: this.#abort.signal,
      emit: (event) => this.#emit(event),
    });
    channel.onLink((up) => this.#onLink(up));
    if (halt?.aborted) this.#halt();
  }

  /** @throws KonsilError RUN_INTERRUPTED when it was halted. */
  async run(): Promise<RunOutcome> {
    let error: KonsilError | undefined;
    try {
      const open = await this.#begin();
      await this.#rounds(open);
      this.#throwFailure();
    } catch (cause) {
      error = this.#failure ?? asKonsilError(cause);
    }
    if (this.#isHalted) {
      if (!this.#options.parts) await this.#pool.close();
      throw new KonsilError('RUN_INTERRUPTED', `run ${this.#runId} was stopped where it is`, { run: this.#runId });
    }
    return this.#end(error);
  }

  async #end(error: KonsilError | undefined): Promise<RunOutcome> {
    const isCancelled = error?.code === 'CANCELLED';
    const result = this.#state?.result;
    await this.#members.dismiss(
      error
        ? {
            type: 'TASK_ABORT',
            reason: isCancelled ? 'CANCELLED' : 'PROTOCOL',
            message: `the coordinator ended the run: ${error.code}`,
          }
        : {
            type: 'TASK_COMPLETE',
            ...(result && { result: { ...result, statements: result.statements.slice(0, MOST_IN_ROSTER) } }),
          },
      GOODBYE_MS,
    );
    this.#abort.abort();
    this.#cancelAway?.();
    await this.#blobs.close();
    if (!this.#options.parts) await this.#pool.close();
    let modelFile: string | null = null;
    try {
      modelFile = this.#saveModel('model');
    } catch (cause) {
      error ??= asKonsilError(cause);
    }
    const reasonOf = (): string => (error ? `${error.code}: ${error.message}` : this.#howItEnded());
    this.#emit({ type: 'finished', status: error ? 'aborted' : 'complete', reason: reasonOf() });
    error ??= this.#failure ?? undefined;
    try {
      this.#journal?.setStatus(error ? (isCancelled ? 'cancelled' : 'aborted') : 'complete', reasonOf());
    } catch (cause) {
      error ??= asKonsilError(cause);
    }
    this.#journal?.close();
    return this.#outcome(reasonOf(), error, modelFile);
  }

  /** While the link is down nothing that pods do can be seen: no wait for them goes on, but not for ever. */
  #onLink(up: boolean): void {
    this.#time.setUp(up);
    this.#members.setLinkUp(up);
    this.#cancelAway?.();
    this.#cancelAway = null;
    const { clock, onLoss = 'abort' } = this.#options;
    if (up || onLoss === 'pause' || this.#abort.signal.aborted) return;
    this.#cancelAway = clock.after(BROKER_AWAY_MS, () => {
      const seconds = BROKER_AWAY_MS / 1_000;
      this.#failure ??= new KonsilError('BROKER_UNREACHABLE', `no connection to the broker for ${seconds} s`);
      this.#abort.abort();
    });
  }

  /** Why a run that has not failed is over. */
  #howItEnded(): string {
    const rounds = roundsOf(this.#options.task);
    const { completed = 0, rounds: summed = [] } = this.#state ?? {};
    const privacy = this.#agreed?.privacy;
    if (privacy && completed < rounds && !privacy.isAffordable())
      return `the privacy budget is spent after ${completed} of ${rounds} rounds`;
    const lost = completed - summed.length;
    return lost === 0 ? 'all rounds done' : `all rounds done, ${lost} of them spent without a sum`;
  }

  /** As a power cut: whatever is under way ends, and nothing of it counts. */
  #halt(): void {
    this.#isHalted = true;
    this.#cancelAway?.();
    this.#journal?.close();
    this.#abort.abort();
  }

  // ── beginning ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Admits pods, or lets them in again. @returns the sum that was under way when the run was interrupted. */
  async #begin(): Promise<OpenSum | null> {
    const { task } = this.#options;
    const signal = this.#abort.signal;
    const openTrainer = this.#options.parts?.openTrainer ?? Trainer.create;
    const recalled = this.#journal && (await recallAgreed(this.#journal, openTrainer, signal));
    if (recalled) return this.#resume(recalled);
    this.#folder.write('task.json', `${JSON.stringify(toWire(task), null, 2)}\n`);
    this.#emit({ type: 'started', ...this.#about() });
    await this.#members.watch();
    const joinMs = 1_000 * task.deadlines.join;
    const agreed = await agreeOnTask(task, this.#members, joinMs, openTrainer, signal);
    this.#agreed = agreed;
    this.#state = new RunState(agreed.parameters, this.#journal, this.#parts(agreed));
    // in this order: a run that finds what was agreed finds its first parameters too
    this.#state.save();
    if (this.#journal) rememberAgreed(this.#journal, agreed);
    await this.#admit(agreed);
    const minimum = this.#minimum();
    await this.#members.untilEnough(minimum);
    const active = this.#members.active();
    if (active.length < minimum)
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        `${active.length} of ${this.#members.all().length} pods take part, ${minimum} are needed: ${describeAbsent(this.#members.all())}`,
      );
    return null;
  }

  #about(): { readonly run: string; readonly rounds: number; readonly mode: 'secure' | 'plain' } {
    const { task } = this.#options;
    return { run: this.#runId, rounds: roundsOf(task), mode: task.aggregator.secure ? 'secure' : 'plain' };
  }

  /** Goes on with a run: the same task, asked for again under the same name, is no new one to a pod that has it. */
  async #resume(agreed: AgreedTask): Promise<OpenSum | null> {
    const journal = this.#journal!;
    const open = openSum(journal.entries() as SumEntry[]);
    const parts = this.#parts(agreed);
    this.#agreed = agreed;
    this.#state = RunState.restore(journal, parts) ?? new RunState(agreed.parameters, journal, parts);
    this.#state.interruptions++;
    journal.setStatus('running', '');
    const { completed } = this.#state;
    this.#emit({ type: 'resumed', ...this.#about(), completed, within: open?.purpose ?? null });
    for (const [name, dataset] of agreed.datasets) this.#members.get(name).dataset = dataset;
    // whom it had lost before may come back later; whoever took part is to answer what was asked of it
    const took = this.#members.restore(journal.members());
    await this.#members.watch();
    await this.#admit(agreed, took);
    return open;
  }

  #parts({ facts, privacy }: AgreedTask): StatefulParts {
    const strategy = serverStrategy(this.#options.task, facts);
    this.#strategy = strategy;
    return { deadlines: this.#deadlines, privacy, strategy };
  }

  async #admit(agreed: AgreedTask, awaited?: readonly Member[]): Promise<void> {
    const members = this.#members;
    const { join: joinSeconds } = this.#options.task.deadlines;
    const task = JSON.stringify(toWire(agreed.resolved.task));
    const whole = members.all().map(({ name, peer }) => ({ name, public: peer.line }));
    // in the open nothing depends on the others' keys, and a roster of thousands fits no message
    const rosterOf = (pod: string): typeof whole =>
      whole.length > MOST_IN_ROSTER ? whole.filter(({ name }) => name === pod) : whole;
    const model = this.#offerModel(agreed);
    await members.admit(
      members.all().filter(({ name, state }) => agreed.datasets.has(name) && state !== 'rejected' && state !== 'left'),
      ({ name, dataset }) => ({ type: 'JOB_REQUEST', task, model, roster: rosterOf(name), dataset }),
      1_000 * joinSeconds,
      awaited,
    );
  }

  #offerModel({ resolved }: AgreedTask): ReturnType<Blobs['offer']> {
    return this.#blobs.offer(
      resolved.model,
      this.#members.all().map(({ peer }) => peer.public.id),
    );
  }

  #minimum(): number {
    const { aggregator } = this.#options.task;
    return aggregator.secure ? Math.max(3, aggregator.minimumCohort) : aggregator.minimumCohort;
  }

  // ── rounds ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #rounds(open: OpenSum | null): Promise<void> {
    const { task, identity, transcript, onLoss = 'abort' } = this.#options;
    const [agreed, state, members, control] = [this.#agreed!, this.#state!, this.#members, this.#control];
    const { resolved, facts } = agreed;
    const { id: modelId } = this.#offerModel(agreed);
    const transcripts = transcript ? new Transcripts(this.#folder, identity, members.all()) : null;
    const shared = {
      ...{ runId: this.#runId, modelId, members, blobs: this.#blobs, minimum: this.#minimum(), clock: this.#time },
      ...{ signal: this.#abort.signal, emit: (event: RunEvent) => this.#emit(event) },
    };
    const aggregator = new Aggregator({
      ...{
        ...shared,
        task: resolved.task,
        taskJson: JSON.stringify(toWire(resolved.task)),
        sums: trainingSums(facts),
        identity,
      },
      ...{ pool: this.#pool, deadlines: this.#deadlines, journal: this.#sumJournal() },
      ...(transcripts && { transcript: (session, agreedOn) => transcripts.open(session, agreedOn) }),
    });
    const rounds = new Rounds({
      ...{ ...shared, task, agreed, aggregator, state, open, control, onLoss, strategy: this.#strategy! },
      saveModel: (stem) => void this.#saveModel(stem),
      pause: () => this.#pauseIfAsked(),
      check: () => this.#throwFailure(),
    });
    await rounds.run();
    if (state.result) transcripts?.result(this.#runId, modelId, state.result);
  }

  #sumJournal(): SumJournal | null {
    const journal = this.#journal;
    if (!journal) return null;
    return {
      begin: (entry) => this.#state!.beginSum(entry),
      log: (entry) => journal.log(entry),
      putVector: (bytes) => journal.vectors.put(bytes).id,
      vector: (id) => journal.vectors.get(id),
    };
  }

  async #pauseIfAsked(): Promise<void> {
    const reason = this.#control.paused;
    if (reason === null) return;
    this.#journal?.setStatus('paused', reason);
    this.#emit({ type: 'paused', reason });
    await this.#control.gate(this.#abort.signal);
    this.#journal?.setStatus('running', '');
    this.#emit({ type: 'continued' });
  }

  // ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes the present model as files called `stem`. @returns the one to open, or null when there is no model yet. */
  #saveModel(stem: string): string | null {
    if (!this.#agreed || !this.#state) return null;
    const { resolved, layout } = this.#agreed;
    const { parameters, standardiser } = this.#state;
    const files = trainedModelFiles(stem, this.#runId, resolved, { layout, parameters, standardiser });
    return files.map(({ name, content }) => this.#folder.write(name, content)).at(-1)!;
  }

  #emit(event: RunEvent): void {
    if (this.#isHalted) return;
    try {
      if (event.type !== 'progress') this.#folder.append('events.jsonl', { at: new Date().toISOString(), ...event });
      if (event.type === 'member') this.#journal?.setMember(event);
    } catch (error) {
      // a run that cannot be recorded must not go on; thrown where the run can end cleanly
      this.#failure ??= asKonsilError(error);
    }
    this.#options.onEvent?.(event);
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  #outcome(reason: string, error: KonsilError | undefined, modelFile: string | null): RunOutcome {
    const { channel, clock, task } = this.#options;
    const state = this.#state;
    const rounds = state?.rounds ?? [];
    const secure = task.aggregator.secure && state?.known ? updateParameters(task, state.known) : null;
    return {
      ...{ run: this.#runId, folder: this.#folder.path, reason, modelFile, startedAt: this.#startedAt },
      ...(error ? { error } : {}),
      status: error ? 'aborted' : 'complete',
      // of a run that was interrupted, the time it was not running is part of
      seconds: state?.interruptions
        ? (Date.now() - this.#startedAt.getTime()) / 1_000
        : (clock.now() - this.#started) / 1_000,
      ...(state?.interruptions && { interruptions: state.interruptions }),
      ...{ resolved: this.#agreed?.resolved ?? null, facts: this.#agreed?.facts ?? null },
      ...{ standardiser: state?.standardiser ?? null, pooled: state?.pooled ?? null },
      evaluated: state?.evaluated ?? null,
      parameters: rounds.length > 0 ? state!.parameters : null,
      rounds,
      sites: state?.sites ?? [],
      ...(this.#agreed?.privacy && { privacy: this.#agreed.privacy.result(rounds.length) }),
      secure: secure && {
        ...{ ...secure, clip: state!.clip ?? secure.clip, blocks: state!.blocks ?? undefined },
        ...{ bound: state!.bound, minimum: this.#minimum() },
      },
      result: state?.result
        ? {
            parameters: state.result.parameters,
            confirmedBy: state.result.statements.map(({ name }) => name).sort(),
          }
        : null,
      members: this.#members.all(),
      trafficOf: (member) => channel.trafficWith(member.peer.public.id),
    };
  }
}

/**
 * Runs a task to its end, or goes on with a run. What happens during the run is not thrown: look at `status` and `error`.
 * @throws KonsilError CONFIG_INVALID, PEER_UNKNOWN or FILE_WRITE_FAILED before anything started; RUN_INTERRUPTED when it was
 *   halted; FILE_NOT_FOUND, DATA_INVALID, RUN_FINISHED, KEY_INVALID or CONFIG_INVALID when the run cannot be resumed.
 */
export async function runFederated(options: FederatedRunOptions): Promise<RunOutcome> {
  const { task, identity, resume, journal: isKept = true } = options;
  const run = resume ?? options.run ?? newRunId();
  const folder = join(task.local.runs, run);
  let journal: RunJournal | null = null;
  let startedAt = new Date();
  if (resume !== undefined) {
    journal = openInterrupted(folder, options);
    startedAt = new Date(journal.head.startedAt);
  } else if (isKept)
    journal = RunJournal.create(folder, {
      run,
      task,
      modeller: identity.public.id,
      startedAt: startedAt.toISOString(),
    });
  let federated: FederatedRun;
  try {
    federated = new FederatedRun(options, run, journal, startedAt);
  } catch (error) {
    journal?.setStatus('aborted', messageOf(error));
    journal?.close();
    throw error;
  }
  return federated.run();
}

/** The journal of a run that `options` may go on with. */
function openInterrupted(folder: string, { task, identity }: FederatedRunOptions): RunJournal {
  const journal = RunJournal.open(folder);
  const { head, status } = journal;
  const refuse = (error: KonsilError): never => {
    journal.close();
    throw error;
  };
  if (status.status === 'complete')
    refuse(new KonsilError('RUN_FINISHED', `${folder}: the run is over: ${status.reason}`));
  if (head.modeller !== identity.public.id)
    refuse(
      new KonsilError(
        'KEY_INVALID',
        `${folder}: the run was begun with another identity; pods would not go on with this one`,
      ),
    );
  if (JSON.stringify(toWire(head.task)) !== JSON.stringify(toWire(task)))
    refuse(
      new KonsilError('CONFIG_INVALID', `${task.local.file}: the task is not the one the run in ${folder} began with`),
    );
  return journal;
}
