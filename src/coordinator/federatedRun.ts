/**
 * A federated-averaging run from the modeller's side: admission, statistics, rounds, evaluation, results.
 * @module
 */
import { largestClip, type Strategy } from '../aggregation/index.ts';
import { abortControllerForMany, bytesOf, isKonsilError, KonsilError, throwIfCancelled } from '../base/index.ts';
import { type Identity, MaskPool } from '../crypto/index.ts';
import { standardiser } from '../datasources/index.ts';
import type { PeerBook } from '../keystore/index.ts';
import { type Metrics, type PooledMetric, pooledMetrics, statisticsLayout } from '../metrics/index.ts';
import {
  exactSums,
  type KnownWeights,
  perFeature,
  roundFacts,
  serverStrategy,
  updateBound,
  updateParameters,
  wholeMean,
} from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import { type LocalTask, roundsOf, toWire } from '../tasks/index.ts';
import { Blobs, type Channel, type Clock } from '../transport/index.ts';
import type { BlobRef, SecureParameters } from '../wire/index.ts';
import { type Aggregation, Aggregator } from './aggregate.ts';
import { type AgreedTask, agreeOnTask } from './agreedTask.ts';
import { agreeOnUpdate } from './agreedUpdate.ts';
import { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import { describeAbsent, Members } from './members.ts';
import { type FinalResult, ResultStatements } from './resultStatements.ts';
import { RunFolder } from './runFolder.ts';
import type { RunOutcome } from './runOutcome.ts';
import { plausibleMetrics } from './siteMetrics.ts';
import { asKonsilError, newRunId, type Standardiser, trainedModelFiles, validationOf } from './trainedModel.ts';
import { Transcripts } from './transcript.ts';

/** Rounds in a row that may be lost before the run ends. */
const MAX_LOST_ROUNDS = 3;
/** How long to wait for pods to come back when too few are left. */
const COME_BACK_MS = 20_000;
/** How long pods have to hear that the run is over. */
const GOODBYE_MS = 5_000;

export interface FederatedRunOptions {
  readonly task: LocalTask;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Keeps what the coordinator saw in every secure sum, in the run's folder. */
  readonly transcript?: boolean;
}

/** A run in progress; use {@link runFederated}. */
class FederatedRun {
  readonly #options: FederatedRunOptions;
  readonly #runId: string;
  readonly #folder: RunFolder;
  readonly #members: Members;
  readonly #blobs: Blobs;
  readonly #deadlines: LearnedDeadlines;
  readonly #abort = abortControllerForMany();
  readonly #rounds: RoundResult[] = [];
  readonly #startedAt = new Date();
  readonly #started: number;
  #writeFailure: KonsilError | null = null;
  #agreed: AgreedTask | null = null;
  #parameters: Float32Array | null = null;
  #strategy: Strategy | null = null;
  #standardiser: Standardiser | null = null;
  #secure: SecureParameters | null = null;
  /** Largest clip, blocks and error bound of the last update. */
  #clip: number | null = null;
  #blocks: Uint8Array | undefined;
  #bound = 0;
  #trainingRows = 0;
  #aggregator!: Aggregator;
  #transcripts: Transcripts | null = null;
  /** Protocol round of the next aggregation; never reused. */
  #nextRound = 0;
  readonly #pool = new MaskPool();
  #modelId = '';
  /** The final parameters and who has signed for them. */
  #result: FinalResult | null = null;
  #best = { loss: Number.POSITIVE_INFINITY };
  #pooled: Readonly<Record<string, PooledMetric>> | null = null;
  readonly #sites = new Map<string, { name: string; rows: number; metrics: Metrics }>();

  constructor(options: FederatedRunOptions, runId: string) {
    this.#options = options;
    this.#runId = runId;
    const { channel, peers, clock, task, signal } = options;
    this.#started = clock.now();
    this.#folder = new RunFolder(task.local.runs, runId);
    this.#blobs = new Blobs(channel);
    this.#deadlines = new LearnedDeadlines(task.deadlines);
    signal?.addEventListener('abort', () => this.#abort.abort(), { once: true });
    if (signal?.aborted) this.#abort.abort();
    this.#members = new Members({
      ...{ runId, channel, peers, clock, identifiers: task.pods },
      signal: this.#abort.signal,
      emit: (event) => this.#emit(event),
    });
    channel.onLink((up) => this.#members.setLinkUp(up));
  }

  async run(): Promise<RunOutcome> {
    let error: KonsilError | undefined;
    try {
      await this.#everything();
      this.#throwWriteFailure();
    } catch (cause) {
      error = this.#writeFailure ?? asKonsilError(cause);
    }
    const abortReason = error?.code === 'CANCELLED' ? 'CANCELLED' : 'PROTOCOL';
    await this.#members.dismiss(
      error
        ? { type: 'TASK_ABORT', reason: abortReason, message: `the coordinator ended the run: ${error.code}` }
        : { type: 'TASK_COMPLETE', ...(this.#result && { result: this.#result }) },
      GOODBYE_MS,
    );
    this.#abort.abort();
    await this.#pool.close();
    let modelFile: string | null = null;
    try {
      modelFile = this.#saveModel('model');
    } catch (cause) {
      error ??= asKonsilError(cause);
    }
    const reasonOf = (): string => (error ? `${error.code}: ${error.message}` : this.#howItEnded());
    this.#emit({ type: 'finished', status: error ? 'aborted' : 'complete', reason: reasonOf() });
    error ??= this.#writeFailure ?? undefined;
    return this.#outcome(reasonOf(), error, modelFile);
  }

  async #everything(): Promise<void> {
    const { task } = this.#options;
    this.#folder.write('task.json', `${JSON.stringify(toWire(task), null, 2)}\n`);
    const rounds = roundsOf(task);
    this.#emit({ type: 'started', run: this.#runId, rounds, mode: task.aggregator.secure ? 'secure' : 'plain' });
    await this.#admitPods();
    const weights = await this.#statistics();
    this.#trainingRows = weights.rows;
    if (task.aggregator.secure) this.#secure = updateParameters(task, weights);
    let lost = 0;
    let completed = 0;
    for (; completed < rounds && (this.#agreed?.privacy?.isAffordable() ?? true); completed++) {
      lost = (await this.#tryRound(completed)) ? 0 : lost + 1;
      if (lost >= MAX_LOST_ROUNDS)
        throw new KonsilError('RUN_ABORTED', `${lost} rounds in a row were lost while they were unmasked`);
    }
    await this.#evaluate(completed);
  }

  /** Why a run that has not failed is over. */
  #howItEnded(): string {
    const rounds = roundsOf(this.#options.task);
    return this.#agreed?.privacy && this.#rounds.length < rounds && !this.#agreed?.privacy.isAffordable()
      ? `the privacy budget is spent after ${this.#rounds.length} of ${rounds} rounds`
      : 'all rounds done';
  }

  // ── admission ────────────────────────────────────────────────────────────────────────────────────────────────

  async #admitPods(): Promise<void> {
    const { task, identity, clock, transcript } = this.#options;
    const members = this.#members;
    const signal = this.#abort.signal;
    const joinMs = 1_000 * task.deadlines.join;
    await members.watch();
    const agreed = await agreeOnTask(task, members, joinMs, signal);
    this.#agreed = agreed;
    this.#parameters = agreed.parameters;
    this.#strategy = serverStrategy(task, agreed.facts);
    const { resolved, facts } = agreed;
    const taskJson = JSON.stringify(toWire(resolved.task));
    const everyone = members.all().map(({ peer }) => peer.public.id);
    const model = this.#blobs.offer(resolved.model, everyone);
    this.#modelId = model.id;
    const roster = members.all().map(({ name, peer }) => ({ name, public: peer.line }));
    await members.admit(
      members.all().filter(({ name, state }) => agreed.datasets.has(name) && state !== 'rejected'),
      (member) => ({ type: 'JOB_REQUEST', task: taskJson, model, roster, dataset: agreed.datasets.get(member.name)! }),
      joinMs,
    );
    const active = members.active();
    const minimum = this.#minimum();
    if (active.length < minimum)
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        `${active.length} of ${members.all().length} pods take part, ${minimum} are needed: ${describeAbsent(members.all())}`,
      );
    const transcripts = transcript ? new Transcripts(this.#folder, identity, members.all()) : null;
    this.#transcripts = transcripts;
    this.#aggregator = new Aggregator({
      ...{ runId: this.#runId, task: resolved.task, taskJson, modelId: model.id, facts, identity, members, clock },
      ...{ blobs: this.#blobs, pool: this.#pool, deadlines: this.#deadlines, minimum, signal },
      emit: (event) => this.#emit(event),
      ...(transcripts && { transcript: (session, agreed) => transcripts.open(session, agreed) }),
    });
  }

  #minimum(): number {
    const { aggregator } = this.#options.task;
    return aggregator.secure ? Math.max(3, aggregator.minimumCohort) : aggregator.minimumCohort;
  }

  // ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Count, sum and squares over all sites. */
  async #statistics(): Promise<KnownWeights> {
    const { task } = this.#options;
    const facts = this.#agreed!.facts;
    const { sum, survivors } = await this.#persist(() =>
      this.#aggregator.run({
        ...{ purpose: 'statistics', round: this.#nextRound++, completed: 0 },
        ...(task.aggregator.secure ? { secure: exactSums(task.pods.length) } : {}),
      }),
    );
    if (task.dataStructure.standardise)
      this.#standardiser = standardiser({
        count: perFeature(facts, 'count').map((name) => sum.counts[name]!),
        sum: perFeature(facts, 'sum').map((name) => sum.extras[name]!),
        sumSquares: perFeature(facts, 'squares').map((name) => sum.extras[name]!),
      });
    if (sum.totalWeight < 1) throw new KonsilError('DATA_EMPTY', 'the sites have no training rows');
    return { rows: sum.totalWeight, absent: task.pods.length - survivors.length };
  }

  /** Runs an aggregation until it succeeds, letting pods come back in between. */
  async #persist(aggregate: () => Promise<Aggregation>): Promise<Aggregation> {
    for (let lost = 1; ; lost++) {
      this.#throwWriteFailure();
      try {
        return await aggregate();
      } catch (error) {
        if (!isKonsilError(error, 'AGG_TOO_FEW_SURVIVORS') && !isKonsilError(error, 'COHORT_TOO_SMALL')) throw error;
        if (lost >= MAX_LOST_ROUNDS) throw error;
        await this.#waitForPods();
      }
    }
  }

  /** Invites pods again and waits a while for enough of them. @throws KonsilError COHORT_TOO_SMALL when they do not come. */
  async #waitForPods(): Promise<void> {
    const members = this.#members;
    const minimum = this.#minimum();
    members.readmit();
    if (members.active().length >= minimum) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stop();
        cancel();
        resolve();
      };
      const check = (): void => {
        members.readmit();
        if (members.active().length >= minimum) done();
      };
      const cancel = this.#options.clock.after(COME_BACK_MS, done);
      const stop = members.listen({ onMessage: check, onLost: () => undefined });
      this.#abort.signal.addEventListener('abort', done, { once: true });
    });
    throwIfCancelled(this.#abort.signal);
    if (members.active().length < minimum)
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        `only ${members.active().length} pods are left, ${minimum} are needed: ${describeAbsent(members.all())}`,
      );
  }

  #parameterBlob(vector: Float32Array): { readonly ref: BlobRef; readonly done: () => void } {
    const ref = this.#blobs.offer(
      bytesOf(vector).slice(),
      this.#members.all().map(({ peer }) => peer.public.id),
    );
    return { ref, done: () => this.#blobs.withdraw(ref) };
  }

  #sumRequest(
    purpose: 'range' | 'update' | 'evaluation',
    completed: number,
    ref: BlobRef,
    secure: SecureParameters | null,
  ): Parameters<Aggregator['run']>[0] {
    const standardiser = this.#standardiser;
    return {
      ...{ purpose, round: this.#nextRound++, completed, parameters: ref },
      ...(standardiser
        ? { standardiser: { mean: bytesOf(standardiser.mean), scale: bytesOf(standardiser.scale) } }
        : {}),
      ...(secure ? { secure } : {}),
      ...(this.#agreed?.privacy && purpose === 'update' ? { privacy: this.#agreed?.privacy.round } : {}),
    };
  }

  /** The public parameters of the update after `completed` rounds; null in the open. */
  async #quantiser(completed: number, ref: BlobRef): Promise<SecureParameters | null> {
    if (!this.#secure) return null;
    return agreeOnUpdate({
      ...{ task: this.#options.task, facts: this.#agreed!.facts, secure: this.#secure, completed },
      sumRanges: (ranges) =>
        this.#persist(() => this.#aggregator.run(this.#sumRequest('range', completed, ref, ranges))),
      emit: (event) => this.#emit(event),
    });
  }

  /** One update round. False when it was spent without a sum: it is over, the parameters stay as they were. */
  async #tryRound(completed: number): Promise<boolean> {
    const { clock, task } = this.#options;
    this.#members.readmit();
    const started = clock.now();
    const blob = this.#parameterBlob(this.#strategy!.given(this.#parameters!));
    try {
      const secure = await this.#quantiser(completed, blob.ref);
      const result = await this.#persist(() =>
        this.#aggregator.run(this.#sumRequest('update', completed, blob.ref, secure)),
      );
      this.#throwWriteFailure();
      const { sum } = result;
      const pods = result.survivors.length;
      const privacy = this.#agreed?.privacy;
      const cost = privacy && { epsilon: privacy.charge(), clipNorm: privacy.round.clipNorm };
      const validation = validationOf(sum);
      const summary: RoundResult = {
        round: completed + 1,
        survivors: result.survivors,
        dropped: result.dropped,
        ...(result.late && { late: result.late }),
        attempts: result.attempts,
        // under differential privacy every pod weighs 1, and how many rows came is not told
        trainingRows: privacy ? this.#trainingRows : sum.totalWeight,
        trainingLoss: sum.extras['trainingLoss']! / sum.totalWeight,
        ...validation,
        clipped: sum.clipped,
        ...(sum.counts['shortened'] !== undefined && { shortened: sum.counts['shortened'] }),
        seconds: (clock.now() - started) / 1_000,
        vectorBytes: result.vectorBytes,
        ...(cost && { privacy: cost }),
      };
      this.#keepBest(validation.validationLoss);
      const { facts } = this.#agreed!;
      const mean = wholeMean(privacy ? privacy.read(sum.mean, pods) : sum.mean, facts, secure);
      this.#parameters = this.#strategy!.step(this.#parameters!, mean, roundFacts(sum, facts, this.#trainingRows));
      if (!this.#parameters.every(Number.isFinite))
        throw new KonsilError('TRAINING_DIVERGED', `round ${completed + 1}: the averaged parameters are not finite`);
      if (privacy) {
        [this.#clip, this.#bound] = [privacy.round.clipNorm, privacy.resolution];
      } else if (secure) {
        this.#clip = largestClip(secure);
        this.#blocks = secure.blocks;
        this.#bound = updateBound(sum, facts, secure, pods);
      }
      this.#rounds.push(summary);
      this.#emit({ type: 'round', ...summary });
      if (task.algorithm.checkpointEveryRound)
        this.#saveModel(`checkpoints/round-${String(completed + 1).padStart(4, '0')}`);
      if (task.algorithm.modellerCheckpointing) this.#saveModel('checkpoints/last');
      return true;
    } catch (error) {
      if (isKonsilError(error, 'AGG_ROUND_SPENT')) {
        this.#agreed?.privacy?.charge(); // shares are out: its sum may have been opened by somebody
        return false;
      }
      throw error;
    } finally {
      blob.done();
    }
  }

  async #evaluate(completed: number): Promise<void> {
    const facts = this.#agreed!.facts;
    const { task } = this.#options;
    const secure = task.aggregator.secure ? exactSums(task.pods.length) : null;
    const blob = this.#parameterBlob(this.#parameters!);
    const view = { run: this.#runId, modelId: this.#modelId, parametersId: blob.ref.id };
    const statements = new ResultStatements(view);
    const stop = this.#members.listen({
      onMessage: (member, context, message) => {
        statements.take(member, message);
        if (message.type !== 'EVALUATION_RESULTS' || context.phase !== 'evaluation' || member.state !== 'active')
          return;
        const metrics = plausibleMetrics(message, facts.kind);
        if (metrics) this.#sites.set(member.name, { name: member.name, rows: message.rows, metrics });
        else
          this.#emit({
            ...{ type: 'dropped', pod: member.name, phase: 'site metrics' },
            reason: 'its own metrics are none that a site can have, and are not shown',
          });
      },
      onLost: () => undefined,
    });
    try {
      const { sum } = await this.#persist(() =>
        this.#aggregator.run(this.#sumRequest('evaluation', completed, blob.ref, secure)),
      );
      const counts = Uint32Array.from(statisticsLayout(facts.kind, facts.classes).counts, (name) => sum.counts[name]!);
      this.#pooled = pooledMetrics(facts.kind, { counts, sums: sum.extras }, facts.classes);
      this.#keepBest(validationOf(sum).validationLoss);
      this.#result = statements.result();
      this.#transcripts?.result(this.#runId, this.#modelId, this.#result);
    } finally {
      stop();
      blob.done();
    }
  }

  // ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

  #keepBest(loss: number | null): void {
    if (loss === null || !(loss < this.#best.loss)) return;
    this.#best = { loss };
    this.#saveModel('checkpoints/best');
  }

  /** Writes the present model as files called `stem`. @returns the one to open, or null when there is no model yet. */
  #saveModel(stem: string): string | null {
    if (!this.#agreed || !this.#parameters) return null;
    const { resolved, layout } = this.#agreed;
    const files = trainedModelFiles(stem, this.#runId, resolved, {
      layout,
      parameters: this.#parameters,
      standardiser: this.#standardiser,
    });
    return files.map(({ name, content }) => this.#folder.write(name, content)).at(-1)!;
  }

  #emit(event: RunEvent): void {
    try {
      if (event.type !== 'progress') this.#folder.append('events.jsonl', { at: new Date().toISOString(), ...event });
    } catch (error) {
      // a run that cannot be recorded must not go on; thrown where the run can end cleanly
      this.#writeFailure ??= asKonsilError(error);
    }
    this.#options.onEvent?.(event);
  }

  #throwWriteFailure(): void {
    if (this.#writeFailure) throw this.#writeFailure;
  }

  #outcome(reason: string, error: KonsilError | undefined, modelFile: string | null): RunOutcome {
    const { channel, clock } = this.#options;
    return {
      ...{ run: this.#runId, folder: this.#folder.path, reason, modelFile, startedAt: this.#startedAt },
      ...(error ? { error } : {}),
      status: error ? 'aborted' : 'complete',
      seconds: (clock.now() - this.#started) / 1_000,
      ...{ resolved: this.#agreed?.resolved ?? null, facts: this.#agreed?.facts ?? null },
      ...{ standardiser: this.#standardiser, pooled: this.#pooled },
      parameters: this.#rounds.length > 0 ? this.#parameters : null,
      rounds: this.#rounds,
      sites: [...this.#sites.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      ...(this.#agreed?.privacy && { privacy: this.#agreed?.privacy.result(this.#rounds.length) }),
      secure: this.#secure && {
        ...{ ...this.#secure, clip: this.#clip ?? this.#secure.clip, blocks: this.#blocks },
        ...{ bound: this.#bound, minimum: this.#minimum() },
      },
      result: this.#result && {
        parameters: this.#result.parameters,
        confirmedBy: this.#result.statements.map(({ name }) => name).sort(),
      },
      members: this.#members.all(),
      trafficOf: (member) => channel.trafficWith(member.peer.public.id),
    };
  }
}

/**
 * Runs a task to its end. Never throws for what happens during the run: look at `status` and `error`.
 * @throws KonsilError CONFIG_INVALID, PEER_UNKNOWN or FILE_WRITE_FAILED before anything started.
 */
export async function runFederated(options: FederatedRunOptions): Promise<RunOutcome> {
  return new FederatedRun(options, newRunId()).run();
}
