/**
 * Models that pods run over their rows, at the modeller: their bytes, and what each pod says.
 * @module
 */
import { toHex } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import { readSiteInference, type SiteInference } from '../protocols/index.ts';
import type { InferenceAlgorithm } from '../tasks/index.ts';
import { readModelFile } from '../training/index.ts';

/** One run. */
export class Inference {
  /** With the hash of each model. */
  readonly algorithm: InferenceAlgorithm;
  readonly #models: readonly Uint8Array[];
  readonly #sites = new Map<string, SiteInference>();

  private constructor(algorithm: InferenceAlgorithm, models: readonly Uint8Array[]) {
    this.algorithm = algorithm;
    this.#models = models;
  }

  /** Reads the models of `files`, one for each of the task. @throws KonsilError FILE_NOT_FOUND, MODEL_INVALID. */
  static async open(algorithm: InferenceAlgorithm, files: readonly string[]): Promise<Inference> {
    const bytes = await Promise.all(files.map(readModelFile));
    const models = algorithm.models.map((model, i) => ({ ...model, sha256: toHex(sha256(bytes[i]!)) }));
    return new Inference({ ...algorithm, models }, bytes);
  }

  /** Bytes of the model of a step. */
  model(step: number): Uint8Array {
    return this.#models[step]!;
  }

  /** What a pod says once all models are run. @throws KonsilError AGG_BAD_MESSAGE when it is nothing of this kind. */
  take(pod: string, bytes: Uint8Array): SiteInference {
    const said = readSiteInference(bytes, pod);
    this.#sites.set(pod, said);
    return said;
  }

  /** By pod. */
  get sites(): ReadonlyMap<string, SiteInference> {
    return this.#sites;
  }

  /** How it went at each pod, as JSON: without the tables. */
  get record(): string {
    const pods = [...this.#sites].map(([pod, { table: _, ...facts }]) => [pod, facts] as const);
    return `${JSON.stringify({ format: 'konsil-inference-v1', pods: Object.fromEntries(pods) }, null, 2)}\n`;
  }
}
