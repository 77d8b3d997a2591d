/**
 * The life of a task that asks, at the modeller: admission, its sums or each pod's own result, its end. Short enough not to be
 * gone on with: whoever is interrupted asks again.
 * @module
 */
import { abortControllerForMany, KonsilError } from '../base/index.ts';
import { type Identity, MaskPool } from '../crypto/index.ts';
import type { PeerBook } from '../keystore/index.ts';
import {
  type AnalysisAnswer,
  analysisPlan,
  MAX_SITE_INFERENCE_BYTES,
  type ResultTable,
  readTable,
  type SiteInference,
  tableToCsv,
} from '../protocols/index.ts';
import { analysisToWire, type IntersectionAlgorithm, isEvaluation, type LocalAnalysis } from '../tasks/index.ts';
import { Blobs, type Channel, type Clock, type StoreOptions } from '../transport/index.ts';
import { type AgreedAnalysis, agreeOnAnalysis } from './agreedAnalysis.ts';
import { AnalysisSteps } from './analysisSteps.ts';
import { type AnalysisSumsOptions, addUp } from './analysisSums.ts';
import { answerLists, compareAmongPods, compareLists } from './compareLists.ts';
import type { Evaluation, EvaluationOutcome } from './evaluation.ts';
import type { RunEvent } from './events.ts';
import type { Inference } from './inference.ts';
import type { IdentifierList } from './intersect.ts';
import { LinkTime } from './linkTime.ts';
import { describeAbsent, type Member, Members } from './members.ts';
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

const modeOf = ({ aggregator: { adds, secure } }: LocalAnalysis): 'separate' | 'secure' | 'plain' =>
  !adds ? 'separate' : secure ? 'secure' : 'plain';

