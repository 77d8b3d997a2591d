/**
 * A task that asks as a run's work: what each sum asks of this site, or its own result where the site gives that.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Member } from '../../aggregation/index.ts';
import { KonsilError, messageOf, toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import {
  analysisPlan,
  exactSums,
  type PublicFacts,
  type StepSum,
  signEvaluation,
  stepSums,
  tableToCsv,
} from '../../protocols/index.ts';
import { type Analysis, isEvaluation } from '../../tasks/index.ts';
import type { MessageOf } from '../../wire/index.ts';
import type { Round } from '../round.ts';
import type { Contribution, RunWork, WorkSite } from '../runWork.ts';
import { LocalModels, type StepModel } from './localModels.ts';
import { asksByModel, questionOf } from './question.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';

/** Public facts are JSON of edges and lists, nothing larger. */
const MAX_FACTS_BYTES = 1 << 20;
/** How often the coordinator is told how far a training or an inference is. */
const PROGRESS_EVERY_MS = 500;

/** One pod's answers in one run. */
export class AnalysisWork implements RunWork {
  readonly rounds: number;
  readonly #task: Analysis;
  readonly #own: SiteAnalysis;
  readonly #site: WorkSite;
  /** Facts that each step was asked with: other edges would be another question. */
  readonly #asked = new Map<number, string>();
  /** Of everything that decides an answer but the pods it is added to. */
  readonly #question: string;
  /** Of a task whose models are trained at the sites. */
  readonly #local: LocalModels | undefined;

  /** @param members - The pods of the run, by name; of a task whose pods sign models. */
  constructor(task: Analysis, own: SiteAnalysis, site: WorkSite, members: ReadonlyMap<string, Member> = new Map()) {
    const { algorithm } = task;
    if (own.trains && isEvaluation(algorithm))
      this.#local = new LocalModels(site, algorithm.models, own.trains, members);
    this.#task = task;
    this.#own = own;
    this.#site = site;
    this.#question = questionOf(task.algorithm);
    const isSummed = task.aggregator.adds || own.evaluates !== undefined;
    this.rounds = isSummed ? analysisPlan(task.algorithm).steps : (own.exchange?.steps ?? own.infers?.steps ?? 1);
  }

  async contribute(round: Round): Promise<Contribution | null> {
    const { message, signal } = round;
    const { purpose, completed: step } = message;
    if (purpose !== 'analysis' || step >= this.rounds)
      throw new KonsilError('PROTOCOL_VIOLATION', `a task that asks has no ${purpose} ${step}`);
    const facts = message.parameters?.id ?? '';
    if ((this.#asked.get(step) ?? facts) !== facts)
      throw new KonsilError('PROTOCOL_VIOLATION', `step ${step} was asked with other facts before`);
    this.#asked.set(step, facts);
    if (this.#own.evaluates) return this.#evaluate(round, this.#own.evaluates);
    if (this.#own.infers) return this.#infer(round, this.#own.infers);
    if (this.#own.exchange) await this.#exchange(round, this.#own.exchange);
    else if (!this.#task.aggregator.adds) await this.#giveResult(round);
    if (!this.#task.aggregator.adds) return null;
    const given = await this.#facts(round);
    return this.#toSum(round, given, await this.#own.input!(step, given, signal));
  }

  #toSum({ message: { purpose, completed: step, secure } }: Round, given: PublicFacts, sums: StepSum): Contribution {
    const { algorithm, pods } = this.#task;
    const layout = analysisPlan(algorithm).layout(step, given);
    const input = { weight: 1, ...sums };
    return { input, spec: stepSums(layout).spec(purpose, secure ?? exactSums(pods.length)) };
  }

  /** What the site says of the step's model, signed, and its part of the sum where there is one. */
  async #evaluate(round: Round, evaluates: NonNullable<SiteAnalysis['evaluates']>): Promise<Contribution | null> {
    const { message, signal, outbox } = round;
    const { runId, identity, request } = this.#site;
    const { model, sha256: id } = await this.#modelOf(round, evaluates.maxBytes);
    const { input, answer, own, scores } = await evaluates.evaluate(message.completed, model, signal);
    if (signal.aborted) return null;
    const trained = message.completed === 0 ? this.#local : undefined;
    if (own !== undefined && trained) this.#keep('.onnx', model);
    if (own !== undefined) this.#keep(`-model-${message.completed + 1}.json`, utf8(own));
    const view = {
      ...{ run: runId, task: toHex(sha256(utf8(request.task))), model: id, pod: identity.public.id, answer },
    };
    const signature = signEvaluation(identity.signing, view);
    const given = trained?.give(round, model);
    outbox.say({
      ...{ type: 'ANALYSIS_RESULT', result: round.offer(utf8(answer)), signature },
      ...(given && { model: given }),
      ...(scores !== undefined && { scores: round.offer(utf8(scores)) }),
    });
    return this.#task.aggregator.adds ? this.#toSum(round, null, input) : null;
  }

  /** What is evaluated in the step. */
  async #modelOf(round: Round, maxBytes: number): Promise<StepModel> {
    const { completed: step } = round.message;
    if (!this.#local) {
      const model = await this.#pullModel(round, maxBytes);
      return { model, sha256: toHex(sha256(model)) };
    }
    if (step === 0) return this.#local.own(round, this.#progressOf(round));
    return this.#local.of(step, await this.#pull(round, maxBytes));
  }

  /** The step's model, which is the one that the task names. */
  async #pullModel(round: Round, maxBytes: number): Promise<Uint8Array> {
    const { completed: step } = round.message;
    const { algorithm } = this.#task;
    const model = await this.#pull(round, maxBytes);
    const wanted = 'models' in algorithm ? algorithm.models[step]?.sha256 : undefined;
    if (toHex(sha256(model)) !== wanted)
      throw new KonsilError('PROTOCOL_VIOLATION', `the model of step ${step} is not the one of the task`);
    return model;
  }

  /** Takes the step's model; with the last one, what came of all of them. */
  async #infer(round: Round, infers: NonNullable<SiteAnalysis['infers']>): Promise<null> {
    const { message, signal, outbox } = round;
    const { onEvent } = this.#site;
    const model = await this.#pullModel(round, infers.maxBytes);
    const answer = await infers.take(message.completed, model, {
      folder: this.#resultPath(),
      signal,
      onProgress: this.#progressOf(round),
      onFile: (file) => onEvent({ type: 'personal', file }),
    });
    if (signal.aborted) return null;
    outbox.say({
      type: 'ANALYSIS_RESULT',
      ...(answer && { result: round.offer(utf8(JSON.stringify(answer))) }),
    });
    return null;
  }

  /** Tells the site and, not too often, the coordinator how far long work is. */
  #progressOf(round: Round): (done: number, total: number, rate?: number) => void {
    const { onEvent, clock, send } = this.#site;
    let told = Number.NEGATIVE_INFINITY;
    return (done, total, rate) => {
      round.progress = { done, total };
      onEvent({ type: 'progress', done, total, ...(rate !== undefined && { rate }) });
      if (clock.now() - told < PROGRESS_EVERY_MS && done < total) return;
      told = clock.now();
      void send(round.context, { type: 'PROGRESS', done, total }, round.signal).catch(() => undefined);
    };
  }

  /** The next word of an exchange. */
  async #exchange(round: Round, exchange: NonNullable<SiteAnalysis['exchange']>): Promise<void> {
    const { message, signal, outbox } = round;
    const { runId, coordinator, identity, request } = this.#site;
    const sent = await this.#pull(round, exchange.maxBytes);
    const parties = {
      ...{ runId, modeller: coordinator.public.id, pod: identity.public.id },
      context: sha256(utf8(request.task)),
    };
    const answer = await exchange.answer(message.completed, sent, parties, signal);
    if (!signal.aborted) outbox.say({ type: 'ANALYSIS_RESULT', result: round.offer(answer) });
  }

