/**
 * One run at a pod, from acceptance to its end: answers the coordinator's round starts with local work and takes part
 * in the sums. One sum at a time; a newer round start ends what is underway.
 * @module
 */
import { clippedUpdate, type PodInput, type VectorSpec } from '../aggregation/index.ts';
import { abortControllerForMany, float32Of, isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { type Identity, randomBytes } from '../crypto/index.ts';
import type { Peer } from '../keystore/index.ts';
import {
  encodePlain,
  evenInput,
  MAX_ROWS_PER_POD,
  NonceChain,
  PodSum,
  type PodSumOptions,
  PodWork,
  privateInput,
  privateSpec,
  publicHash,
  type RoundPrivacy,
  sumSpec,
} from '../protocols/index.ts';
import { type PodPolicy, roundsOf } from '../tasks/index.ts';
import type { Blobs, Channel } from '../transport/index.ts';
import type { BlobRef, Context, Message, MessageOf } from '../wire/index.ts';
import type { Admitted } from './admission.ts';
import type { PrivacyUnit } from './ledger.ts';
import { stepCost } from './privacyAccount.ts';

/** What a run is doing, for the pod's own terminal and logs. */
export type PodEvent =
  | { readonly type: 'round'; readonly purpose: string; readonly round: number }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'sum'; readonly purpose: string; readonly round: number; readonly what: string }
  | { readonly type: 'refused'; readonly code: string }
  /** A round was charged to the dataset's account: ε of all runs so far. */
  | { readonly type: 'privacy'; readonly unit: PrivacyUnit; readonly epsilon: number; readonly delta: number }
  | { readonly type: 'ended'; readonly how: 'completed' | 'aborted'; readonly reason: string };

/**
 * What a pod must remember of a run for as long as it lives: a coordinator may send the task again (it does so to take
 * a pod back), and must not thereby make the pod forget.
 */
export interface RunMemory {
  lastRound: number;
  /** Sums this pod has released shares for: `statistics`, `evaluation`, and `update` by its place in the budget. */
  readonly spent: Set<string>;
  /** Whether the site's own metrics have gone out; once a run is enough. */
  sharedMetrics: boolean;
}

export const newRunMemory = (): RunMemory => ({ lastRound: -1, spent: new Set(), sharedMetrics: false });

export interface PodRunOptions {
  readonly runId: string;
  readonly memory: RunMemory;
  readonly podName: string;
  readonly coordinator: Peer;
  readonly identity: Identity;
  readonly policy: PodPolicy;
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly admitted: Admitted;
  readonly channel: Channel;
  readonly blobs: Blobs;
  readonly onEvent: (event: PodEvent) => void;
}

/** What one round start asks for and how far it is. */
interface Current {
  readonly message: MessageOf<'ROUND_START'>;
  readonly context: Context;
  readonly abort: AbortController;
  sum: PodSum | null;
  /** Blobs offered to the coordinator, withdrawn when the next round starts. */
  readonly offered: BlobRef[];
}

/** Progress goes out at most this often. */
const PROGRESS_EVERY_MS = 500;

/** A run this pod has accepted. */
export class PodRun {
  readonly #options: PodRunOptions;
  readonly #work: PodWork;
  #current: Current | null = null;
  #ended = false;

  constructor(options: PodRunOptions) {
    this.#options = options;
    const { data, trainer, task, facts } = options.admitted;
    this.#work = new PodWork({ data, trainer, task, facts });
  }

