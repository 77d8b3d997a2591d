/**
 * The modeller's side of an evaluation besides its sums: the models under evaluation, and what each pod says of them by itself,
 * signed.
 * @module
 */
import { KonsilError, toHex, utf8 } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import {
  evaluatedGroups,
  evaluationStatement,
  isSignedEvaluation,
  MAX_SITE_EVALUATION_BYTES,
  readSiteEvaluation,
  type SiteEvaluation,
} from '../protocols/index.ts';
import type { EvaluationAlgorithm } from '../tasks/index.ts';
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
}

/** What an evaluation has led to. */
export interface EvaluationOutcome {
  readonly algorithm: EvaluationAlgorithm;
  /** SHA-256 of the task as it was sent, in hex; empty when nothing was. */
  readonly taskSha256: string;
  readonly models: readonly SentModel[];
  /** Shape `[models][pods]`, in the order of the pods' names. */
  readonly answers: readonly (readonly PodAnswer[])[];
}

export class Evaluation {
  readonly #run: string;
  readonly #models: readonly Uint8Array[];
  readonly #sent: readonly SentModel[];
  /** With the hashes of its models. */
  readonly algorithm: EvaluationAlgorithm;
  readonly #answers: PodAnswer[][];
  #taskSha256 = '';

  private constructor(
    run: string,
    algorithm: EvaluationAlgorithm,
    models: readonly Uint8Array[],
    files: readonly string[],
  ) {
    this.#run = run;
    this.#models = models;
    this.#sent = algorithm.models.map(({ label, kind }, i) => ({
      ...{ label, kind, file: files[i]!, bytes: models[i]!.length, sha256: toHex(sha256(models[i]!)) },
    }));
    this.algorithm = {
      ...algorithm,
      models: algorithm.models.map((model, i) => ({ ...model, sha256: this.#sent[i]!.sha256 })),
    };
    this.#answers = algorithm.models.map(() => []);
  }

  /** @throws KonsilError FILE_NOT_FOUND, MODEL_INVALID or MODEL_UNSUPPORTED. */
  static async open(run: string, algorithm: EvaluationAlgorithm, files: readonly string[]): Promise<Evaluation> {
    const models: Uint8Array[] = [];
    for (const file of files) models.push(await readModelFile(file));
    return new Evaluation(run, algorithm, models, files);
  }

  /** The bytes of the model of a step. */
  model(step: number): Uint8Array {
    return this.#models[step]!;
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
    const model = this.#sent[step]!.sha256;
    const view = { run: this.#run, task: this.#taskSha256, model, pod: peer.public.id, answer };
    if (!signature || !isSignedEvaluation(view, signature, peer.public.signing))
      throw new KonsilError('AGG_BAD_MESSAGE', `pod ${name}: its evaluation is not signed by it`, { pod: name });
    const evaluation = readSiteEvaluation(answer, name, evaluatedGroups(this.algorithm).length);
    const statement = evaluationStatement(view);
    this.#answers[step]!.push({ pod: name, identity: peer.line, evaluation, text: answer, statement, signature });
  }

  /** Pulls and takes what pods say in a step. */
  takeAll(steps: AnalysisSteps, answers: Answers): Promise<void> {
    return steps.each(answers, async (member, { result, signature }, context) => {
      const bytes = await steps.pull(member, result, context, MAX_SITE_EVALUATION_BYTES);
      this.take(answers.step, member, bytes, signature);
    });
  }

  /** Each model at each pod, with nothing added up. */
  async apart(steps: AnalysisSteps, members: Members): Promise<void> {
    for (let step = 0; step < this.#models.length; step++) {
      const model = steps.offer(this.model(step));
      steps.forgetTimes();
      await this.takeAll(steps, await steps.exchange(step, members.active(), () => model));
      steps.withdraw(model);
    }
  }

  outcome(): EvaluationOutcome {
    return {
      ...{ algorithm: this.algorithm, taskSha256: this.#taskSha256, models: this.#sent },
      answers: this.#answers.map((all) => [...all].sort((a, b) => (a.pod < b.pod ? -1 : 1))),
    };
  }
}
