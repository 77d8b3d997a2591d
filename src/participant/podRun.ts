/**
 * One run at a pod, from acceptance to its end: answers the coordinator's round starts with local work and takes part
 * in the sums. One sum at a time; a newer round start ends what is underway. The same round start again, from a
 * coordinator that was restarted, is answered with what was said before.
 * @module
 */
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { type Identity, type MaskPool, randomBytes } from '../crypto/index.ts';
import type { Peer } from '../keystore/index.ts';
import { encodePlain, NonceChain, PodSum, publicHash } from '../protocols/index.ts';
import type { PodPolicy } from '../tasks/index.ts';
import type { Blobs, Channel } from '../transport/index.ts';
import type { Context, Message, MessageOf, Purpose } from '../wire/index.ts';
import type { Admitted } from './admission.ts';
import type { PodEvent } from './notices.ts';
import { withoutPaths } from './refusal.ts';
import { noSuchSum, Round, type RoundPhase } from './round.ts';
import { type Contribution, modelIdOf, type RunWork } from './runWork.ts';
import type { SumJournal } from './sumJournal.ts';

export interface PodRunOptions {
  readonly runId: string;
  readonly journal: SumJournal;
  /** The pod's state folder. */
  readonly state: string;
  readonly pool: MaskPool;
  readonly podName: string;
  readonly coordinator: Peer;
  readonly identity: Identity;
  readonly policy: PodPolicy;
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly admitted: Admitted;
  readonly channel: Channel;
  readonly blobs: Blobs;
  /** Writes down what leaves the site with a sum, before it does. @throws KonsilError FILE_WRITE_FAILED, and then it stays. */
  readonly recordRound: (round: { purpose: Purpose; round: number; sentBytes: number }) => void;
  readonly onEvent: (event: PodEvent) => void;
}

/** Where a run is at this pod. */
export interface RunProgress {
  readonly round: number | null;
  readonly purpose: Purpose | null;
  readonly phase: RoundPhase | 'waiting';
  readonly pause: 'no' | 'pausing' | 'paused';
  /** Training rounds that are over, and how many the task has. */
  readonly completed: number;
  readonly rounds: number;
  /** Of the training of this round. */
  readonly progress: { readonly done: number; readonly total: number } | null;
}

/** A run this pod has accepted. */
export class PodRun {
  readonly #options: PodRunOptions;
  readonly #work: RunWork;
  #current: Round | null = null;
  #ended = false;
  #pause: 'no' | 'pausing' | 'paused' = 'no';
  #completed = 0;
  /** This run in the journal: another coordinator's run of the same name is another run. */
  readonly #key: string;

