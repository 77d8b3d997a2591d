/**
 * The modeller's side of an evaluation besides its sums: the models under evaluation, and what each pod says of them by itself,
 * signed.
 * @module
 */
import { KonsilError, toHex, utf8 } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import {
  type ExactScores,
  evaluatedGroups,
  evaluationStatement,
  isSignedEvaluation,
  isSignedLocalModel,
  MAX_SCORES_BYTES,
  MAX_SITE_EVALUATION_BYTES,
  packLocalModel,
  readExactScores,
  readSiteEvaluation,
  type SiteEvaluation,
} from '../protocols/index.ts';
import type { AnyEvaluation, EvaluatedModel, EvaluationAlgorithm, TrainedEvaluationAlgorithm } from '../tasks/index.ts';
import { readModelFile } from '../training/index.ts';
import type { AnalysisSteps, Answers } from './analysisSteps.ts';
import type { Member, Members } from './members.ts';

/** A model as pods get it. */
export interface SentModel {
  readonly label: string;
  readonly kind: 'onnx' | 'tfjs';
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a pod has said of one model. */
export interface PodAnswer {
  readonly pod: string;
  /** Its public identity, as peers keep it. */
  readonly identity: string;
  readonly evaluation: SiteEvaluation;
  /** The text that has the evaluation; what the pod signed; 64 bytes. */
  readonly text: string;
  readonly statement: string;
  readonly signature: Uint8Array;
  /** Score and label of each row, and the text that has them, where the site gives them. */
  readonly exact?: { readonly scores: ExactScores; readonly text: string };
}

/** What an evaluation has led to. */
export interface EvaluationOutcome {
  /** Its models are those that were there. */
  readonly algorithm: AnyEvaluation;
  /** SHA-256 of the task as it was sent, in hex; empty when nothing was. */
  readonly taskSha256: string;
  readonly models: readonly SentModel[];
  /** Shape `[models][pods]`, in the order of the pods' names. */
  readonly answers: readonly (readonly PodAnswer[])[];
  /** Files of models that sites have given away, by pod. */
  readonly given: ReadonlyMap<string, string>;
}

/** What a step is about. */
interface Step {
  readonly sent: SentModel;
  /** What pods get; absent where each has trained its own. */
  readonly bytes?: Uint8Array;
}

/** Beyond what training began with, a trained file has its standardisation, outputs and metadata. */
const MORE_THAN_AT_FIRST = 1 << 20;

export class Evaluation {
  readonly #run: string;
  /** Null where no site has given its model. */
  readonly #steps: (Step | null)[];
  /** With the hashes of its models. */
  readonly algorithm: AnyEvaluation;
  readonly #answers: PodAnswer[][];
  readonly #given = new Map<string, string>();
  /** Writes a model that a site has given away. @returns the file. */
  readonly #write: (pod: string, model: Uint8Array) => string;
  #taskSha256 = '';

  private constructor(
    run: string,
    algorithm: AnyEvaluation,
    steps: readonly (Step | null)[],
    write: (pod: string, model: Uint8Array) => string,
  ) {
    this.#run = run;
    this.#steps = [...steps];
    this.#write = write;
    this.algorithm = {
      ...algorithm,
      models: algorithm.models.map((model, i) => ({ ...model, ...(steps[i] && { sha256: steps[i].sent.sha256 }) })),
    };
    this.#answers = algorithm.models.map(() => []);
  }

  /** Of the models in `files`. @throws KonsilError FILE_NOT_FOUND, MODEL_INVALID or MODEL_UNSUPPORTED. */
  static async open(run: string, algorithm: EvaluationAlgorithm, files: readonly string[]): Promise<Evaluation> {
    const steps: Step[] = [];
    for (const [i, file] of files.entries()) {
      const bytes = await readModelFile(file);
      steps.push({ bytes, sent: sentModel(algorithm.models[i]!, file, bytes) });
    }
    return new Evaluation(run, algorithm, steps, () => '');
  }

  /**
   * Of what each site makes of `model`.
   * @param source - Where that is from, for the report.
   * @param write - Writes a model that a site has given away. @returns the file.
   */
  static ofTraining(
    run: string,
    algorithm: TrainedEvaluationAlgorithm,
    { model, source }: { readonly model: Uint8Array; readonly source: string },
    write: (pod: string, model: Uint8Array) => string,
  ): Evaluation {
    const [first, ...others] = algorithm.models;
    return new Evaluation(
      run,
      algorithm,
      [{ sent: sentModel(first!, source, model) }, ...others.map(() => null)],
      write,
    );
  }

  /** Whether there is something to evaluate in a step. */
  has(step: number): boolean {
    return this.#steps[step] !== null;
  }

  /** What pods get in a step; undefined where each has trained its own. */
  model(step: number): Uint8Array | undefined {
    return this.#steps[step]?.bytes;
  }

