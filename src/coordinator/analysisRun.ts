/**
 * The life of a task that asks, at the modeller: admission, its sums or each pod's own result, its end. Short enough not to be
 * gone on with: whoever is interrupted asks again.
 * @module
 */
import { abortControllerForMany, isKonsilError, KonsilError, messageOf, utf8 } from '../base/index.ts';
import { type Identity, MaskPool } from '../crypto/index.ts';
import { MAX_LIST, type PairReceiver } from '../intersection/index.ts';
import type { PeerBook } from '../keystore/index.ts';
import {
  type AnalysisAnswer,
  analysisPlan,
  exactSums,
  listBytes,
  MAX_SITE_EVALUATION_BYTES,
  MAX_SITE_INFERENCE_BYTES,
  type ResultTable,
  readTable,
  type SiteInference,
  type StepSum,
  stepSums,
  tableToCsv,
  vocabularyProblems,
} from '../protocols/index.ts';
import { type Analysis, analysisToWire, type IntersectionAlgorithm, type LocalAnalysis } from '../tasks/index.ts';
import { Blobs, type Channel, type Clock, type StoreOptions } from '../transport/index.ts';
import type { BlobRef, Context, MessageOf } from '../wire/index.ts';
import { Aggregator } from './aggregate.ts';
import { LearnedDeadlines } from './deadlines.ts';
import { Evaluation, type EvaluationOutcome } from './evaluation.ts';
import type { RunEvent } from './events.ts';
import { Inference } from './inference.ts';
import { Comparison, type IdentifierList, readIdentifiers, sizeIn } from './intersect.ts';
import { LinkTime } from './linkTime.ts';
import { describeAbsent, type Member, Members } from './members.ts';
import { compareAmong } from './podRing.ts';
import { offersOf, releasedBy, resolveAmong, resolveData } from './resolveData.ts';
import { RunFolder } from './runFolder.ts';
import { asKonsilError, newRunId } from './trainedModel.ts';
import { Transcripts } from './transcript.ts';

/** How long pods have to hear that the run is over. */
const GOODBYE_MS = 5_000;
/** A list of a ring, with its envelope and an opening. */
const MAX_RING_BYTES = listBytes(MAX_LIST, 32) + (1 << 12);
/** A site's own result, as JSON. */
const MAX_RESULT_BYTES = 64 << 20;

export interface AnalysisRunOptions {
  readonly task: LocalAnalysis;
  readonly identity: Identity;
  readonly peers: PeerBook;
  readonly channel: Channel;
  /** Where large blobs may go instead of the broker. @default nowhere */
  readonly store?: StoreOptions;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Keeps what the coordinator saw in every secure sum, in the run's folder. */
  readonly transcript?: boolean;
  /** What masks, when others share it: then it is theirs to close. @default threads of its own */
  readonly pool?: MaskPool;
}

/** What a question has led to. */
export interface AnalysisOutcome {
  readonly run: string;
  readonly folder: string;
  readonly status: 'complete' | 'aborted';
  readonly reason: string;
  /** Set when it did not complete: the error to exit with. */
  readonly error?: KonsilError;
  readonly startedAt: Date;
  readonly seconds: number;
  /** Of all pods together; null where nothing was added up. */
  readonly answer: AnalysisAnswer | null;
  /** Bytes of a pod's part of the largest sum. */
  readonly sumBytes: number;
  /** Pods in it. */
  readonly survivors: readonly string[];
  /** Each pod's own result, where it was given; null where it stayed at the pod. */
  readonly results: ReadonlyMap<string, ResultTable | null>;
  /** How models were run at each pod, of a task that runs models. */
  readonly inference?: ReadonlyMap<string, SiteInference>;
  /** Of models that were evaluated. */
  readonly evaluation?: EvaluationOutcome;
  readonly members: readonly Member[];
  /** Bytes over the broker, of this side. */
  readonly trafficOf: (member: Member) => { readonly sentBytes: number; readonly receivedBytes: number };
  /** Files that were written. */
  readonly files: readonly string[];
}

/** What pods have said in a step, by name. */
interface Answers {
  readonly step: number;
  readonly answers: ReadonlyMap<string, Said>;
}

