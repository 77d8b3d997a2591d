/**
 * The life of a task that asks, at the modeller: admission, its sums or each pod's own result, its end. Short enough not to be
 * gone on with: whoever is interrupted asks again.
 * @module
 */
import { abortControllerForMany, isKonsilError, KonsilError, messageOf, toHex, utf8 } from '../base/index.ts';
import { type Identity, MaskPool, sha256 } from '../crypto/index.ts';
import type { PairReceiver } from '../intersection/index.ts';
import type { PeerBook } from '../keystore/index.ts';
import {
  type AnalysisAnswer,
  analysisPlan,
  exactSums,
  listBytes,
  MAX_SITE_INFERENCE_BYTES,
  type ResultTable,
  readSiteInference,
  readTable,
  type SiteInference,
  type StepSum,
  stepSums,
  tableToCsv,
  vocabularyProblems,
} from '../protocols/index.ts';
import {
  type Analysis,
  analysisToWire,
  type InferenceAlgorithm,
  type IntersectionAlgorithm,
  type LocalAnalysis,
} from '../tasks/index.ts';
import { readModelFile } from '../training/index.ts';
import { Blobs, type Channel, type Clock, type StoreOptions } from '../transport/index.ts';
import type { BlobRef, Context } from '../wire/index.ts';
import { Aggregator } from './aggregate.ts';
import { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import { Comparison, type IdentifierList, readIdentifiers } from './intersect.ts';
import { LinkTime } from './linkTime.ts';
import { describeAbsent, type Member, Members } from './members.ts';
import { offersOf, resolveAmong, resolveData } from './resolveData.ts';
import { RunFolder } from './runFolder.ts';
import { asKonsilError, newRunId } from './trainedModel.ts';
import { Transcripts } from './transcript.ts';

/** How long pods have to hear that the run is over. */
const GOODBYE_MS = 5_000;
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
  /** Pods in it. */
  readonly survivors: readonly string[];
  /** Each pod's own result, where it was given; null where it stayed at the pod. */
  readonly results: ReadonlyMap<string, ResultTable | null>;
  /** How models were run at each pod, of a task that runs models. */
  readonly inference?: ReadonlyMap<string, SiteInference>;
  readonly members: readonly Member[];
  /** Files that were written. */
  readonly files: readonly string[];
}