  /** The task as pods get it. */
  sentAs(taskJson: string): void {
    this.#taskSha256 = toHex(sha256(utf8(taskJson)));
  }

  /**
   * Takes what a pod says of the model of `step`.
   * @throws KonsilError AGG_BAD_MESSAGE when it is no evaluation, or not signed by the pod.
   */
  take(step: number, { name, peer }: Member, bytes: Uint8Array, signature: Uint8Array | undefined): void {
    const answer = new TextDecoder('utf-8').decode(bytes);
    const model = this.#steps[step]!.sent.sha256;
    const view = { run: this.#run, task: this.#taskSha256, model, pod: peer.public.id, answer };
    if (!signature || !isSignedEvaluation(view, signature, peer.public.signing))
      throw new KonsilError('AGG_BAD_MESSAGE', `pod ${name}: its evaluation is not signed by it`, { pod: name });
    const evaluation = readSiteEvaluation(answer, name, evaluatedGroups(this.algorithm).length);
    const statement = evaluationStatement(view);
    this.#answers[step]!.push({ pod: name, identity: peer.line, evaluation, text: answer, statement, signature });
  }

  /** Pulls and takes what pods say in a step, and the models they give away with it. */
  async takeAll(steps: AnalysisSteps, { step, answers }: Answers): Promise<void> {
    await steps.each({ step, answers }, async (member, { result, signature, model, scores }, context) => {
      const bytes = await steps.pull(member, result, context, MAX_SITE_EVALUATION_BYTES);
      this.take(step, member, bytes, signature);
      if (scores && this.algorithm.exact)
        this.#takeScores(step, member, await steps.pull(member, scores, context, MAX_SCORES_BYTES));
      const later = this.algorithm.models.findIndex(({ label }, i) => i > 0 && label === member.name);
      if (step > 0 || !model || later < 0 || this.algorithm.name !== 'ModelTrainingAndEvaluation') return;
      const most = 2 * this.#steps[0]!.sent.bytes + MORE_THAN_AT_FIRST;
      this.#takeModel(later, member, await steps.pull(member, model.file, context, most), model.signature);
    });
  }

  /** Scores of the answer that was just taken. @throws KonsilError AGG_BAD_MESSAGE when the pod has signed others, or they are none. */
  #takeScores(step: number, { name }: Member, bytes: Uint8Array): void {
    const all = this.#answers[step]!;
    const answer = all.at(-1)!;
    const { scores: signed } = answer.evaluation;
    if (!signed || 'withheld' in signed || signed.sha256 !== toHex(sha256(bytes)))
      throw new KonsilError('AGG_BAD_MESSAGE', `pod ${name}: its scores are not those it has signed`, { pod: name });
    const text = new TextDecoder('utf-8').decode(bytes);
    all[all.length - 1] = { ...answer, exact: { scores: readExactScores(text, name), text } };
  }

  /** @throws KonsilError AGG_BAD_MESSAGE when the pod has not signed it for this run. */
  #takeModel(step: number, { name, peer }: Member, bytes: Uint8Array, signature: Uint8Array): void {
    const view = { run: this.#run, task: this.#taskSha256, model: toHex(sha256(bytes)), pod: name };
    if (!isSignedLocalModel(view, signature, peer.public.signing))
      throw new KonsilError('AGG_BAD_MESSAGE', `pod ${name}: its model is not signed by it`, { pod: name });
    const file = this.#write(name, bytes);
    this.#given.set(name, file);
    const sent = sentModel(this.algorithm.models[step]!, file, bytes);
    this.#steps[step] = { bytes: packLocalModel(signature, bytes), sent };
  }

  /** Each model at each pod, with nothing added up. */
  async apart(steps: AnalysisSteps, members: Members): Promise<void> {
    for (let step = 0; step < this.#steps.length; step++) {
      if (!this.has(step)) continue;
      const bytes = this.model(step);
      const model = bytes && steps.offer(bytes);
      steps.forgetTimes();
      // sites that train say how far they are, and are waited for
      await this.takeAll(steps, await steps.exchange(step, members.active(), () => model, bytes === undefined));
      if (model) steps.withdraw(model);
    }
  }

  outcome(): EvaluationOutcome {
    const there = [...this.#steps.entries()].flatMap(([i, step]) => (step ? [{ i, sent: step.sent }] : []));
    return {
      algorithm: { ...this.algorithm, models: there.map(({ i }) => this.algorithm.models[i]!) },
      ...{ taskSha256: this.#taskSha256, models: there.map(({ sent }) => sent), given: this.#given },
      answers: there.map(({ i }) => [...this.#answers[i]!].sort((a, b) => (a.pod < b.pod ? -1 : 1))),
    };
  }
}

function sentModel({ label, kind }: EvaluatedModel, file: string, bytes: Uint8Array): SentModel {
  return { label, kind, file, bytes: bytes.length, sha256: toHex(sha256(bytes)) };
}
