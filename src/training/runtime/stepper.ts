/**
 * Optimiser steps one by one. State lives in two flat vectors `[weights | statistics | state 0 | state 1]` that take turns: a step
 * reads one through tensor views and writes the other. They must never be the same: ORT would overwrite weights that
 * the rest of the backward pass still reads, without an error.
 * @module
 */
import { KonsilError, type Rng } from '../../base/index.ts';
import { type LayoutEntry, trainedLength, viewOf } from '../layout.ts';
import { createOptimiser, type Optimiser } from '../optim/optimisers.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import type { Executor } from './executor.ts';
import { type Tensors, tensor, trainedViews, views } from './feeds.ts';

/** The first entry with a NaN or an infinity in `vector`. */
function findNonFinite(vector: Float32Array, entries: readonly LayoutEntry[], length: number): string | undefined {
  let probe = 0;
  // x - x is 0 for finite x and NaN otherwise, and NaN survives the sum: one branch-free pass
  for (let i = 0; i < length; i++) {
    const value = vector[i]!;
    probe += value - value;
  }
  if (probe === 0) return undefined;
  return entries.find((entry) => viewOf(vector, entry).some((value) => !Number.isFinite(value)))?.name;
}

/** Tensor views on a whole state vector, under the names of the graph's inputs or outputs. */
function stateViews({ layout, stateSlots }: TrainingProgram, vector: Float32Array, side: 'in' | 'out'): Tensors {
  const isIn = side === 'in';
  const tensors = views(layout, vector, isIn ? GRAPH_NAMES.parameter : GRAPH_NAMES.nextParameter);
  const trained = trainedLength(layout);
  for (let slot = 0; slot < stateSlots; slot++) {
    const nameOf = (name: string): string => (isIn ? GRAPH_NAMES.state : GRAPH_NAMES.nextState)(slot, name);
    Object.assign(tensors, trainedViews(layout, vector, nameOf, layout.length + slot * trained));
  }
  return tensors;
}

interface Turn {
  readonly feeds: Tensors;
  readonly fetches: Tensors;
  /** The vector that this turn writes. */
  readonly out: Float32Array;
}

export class Stepper {
  readonly #program: TrainingProgram;
  /** The executor for a batch of that many rows. */
  readonly #executorFor: (rows: number) => Executor;
  readonly #learningRate: number;
  readonly #optimiser: Optimiser;
  readonly #scalars: Readonly<Record<string, Float32Array>>;
  readonly #loss = new Float32Array(1);
  readonly #turns: readonly [Turn, Turn];
  #current: Float32Array;
  #steps = 0;

  constructor(
    program: TrainingProgram,
    executorFor: (rows: number) => Executor,
    parameters: Float32Array,
    learningRate: number,
  ) {
    this.#program = program;
    this.#executorFor = executorFor;
    this.#learningRate = learningRate;
    this.#optimiser = createOptimiser(program.optimiser);
    this.#scalars = Object.fromEntries(this.#optimiser.scalarNames.map((name) => [name, new Float32Array(1)]));
    const scalars: Tensors = {};
    for (const [name, data] of Object.entries(this.#scalars)) scalars[GRAPH_NAMES.scalar(name)] = tensor(data, []);
    const size = program.layout.length + trainedLength(program.layout) * program.stateSlots;
    const [a, b] = [new Float32Array(size), new Float32Array(size)];
    const turn = (from: Float32Array, out: Float32Array): Turn => ({
      feeds: { ...scalars, ...stateViews(program, from, 'in') },
      fetches: { loss: tensor(this.#loss, []), ...stateViews(program, out, 'out') },
      out,
    });
    this.#turns = [turn(a, b), turn(b, a)];
    this.#current = a;
    a.set(parameters);
  }

  /**
   * One step on rows `batch` of `x` and `y`; gives their mean loss before it. Dropout is off without `rng`.
   *
   * @throws KonsilError TRAINING_DIVERGED naming the step when the loss is not finite. The parameters are looked at once,
   * when they are asked for: a pass over them would cost a tenth of a large model's step, and what is not finite in
   * them shows in the next loss.
   */
  async step(batch: Uint32Array, x: Float32Array, y: Float32Array | Int32Array, rng?: Rng): Promise<number> {
    const turn = this.#turns[this.#steps % 2]!;
    const executor = this.#executorFor(batch.length);
    executor.batch.load(batch, x, y);
    executor.drawMasks(rng);
    const values = this.#optimiser.scalarsAt(++this.#steps, this.#learningRate);
    for (const [name, data] of Object.entries(this.#scalars)) data[0] = values[name]!;
    const session = await executor.session('train');
    await session.run({ ...executor.feeds, ...turn.feeds }, turn.fetches);
    this.#current = turn.out;
    this.#checkLoss(this.#loss[0]!);
    return this.#loss[0]!;
  }

  /** A copy of the current parameters. @throws KonsilError TRAINING_DIVERGED naming one that is not finite */
  parameters(): Float32Array {
    const { entries, length } = this.#program.layout;
    const name = findNonFinite(this.#current, entries, length);
    const step = this.#steps;
    if (name !== undefined)
      throw new KonsilError(
        'TRAINING_DIVERGED',
        `parameter "${name}" is not finite after step ${step}; lower the learning rate`,
        { step },
      );
    return this.#current.slice(0, length);
  }

  #checkLoss(loss: number): void {
    if (Number.isFinite(loss)) return;
    const step = this.#steps;
    throw new KonsilError(
      'TRAINING_DIVERGED',
      `loss is ${loss} at step ${step}; check the data for missing values or lower the learning rate`,
      { step },
    );
  }
}
