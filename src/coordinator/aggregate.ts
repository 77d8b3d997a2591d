/**
 * One aggregation over the cohort, secure or plain: start the round at every pod, wait for their work, sum. Pods lost
 * on the way are left out; an attempt that fails before anything was revealed is repeated with those that are left.
 * @module
 */
import {
  centralMean,
  checkRule,
  hashPublicParameters,
  type InputRule,
  isSparse,
  meanBound,
  openSession,
  type PodInput,
  type PublicParameters,
  type Session,
  type SummedVector,
  shapeOf,
  unpackLanes,
  type VectorSpec,
  wireBytes,
} from '../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { type Identity, type MaskPool, randomBytes } from '../crypto/index.ts';
import {
  beginPlain,
  CoordinatorSum,
  decodePlain,
  exactSums,
  hasRanges,
  MAX_ATTEMPTS,
  PHASE_LABELS,
  plainBytes,
  privateSpec,
  publicParametersOf,
  type RoundPrivacy,
  type SumFacts,
  sumPlain,
  sumSpec,
} from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import type { Task } from '../tasks/index.ts';
import type { Blobs, Clock } from '../transport/index.ts';
import type { BlobRef, Context, MessageOf, Purpose, SecureParameters } from '../wire/index.ts';
import type { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import { LateUpdates } from './lateUpdates.ts';
import type { Member, Members } from './members.ts';
import type { AttemptTranscript } from './transcript.ts';

export interface AggregatorOptions {
  readonly runId: string;
  readonly task: Task;
  /** The task as sent, byte for byte. */
  readonly taskJson: string;
  readonly modelId: string;
  readonly facts: SumFacts;
  readonly identity: Identity;
  readonly members: Members;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly pool: MaskPool;
  readonly deadlines: LearnedDeadlines;
  readonly minimum: number;
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
  /** Begins a transcript of an attempt; absent when none is kept. */
  readonly transcript?: (session: Session, agreed: PublicParameters) => AttemptTranscript;
}

/** What one aggregation is about. */
export interface AggregationRequest {
  readonly purpose: Purpose;
  /** Protocol round: goes up with every aggregation and is never used twice. */
  readonly round: number;
  readonly completed: number;
  readonly parameters?: BlobRef;
  readonly standardiser?: { readonly mean: Uint8Array; readonly scale: Uint8Array };
  readonly secure?: SecureParameters;
  /** Of an update round under differential privacy; the sum's mean then has one coordinate more with an adaptive clip. */
  readonly privacy?: RoundPrivacy;
}

export interface Aggregation {
  readonly sum: SummedVector;
  readonly survivors: readonly string[];
  readonly dropped: readonly { readonly pod: string; readonly phase: string; readonly reason: string }[];
  /** Updates of earlier rounds in the sum; absent when there are none. */
  readonly late?: RoundResult['late'];
  readonly attempts: number;
  readonly vectorBytes: number;
}

/** Runs aggregations for one run. */
export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #late: LateUpdates | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    const { members, emit } = options;
    const { staleness: settings } = options.task.aggregator;
    const fetch = (member: Member, ref: BlobRef, context: Context): Promise<PodInput> =>
      this.#fetch('update', member, ref, context);
    this.#late = settings && new LateUpdates({ ...{ settings, members, fetch, emit } });
  }

  /**
   * @throws KonsilError COHORT_TOO_SMALL or AGG_TOO_FEW_SURVIVORS when nothing was revealed and the same work may be
   *   summed again, AGG_ROUND_SPENT when pods released shares without a sum and must never be asked for it again, CANCELLED.
   */
  async run(request: AggregationRequest): Promise<Aggregation> {
    const { members, minimum } = this.#options;
    const active = members.active();
    if (active.length < minimum)
      throw new KonsilError('COHORT_TOO_SMALL', `${active.length} pods are taking part, ${minimum} are needed`);
    if (request.purpose === 'evaluation') this.#late?.forget();
    const cohort = this.#late?.free(active, request.completed, minimum) ?? active;
    const context: Context = { run: this.#options.runId, round: request.round, phase: request.purpose };
    const { secure, parameters, standardiser, purpose, completed, privacy } = request;
    const start: MessageOf<'ROUND_START'> = {
      ...{ type: 'ROUND_START', purpose, completed },
      ...(parameters ? { parameters } : {}),
      ...(standardiser ? { standardiser } : {}),
      ...(secure ? { secure } : {}),
      ...(privacy ? { clipNorm: privacy.clipNorm } : {}),
    };
    for (const member of cohort) members.send(member, context, start);
    return secure ? this.#secure(request, secure, context, cohort) : this.#plain(request, context, cohort);
  }

  /** Waits for every pod's local work; the ones that do not finish are dropped and left alone until the next round. */
  async #awaitWork<T>(
    { purpose, completed }: AggregationRequest,
    context: Context,
    cohort: readonly Member[],
    accept: (member: Member, message: MessageOf<'TRAINING_COMPLETE' | 'TRAINING_UPDATE'>) => T | undefined,
    dropped: Dropped,
  ): Promise<ReadonlyMap<string, T>> {
    const { members, deadlines, emit } = this.#options;
    const phase = this.#workOf(purpose);
    const { answers, missing, tookMs } = await members.gather(
      cohort,
      (member, at, message) => {
        if (at.round !== context.round) return undefined;
        if (message.type === 'PROGRESS')
          emit({ type: 'progress', pod: member.name, done: message.done, total: message.total });
        if (message.type !== 'TRAINING_COMPLETE' && message.type !== 'TRAINING_UPDATE') return undefined;
        return message.purpose === purpose ? accept(member, message) : undefined;
      },
      deadlines.limitMs(phase, purpose === 'evaluation' ? 'evaluate' : 'train'),
      (awaiting) => emit({ type: 'phase', purpose, completed, attempt: 0, phase, awaiting }),
    );
    deadlines.learn(phase, tookMs);
    for (const [pod, reason] of missing) this.#drop(dropped, pod, phase, reason);
    return answers;
  }

  /** What pods are doing before a sum: an update whose ranges were summed before is trained by then. */
  #workOf(purpose: Purpose): string {
    if (purpose === 'range') return 'training';
    return purpose === 'update' && !hasRanges(this.#options.facts) ? 'training' : purpose;
  }

  async #plain(request: AggregationRequest, context: Context, cohort: readonly Member[]): Promise<Aggregation> {
    const { task, facts, members, minimum } = this.#options;
    const spec = sumSpec(request.purpose, facts, exactSums(task.pods.length));
    const dropped: Dropped = [];
    const refs = await this.#awaitWork(
      request,
      context,
      cohort,
      (_member, message) => (message.type === 'TRAINING_UPDATE' ? message.input : undefined),
      dropped,
    );
    const inputs = new Map<string, PodInput>();
    if (request.purpose === 'update')
      for (const member of cohort)
        if (!refs.has(member.name) && member.state === 'active') this.#late?.expect(member, context, request.completed);
    for (const [pod, ref] of refs) {
      try {
        inputs.set(pod, await this.#fetch(request.purpose, members.get(pod), ref, context));
      } catch (error) {
        if (isKonsilError(error, 'CANCELLED')) throw error;
        this.#drop(dropped, pod, 'update', messageOf(error));
      }
    }
    if (inputs.size < minimum)
      throw new KonsilError('AGG_TOO_FEW_SURVIVORS', `${inputs.size} usable updates, ${minimum} are needed`);
    const late = request.purpose === 'update' ? (this.#late?.take(request.completed) ?? []) : [];
    const exact = sumPlain(inputs, spec, beginPlain(task), late);
    const { privacy } = request;
    const updates = (): Float32Array[] => [...inputs.values()].map(({ update }) => Float32Array.from(update!));
    const sum = privacy
      ? { ...exact, mean: centralMean(updates(), privacy.clipNorm, privacy.terms, randomBytes) }
      : exact;
    return {
      ...{ sum, survivors: [...inputs.keys()].sort(), dropped, attempts: 1, vectorBytes: plainBytes(spec) },
      ...(late.length > 0 && { late: late.map(({ pod, rounds }) => ({ pod, rounds })) }),
    };
  }

  /** One pod's input in the open. @throws KonsilError AGG_BAD_MESSAGE, AGG_OVERFLOW, or as pulling a blob. */
  async #fetch(purpose: Purpose, member: Member, ref: BlobRef, context: Context): Promise<PodInput> {
    const { task, facts, blobs, deadlines, signal } = this.#options;
    const spec = sumSpec(purpose, facts, exactSums(task.pods.length));
    const bytes = await blobs.pull(member.peer.public.id, ref, context, {
      maxBytes: plainBytes(spec),
      timeoutMs: deadlines.limitMs('upload', 'exchange'),
      signal,
    });
    const input = decodePlain(bytes, spec, member.name);
    const rule = ruleOf({ purpose }, facts);
    if (rule) checkRule(Float32Array.from(input.update!), rule);
    return input;
  }

  async #secure(
    request: AggregationRequest,
    secure: SecureParameters,
    context: Context,
    cohort: readonly Member[],
  ): Promise<Aggregation> {
    const { facts, minimum, emit } = this.#options;
    const exact = sumSpec(request.purpose, facts, secure);
    const spec = request.privacy ? privateSpec(exact, request.privacy) : exact;
    const dropped: Dropped = [];
    const ready = await this.#awaitWork(
      request,
      context,
      cohort,
      (_member, message) => (message.type === 'TRAINING_COMPLETE' ? message.commitments : undefined),
      dropped,
    );
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // some may be gone since they were ready; a pod that came back has no work of this round
      const roster = cohort.filter((member) => ready.has(member.name) && member.state === 'active');
      if (roster.length < minimum)
        throw new KonsilError(
          'AGG_TOO_FEW_SURVIVORS',
          `${roster.length} pods are left in the round, ${minimum} are needed`,
        );
      const commitments = new Map(roster.map(({ name }) => [name, ready.get(name)![attempt]!]));
      const outcome = await this.#attempt(request, spec, context, attempt, roster, commitments, dropped);
      const retry = { type: 'retry', purpose: request.purpose } as const;
      if (!outcome.ok) {
        emit({ ...retry, reason: outcome.error.message, spent: outcome.spent });
        if (!outcome.spent) continue;
        throw new KonsilError(
          'AGG_ROUND_SPENT',
          `shares were released but no sum came out: ${outcome.error.message}`,
          {},
          { cause: outcome.error },
        );
      }
      const { survivors } = outcome;
      try {
        const sum = readSum(outcome.lanes, spec, survivors, request.privacy ? undefined : ruleOf(request, facts));
        return { sum, survivors, dropped, attempts: attempt + 1, vectorBytes: wireBytes(spec) };
      } catch (error) {
        emit({ ...retry, reason: messageOf(error), spent: true });
        throw error;
      }
    }
    throw new KonsilError('AGG_TOO_FEW_SURVIVORS', `no sum in ${MAX_ATTEMPTS} attempts: pods keep dropping out`);
  }

  async #attempt(
    request: AggregationRequest,
    spec: VectorSpec,
    context: Context,
    attempt: number,
    roster: readonly Member[],
    commitments: ReadonlyMap<string, Uint8Array>,
    dropped: Dropped,
  ): ReturnType<() => CoordinatorSum['outcome']> {
    const { runId, identity, members, blobs, clock, deadlines, task, taskJson, modelId, signal, emit } = this.#options;
    const { purpose, completed, standardiser } = request;
    const parametersId = request.parameters?.id ?? '';
    const agreed = publicParametersOf({ task: taskJson, modelId, parametersId, standardiser, spec });
    const session = openSession({
      ...{ runId, round: context.round, attempt, purpose },
      roster: roster.map(({ name, peer }) => ({ name, publicKey: peer.public.signing })),
      coordinator: identity.signing.publicKey,
      minimum: task.aggregator.minimumCohort,
      assumptions: task.aggregator.cohort ?? {},
      commitments,
      ...{ shape: shapeOf(spec), wireBytes: wireBytes(spec) },
      publicHash: hashPublicParameters(agreed),
    });
    const { t, k, minSurvivors, colluding } = session;
    emit({ type: 'thresholds', pods: roster.length, neighbours: k, threshold: t, minimum: minSurvivors, colluding });
    const open: MessageOf<'SECURE_OPEN'> = {
      ...{ type: 'SECURE_OPEN', purpose, attempt, cohort: roster.map(({ name }) => name) },
      commitments: isSparse(session) ? [...commitments.values()] : [],
    };
    for (const member of roster) members.send(member, context, open);
    let entered = clock.now();
    let present = '';
    const transcript = this.#options.transcript?.(session, agreed);
    const sum = new CoordinatorSum(session, spec, identity.signing, {
      send: (to, body) => members.send(members.get(to), context, { type: 'SECURE_SHARE', purpose, attempt, body }),
      fetch: (from, ref) =>
        blobs.pull(members.get(from).peer.public.id, ref, context, {
          maxBytes: session.wireBytes,
          timeoutMs: deadlines.limitMs('upload', 'exchange'),
          signal,
        }),
      pool: this.#options.pool,
      deadlineMs: (phase) => deadlines.limitMs(phase, 'exchange'),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      onPhase: (phase, awaiting) => {
        if (phase !== present) {
          if (present) deadlines.learn(present, clock.now() - entered);
          [present, entered] = [phase, clock.now()];
        }
        emit({ type: 'phase', purpose, completed, attempt, phase: PHASE_LABELS[phase], awaiting });
      },
      onPod: (pod, phase, what, detail) => {
        if (what === 'lost') this.#drop(dropped, pod, PHASE_LABELS[phase], members.get(pod).reason || detail);
        else if (what === 'rejected') this.#drop(dropped, pod, PHASE_LABELS[phase], `rejected: ${detail}`);
        else emit({ type: 'dropped', pod, phase: PHASE_LABELS[phase], reason: `${what}: ${detail}` });
      },
      ...(transcript && { onRecord: transcript.record }),
    });
    const stop = members.listen({
      onMessage: (member, at, message) => {
        if (message.type === 'SECURE_SHARE' && at.round === context.round && message.attempt === attempt)
          sum.receive(member.name, message.body, message.vector);
      },
      onLost: (member) => {
        this.#drop(
          dropped,
          member.name,
          present ? PHASE_LABELS[present as keyof typeof PHASE_LABELS] : 'keys',
          member.reason,
        );
        sum.gone(member.name);
      },
    });
    const cancelled = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new KonsilError('CANCELLED', 'run cancelled')), { once: true });
    });
    try {
      return await Promise.race([sum.outcome, cancelled]);
    } finally {
      sum.cancel();
      stop();
      transcript?.close();
    }
  }

  #drop(dropped: Dropped, pod: string, phase: string, reason: string): void {
    if (dropped.some((entry) => entry.pod === pod)) return;
    dropped.push({ pod, phase, reason });
    this.#options.emit({ type: 'dropped', pod, phase, reason });
  }
}

function ruleOf({ purpose }: Pick<AggregationRequest, 'purpose'>, { rule }: SumFacts): InputRule | undefined {
  return purpose === 'update' ? rule : undefined;
}

/** A sum that honest pods cannot have made is lost like one that was never unmasked: nobody can tell whose fault it is. */
function readSum(
  lanes: Uint8Array,
  spec: VectorSpec,
  survivors: readonly string[],
  rule: InputRule | undefined,
): SummedVector {
  const pods = survivors.length;
  try {
    const sum = unpackLanes(lanes, spec, pods);
    if (rule) checkRule(sum.mean, rule, Math.sqrt(spec.updateLength) * meanBound(spec, sum.totalWeight, pods));
    return sum;
  } catch (cause) {
    if (!isKonsilError(cause, 'AGG_OVERFLOW')) throw cause;
    throw new KonsilError(
      'AGG_ROUND_SPENT',
      `one of ${survivors.join(', ')} sent garbage, and masks hide which: ${cause.message}`,
      {},
      { cause },
    );
  }
}

type Dropped = { readonly pod: string; readonly phase: string; readonly reason: string }[];
