/**
 * One aggregation over the cohort, secure or plain: start the round at every pod, wait for their work, sum. Pods lost
 * on the way are left out. Everything that decides the sum is in the journal before it has an effect, and a sum that another
 * process has begun is taken up where it is.
 * @module
 */
import { centralMean, checkRule, type PodInput, type VectorSpec } from '../aggregation/index.ts';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { randomBytes } from '../crypto/index.ts';
import { decodePlain, exactSums, plainBytes, sumPlain, sumSpec } from '../protocols/index.ts';
import { splitIdentifier } from '../tasks/index.ts';
import type { BlobRef, Context, MessageOf } from '../wire/index.ts';
import {
  type Aggregation,
  type AggregationRequest,
  type AggregatorOptions,
  type Cohort,
  isInRound,
  ruleOf,
} from './aggregation.ts';
import type { Dropped, OpenSum } from './journal/index.ts';
import { awaitWork, drop } from './localWork.ts';
import { aggregateSecurely } from './secureAggregate.ts';

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
