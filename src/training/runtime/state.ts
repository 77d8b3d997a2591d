/**
 * Weights, running statistics and optimiser state between steps, in host memory or on the device.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { KonsilError } from '../../base/index.ts';
import { checkParameters, type Layout, trainedLength } from '../layout.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { emitModel } from '../onnx/emit.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import { type Tensors, trainedViews, views } from './feeds.ts';

/** What a run of the training graph reads and writes. */
export interface State {
  /** Weights and statistics as they are. */
  weights(): Tensors;
  /** Optimiser state as it is. */
  slots(): Tensors;
  /** Where the new values go; undefined lets the device keep them. */
  fetches(): Tensors | undefined;
  /** Makes the new values the current ones. */
  advance(results: Tensors): void;
  /** A copy of weights and statistics, `[layout.length]`. */
  parameters(): Promise<Float32Array>;
  /** A copy of the optimiser's state, vector by vector. */
  slotValues(): Promise<Float32Array>;
}

/** What training begins with: a model, and the optimiser's state, one value for all of it or those of earlier steps. */
export interface Start {
  readonly parameters: Float32Array;
  readonly slots: number | Float32Array;
}

/** Tensor views on the optimiser's state in a whole state vector, under the names of the graph's inputs or outputs. */
function slotViews({ layout, stateSlots }: TrainingProgram, vector: Float32Array, side: 'in' | 'out'): Tensors {
  const trained = trainedLength(layout);
  const tensors: Tensors = {};
  for (let slot = 0; slot < stateSlots; slot++) {
    const nameOf = (name: string): string => (side === 'in' ? GRAPH_NAMES.state : GRAPH_NAMES.nextState)(slot, name);
    Object.assign(tensors, trainedViews(layout, vector, nameOf, layout.length + slot * trained));
  }
  return tensors;
}

/** `[weights | statistics | state 0 | state 1 ...]` before the first step. @throws KonsilError MODEL_MISMATCH */
function startVector({ layout, stateSlots }: TrainingProgram, { parameters, slots }: Start): Float32Array {
  checkParameters(layout, parameters);
  const length = trainedLength(layout) * stateSlots;
  const vector = new Float32Array(layout.length + length);
  vector.set(parameters);
  if (typeof slots === 'number') return vector.fill(slots, layout.length);
  if (slots.length !== length)
    throw new KonsilError('MODEL_MISMATCH', `optimiser state has ${slots.length} values, expected ${length}`);
  vector.set(slots, layout.length);
  return vector;
}

interface Turn {
  readonly weights: Tensors;
  readonly slots: Tensors;
  /** Weights and state, and statistics. */
  readonly trained: Tensors;
  readonly statistics: Tensors;
  readonly from: Float32Array;
  /** The vector that this turn writes. */
  readonly out: Float32Array;
}

/**
 * Two flat vectors that take turns: a step reads one through tensor views and writes the other. They must never be the
 * same: ORT would overwrite weights that the rest of the backward pass still reads, without an error.
 */
export class HostState implements State {
  readonly #layout: Layout;
  readonly #turns: readonly [Turn, Turn];
  #turn: Turn;

  constructor(program: TrainingProgram, begin: Start) {
    const { layout } = program;
    const a = startVector(program, begin);
    const b = new Float32Array(a.length);
    const buffers = { ...layout, entries: layout.entries.filter(({ kind }) => kind === 'buffer') };
    const turn = (from: Float32Array, out: Float32Array): Turn => ({
      weights: views(layout, from, GRAPH_NAMES.parameter),
      slots: slotViews(program, from, 'in'),
      trained: { ...trainedViews(layout, out, GRAPH_NAMES.nextParameter), ...slotViews(program, out, 'out') },
      statistics: views(buffers, out, GRAPH_NAMES.nextParameter),
      ...{ from, out },
    });
    this.#layout = layout;
    this.#turns = [turn(a, b), turn(b, a)];
    this.#turn = this.#turns[0];
  }

  /** Weights, statistics and state as one vector; changed by the next step but one. */
  get vector(): Float32Array {
    return this.#turn.from;
  }

  weights(): Tensors {
    return this.#turn.weights;
  }

  slots(): Tensors {
    return this.#turn.slots;
  }