/** How often pods are asked. */
function stepsOf({ algorithm, aggregator: { adds } }: LocalAnalysis): number {
  if (adds || isEvaluation(algorithm)) return analysisPlan(algorithm).steps;
  return algorithm.name === 'ModelInference' ? algorithm.models.length : 1;
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
  readonly #steps: AnalysisSteps;
  readonly #startedAt = new Date();
  readonly #started: number;
  readonly #results = new Map<string, ResultTable | null>();
  readonly #files: string[] = [];
  #answer: AnalysisAnswer | null = null;
  #survivors: readonly string[] = [];
  #sumBytes = 0;
  #agreed: AgreedAnalysis | null = null;

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
    signal?.addEventListener('abort', () => this.#abort.abort(), { once: true });
    if (signal?.aborted) this.#abort.abort();
    this.#members = new Members({
      ...{ runId: this.#runId, channel, peers, clock: this.#time, identifiers: task.pods, lateJoin: false },
      signal: this.#abort.signal,
      emit: (event) => this.#emit(event),
    });
    this.#steps = new AnalysisSteps({
      ...{ runId: this.#runId, members: this.#members, blobs: this.#blobs, deadlines: task.deadlines },
      ...{ signal: this.#abort.signal, emit: (event) => this.#emit(event) },
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
    const { evaluation, inference } = this.#agreed ?? {};
    this.#emit({ type: 'finished', status: error ? 'aborted' : 'complete', reason });
    return {
      ...{ run: this.#runId, folder: this.#folder.path, status: error ? 'aborted' : 'complete', reason },
      ...(error && { error }),
      startedAt: this.#startedAt,
      seconds: (this.#options.clock.now() - this.#started) / 1_000,
      ...{ answer: this.#answer, sumBytes: this.#sumBytes, survivors: this.#survivors, results: this.#results },
      ...(evaluation && { evaluation: evaluation.outcome() }),
      ...(inference && { inference: inference.sites }),
      ...{ members: this.#members.all(), files: this.#files },
      trafficOf: ({ peer }) => this.#options.channel.trafficWith(peer.public.id),
    };
  }

  async #ask(): Promise<void> {
    const { task } = this.#options;
    const { adds, secure } = task.aggregator;
    const members = this.#members;
    this.#emit({ type: 'started', run: this.#runId, rounds: stepsOf(task), mode: modeOf(task) });
    await members.watch();
    const agreed = await agreeOnAnalysis(task, {
      ...{ runId: this.#runId, members, signal: this.#abort.signal },
      write: (name, content) => this.#write(name, content),
    });
    const { evaluation, inference } = agreed;
    this.#agreed = agreed;
    const json = JSON.stringify(analysisToWire(agreed.task));
    evaluation?.sentAs(json);
    this.#folder.write('task.json', `${JSON.stringify(analysisToWire(agreed.task), null, 2)}\n`);
    const model = agreed.model && this.#steps.offer(agreed.model);
    const roster = members.all().map(({ name, peer }) => ({ name, public: peer.line }));
    await members.admit(
      members.all().filter(({ state, dataset }) => state !== 'rejected' && dataset !== ''),
      ({ dataset }) => ({ type: 'JOB_REQUEST', task: json, roster, dataset, ...(model && { model }) }),
      1_000 * task.deadlines.join,
    );
    const minimum = secure ? Math.max(3, task.aggregator.minimumCohort) : task.aggregator.minimumCohort;
    await members.untilEnough(minimum);
    if (members.active().length < minimum)
      throw new KonsilError(
        'COHORT_TOO_SMALL',
        `${members.active().length} of ${members.all().length} pods answer, ${minimum} are needed: ${describeAbsent(members.all())}`,
      );
    if (adds) return this.#addUp(agreed, { taskJson: json, modelId: model?.id ?? '', minimum });
    if (evaluation) return this.#evaluateApart(evaluation);
    if (agreed.task.algorithm.name === 'PrivateSetIntersection')
      await this.#compare(json, agreed.task.algorithm, agreed.list);
    else if (inference) await this.#infer(inference);
    else await this.#collect();
    if (this.#results.size === 0)
      throw new KonsilError('COHORT_TOO_SMALL', `no pod gave a result: ${describeAbsent(members.all())}`);
  }

  async #addUp(
    { task, evaluation }: AgreedAnalysis,
    sent: Pick<AnalysisSumsOptions, 'taskJson' | 'modelId' | 'minimum'>,
  ): Promise<void> {
    const { identity, transcript } = this.#options;
    const transcripts =
      transcript && task.aggregator.secure ? new Transcripts(this.#folder, identity, this.#members.all()) : null;
    const answer = await addUp(
      {
        ...{ runId: this.#runId, task, ...sent, identity, transcripts, evaluation: evaluation ?? null },
        ...{ members: this.#members, blobs: this.#blobs, clock: this.#time, pool: this.#pool },
        ...{ signal: this.#abort.signal, emit: (event) => this.#emit(event) },
      },
      this.#steps,
      ({ survivors, bytes }) => {
        this.#survivors = survivors;
        this.#sumBytes = Math.max(this.#sumBytes, bytes);
      },
    );
    this.#answer = answer;
    // the report says what models were found to be
    if (answer.kind === 'evaluation') return;
    if (answer.kind === 'table') this.#write('result.csv', tableToCsv(answer.table));
    else {
      const statistics = { format: 'konsil-statistics-v1', run: this.#runId, ...answer.summary };
      this.#write('statistics.json', `${JSON.stringify(statistics, null, 2)}\n`);
    }
  }

  // ── results of single pods ───────────────────────────────────────────────────────────────────────────────────

  async #collect(): Promise<void> {
    const steps = this.#steps;
    const answers = await steps.exchange(0, this.#members.active(), () => undefined);
    await steps.each(answers, async (member, { result }, context) => {
      const bytes = result && (await steps.pull(member, result, context, MAX_RESULT_BYTES));
      this.#keep(member.name, bytes ? readTable(bytes, member.name) : null);
    });
  }

  /** Brings each pod the models one after another; with the last one it runs them. */
  async #infer(inference: Inference): Promise<void> {
    const steps = this.#steps;
    const last = inference.algorithm.models.length - 1;
    let cohort = this.#members.active();
    for (let step = 0; step <= last; step++) {
      const model = steps.offer(inference.model(step));
      // how long a site takes depends on its rows: it is waited for as long as it says that it goes on
      const said = await steps.exchange(step, cohort, () => model, true);
      steps.withdraw(model);
      cohort = cohort.filter(({ name }) => said.answers.has(name));
      if (step < last) continue;
      await steps.each(said, async (member, { result }, context) => {
        const bytes = await steps.pull(member, result, context, MAX_SITE_INFERENCE_BYTES);
        this.#keep(member.name, inference.take(member.name, bytes).table ?? null);
      });
    }
    if (inference.sites.size > 0) this.#write('inference.json', inference.record);
  }

  async #evaluateApart(evaluation: Evaluation): Promise<void> {
    await evaluation.apart(this.#steps, this.#members);
    const { answers } = evaluation.outcome();
    this.#survivors = [...new Set(answers.flat().map(({ pod }) => pod))].sort();
    if (this.#survivors.length === 0)
      throw new KonsilError('COHORT_TOO_SMALL', `no pod has evaluated: ${describeAbsent(this.#members.all())}`);
  }

  #compare(taskJson: string, algorithm: IntersectionAlgorithm, list: IdentifierList | undefined): Promise<void> {
    const run = { runId: this.#runId, taskJson, algorithm, modeller: this.#options.identity.public.id };
    const keep = (pod: string, table: ResultTable | null): void => this.#keep(pod, table);
    const comparing = { ...run, members: this.#members, signal: this.#abort.signal };
    if (list === undefined) return compareAmongPods(comparing, this.#steps, keep);
    const compare = algorithm.kind === 'row_filter' ? answerLists : compareLists;
    return compare({ ...comparing, list }, this.#steps, keep);
  }

  #keep(pod: string, table: ResultTable | null): void {
    this.#results.set(pod, table);
    this.#survivors = [...this.#results.keys()];
    if (table) this.#write(`results/${pod}.csv`, tableToCsv(table));
  }

  #write(name: string, content: string | Uint8Array): string {
    const file = this.#folder.write(name, content);
    this.#files.push(file);
    return file;
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
