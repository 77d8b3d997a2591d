/**
 * A compiled model for one batch size, with its ORT sessions and input buffers.
 * @module
 */
import * as ort from 'onnxruntime-node';
import type { Rng } from '../../base/index.ts';
import type { CompiledModel } from '../program.ts';
import { BatchInputs, MaskInputs, type Tensors } from './feeds.ts';
import { Loop } from './loop.ts';

type GraphKind = 'train' | 'eval' | 'gradient' | 'update';

export class Executor {
  readonly model: CompiledModel;
  readonly batch: BatchInputs;
  readonly #masks: MaskInputs;
  readonly #options: ort.InferenceSession.SessionOptions;
  readonly #places: Readonly<Record<string, 'gpu-buffer' | 'cpu'>> | undefined;
  readonly #sessions = new Map<GraphKind, Promise<ort.InferenceSession>>();
  readonly #loops = new Map<number, Promise<Loop>>();

  /** @param places - Where outputs of the training graph stay. @default host memory */
  constructor(
    model: CompiledModel,
    options: ort.InferenceSession.SessionOptions,
    places?: Readonly<Record<string, 'gpu-buffer' | 'cpu'>>,
  ) {
    this.#places = places;
    this.model = model;
    this.batch = new BatchInputs(model);
    this.#masks = new MaskInputs(model);
    this.#options = options;
  }

  /** The session on one of the graphs, created at the first call. */
  session(kind: GraphKind): Promise<ort.InferenceSession> {
    const places = kind === 'train' && this.#places !== undefined ? { preferredOutputLocation: this.#places } : {};
    const options = { ...this.#options, ...places };
    const open = this.#sessions.get(kind) ?? ort.InferenceSession.create(this.#graph(kind), options);
    this.#sessions.set(kind, open);
    return open;
  }

  /** Inputs of the training and gradient graphs other than weights. */
  get feeds(): Tensors {
    return { ...this.batch.feeds, ...this.#masks.feeds };
  }

  /** Draws every Dropout mask, or switches Dropout off. */
  drawMasks(rng: Rng | undefined): void {
    this.#masks.draw(rng);
  }

  /** Several steps in one run, opened at the first call for this number of steps. */
  loop(steps: number): Promise<Loop> {
    const open = this.#loops.get(steps) ?? this.#openLoop(steps);
    this.#loops.set(steps, open);
    return open;
  }

  async #openLoop(steps: number): Promise<Loop> {
    const session = await ort.InferenceSession.create(this.model.loopGraph(steps), this.#options);
    return new Loop(this.model, session, steps);
  }

  async close(): Promise<void> {
    for (const loop of this.#loops.values()) await (await loop).session.release();
    this.#loops.clear();
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  #graph(kind: GraphKind): Uint8Array {
    if (kind === 'gradient') return this.model.gradientGraph();
    if (kind === 'update') return this.model.updateGraph();
    return kind === 'train' ? this.model.trainGraph : this.model.evalGraph;
  }
}