  constructor(options: PodRunOptions) {
    this.#options = options;
    this.#key = `${options.coordinator.public.id} ${options.runId}`;
    const { runId, state, identity, policy, coordinator, request, journal, blobs, channel, onEvent } = options;
    this.#work = options.admitted.begin({
      ...{ runId, key: this.#key, state, identity, policy, coordinator, request, journal, blobs, onEvent },
      clock: channel.clock,
      send: (context, message, signal) => this.#send(context, message, signal),
    });
  }

  /** Where it is. */
  get progress(): RunProgress {
    const current = this.#current;
    return {
      ...{ round: current?.context.round ?? null, purpose: current?.message.purpose ?? null },
      ...{ phase: current?.phase ?? 'waiting', pause: this.#pause },
      completed: this.#completed,
      rounds: this.#work.rounds,
      progress: current?.phase === 'working' ? current.progress : null,
    };
  }

  /** Whether it takes part in anything: not while it is paused. */
  get isPaused(): boolean {
    return this.#pause === 'paused';
  }

  /**
   * Takes part in no further round until {@link resume}. Training stops after the batch; a sum whose attempt is open is
   * brought to its end first, because others count on it. The event `paused` says that it is so.
   */
  pause(): void {
    if (this.#ended || this.#pause === 'paused') return;
    this.#pause = 'pausing';
    if (this.#current?.phase === 'summing') return;
    // what was given away may still be fetched
    if (this.#current?.phase !== 'done') this.#stopCurrent();
    this.#pause = 'paused';
    this.#options.onEvent({ type: 'paused' });
  }

  /** Takes part again, from the next round on. @returns whether the coordinator has to hear of it. */
  resume(): boolean {
    const was = this.#pause;
    this.#pause = 'no';
    return was === 'paused';
  }

  /** A message of this run's coordinator. */
  receive(context: Context, message: Message): void {
    if (this.#ended) return;
    // on their way when the coordinator had not heard of the pause
    if (this.#pause === 'paused' && message.type !== 'TASK_COMPLETE' && message.type !== 'TASK_ABORT') return;
    if (this.#pause === 'pausing' && message.type === 'ROUND_START') return this.#pauseNow();
    switch (message.type) {
      case 'ROUND_START':
        return this.#startRound(context, message);
      case 'SECURE_OPEN':
      case 'SECURE_SHARE':
        return this.#toSum(context, message);
      case 'TASK_COMPLETE':
        return this.end('completed', this.#work.complete(message));
      case 'TASK_ABORT':
        return this.end('aborted', `${message.reason}: ${message.message}`);
      default:
        return; // answers to requests of ours are the blobs' business
    }
  }

  /** Stops work, wipes secrets and frees the trainer. */
  end(how: 'completed' | 'aborted', reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopCurrent();
    void this.#work.close();
    this.#options.onEvent({ type: 'ended', how, reason });
  }

  /** As in a power cut: stops work, wipes secrets and frees the trainer, and tells nobody. */
  async halt(): Promise<void> {
    this.#ended = true;
    this.#stopCurrent();
    await this.#work.close();
  }

  /** The sum is over that a pause was waiting for. */
  #pauseNow(): void {
    this.#pause = 'no';
    if (this.#current?.phase === 'summing') this.#current.phase = 'ready';
    this.pause();
  }

  #stopCurrent(): void {
    if (!this.#current) return;
    this.#current.stop();
    this.#current = null;
  }

  #startRound(context: Context, message: MessageOf<'ROUND_START'>): void {
    const { journal } = this.#options;
    if (this.#repeats(context, message)) return;
    const memory = journal.memoryOf(this.#key);
    // rounds only go up: a coordinator cannot take a pod back to one it has already contributed to
    if (context.round <= memory.lastRound)
      return this.#refuse(new KonsilError('PROTOCOL_VIOLATION', `round ${context.round} is over`));
    // summed twice over different cohorts, the same input would show as the difference of two sums
    if (memory.spent.has(sumKey(message)))
      return this.#refuse(
        new KonsilError('PROTOCOL_VIOLATION', `${message.purpose} ${message.completed} was already summed`),
      );
    this.#stopCurrent();
    const { blobs, coordinator } = this.#options;
    const current: Round = new Round({
      ...{ message, context, blobs, reader: coordinator.public.id },
      send: (said, signal) => this.#send(context, said, signal),
      onFailure: (error) => this.#fail(current, error),
    });
    this.#current = current;
    this.#completed = message.completed;
    try {
      journal.append({ fact: 'round', run: this.#key, round: context.round });
    } catch (error) {
      return this.#fail(current, error);
    }
    this.#options.onEvent({ type: 'round', purpose: message.purpose, round: context.round });
    this.#begin(current);
  }

  /**
   * Answers the present round's start, word for word, with what was said in the round. Nothing is computed or added anew:
   * the coordinator learns what it may have learned before.
   */
  #repeats(context: Context, message: MessageOf<'ROUND_START'>): boolean {
    const current = this.#current;
    if (!current?.isStartedBy(context, message)) return false;
    current.outbox.repeat();
    if (current.isInterrupted) this.#begin(current);
    return true;
  }

  /** Does the work of a round; what the coordinator's restart cuts short waits for the round's start to come again. */
  #begin(current: Round): void {
    current.isInterrupted = false;
    current.progress = null;
    this.#runRound(current).catch((error: unknown) => {
      if (current.signal.aborted || isKonsilError(error, 'CANCELLED')) return;
      if (isKonsilError(error, 'PEER_RESTARTED')) current.isInterrupted = true;
      else this.#fail(current, error);
    });
  }

  async #runRound(current: Round): Promise<void> {
    const { message, signal } = current;
    const { secure, purpose } = message;
    if (this.#options.admitted.task.aggregator.secure !== (secure !== undefined))
      throw new KonsilError('PROTOCOL_VIOLATION', 'round start and task disagree on secure aggregation');
    const contribution = await this.#work.contribute(current);
    if (signal.aborted) return;
    if (contribution === null) {
      current.phase = 'done';
      return;
    }
    if (!secure) return this.#sendPlain(current, contribution);
    const nonces = new NonceChain(randomBytes);
    current.sum = this.#openSum(current, contribution, nonces);
    current.phase = 'ready';
    current.outbox.say({ type: 'TRAINING_COMPLETE', purpose, commitments: nonces.commitments() });
  }

  #recordRound({ message, context, sentBytes }: Round): void {
    this.#options.recordRound({ purpose: message.purpose, round: context.round, sentBytes });
  }

  #sendPlain(current: Round, { input, spec }: Contribution): void {
    this.#work.charge(current.message);
    // on offer is not on its way: nobody knows its hash before the message
    const ref = current.offer(encodePlain(input, spec));
    this.#recordRound(current);
    current.phase = 'done';
    current.outbox.say({ type: 'TRAINING_UPDATE', purpose: current.message.purpose, input: ref });
    // whether it was used in the end is not said in the open
    this.#work.settle(current.message);
  }

  #openSum(current: Round, offer: Contribution, nonces: NonceChain): PodSum {
    const { message, context, outbox } = current;
    const { runId, podName, identity, coordinator, admitted, request, journal, policy, pool, onEvent } = this.#options;
    const summed = `${request.dataset} ${this.#work.summed(message)}`;
    // what noise covers may be told apart from what it does not by nobody
    const isNoised = offer.drawNoise !== undefined;
    const view = {
      task: request.task,
      modelId: modelIdOf(request),
      parametersId: message.parameters?.id ?? '',
      standardiser: message.standardiser,
      spec: offer.spec,
    };
    return new PodSum({
      runId,
      round: context.round,
      purpose: message.purpose,
      self: podName,
      identity: identity.signing,
      coordinator: coordinator.public.signing,
      members: admitted.members,
      minimumCohort: admitted.task.aggregator.minimumCohort, // at least the site's, or it would not be admitted
      assumptions: admitted.task.aggregator.cohort ?? {},
      ...offer,
      publicHash: publicHash(view),
      nonces,
      pool,
      judge: (survivors, colluding) =>
        policy.cohortChange === 'allow' || isNoised ? null : journal.objection(summed, survivors, colluding),
      record: (stage) => {
        if (stage.stage === 'released') {
          this.#work.charge(message);
          this.#recordRound(current);
        }
        journal.append({
          ...{ fact: 'sum', run: this.#key, sum: sumKey(message), round: context.round, input: summed },
          ...stage,
          survivors: [...stage.survivors],
        });
        if (stage.stage === 'released' && stage.survivors.includes(podName)) this.#work.settle(message);
      },
      send: (attempt, body, vector) => {
        const ref = vector && { vector: current.offer(vector) };
        outbox.say({ type: 'SECURE_SHARE', purpose: message.purpose, attempt, body, ...ref });
      },
      onEvent: (what, error) => {
        onEvent({
          type: 'sum',
          purpose: message.purpose,
          round: context.round,
          what: error ? `${what}: ${error.message}` : what,
        });
        // the site's own rule, not a fault of this attempt: no other attempt will please it, and the modeller should know
        if (isKonsilError(error, 'COHORT_TOO_CLOSE') || isKonsilError(error, 'FILE_WRITE_FAILED'))
          return this.#fail(current, error);
        if (what === 'refused') return;
        current.phase = what === 'released' ? 'done' : 'ready';
        // the shares that open the sum leave after this call
        if (this.#pause === 'pausing') queueMicrotask(() => this.#pause === 'pausing' && this.#pauseNow());
      },
    });
  }

  #toSum(context: Context, message: MessageOf<'SECURE_OPEN' | 'SECURE_SHARE'>): void {
    try {
      if (!this.#current) throw noSuchSum();
      this.#current.toSum(context, message);
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      if (error.code === 'COHORT_TOO_CLOSE' || error.code === 'FILE_WRITE_FAILED') this.#fail(this.#current!, error);
      else this.#refuse(error);
    }
  }

  /** Refuses one message and stays in the run. */
  #refuse(error: KonsilError): void {
    this.#options.onEvent({ type: 'refused', code: `${error.code}: ${error.message}` });
  }

  /** Our own failure: say so and leave the run. Only the code and a message without data go out. */
  #fail(current: Round, error: unknown): void {
    const message = isKonsilError(error) ? `${error.code}: ${withoutPaths(error)}` : 'unexpected failure at the pod';
    this.#options.onEvent({ type: 'refused', code: messageOf(error) });
    const told = (['LIMITS_EXCEEDED', 'NO_NEW_DATA'] as const).find((code) => isKonsilError(error, code));
    const reason = told ?? 'WORKER_ERROR';
    void this.#send(current.context, { type: 'TASK_ABORT', reason, message }).catch(() => undefined);
    this.end('aborted', message);
  }

  #send(context: Context, message: Message, signal?: AbortSignal): Promise<void> {
    return this.#options.channel.send(this.#options.coordinator.public.id, context, message, signal ? { signal } : {});
  }
}

/** What makes two sums the same one, whatever round number they come under. */
const sumKey = ({ purpose, completed }: MessageOf<'ROUND_START'>): string =>
  purpose === 'statistics' || purpose === 'evaluation' ? purpose : `${purpose} ${completed}`;
