/**
 * One aggregation over the cohort, secure or plain: start the round at every pod, wait for their work, sum. Pods lost
 * on the way are left out. Everything that decides the sum is in the journal before it has an effect, and a sum that another
 * process has begun is taken up where it is.
 * @module
 */
import { centralMean, checkRule, type PodInput, type VectorSpec } from '../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { randomBytes } from '../crypto/index.ts';
import { beginPlain, decodePlain, exactSums, plainBytes, sumPlain } from '../protocols/index.ts';
import type { BlobRef, Context, MessageOf, Purpose } from '../wire/index.ts';
import {
  type Aggregation,
  type AggregationRequest,
  type AggregatorOptions,
  type Cohort,
  isInRound,
} from './aggregation.ts';
import type { Dropped, OpenSum } from './journal/index.ts';
import { LateUpdates } from './lateUpdates.ts';
import { awaitWork, drop, lostOf } from './localWork.ts';
import type { Member } from './members.ts';
import { aggregateSecurely } from './secureAggregate.ts';

/** Runs aggregations for one run. */
export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #late: LateUpdates | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    const { members, emit } = options;
    const { staleness: settings } = options.task.aggregator;
    const fetch = async (member: Member, ref: BlobRef, context: Context): Promise<PodInput> =>
      this.#decode('update', member.name, await this.#pull('update', member, ref, context));
    this.#late = settings && new LateUpdates({ ...{ settings, members, fetch, emit } });
  }

  /**
   * @throws KonsilError COHORT_TOO_SMALL or AGG_TOO_FEW_SURVIVORS when nothing was revealed and the same work may be
   *   summed again, AGG_ROUND_SPENT when pods released shares without a sum and must never be asked for it again, CANCELLED.
   */
  async run(request: AggregationRequest, open?: OpenSum): Promise<Aggregation> {
    const { members, minimum, journal } = this.#options;
    const { secure, purpose, completed, round } = request;
    if (purpose === 'evaluation') this.#late?.forget();
    let cohort = open?.cohort.map((name) => members.get(name));
    if (!cohort) {
      const active = members.active();
      if (active.length < minimum)
        throw new KonsilError('COHORT_TOO_SMALL', `${active.length} pods are taking part, ${minimum} are needed`);
      cohort = [...(this.#late?.free(active, completed, minimum) ?? active)];
      const names = cohort.map(({ name }) => name);
      journal?.begin({ kind: 'begin', purpose, round, completed, secure: secure ?? null, cohort: names });
    }
    const context: Context = { run: this.#options.runId, round, phase: purpose };
    // a pod that has seen it repeats what it has answered
    for (const member of cohort) if (isInRound(member, open)) members.send(member, context, roundStart(request));
    return secure
      ? aggregateSecurely(this.#options, request, secure, { context, cohort, open })
      : this.#plain(request, { context, cohort, open });
  }

  async #plain(request: AggregationRequest, { context, cohort, open }: Cohort): Promise<Aggregation> {
    const { task, members, minimum, journal } = this.#options;
    const { purpose, completed } = request;
    const dropped: Dropped = [...(open?.worked ?? [])];
    const inputs = new Map<string, () => PodInput>();
    const take = (pod: string, load: () => Uint8Array): void =>
      void inputs.set(pod, () => this.#decode(purpose, pod, load()));
    for (const [pod, id] of open?.updates ?? []) take(pod, () => journal!.vector(id));
    const absent = cohort.filter((member) => !isInRound(member, open) && !inputs.has(member.name));
    for (const { name, reason } of absent) drop(this.#options, dropped, name, 'training', reason);
    const refs = await awaitWork<BlobRef>(this.#options, {
      ...{ request, context, known: new Map(), dropped },
      cohort: cohort.filter((member) => !absent.includes(member) && !inputs.has(member.name)),
      accept: (_member, message) => (message.type === 'TRAINING_UPDATE' ? message.input : undefined),
    });
    if (purpose === 'update')
      for (const member of cohort)
        if (!refs.has(member.name) && !inputs.has(member.name) && member.state === 'active')
          this.#late?.expect(member, context, completed);
    for (const [pod, ref] of refs) {
      try {
        const bytes = await this.#pull(purpose, members.get(pod), ref, context);
        this.#decode(purpose, pod, bytes); // one that cannot be read does not count
        if (!journal) {
          take(pod, () => bytes);
          continue;
        }
        const id = journal.putVector(bytes);
        journal.log({ kind: 'update', pod, id });
        take(pod, () => journal.vector(id)); // from there: not all of them are in memory at once
      } catch (error) {
        if (isKonsilError(error) && FATAL.has(error.code)) throw error;
        drop(this.#options, dropped, pod, 'update', messageOf(error));
      }
    }
    if (inputs.size < minimum)
      throw new KonsilError(
        'AGG_TOO_FEW_SURVIVORS',
        `${inputs.size} usable updates, ${minimum} are needed${lostOf(dropped)}`,
      );
    const late = purpose === 'update' ? (this.#late?.take(completed) ?? []) : [];
    const spec = this.#spec(purpose);
    const exact = sumPlain(inputs, spec, beginPlain(task), late);
    const { privacy } = request;
    const updates = (): Float32Array[] => [...inputs.values()].map((read) => Float32Array.from(read().update!));
    const sum = privacy
      ? { ...exact, mean: centralMean(updates(), privacy.clipNorm, privacy.terms, randomBytes) }
      : exact;
    return {
      ...{ sum, survivors: [...inputs.keys()].sort(), dropped, attempts: 1, vectorBytes: plainBytes(spec) },
      ...(late.length > 0 && { late: late.map(({ pod, rounds }) => ({ pod, rounds })) }),
    };
  }

  #spec(purpose: Purpose): VectorSpec {
    const { task, sums } = this.#options;
    return sums.spec(purpose, exactSums(task.pods.length));
  }

  /** One pod's input in the open, as it is sent. @throws KonsilError as pulling a blob. */
  #pull(purpose: Purpose, member: Member, ref: BlobRef, context: Context): Promise<Uint8Array> {
    const { blobs, deadlines, signal } = this.#options;
    return blobs.pull(member.peer.public.id, ref, context, {
      maxBytes: plainBytes(this.#spec(purpose)),
      timeoutMs: deadlines.limitMs('upload', 'exchange'),
      signal,
    });
  }

  /** @throws KonsilError AGG_BAD_MESSAGE or AGG_OVERFLOW. */
  #decode(purpose: Purpose, pod: string, bytes: Uint8Array): PodInput {
    const input = decodePlain(bytes, this.#spec(purpose), pod);
    const rule = this.#options.sums.rule(purpose);
    if (rule) checkRule(Float32Array.from(input.update!), rule);
    return input;
  }
}

/** What is no pod's fault. */
const FATAL: ReadonlySet<string> = new Set(['CANCELLED', 'FILE_WRITE_FAILED', 'RUN_INTERRUPTED']);

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
