/**
 * One secure sum from the coordinator's side: an attempt that fails before anything was revealed is repeated with the pods that
 * are left.
 * @module
 */
import {
  checkRule,
  hashPublicParameters,
  type InputRule,
  isSparse,
  meanBound,
  openSession,
  type SummedVector,
  shapeOf,
  unpackLanes,
  type VectorSpec,
  wireBytes,
} from '../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf, toHex } from '../base/index.ts';
import {
  CoordinatorSum,
  type KeptSum,
  MAX_ATTEMPTS,
  PHASE_LABELS,
  privateSpec,
  publicParametersOf,
} from '../protocols/index.ts';
import type { MessageOf, SecureParameters } from '../wire/index.ts';
import {
  type Aggregation,
  type AggregationRequest,
  type AggregatorOptions,
  type Cohort,
  isInRound,
} from './aggregation.ts';
import type { Dropped } from './journal/index.ts';
import { awaitWork, drop, lostOf } from './localWork.ts';
import type { Member } from './members.ts';

/** @throws KonsilError as {@link Aggregator.run}. */
export async function aggregateSecurely(
  options: AggregatorOptions,
  request: AggregationRequest,
  secure: SecureParameters,
  { context, cohort, open }: Cohort,
): Promise<Aggregation> {
  const { sums, minimum, emit, journal, members } = options;
  const exact = sums.spec(request.purpose, secure);
  const spec = request.privacy ? privateSpec(exact, request.privacy) : exact;
  const dropped: Dropped = [...(open?.worked ?? [])];
  let ready: ReadonlyMap<string, readonly Uint8Array[]> = new Map(open?.ready);
  if (!open?.worked) {
    const absent = cohort.filter((member) => !isInRound(member, open) && !ready.has(member.name));
    for (const { name, reason } of absent) drop(options, dropped, name, 'training', reason);
    ready = await awaitWork(options, {
      ...{ request, context, known: ready, dropped },
      cohort: cohort.filter((member) => !absent.includes(member)),
      accept: (member, message) => {
        if (message.type !== 'TRAINING_COMPLETE') return undefined;
        journal?.log({ kind: 'ready', pod: member.name, commitments: message.commitments });
        return message.commitments;
      },
    });
    journal?.log({ kind: 'worked', dropped: [...dropped] });
  }
  const begun = open?.attempt ?? null;
  if (begun) dropped.splice(0, dropped.length, ...begun.dropped);
  for (let attempt = begun?.attempt ?? 0; attempt < MAX_ATTEMPTS; attempt++) {
    const kept = begun?.attempt === attempt ? begun : null;
    // some may be gone since they were ready; a pod that came back has no work of this round
    const roster = kept
      ? kept.roster.map((name) => members.get(name))
      : cohort.filter((member) => ready.has(member.name) && isInRound(member, open));
    if (roster.length < minimum)
      throw new KonsilError(
        'AGG_TOO_FEW_SURVIVORS',
        `${roster.length} pods are left in the round, ${minimum} are needed${lostOf(dropped)}`,
      );
    if (!kept)
      journal?.log({ kind: 'attempt', attempt, roster: roster.map(({ name }) => name), dropped: [...dropped] });
    const commitments = new Map(roster.map(({ name }) => [name, ready.get(name)![attempt]!]));
    const outcome = await tryOnce(
      options,
      { request, spec, attempt, roster, commitments, dropped, context },
      kept && {
        events: kept.events,
        vector: (hash) => journal!.vector(toHex(hash)),
      },
    );
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
      const sum = readSum(outcome.lanes, spec, survivors, request.privacy ? undefined : sums.rule(request.purpose));
      return { sum, survivors, dropped, attempts: attempt + 1, vectorBytes: wireBytes(spec) };
    } catch (error) {
      emit({ ...retry, reason: messageOf(error), spent: true });
      throw error;
    }
  }
  throw new KonsilError('AGG_TOO_FEW_SURVIVORS', `no sum in ${MAX_ATTEMPTS} attempts: pods keep dropping out`);
}

/** One attempt. */
interface Attempt extends Pick<Cohort, 'context'> {
  readonly request: AggregationRequest;
  readonly spec: VectorSpec;
  readonly attempt: number;
  readonly roster: readonly Member[];
  readonly commitments: ReadonlyMap<string, Uint8Array>;
  readonly dropped: Dropped;
}

async function tryOnce(
  options: AggregatorOptions,
  { request, spec, attempt, roster, commitments, dropped, context }: Attempt,
  kept: KeptSum | null,
): Promise<Awaited<CoordinatorSum['outcome']>> {
  const { runId, identity, members, blobs, clock, deadlines, task, taskJson, modelId, signal, emit, journal } = options;
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
  for (const member of roster) if (!kept || isInContinued(member)) members.send(member, context, open);
  let entered = clock.now();
  let present = '';
  const transcript = options.transcript?.(session, agreed);
  const sum = new CoordinatorSum(
    session,
    spec,
    identity.signing,
    {
      send: (to, body) => members.send(members.get(to), context, { type: 'SECURE_SHARE', purpose, attempt, body }),
      fetch: (from, ref) =>
        blobs.pull(members.get(from).peer.public.id, ref, context, {
          maxBytes: session.wireBytes,
          timeoutMs: deadlines.limitMs('upload', 'exchange'),
          signal,
        }),
      pool: options.pool,
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
        if (what === 'lost') drop(options, dropped, pod, PHASE_LABELS[phase], members.get(pod).reason || detail);
        else if (what === 'rejected') drop(options, dropped, pod, PHASE_LABELS[phase], `rejected: ${detail}`);
        else emit({ type: 'dropped', pod, phase: PHASE_LABELS[phase], reason: `${what}: ${detail}` });
      },
      ...(transcript && { onRecord: transcript.record }),
      ...(journal && {
        keep: {
          event: (event) => journal.log({ kind: 'event', event }),
          vector: (wire) => void journal.putVector(wire),
        },
      }),
    },
    kept ?? undefined,
  );
  const stop = members.listen({
    onMessage: (member, at, message) => {
      if (message.type === 'SECURE_SHARE' && at.round === context.round && message.attempt === attempt)
        sum.receive(member.name, message.body, message.vector);
    },
    onLost: (member) => {
      drop(
        options,
        dropped,
        member.name,
        present ? PHASE_LABELS[present as keyof typeof PHASE_LABELS] : 'keys',
        member.reason,
      );
      sum.gone(member.name);
    },
  });
  // a pod that does not have this round any more cannot go on with it
  if (kept) for (const member of roster) if (!isInContinued(member)) sum.gone(member.name);
  const cancelled = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(new KonsilError('CANCELLED', 'run cancelled'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort(); // by who heard of the attempt's first phase
  });
  try {
    return await Promise.race([sum.outcome, cancelled]);
  } finally {
    sum.cancel();
    stop();
    transcript?.close();
  }
}

const isInContinued = ({ state, continues }: Member): boolean => state === 'active' && continues;

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