  /** A message of this run's coordinator. */
  receive(context: Context, message: Message): void {
    if (this.#ended) return;
    switch (message.type) {
      case 'ROUND_START':
        return this.#startRound(context, message);
      case 'SECURE_OPEN':
      case 'SECURE_SHARE':
        return this.#toSum(context, message);
      case 'TASK_COMPLETE':
        return this.end('completed', 'all rounds done');
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
    this.#options.admitted.trainer.close().catch(() => undefined); // it ended by itself
    this.#options.onEvent({ type: 'ended', how, reason });
  }

  #stopCurrent(): void {
    if (!this.#current) return;
    this.#current.abort.abort();
    this.#current.sum?.stop();
    for (const ref of this.#current.offered) this.#options.blobs.withdraw(ref);
    this.#current = null;
  }

  #startRound(context: Context, message: MessageOf<'ROUND_START'>): void {
    const { memory } = this.#options;
    // rounds only go up: a coordinator cannot take a pod back to one it has already contributed to
    if (context.round <= memory.lastRound)
      return this.#refuse(new KonsilError('PROTOCOL_VIOLATION', `round ${context.round} is over`));
    // summed twice over different cohorts, the same input would show as the difference of two sums
    if (memory.spent.has(sumKey(message)))
      return this.#refuse(
        new KonsilError('PROTOCOL_VIOLATION', `${message.purpose} ${message.completed} was already summed`),
      );
    memory.lastRound = context.round;
    this.#stopCurrent();
    const current: Current = { message, context, abort: abortControllerForMany(), sum: null, offered: [] };
    this.#current = current;
    this.#options.onEvent({ type: 'round', purpose: message.purpose, round: context.round });
    this.#runRound(current).catch((error: unknown) => {
      if (current.abort.signal.aborted || isKonsilError(error, 'CANCELLED')) return;
      this.#fail(current, error);
    });
  }

  async #runRound(current: Current): Promise<void> {
    const { message, context, abort } = current;
    const { admitted, blobs, coordinator } = this.#options;
    const { facts, task } = admitted;
    const secure = message.secure;
    if (task.aggregator.secure !== (secure !== undefined))
      throw new KonsilError('PROTOCOL_VIOLATION', 'round start and task disagree on secure aggregation');
    if (message.standardiser)
      this.#work.standardise(float32Of(message.standardiser.mean), float32Of(message.standardiser.scale));
    let parameters: Float32Array | undefined;
    if (message.parameters) {
      const bytes = await blobs.pull(coordinator.public.id, message.parameters, context, {
        maxBytes: 4 * facts.parameters,
        signal: abort.signal,
      });
      if (bytes.length !== 4 * facts.parameters)
        throw new KonsilError(
          'MODEL_MISMATCH',
          `parameters of ${bytes.length} bytes, the model has ${facts.parameters} float32`,
        );
      parameters = float32Of(bytes);
      if (!parameters.every(Number.isFinite))
        throw new KonsilError('PROTOCOL_VIOLATION', 'parameters contain a number that is not finite');
    }
    const privacy = this.#privacyOf(message);
    const input = await this.#compute(current, parameters);
    if (abort.signal.aborted) return;
    const exact = sumSpec(
      message.purpose,
      facts,
      secure ?? { clip: 1, maxWeight: MAX_ROWS_PER_POD, cohort: task.pods.length },
    );
    if (!secure) {
      const clipped = privacy && evenInput(input, clippedUpdate(Float32Array.from(input.update!), privacy.clipNorm));
      return this.#sendPlain(current, clipped ?? input, exact);
    }
    const offer = privacy
      ? { spec: privateSpec(exact, privacy, task.aggregator.bits), ...privateInput(input, privacy, randomBytes) }
      : { spec: exact, input };
    const nonces = new NonceChain(randomBytes);
    current.sum = this.#openSum(current, offer, nonces);
    await this.#send(
      context,
      { type: 'TRAINING_COMPLETE', purpose: message.purpose, commitments: nonces.commitments() },
      abort.signal,
    );
  }

  /**
   * The noise of an update round that has any; its price is known to fit.
   * @throws KonsilError PROTOCOL_VIOLATION when the clip norm is missing or not the task's, PRIVACY_BUDGET.
   */
  #privacyOf({ purpose, clipNorm, completed }: MessageOf<'ROUND_START'>): RoundPrivacy | undefined {
    const { privacy, recordAccount, task, data } = this.#options.admitted;
    if (purpose !== 'update') return undefined;
    recordAccount?.checkRound(stepCost(task, data.train.rows, completed));
    if (!privacy) return undefined;
    const settings = task.aggregator.privacy!;
    if (clipNorm === undefined || (!settings.adaptiveClip && clipNorm !== settings.clipNorm))
      throw new KonsilError('PROTOCOL_VIOLATION', `clip norm ${clipNorm} is not the task's ${settings.clipNorm}`);
    privacy.account.checkRound({ events: privacy.terms.events, times: 1 });
    return { terms: privacy.terms, clipNorm };
  }

  /** Puts a round on the dataset's account, before anything leaves that could open it. @throws KonsilError FILE_WRITE_FAILED. */
  #charge({ purpose, completed }: MessageOf<'ROUND_START'>): void {
    const { privacy, recordAccount, task, data } = this.#options.admitted;
    if (purpose !== 'update') return;
    const round = completed + 1;
    const charges = [
      privacy?.account.charge({ events: privacy.terms.events, times: 1 }, round),
      recordAccount?.charge(stepCost(task, data.train.rows, completed), round),
    ];
    for (const charged of charges) if (charged) this.#options.onEvent({ type: 'privacy', ...charged });
  }

  async #compute(current: Current, parameters: Float32Array | undefined): Promise<PodInput> {
    const { message, context, abort } = current;
    const { policy, memory, admitted } = this.#options;
    if (message.purpose === 'statistics') return this.#work.statistics();
    if (!parameters)
      throw new KonsilError('PROTOCOL_VIOLATION', `round start for ${message.purpose} without parameters`);
    if (message.purpose === 'update') {
      const rounds = roundsOf(admitted.task);
      if (message.completed >= rounds)
        throw new KonsilError(
          'PROTOCOL_VIOLATION',
          `round ${message.completed + 1} was asked for; the task has ${rounds}`,
        );
      let told = 0;
      const onProgress = (done: number, total: number): void => {
        this.#options.onEvent({ type: 'progress', done, total });
        if (performance.now() - told < PROGRESS_EVERY_MS) return;
        told = performance.now();
        void this.#send(context, { type: 'PROGRESS', done, total }, abort.signal).catch(() => undefined);
      };
      return this.#work.update(parameters, message.completed, { signal: abort.signal, onProgress });
    }
    const { input, rows, metrics } = await this.#work.evaluation(parameters);
    if (policy.shareSiteMetrics && rows >= policy.minimumTestRows && !memory.sharedMetrics) {
      memory.sharedMetrics = true;
      await this.#send(context, { type: 'EVALUATION_RESULTS', rows, metrics: { ...metrics } }, abort.signal);
    }
    return input;
  }

  async #sendPlain(current: Current, input: PodInput, spec: VectorSpec): Promise<void> {
    const { blobs, coordinator } = this.#options;
    this.#charge(current.message);
    const ref = blobs.offer(encodePlain(input, spec), [coordinator.public.id]);
    current.offered.push(ref);
    await this.#send(
      current.context,
      { type: 'TRAINING_UPDATE', purpose: current.message.purpose, input: ref },
      current.abort.signal,
    );
  }

  #openSum(current: Current, offer: Pick<PodSumOptions, 'spec' | 'input' | 'drawNoise'>, nonces: NonceChain): PodSum {
    const { message, context, abort } = current;
    const { runId, podName, identity, coordinator, admitted, request, blobs, onEvent } = this.#options;
    const view = {
      task: request.task,
      modelId: request.model.id,
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
      judge: () => null,
      record: ({ stage }) => {
        if (stage === 'released') this.#charge(message);
      },
      send: (attempt, body, vector) => {
        let ref: BlobRef | undefined;
        if (vector) {
          ref = blobs.offer(vector, [coordinator.public.id]);
          current.offered.push(ref);
        }
        const share: Message = {
          type: 'SECURE_SHARE',
          purpose: message.purpose,
          attempt,
          body,
          ...(ref ? { vector: ref } : {}),
        };
        void this.#send(context, share, abort.signal).catch(() => undefined); // lost with its round
      },
      onEvent: (what, error) => {
        if (what === 'released') this.#options.memory.spent.add(sumKey(message));
        onEvent({
          type: 'sum',
          purpose: message.purpose,
          round: context.round,
          what: error ? `${what}: ${error.message}` : what,
        });
      },
    });
  }

  #toSum(context: Context, message: MessageOf<'SECURE_OPEN' | 'SECURE_SHARE'>): void {
    const { sum, context: at, message: started } = this.#current ?? {};
    if (!sum || !at || at.round !== context.round || started?.purpose !== message.purpose)
      return this.#refuse(new KonsilError('PROTOCOL_VIOLATION', 'no such sum is open'));
    try {
      if (message.type === 'SECURE_OPEN') sum.open(message.attempt, message.cohort, message.commitments);
      else sum.receive(message.attempt, message.body);
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      this.#refuse(error);
    }
  }

  /** Refuses one message and stays in the run. */
  #refuse(error: KonsilError): void {
    this.#options.onEvent({ type: 'refused', code: `${error.code}: ${error.message}` });
  }

  /** Our own failure: say so and leave the run. Only the code and a message without data go out. */
  #fail(current: Current, error: unknown): void {
    const message = isKonsilError(error) ? `${error.code}: ${error.message}` : 'unexpected failure at the pod';
    this.#options.onEvent({ type: 'refused', code: messageOf(error) });
    void this.#send(current.context, { type: 'TASK_ABORT', reason: 'WORKER_ERROR', message }).catch(() => undefined);
    this.end('aborted', message);
  }

  #send(context: Context, message: Message, signal?: AbortSignal): Promise<void> {
    return this.#options.channel.send(this.#options.coordinator.public.id, context, message, signal ? { signal } : {});
  }
}

/** What makes two sums the same one, whatever round number they come under. */
const sumKey = ({ purpose, completed }: MessageOf<'ROUND_START'>): string =>
  purpose === 'update' ? `update ${completed}` : purpose;
