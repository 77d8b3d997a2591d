/**
 * A compiled model for one batch size, with its ORT sessions and input buffers.
 * @module
 */
import * as ort from 'onnxruntime-node';
import type { Rng } from '../../base/index.ts';
import type { CompiledModel } from '../program.ts';
import { drawMask } from './batches.ts';
import { BatchInputs, MaskInputs, type Tensors } from './feeds.ts';

type GraphKind = 'train' | 'eval' | 'gradient' | 'update';

export class Executor {
  readonly model: CompiledModel;
  readonly batch: BatchInputs;
  readonly #masks: MaskInputs;
  readonly #options: ort.InferenceSession.SessionOptions;
  readonly #sessions = new Map<GraphKind, Promise<ort.InferenceSession>>();

  constructor(model: CompiledModel, options: ort.InferenceSession.SessionOptions) {
    this.model = model;
    this.batch = new BatchInputs(model);
    this.#masks = new MaskInputs(model);
    this.#options = options;
  }

  /** The session on one of the graphs, created at the first call. */
  session(kind: GraphKind): Promise<ort.InferenceSession> {
    const open = this.#sessions.get(kind) ?? ort.InferenceSession.create(this.#graph(kind), this.#options);
    this.#sessions.set(kind, open);
    return open;
  }

  /** Inputs of the training and gradient graphs other than weights. */
  get feeds(): Tensors {
    return { ...this.batch.feeds, ...this.#masks.feeds };
  }

  /** Draws every Dropout mask, or switches Dropout off. */
  drawMasks(rng: Rng | undefined): void {
    for (const [i, { ratio }] of this.model.masks.entries()) {
      if (rng === undefined) this.#masks.data[i]!.fill(1);
      else drawMask(this.#masks.data[i]!, ratio, rng);
    }
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  #graph(kind: GraphKind): Uint8Array {
    if (kind === 'gradient') return this.model.gradientGraph();
    if (kind === 'update') return this.model.updateGraph();
    return kind === 'train' ? this.model.trainGraph : this.model.evalGraph;
  }
}