/** A pod's own word. */
type Said = Pick<MessageOf<'ANALYSIS_RESULT'>, 'result' | 'signature'>;

/** One question in progress; use {@link runAnalysis}. */
class AnalysisRun {
  readonly #options: AnalysisRunOptions;
  readonly #runId: string;
  readonly #folder: RunFolder;
  readonly #members: Members;
  readonly #blobs: Blobs;
  readonly #time: LinkTime;
  readonly #abort = abortControllerForMany();
  readonly #pool: MaskPool;
  #deadlines: LearnedDeadlines;
  readonly #startedAt = new Date();
  readonly #started: number;
  readonly #results = new Map<string, ResultTable | null>();
  readonly #files: string[] = [];
  #answer: AnalysisAnswer | null = null;
  #survivors: readonly string[] = [];
  #sumBytes = 0;
  /** Of an intersection. */
  #list: IdentifierList | null = null;
  #inference: Inference | null = null;
  #evaluation: Evaluation | null = null;

  constructor(options: AnalysisRunOptions) {
    this.#options = options;
    const { task, channel, peers, clock, signal, store } = options;
    this.#runId = newRunId();
    this.#started = clock.now();
    this.#pool = options.pool ?? new MaskPool();
    this.#folder = new RunFolder(task.local.runs, this.#runId);
    this.#time = new LinkTime(clock);
    const onProblem = (reason: string): void => this.#emit({ type: 'problem', reason });
    this.#blobs = new Blobs(channel, { clock: this.#time, ...(store && { store: { ...store, onProblem } }) });
    this.#deadlines = new LearnedDeadlines(task.deadlines);
    signal?.addEventListener('abort', () => this.#abort.abort(), { once: true });
    if (signal?.aborted) this.#abort.abort();
    this.#members = new Members({
      ...{ runId: this.#runId, channel, peers, clock: this.#time, identifiers: task.pods, lateJoin: false },
      signal: this.#abort.signal,
      emit: (event) => this.#emit(event),
    });
    channel.onLink((up) => {
      this.#time.setUp(up);
      this.#members.setLinkUp(up);
    });
  }