/** What pods have said in a step, by name. */
interface Answers {
  readonly step: number;
  readonly answers: ReadonlyMap<string, { readonly result?: BlobRef | undefined }>;
}

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
  readonly #deadlines: LearnedDeadlines;
  readonly #startedAt = new Date();
  readonly #started: number;
  readonly #results = new Map<string, ResultTable | null>();
  readonly #inferred = new Map<string, SiteInference>();
  readonly #files: string[] = [];
  #answer: AnalysisAnswer | null = null;
  #survivors: readonly string[] = [];
  /** Of an intersection. */
  #list: IdentifierList | null = null;
  /** Of an inference: bytes of its models. */
  #models: readonly Uint8Array[] = [];

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
      ...{ answer: this.#answer, survivors: this.#survivors, results: this.#results },
      ...(this.#inferred.size > 0 && { inference: this.#inferred }),
      ...{ members: this.#members.all(), files: this.#files },
    };
  }

  async #ask(): Promise<void> {
    const { task } = this.#options;
    const { adds, secure } = task.aggregator;
    const members = this.#members;
    const steps = task.algorithm.name === 'ModelInference' ? task.algorithm.models.length : 1;
    const rounds = adds ? analysisPlan(task.algorithm).steps : steps;
    this.#emit({ type: 'started', run: this.#runId, rounds, mode: !adds ? 'separate' : secure ? 'secure' : 'plain' });
    await members.watch();
    const agreed = await this.#agree();
    const json = JSON.stringify(analysisToWire(agreed));
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
    else if (algorithm.name === 'PrivateSetIntersection') await this.#compare(json, algorithm);
    else if (algorithm.name === 'ModelInference') await this.#infer(algorithm);
    else await this.#collect();
    if (!adds && this.#results.size === 0)
      throw new KonsilError('COHORT_TOO_SMALL', `no pod gave a result: ${describeAbsent(members.all())}`);
  }

  /** Datasets, and for a task with a data structure its columns, from what the pods have. */
  async #agree(): Promise<Analysis> {
    const { local, ...task } = this.#options.task;
    const offers = await offersOf(this.#members, 1_000 * task.deadlines.join);
    const { algorithm } = task;
    if (algorithm.name === 'PrivateSetIntersection') {
      this.#list = await readIdentifiers(algorithm, local.identifiersFile!, this.#abort.signal);
      return { ...task, algorithm: { ...algorithm, identifiers: this.#list.size } };
    }
    if (algorithm.name === 'ModelInference') {
      this.#models = await Promise.all(local.modelFiles!.map(readModelFile));
      const models = algorithm.models.map((model, i) => ({ ...model, sha256: toHex(sha256(this.#models[i]!)) }));
      return { ...task, algorithm: { ...algorithm, models } };
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
      const parameters = given === null ? undefined : this.#offer(utf8(JSON.stringify(given)));
      const aggregator = new Aggregator({
        ...{ runId: this.#runId, task, taskJson, modelId: '', sums: stepSums(plan.layout(step, given)), identity },
        ...{ members: this.#members, blobs: this.#blobs, clock: this.#time, pool: this.#pool, minimum },
        ...{ deadlines: this.#deadlines, journal: null, signal: this.#abort.signal },
        emit: (event: RunEvent) => this.#emit(event),
        ...(transcripts && { transcript: (session, agreedOn) => transcripts.open(session, agreedOn) }),
      });
      const { sum, survivors } = await aggregator.run({
        ...{ purpose: 'analysis', round: step, completed: step },
        ...(parameters && { parameters }),
        ...(task.aggregator.secure && { secure: exactSums(task.pods.length) }),
      });
      if (parameters) this.#blobs.withdraw(parameters);
      sums.push(sum);
      this.#survivors = survivors;
    }
    this.#answer = plan.answer(sums, this.#survivors.length);
    if (this.#answer.kind === 'table') this.#write('result.csv', tableToCsv(this.#answer.table));
    else if (this.#answer.kind === 'statistics') {
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
    await this.#each(answers, async (member, result, context) => {
      const bytes = result && (await this.#pull(member, result, context, MAX_RESULT_BYTES));
      this.#keep(member.name, bytes ? readTable(bytes, member.name) : null);
    });
  }

  /** Brings each pod the models one after another; with the last one it runs them. */
  async #infer({ models }: InferenceAlgorithm): Promise<void> {
    let cohort = this.#members.active();
    for (const step of models.keys()) {
      const model = this.#offer(this.#models[step]!);
      const said = await this.#exchange(step, cohort, () => model);
      this.#blobs.withdraw(model);
      cohort = cohort.filter(({ name }) => said.answers.has(name));
      if (step + 1 < models.length) continue;
      await this.#each(said, async (member, result, context) => {
        const answer = readSiteInference(
          await this.#pull(member, result, context, MAX_SITE_INFERENCE_BYTES),
          member.name,
        );
        this.#inferred.set(member.name, answer);
        this.#keep(member.name, answer.table ?? null);
      });
    }
    if (this.#inferred.size === 0) return;
    const pods = [...this.#inferred].map(([pod, { table: _, ...facts }]) => [pod, facts] as const);
    this.#write('inference.json', `${JSON.stringify(Object.fromEntries(pods), null, 2)}\n`);
  }

  /** The modeller's list against each pod's, see `intersect.ts`. */
  async #compare(taskJson: string, algorithm: IntersectionAlgorithm): Promise<void> {
    const list = this.#list!;
    const comparison = new Comparison(algorithm, list, this.#abort.signal);
    const receivers = new Map<string, { readonly receiver: PairReceiver; readonly size: number }>();
    try {
      await this.#each(
        await this.#exchange(0, this.#members.active(), () => undefined),
        async (member, result, context) => {
          const bytes = await this.#pull(member, result, context, 4);
          const size = bytes.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : 0;
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
        async (member, result, context) => {
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

  /** Asks each pod of `cohort`. @returns what each has said by name. */
  async #exchange(
    step: number,
    cohort: readonly Member[],
    sent: (member: Member) => BlobRef | undefined,
  ): Promise<Answers> {
    const members = this.#members;
    const context: Context = { run: this.#runId, round: step, phase: 'analysis' };
    for (const member of cohort) {
      const parameters = sent(member);
      const start = { type: 'ROUND_START', purpose: 'analysis', completed: step } as const;
      members.send(member, context, { ...start, ...(parameters && { parameters }) });
    }
    const { answers, missing } = await members.gather(
      cohort,
      (_member, at, message) =>
        message.type === 'ANALYSIS_RESULT' && at.round === step ? { result: message.result } : undefined,
      this.#deadlines.limitMs('analysis', 'train'),
      (awaiting) =>
        this.#emit({ type: 'phase', purpose: 'analysis', completed: step, attempt: 0, phase: 'analysis', awaiting }),
    );
    for (const [pod, reason] of missing) this.#emit({ type: 'dropped', pod, phase: 'analysis', reason });
    return { step, answers };
  }

  /** Takes the answers in the order of the pods' names; whose answer cannot be used is left out. */
  async #each(
    { step, answers }: Answers,
    take: (member: Member, result: BlobRef | undefined, context: Context) => Promise<void>,
  ): Promise<void> {
    const context: Context = { run: this.#runId, round: step, phase: 'analysis' };
    for (const [pod, { result }] of [...answers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      try {
        await take(this.#members.get(pod), result, context);
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