  fetches(): Tensors {
    return { ...this.#turn.trained, ...this.#turn.statistics };
  }

  /** Where weights and state go when the graph gives no statistics; those stay as they are in {@link vector}. */
  trainedFetches(): Tensors {
    const { from, out, trained } = this.#turn;
    const first = trainedLength(this.#layout);
    out.set(from.subarray(first, this.#layout.length), first);
    return trained;
  }

  advance(): void {
    this.#turn = this.#turns[this.#turn === this.#turns[0] ? 1 : 0];
  }

  parameters(): Promise<Float32Array> {
    return Promise.resolve(this.vector.slice(0, this.#layout.length));
  }

  slotValues(): Promise<Float32Array> {
    return Promise.resolve(this.vector.slice(this.#layout.length));
  }
}

/** A graph that hands its inputs on: how values leave a device, whose tensors cannot be read directly. */
function downloadGraph(inputs: readonly string[], tensors: Tensors): Uint8Array {
  const graph = new GraphBuilder('gpu');
  const outputs = new Map<string, string>();
  for (const name of inputs)
    outputs.set(`host/${name}`, graph.input(name, { dtype: 'float32', dims: tensors[name]!.dims }));
  return emitModel(graph, outputs);
}

/** Values that stay on the device from step to step; they come back only when asked for. */
export class DeviceState implements State {
  readonly #program: TrainingProgram;
  readonly #options: ort.InferenceSession.SessionOptions;
  #weights: Tensors;
  #slots: Tensors;

  /** @param options - Of sessions on this device. */
  constructor(program: TrainingProgram, begin: Start, options: ort.InferenceSession.SessionOptions) {
    this.#program = program;
    this.#options = options;
    const start = startVector(program, begin);
    this.#weights = views(program.layout, start, GRAPH_NAMES.parameter);
    this.#slots = slotViews(program, start, 'in');
  }

  weights(): Tensors {
    return this.#weights;
  }

  slots(): Tensors {
    return this.#slots;
  }

  fetches(): undefined {
    return undefined;
  }

  advance(results: Tensors): void {
    const { layout, stateSlots } = this.#program;
    const [oldWeights, oldSlots] = [this.#weights, this.#slots];
    const [weights, slots]: [Tensors, Tensors] = [{}, {}];
    for (const { name, kind } of layout.entries) {
      weights[GRAPH_NAMES.parameter(name)] = results[GRAPH_NAMES.nextParameter(name)]!;
      if (kind === 'buffer') continue;
      for (let slot = 0; slot < stateSlots; slot++)
        slots[GRAPH_NAMES.state(slot, name)] = results[GRAPH_NAMES.nextState(slot, name)]!;
    }
    [this.#weights, this.#slots] = [weights, slots];
    for (const old of [...Object.values(oldWeights), ...Object.values(oldSlots)])
      if (old.location !== 'cpu') old.dispose();
  }

  async parameters(): Promise<Float32Array> {
    const { layout } = this.#program;
    return this.#download(
      layout.entries.map(({ name }) => GRAPH_NAMES.parameter(name)),
      this.#weights,
    );
  }

  async slotValues(): Promise<Float32Array> {
    const { layout, stateSlots } = this.#program;
    const trained = layout.entries.filter(({ kind }) => kind === 'trainable');
    const inputs = Array.from({ length: stateSlots }, (_, slot) =>
      trained.map(({ name }) => GRAPH_NAMES.state(slot, name)),
    ).flat();
    return inputs.length === 0 ? new Float32Array(0) : this.#download(inputs, this.#slots);
  }

  /** The values of some of `tensors`, one after another. */
  async #download(inputs: readonly string[], tensors: Tensors): Promise<Float32Array> {
    const session = await ort.InferenceSession.create(downloadGraph(inputs, tensors), this.#options);
    const results = await session.run(Object.fromEntries(inputs.map((name) => [name, tensors[name]!])));
    const values = inputs.map((name) => results[`host/${name}`]!.data as Float32Array);
    const vector = new Float32Array(values.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const value of values) {
      vector.set(value, at);
      at += value.length;
    }
    await session.release();
    return vector;
  }
}

/** Which outputs of the training graph stay on the device. */
export function deviceOutputs({ layout, stateSlots, hasMass }: TrainingProgram): Record<string, 'gpu-buffer' | 'cpu'> {
  const places: Record<string, 'gpu-buffer' | 'cpu'> = { loss: 'cpu', ...(hasMass && { mass: 'cpu' as const }) };
  for (const { name, kind } of layout.entries) {
    places[GRAPH_NAMES.nextParameter(name)] = 'gpu-buffer';
    if (kind === 'buffer') continue;
    for (let slot = 0; slot < stateSlots; slot++) places[GRAPH_NAMES.nextState(slot, name)] = 'gpu-buffer';
  }
  return places;
}
