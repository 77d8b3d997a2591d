/**
 * What a task that asks says to its pods and hears from them, step by step: what is sent, whose answer is awaited, what comes
 * back by itself.
 * @module
 */
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import type { Deadlines } from '../tasks/index.ts';
import type { Blobs } from '../transport/index.ts';
import type { BlobRef, Context, MessageOf } from '../wire/index.ts';
import { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import type { Member, Members } from './members.ts';

export interface AnalysisStepsOptions {
  readonly runId: string;
  readonly members: Members;
  readonly blobs: Blobs;
  readonly deadlines: Deadlines;
  /** Ends every pull. */
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
}

/** What pods have said in a step, by name. */
export interface Answers {
  readonly step: number;
  readonly answers: ReadonlyMap<string, Said>;
}

/** A pod's own word. */
export type Said = Omit<MessageOf<'ANALYSIS_RESULT'>, 'type'>;

/** The conversation of one run. */
export class AnalysisSteps {
  readonly #options: AnalysisStepsOptions;
  #deadlines: LearnedDeadlines;

  constructor(options: AnalysisStepsOptions) {
    this.#options = options;
    this.#deadlines = new LearnedDeadlines(options.deadlines);
  }

  /** How long pods have taken, and may take. */
  get deadlines(): LearnedDeadlines {
    return this.#deadlines;
  }

  /** The next step has work of another size: how long the last ones took says nothing of it. */
  forgetTimes(): void {
    this.#deadlines = new LearnedDeadlines(this.#options.deadlines);
  }

  /** Lets `readers` pull bytes until they are withdrawn. @param readers - By default all pods. */
  offer(bytes: Uint8Array, readers: readonly Member[] = this.#options.members.all()): BlobRef {
    const ids = readers.map(({ peer }) => peer.public.id);
    return this.#options.blobs.offer(bytes, ids);
  }

  withdraw(ref: BlobRef): void {
    this.#options.blobs.withdraw(ref);
  }

  /** Collects what pods say beside the sum of a step, until `stop`. */
  listen(step: number): { readonly answers: Answers; readonly stop: () => void } {
    const answers = new Map<string, Said>();
    const stop = this.#options.members.listen({
      onMessage: ({ name }, { round }, message) => {
        if (message.type === 'ANALYSIS_RESULT' && round === step) answers.set(name, message);
      },
      onLost: () => undefined,
    });
    return { answers: { step, answers }, stop };
  }

  /** Asks each pod of `cohort`. @param isPatient - Whoever says that it goes on is waited for. @returns what each has said by name. */
  async exchange(
    step: number,
    cohort: readonly Member[],
    sent: (member: Member) => BlobRef | undefined,
    isPatient = false,
  ): Promise<Answers> {
    const { members, emit } = this.#options;
    const context = this.#contextOf(step);
    for (const member of cohort) {
      const parameters = sent(member);
      const start = { type: 'ROUND_START', purpose: 'analysis', completed: step } as const;
      members.send(member, context, { ...start, ...(parameters && { parameters }) });
    }
    const limitMs = this.#deadlines.limitMs('analysis', 'train');
    const heardOf = new Set<string>();
    const gather = (from: readonly Member[]) =>
      members.gather(
        from,
        ({ name }, at, message) => {
          if (at.round !== step) return undefined;
          if (message.type === 'PROGRESS') {
            heardOf.add(name);
            emit({ type: 'progress', pod: name, done: message.done, total: message.total });
          }
          return message.type === 'ANALYSIS_RESULT' ? message : undefined;
        },
        limitMs,
        (awaiting) =>
          emit({ type: 'phase', purpose: 'analysis', completed: step, attempt: 0, phase: 'analysis', awaiting }),
      );
    let { answers, missing } = await gather(cohort);
    for (;;) {
      const going = members.active().filter(({ name }) => isPatient && missing.has(name) && heardOf.delete(name));
      if (going.length === 0) break;
      const more = await gather(going);
      answers = new Map([...answers, ...more.answers]);
      missing = new Map([...missing, ...more.missing].filter(([name]) => !more.answers.has(name)));
    }
    for (const [pod, reason] of missing) emit({ type: 'dropped', pod, phase: 'analysis', reason });
    return { step, answers };
  }

  /** Takes the answers in the order of the pods' names; whose answer cannot be used is left out. */
  async each(
    { step, answers }: Answers,
    take: (member: Member, said: Said, context: Context) => Promise<void>,
  ): Promise<void> {
    const { members, emit } = this.#options;
    for (const [pod, said] of [...answers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      try {
        await take(members.get(pod), said, this.#contextOf(step));
      } catch (error) {
        if (isKonsilError(error, 'CANCELLED') || isKonsilError(error, 'FILE_WRITE_FAILED')) throw error;
        emit({ type: 'dropped', pod, phase: 'analysis', reason: messageOf(error) });
      }
    }
  }

  /** Bytes that a pod offers. @throws KonsilError AGG_BAD_MESSAGE when it offers none, or as `Blobs.pull`. */
  pull({ peer }: Member, ref: BlobRef | undefined, context: Context, maxBytes: number): Promise<Uint8Array> {
    if (!ref) throw new KonsilError('AGG_BAD_MESSAGE', 'it sent no result');
    const { blobs, signal } = this.#options;
    const timeoutMs = this.#deadlines.limitMs('upload', 'exchange');
    return blobs.pull(peer.public.id, ref, context, { maxBytes, timeoutMs, signal });
  }

  #contextOf(step: number): Context {
    return { run: this.#options.runId, round: step, phase: 'analysis' };
  }
}
