/**
 * Models that sites have trained, as a pod sees them in a run: its own, whether it gives it away, and those of the others.
 * @module
 */
import type { Member } from '../../aggregation/index.ts';
import { KonsilError, toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { isSignedLocalModel, signLocalModel, unpackLocalModel } from '../../protocols/index.ts';
import type { EvaluatedModel } from '../../tasks/index.ts';
import type { MessageOf } from '../../wire/index.ts';
import type { Round } from '../round.ts';
import type { WorkSite } from '../runWork.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';

/** A model to evaluate, and the hash it goes by in what the pod signs. */
export interface StepModel {
  readonly model: Uint8Array;
  readonly sha256: string;
}

export class LocalModels {
  readonly #site: WorkSite;
  /** One a step. */
  readonly #models: readonly EvaluatedModel[];
  readonly #trains: NonNullable<SiteAnalysis['trains']>;
  /** SHA-256 of the task as it was sent, in hex. */
  readonly #task: string;
  readonly #members: ReadonlyMap<string, Member>;

  constructor(
    site: WorkSite,
    models: readonly EvaluatedModel[],
    trains: NonNullable<SiteAnalysis['trains']>,
    members: ReadonlyMap<string, Member>,
  ) {
    this.#members = members;
    this.#site = site;
    this.#models = models;
    this.#trains = trains;
    this.#task = toHex(sha256(utf8(site.request.task)));
  }

  /** This site's own: in the first step, under the hash of what its training began with. */
  async own({ message, signal }: Round, onProgress: (done: number, total: number) => void): Promise<StepModel> {
    if (message.parameters)
      throw new KonsilError(
        'PROTOCOL_VIOLATION',
        'the step in which sites train brings a model; it came with the task',
      );
    return { model: await this.#trains.train(signal, onProgress), sha256: this.#models[0]!.sha256! };
  }

  /**
   * Another step's: what came with it, when the pod that the step is about has signed it in this run.
   * @throws KonsilError PROTOCOL_VIOLATION otherwise: a modeller has no other models evaluated in such a task.
   */
  of(step: number, packed: Uint8Array): StepModel {
    const { signature, model } = unpackLocalModel(packed);
    const pod = this.#models[step]!.label;
    const view = this.#viewOf(pod, model);
    if (!isSignedLocalModel(view, signature, this.#members.get(pod)?.publicKey))
      throw new KonsilError(
        'PROTOCOL_VIOLATION',
        `the model of step ${step} is not what ${pod} has trained in this run`,
      );
    return { model, sha256: view.model };
  }

  /**
   * This site's own for the modeller, where the site's rules give it away, written down before it leaves.
   * @throws KonsilError FILE_WRITE_FAILED
   */
  give(round: Round, model: Uint8Array): MessageOf<'ANALYSIS_RESULT'>['model'] {
    if (!this.#trains.gives) return undefined;
    const view = this.#viewOf(this.#trains.pod, model);
    this.#trains.record(view.model);
    return { file: round.offer(model), signature: signLocalModel(this.#site.identity.signing, view) };
  }

  #viewOf(pod: string, model: Uint8Array) {
    return { run: this.#site.runId, task: this.#task, model: toHex(sha256(model)), pod };
  }
}