  async run(): Promise<AnalysisOutcome> {
    let error: KonsilError | undefined;
    try {
      await this.#ask();
    } catch (cause) {
      error = asKonsilError(cause);
    }
    const isCancelled = error?.code === 'CANCELLED';
    await this.#members.dismiss(
      error
        ? {
            type: 'TASK_ABORT',
            reason: isCancelled ? 'CANCELLED' : 'PROTOCOL',
            message: `the coordinator ended the run: ${error.code}`,
          }
        : { type: 'TASK_COMPLETE' },
      GOODBYE_MS,
    );
    this.#abort.abort();
    await this.#blobs.close();
    if (!this.#options.pool) await this.#pool.close();
    const reason = error ? `${error.code}: ${error.message}` : 'the question is answered';
    this.#emit({ type: 'finished', status: error ? 'aborted' : 'complete', reason });
    return {
      ...{ run: this.#runId, folder: this.#folder.path, status: error ? 'aborted' : 'complete', reason },
      ...(error && { error }),
      startedAt: this.#startedAt,
      seconds: (this.#options.clock.now() - this.#started) / 1_000,
      ...{ answer: this.#answer, sumBytes: this.#sumBytes, survivors: this.#survivors, results: this.#results },
      ...(this.#evaluation && { evaluation: this.#evaluation.outcome() }),
      ...(this.#inference && { inference: this.#inference.sites }),
      ...{ members: this.#members.all(), files: this.#files },
      trafficOf: ({ peer }) => this.#options.channel.trafficWith(peer.public.id),
    };
  }

  async #ask(): Promise<void> {
    const { task } = this.#options;
    const { adds, secure } = task.aggregator;
    const members = this.#members;
    const evaluates = task.algorithm.name === 'ModelEvaluation';
    const steps = task.algorithm.name === 'ModelInference' ? task.algorithm.models.length : 1;
    const rounds = adds || evaluates ? analysisPlan(task.algorithm).steps : steps;
    this.#emit({ type: 'started', run: this.#runId, rounds, mode: !adds ? 'separate' : secure ? 'secure' : 'plain' });
    await members.watch();
    const agreed = await this.#agree();
    const json = JSON.stringify(analysisToWire(agreed));
    this.#evaluation?.sentAs(json);
    this.#folder.write('task.json', `${JSON.stringify(analysisToWire(agreed), null, 2)}\n`);
    const roster = members.all().map(({ name, peer }) => ({ name, public: peer.line }));
    await members.admit(
      members.all().filter(({ state, dataset }) => state !== 'rejected' && dataset !== ''),
      ({ dataset }) => ({ type: 'JOB_REQUEST', task: json, roster, dataset }),
      1_000 * task.deadlines.join,
    );
    const minimum = secure ? Math.max(3, task.aggregator.minimumCohort) : task.aggregator.minimumCohort;
    await members.untilEnough(minimum);
    if (members.active().length < minimum)
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        `${members.active().length} of ${members.all().length} pods answer, ${minimum} are needed: ${describeAbsent(members.all())}`,
      );
    const { algorithm } = agreed;
    if (adds) await this.#addUp(agreed, json, minimum);
    else if (this.#evaluation) await this.#evaluateApart(this.#evaluation);
    else if (algorithm.name === 'PrivateSetIntersection' && algorithm.amongPods)
      await this.#compareAmong(json, algorithm);
    else if (algorithm.name === 'PrivateSetIntersection' && algorithm.kind === 'row_filter')
      await this.#answerLists(json, algorithm);
    else if (algorithm.name === 'PrivateSetIntersection') await this.#compare(json, algorithm);
    else if (this.#inference) await this.#infer(this.#inference);
    else await this.#collect();
    if (!adds && !this.#evaluation && this.#results.size === 0)
      throw new KonsilError('COHORT_TOO_SMALL', `no pod gave a result: ${describeAbsent(members.all())}`);
  }

  /** Datasets, and for a task with a data structure its columns, from what the pods have. */
  async #agree(): Promise<Analysis> {
    const { local, ...task } = this.#options.task;
    const offers = await offersOf(this.#members, 1_000 * task.deadlines.join);
    const { algorithm } = task;
    if (algorithm.name === 'PrivateSetIntersection') {
      if (algorithm.amongPods) return task;
      this.#list = await readIdentifiers(algorithm, local.identifiersFile!, this.#abort.signal);
      return { ...task, algorithm: { ...algorithm, identifiers: this.#list.size } };
    }
    if (algorithm.name === 'ModelInference') {
      this.#inference = await Inference.open(algorithm, local.modelFiles ?? []);
      return { ...task, algorithm: this.#inference.algorithm };
    }
    if (algorithm.name === 'ModelEvaluation') {
      this.#evaluation = await Evaluation.open(this.#runId, algorithm, local.modelFiles ?? []);
      const structure = resolveAmong(
        offers,
        (member, reason) => this.#members.refuse(member, reason),
        (schema, pod) => resolveData(algorithm.dataStructure, schema, local.file, pod, releasedBy(offers)),
      );
      return { ...task, algorithm: { ...this.#evaluation.algorithm, dataStructure: structure } };
    }
    if (algorithm.name !== 'FederatedStatistics') return task;
    const dataStructure = resolveAmong(
      offers,
      (member, reason) => this.#members.refuse(member, reason),
      (schema, pod) => {
        const problems = vocabularyProblems(algorithm, schema);
        if (problems.length > 0)
          throw new KonsilError('CONFIG_INVALID', `${local.file}: the dataset of ${pod} has ${problems.join('; ')}`);
        return resolveData(algorithm.dataStructure, schema, local.file, pod);
      },
    );
    return { ...task, algorithm: { ...algorithm, dataStructure } };
  }

  // ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #addUp(task: Analysis, taskJson: string, minimum: number): Promise<void> {
    const { identity, transcript } = this.#options;
    const plan = analysisPlan(task.algorithm);
    const transcripts =
      transcript && task.aggregator.secure ? new Transcripts(this.#folder, identity, this.#members.all()) : null;
    const sums: StepSum[] = [];
    for (let step = 0; step < plan.steps; step++) {
      const given = plan.given(step, sums);
      const evaluation = this.#evaluation;
      // how long one model took says nothing of the next
      if (evaluation) this.#deadlines = new LearnedDeadlines(task.deadlines);
      const facts = evaluation ? evaluation.model(step) : given === null ? undefined : utf8(JSON.stringify(given));
      const parameters = facts && this.#offer(facts);
      const aggregator = new Aggregator({
        ...{ runId: this.#runId, task, taskJson, modelId: '', sums: stepSums(plan.layout(step, given)), identity },
        ...{ members: this.#members, blobs: this.#blobs, clock: this.#time, pool: this.#pool, minimum },
        ...{ deadlines: this.#deadlines, journal: null, signal: this.#abort.signal },
        emit: (event: RunEvent) => this.#emit(event),
        ...(transcripts && { transcript: (session, agreedOn) => transcripts.open(session, agreedOn) }),
      });
      const said = new Map<string, Said>();
      const stop = this.#members.listen({
        onMessage: ({ name }, { round }, message) => {
          if (message.type === 'ANALYSIS_RESULT' && round === step) said.set(name, message);
        },
        onLost: () => undefined,
      });
      const { sum, survivors, vectorBytes } = await aggregator
        .run({
          ...{ purpose: 'analysis', round: step, completed: step },
          ...(parameters && { parameters }),
          ...(task.aggregator.secure && { secure: exactSums(task.pods.length) }),
        })
        .finally(stop);
      if (evaluation) await this.#takeEvaluations(evaluation, { step, answers: said });
      if (parameters) this.#blobs.withdraw(parameters);
      sums.push(sum);
      this.#survivors = survivors;
      this.#sumBytes = Math.max(this.#sumBytes, vectorBytes);
    }
    this.#answer = plan.answer(sums, this.#survivors.length);
    // the report says what models were found to be
    if (this.#answer.kind === 'evaluation') return;
    if (this.#answer.kind === 'table') this.#write('result.csv', tableToCsv(this.#answer.table));
    else {
      const statistics = { format: 'konsil-statistics-v1', run: this.#runId, ...this.#answer.summary };
      this.#write('statistics.json', `${JSON.stringify(statistics, null, 2)}\n`);
    }
  }

  #offer(bytes: Uint8Array, readers: readonly Member[] = this.#members.all()): BlobRef {
    return this.#blobs.offer(
      bytes,
      readers.map(({ peer }) => peer.public.id),
    );
  }

  // ── results of single pods ───────────────────────────────────────────────────────────────────────────────────

  async #collect(): Promise<void> {
    const answers = await this.#exchange(0, this.#members.active(), () => undefined);
    await this.#each(answers, async (member, { result }, context) => {
      const bytes = result && (await this.#pull(member, result, context, MAX_RESULT_BYTES));
      this.#keep(member.name, bytes ? readTable(bytes, member.name) : null);
    });
  }

  /** Brings each pod the models one after another; with the last one it runs them. */
  async #infer(inference: Inference): Promise<void> {
    const last = inference.algorithm.models.length - 1;
    let cohort = this.#members.active();
    for (let step = 0; step <= last; step++) {
      const model = this.#offer(inference.model(step));
      // how long a site takes depends on its rows: it is waited for as long as it says that it goes on
      const said = await this.#exchange(step, cohort, () => model, true);
      this.#blobs.withdraw(model);
      cohort = cohort.filter(({ name }) => said.answers.has(name));
      if (step < last) continue;
      await this.#each(said, async (member, { result }, context) => {
        const bytes = await this.#pull(member, result, context, MAX_SITE_INFERENCE_BYTES);
        this.#keep(member.name, inference.take(member.name, bytes).table ?? null);
      });
    }
    if (inference.sites.size > 0) this.#write('inference.json', inference.record);
  }

  /** Each model at each pod, with nothing added up. */
  async #evaluateApart(evaluation: Evaluation): Promise<void> {
    for (let step = 0; step < evaluation.algorithm.models.length; step++) {
      const model = this.#offer(evaluation.model(step));
      this.#deadlines = new LearnedDeadlines(this.#options.task.deadlines);
      const answers = await this.#exchange(step, this.#members.active(), () => model);
      await this.#takeEvaluations(evaluation, answers);
      this.#blobs.withdraw(model);
    }
    const { answers } = evaluation.outcome();
    this.#survivors = [...new Set(answers.flat().map(({ pod }) => pod))].sort();
    if (this.#survivors.length === 0)
      throw new KonsilError('COHORT_TOO_SMALL', `no pod has evaluated: ${describeAbsent(this.#members.all())}`);
  }

  #takeEvaluations(evaluation: Evaluation, answers: Answers): Promise<void> {
    return this.#each(answers, async (member, { result, signature }, context) => {
      const bytes = await this.#pull(member, result, context, MAX_SITE_EVALUATION_BYTES);
      evaluation.take(answers.step, member, bytes, signature);
    });
  }

  /** The modeller's list against each pod's, see `intersect.ts`. */
  async #compare(taskJson: string, algorithm: IntersectionAlgorithm): Promise<void> {
    const list = this.#list!;
    const comparison = new Comparison(algorithm, list, this.#abort.signal);
    const receivers = new Map<string, { readonly receiver: PairReceiver; readonly size: number }>();
    try {
      await this.#each(
        await this.#exchange(0, this.#members.active(), () => undefined),
        async (member, { result }, context) => {
          const bytes = await this.#pull(member, result, context, 4);
          const size = sizeIn(bytes);
          const [modeller, pod] = [this.#options.identity.public.id, member.peer.public.id];
          receivers.set(member.name, {
            receiver: comparison.open({ runId: this.#runId, taskJson, modeller, pod }, size),
            size,
          });
        },
      );
      const asked = new Map<string, BlobRef>();
      for (const [pod, { receiver }] of receivers)
        asked.set(pod, this.#offer(await comparison.ask(receiver), [this.#members.get(pod)]));
      const cohort = this.#members.active().filter(({ name }) => asked.has(name));
      await this.#each(
        await this.#exchange(1, cohort, ({ name }) => asked.get(name)),
        async (member, { result }, context) => {
          const { receiver, size } = receivers.get(member.name)!;
          const most = listBytes(list.size, 32) + listBytes(size, 32);
          const answer = await this.#pull(member, result, context, most);
          this.#keep(member.name, await comparison.read(receiver, answer));
        },
      );
    } finally {
      for (const { receiver } of receivers.values()) receiver.close();
      await comparison.close();
    }
  }

  /** Each pod's list against the modeller's; what the pods find stays there. */
  async #answerLists(taskJson: string, algorithm: IntersectionAlgorithm): Promise<void> {
    const comparison = new Comparison(algorithm, this.#list!, this.#abort.signal);
    const { id: modeller } = this.#options.identity.public;
    const answers = new Map<string, BlobRef>();
    try {
      const asked = await this.#exchange(0, this.#members.active(), () => undefined);
      await this.#each(asked, async (member, { result }, context) => {
        const bytes = await this.#pull(member, result, context, 4 + listBytes(MAX_LIST, 32));
        const session = { runId: this.#runId, taskJson, modeller, pod: member.peer.public.id };
        answers.set(member.name, this.#offer(await comparison.answer(session, bytes), [member]));
      });
      const cohort = this.#members.active().filter(({ name }) => answers.has(name));
      // what pods say now is the same whatever they have found
      const done = await this.#exchange(1, cohort, ({ name }) => answers.get(name));
      await this.#each(done, async ({ name }) => this.#keep(name, null));
    } finally {
      await comparison.close();
    }
  }

  /** The pods' lists against each other, see `podRing.ts`. */
  async #compareAmong(taskJson: string, algorithm: IntersectionAlgorithm): Promise<void> {
    const ring = this.#members.active();
    if (ring.length < 2)
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        `${ring.length} of the pods answer, two are needed to compare their lists: ${describeAbsent(this.#members.all())}`,
      );
    const byId = new Map(ring.map((member) => [member.peer.public.id, member]));
    const { id: modeller } = this.#options.identity.public;
    const run = { runId: this.#runId, taskJson, modeller, pods: [...byId.keys()], signal: this.#abort.signal };
    const shared = await compareAmong(algorithm, run, async (step, sent) => {
      const refs = new Map([...sent].map(([id, bytes]) => [id, this.#offer(bytes, [byId.get(id)!])]));
      const answers = new Map<string, Uint8Array>();
      const said = await this.#exchange(step, ring, ({ peer }) => refs.get(peer.public.id));
      await this.#each(said, async (member, { result }, context) => {
        answers.set(member.peer.public.id, await this.#pull(member, result, context, MAX_RING_BYTES));
      });
      return answers;
    });
    for (const { name } of ring) this.#keep(name, { columns: ['people_of_all_pods'], rows: [[shared]], suppressed: 0 });
  }

  /** Asks each pod of `cohort`. @param isPatient - Whoever says that it goes on is waited for. @returns what each has said by name. */
  async #exchange(
    step: number,
    cohort: readonly Member[],
    sent: (member: Member) => BlobRef | undefined,
    isPatient = false,
  ): Promise<Answers> {
    const members = this.#members;
    const context: Context = { run: this.#runId, round: step, phase: 'analysis' };
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
            this.#emit({ type: 'progress', pod: name, done: message.done, total: message.total });
          }
          return message.type === 'ANALYSIS_RESULT' ? message : undefined;
        },
        limitMs,
        (awaiting) =>
          this.#emit({ type: 'phase', purpose: 'analysis', completed: step, attempt: 0, phase: 'analysis', awaiting }),
      );
    let { answers, missing } = await gather(cohort);
    for (;;) {
      const going = members.active().filter(({ name }) => isPatient && missing.has(name) && heardOf.delete(name));
      if (going.length === 0) break;
      const more = await gather(going);
      answers = new Map([...answers, ...more.answers]);
      missing = new Map([...missing, ...more.missing].filter(([name]) => !more.answers.has(name)));
    }
    for (const [pod, reason] of missing) this.#emit({ type: 'dropped', pod, phase: 'analysis', reason });
    return { step, answers };
  }

  /** Takes the answers in the order of the pods' names; whose answer cannot be used is left out. */
  async #each(
    { step, answers }: Answers,
    take: (member: Member, said: Said, context: Context) => Promise<void>,
  ): Promise<void> {
    const context: Context = { run: this.#runId, round: step, phase: 'analysis' };
    for (const [pod, said] of [...answers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      try {
        await take(this.#members.get(pod), said, context);
      } catch (error) {
        if (isKonsilError(error, 'CANCELLED') || isKonsilError(error, 'FILE_WRITE_FAILED')) throw error;
        this.#emit({ type: 'dropped', pod, phase: 'analysis', reason: messageOf(error) });
      }
    }
  }

  #pull({ peer }: Member, ref: BlobRef | undefined, context: Context, maxBytes: number): Promise<Uint8Array> {
    if (!ref) throw new KonsilError('AGG_BAD_MESSAGE', 'it sent no result');
    return this.#blobs.pull(peer.public.id, ref, context, {
      maxBytes,
      timeoutMs: this.#deadlines.limitMs('upload', 'exchange'),
      signal: this.#abort.signal,
    });
  }

  #keep(pod: string, table: ResultTable | null): void {
    this.#results.set(pod, table);
    this.#survivors = [...this.#results.keys()];
    if (table) this.#write(`results/${pod}.csv`, tableToCsv(table));
  }

  #write(name: string, content: string | Uint8Array): void {
    this.#files.push(this.#folder.write(name, content));
  }

  #emit(event: RunEvent): void {
    if (event.type !== 'progress') this.#folder.append('events.jsonl', { at: new Date().toISOString(), ...event });
    this.#options.onEvent?.(event);
  }
}

/**
 * Asks a question to its end. What happens on the way is not thrown: look at `status` and `error`.
 * @throws KonsilError CONFIG_INVALID, PEER_UNKNOWN or FILE_WRITE_FAILED before anything started.
 */
export async function runAnalysis(options: AnalysisRunOptions): Promise<AnalysisOutcome> {
  return new AnalysisRun(options).run();
}