  /** The site's own result: to a file of the site, to the modeller, or both. */
  async #giveResult(round: Round): Promise<void> {
    const { saveLocation } = this.#task.protocol;
    const table = await this.#own.result!(round.signal);
    if (round.signal.aborted) return;
    if (saveLocation.includes('Worker')) this.#keep('.csv', tableToCsv(table));
    if (!saveLocation.includes('Modeller')) return round.outbox.say({ type: 'ANALYSIS_RESULT' });
    const result = round.offer(utf8(JSON.stringify(table)));
    round.outbox.say({ type: 'ANALYSIS_RESULT', result });
  }

  #keep(ending: string, content: Uint8Array): void {
    const file = `${this.#resultPath()}${ending}`;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, content, { mode: 0o600, flush: true });
    } catch (cause) {
      throw new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });
    }
    this.#site.onEvent({ type: 'personal', file });
  }

  /** Where what the run leaves to the site is, without an ending. */
  #resultPath(): string {
    const { state, runId, key } = this.#site;
    // the coordinator chose the name: letters and digits of it are for the operator, the hash is what counts
    const readable = runId.replace(/[^\w-]/g, '_').slice(0, 60);
    return join(state, 'results', `${readable}-${toHex(sha256(utf8(key))).slice(0, 16)}`);
  }

  async #facts(round: Round): Promise<PublicFacts> {
    if (!round.message.parameters) return null;
    const bytes = await this.#pull(round, MAX_FACTS_BYTES);
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (cause) {
      throw new KonsilError(
        'PROTOCOL_VIOLATION',
        'what the coordinator says of earlier sums is not JSON',
        {},
        { cause },
      );
    }
  }

  /** What came with the round start; nothing is no bytes. */
  async #pull({ message, context, signal }: Round, maxBytes: number): Promise<Uint8Array> {
    const { blobs, coordinator } = this.#site;
    if (!message.parameters) return new Uint8Array(0);
    return blobs.pull(coordinator.public.id, message.parameters, context, { maxBytes, signal });
  }

  summed({ completed, parameters }: MessageOf<'ROUND_START'>): string {
    // noise is drawn anew in each run: the numbers are never the same
    const { runId } = this.#site;
    const { algorithm } = this.#task;
    const question = algorithm.name === 'PrivateSqlQuery' ? runId : this.#question;
    return `analysis ${question} ${asksByModel(algorithm) ? '' : completed} ${parameters?.id ?? ''}`;
  }

  /** What costs is on the accounts before it is computed. */
  charge(): void {}

  settle(): void {}

  complete(): string {
    return this.#own.infers ? 'the models were run' : 'the question is answered';
  }

  close(): Promise<void> {
    return this.#own.close();
  }
}
