/**
 * Several optimiser steps in one run of onnxruntime. Calling it costs a tenth of a millisecond, more than the whole step
 * of a small dense network; the steps themselves are the same, bit for bit.
 * @module
 */
import type * as ort from 'onnxruntime-node';
import type { Rng } from '../../base/index.ts';
import { createOptimiser } from '../optim/optimisers.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import { BatchInputs, MaskInputs, type Tensors, tensor } from './feeds.ts';

export class Loop {
  readonly session: ort.InferenceSession;
  readonly steps: number;
  /** Everything but weights, state and hooks. */
  readonly feeds: Tensors;
  /** Loss, and mass where the program has one, of each step. */
  readonly fetches: Tensors;
  readonly losses: Float32Array;
  readonly masses: Float32Array;
  readonly #batch: BatchInputs;
  readonly #masks: MaskInputs;
  readonly #scalars: Readonly<Record<string, Float32Array>>;

  /** @param session - On `loopGraph(steps)`. */
  constructor(program: TrainingProgram, session: ort.InferenceSession, steps: number) {
    this.session = session;
    this.steps = steps;
    this.losses = new Float32Array(steps);
    this.masses = new Float32Array(steps);
    this.#batch = new BatchInputs(program, steps);
    this.#masks = new MaskInputs(program, steps);
    const { scalarNames } = createOptimiser(program.optimiser);
    this.#scalars = Object.fromEntries(scalarNames.map((name) => [name, new Float32Array(steps)]));
    this.feeds = { ...this.#batch.feeds, ...this.#masks.feeds };
    for (const [name, data] of Object.entries(this.#scalars))
      this.feeds[GRAPH_NAMES.scalar(name)] = tensor(data, [steps]);
    this.fetches = {
      loss: tensor(this.losses, [steps]),
      ...(program.hasMass && { mass: tensor(this.masses, [steps]) }),
    };
  }

  /** Fills in step `step`. Its mass is the number of rows unless the graph says otherwise. */
  load(
    step: number,
    batch: Uint32Array,
    { x, y }: { readonly x: Float32Array; readonly y: Float32Array | Int32Array },
    scalars: Readonly<Record<string, number>>,
    rng: Rng | undefined,
  ): void {
    this.#batch.load(batch, x, y, step);
    this.#masks.draw(rng, step);
    for (const [name, data] of Object.entries(this.#scalars)) data[step] = scalars[name]!;
    this.masses[step] = batch.length;
  }
}
