/**
 * One aggregation over the cohort, secure or plain: start the round at every pod, wait for their work, sum. Pods lost
 * on the way are left out. Everything that decides the sum is in the journal before it has an effect, and a sum that another
 * process has begun is taken up where it is.
 * @module
 */
import {
  centralMean,
  checkRule,
  type InputRule,
  type PodInput,
  type PublicParameters,
  type Session,
  type SummedVector,
  type VectorSpec,
} from '../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { type Identity, type MaskPool, randomBytes } from '../crypto/index.ts';
import {
  decodePlain,
  exactSums,
  plainBytes,
  type RoundPrivacy,
  type SumFacts,
  sumPlain,
  sumSpec,
} from '../protocols/index.ts';
import { splitIdentifier, type Task } from '../tasks/index.ts';
import type { Blobs, Clock } from '../transport/index.ts';
import type { BlobRef, Context, MessageOf, Purpose, SecureParameters } from '../wire/index.ts';
import type { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import type { Dropped, OpenSum, SumJournal } from './journal/index.ts';
import { awaitWork, drop } from './localWork.ts';
import type { Member, Members } from './members.ts';
import { aggregateSecurely } from './secureAggregate.ts';
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
  readonly journal: SumJournal;
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
  readonly attempts: number;
  readonly vectorBytes: number;
}

/** Runs aggregations for one run. */
export class Aggregator {
  readonly #options: AggregatorOptions;

  constructor(options: AggregatorOptions) {
    this.#options = options;
  }

  /**
   * @throws KonsilError COHORT_TOO_SMALL or AGG_TOO_FEW_SURVIVORS when nothing was revealed and the same work may be
   *   summed again, AGG_ROUND_SPENT when pods released shares without a sum and must never be asked for it again, CANCELLED.
   */
  async run(request: AggregationRequest, open?: OpenSum): Promise<Aggregation> {
    const { members, minimum, journal } = this.#options;
    const { secure, purpose, completed, round } = request;
    const cohort = open ? open.cohort.map((name) => members.get(name)) : members.active();
    if (!open) {
      if (cohort.length < minimum)
        throw new KonsilError('COHORT_TOO_SMALL', `${cohort.length} pods are taking part, ${minimum} are needed`);
      const names = cohort.map(({ name }) => name);
      journal.begin({ kind: 'begin', purpose, round, completed, secure: secure ?? null, cohort: names });
    }
    const context: Context = { run: this.#options.runId, round, phase: purpose };
    // a pod that has seen it repeats what it has answered
    for (const member of cohort) if (isInRound(member, open)) members.send(member, context, roundStart(request));
    return secure
      ? aggregateSecurely(this.#options, request, secure, { context, cohort, open })
      : this.#plain(request, { context, cohort, open });
  }

  async #plain(request: AggregationRequest, { context, cohort, open }: Cohort): Promise<Aggregation> {
    const { task, facts, blobs, deadlines, minimum, signal, journal } = this.#options;
    const spec = sumSpec(request.purpose, facts, exactSums(task.pods.length));
    const dropped: Dropped = [...(open?.worked ?? [])];
    const inputs = new Map<string, PodInput>();
    for (const [pod, id] of open?.updates ?? []) inputs.set(pod, this.#decode(request, spec, pod, journal.vector(id)));
    const absent = cohort.filter((member) => !isInRound(member, open) && !inputs.has(member.name));
    for (const { name, reason } of absent) drop(this.#options, dropped, name, 'training', reason);
    const refs = await awaitWork<BlobRef>(this.#options, {
      ...{ request, context, known: new Map(), dropped },
      cohort: cohort.filter((member) => !absent.includes(member) && !inputs.has(member.name)),
      accept: (_member, message) => (message.type === 'TRAINING_UPDATE' ? message.input : undefined),
    });
    for (const [pod, ref] of refs) {
      try {
        const from = this.#options.members.get(pod).peer.public.id;
        const bytes = await blobs.pull(from, ref, context, {
          maxBytes: plainBytes(spec),
          timeoutMs: deadlines.limitMs('upload', 'exchange'),
          signal,
        });
        inputs.set(pod, this.#decode(request, spec, pod, bytes));
        journal.log({ kind: 'update', pod, id: journal.putVector(bytes) });
      } catch (error) {
        if (isKonsilError(error, 'CANCELLED') || isKonsilError(error, 'FILE_WRITE_FAILED')) throw error;
        if (isKonsilError(error, 'RUN_INTERRUPTED')) throw error;
        drop(this.#options, dropped, pod, 'update', messageOf(error));
      }
    }
    if (inputs.size < minimum)
      throw new KonsilError('AGG_TOO_FEW_SURVIVORS', `${inputs.size} usable updates, ${minimum} are needed`);
    const { weights } = task.aggregator;
    const byPod =
      weights &&
      new Map(Object.entries(weights).map(([identifier, weight]) => [splitIdentifier(identifier).pod, weight]));
    const exact = sumPlain(inputs, spec, byPod);
    const { privacy } = request;
    const updates = (): Float32Array[] => [...inputs.values()].map(({ update }) => Float32Array.from(update!));
    const sum = privacy
      ? { ...exact, mean: centralMean(updates(), privacy.clipNorm, privacy.terms, randomBytes) }
      : exact;
    return { sum, survivors: [...inputs.keys()].sort(), dropped, attempts: 1, vectorBytes: plainBytes(spec) };
  }

  /** One pod's input in the open. @throws KonsilError AGG_BAD_MESSAGE or AGG_OVERFLOW. */
  #decode(request: AggregationRequest, spec: VectorSpec, pod: string, bytes: Uint8Array): PodInput {
    const input = decodePlain(bytes, spec, pod);
    const rule = ruleOf(request, this.#options.facts);
    if (rule) checkRule(Float32Array.from(input.update!), rule);
    return input;
  }
}

/** Who takes part in a sum, and how far it was when another process left it. */
export interface Cohort {
  readonly context: Context;
  readonly cohort: readonly Member[];
  readonly open: OpenSum | undefined;
}

/** Whether a pod has the present round: one that came back without it can only wait for the next. */
export function isInRound({ state, continues }: Member, open: OpenSum | undefined): boolean {
  return state === 'active' && (open === undefined || continues);
}

function roundStart({
  purpose,
  completed,
  parameters,
  standardiser,
  secure,
  privacy,
}: AggregationRequest): MessageOf<'ROUND_START'> {
  return {
    ...{ type: 'ROUND_START', purpose, completed },
    ...(parameters ? { parameters } : {}),
    ...(standardiser ? { standardiser } : {}),
    ...(secure ? { secure } : {}),
    ...(privacy ? { clipNorm: privacy.clipNorm } : {}),
  };
}

/** The bound on each pod's update, where there is one. */
export function ruleOf({ purpose }: AggregationRequest, { rule }: SumFacts): InputRule | undefined {
  return purpose === 'update' ? rule : undefined;
}
