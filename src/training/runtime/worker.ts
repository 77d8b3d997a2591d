/**
 * The training thread: opens the model in the engine that can train it, answers one request after another.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { KonsilError } from '../../base/index.ts';
import { compile } from '../compile.ts';
import { readModelFile } from '../modelFile.ts';
import { type CompiledModel, programOf } from '../program.ts';
import { isTfjsModel, unpackTfjs } from '../tfjs/container.ts';
import { endsInProbabilities } from '../tfjs/topology.ts';
import { openFirst, targetOf } from './devices.ts';
import { type Checkpoint, Engine } from './engine.ts';
import type { TrainingEngine } from './engineApi.ts';
import { GraphRunner } from './graphRunner.ts';
import {
  type Calls,
  failureOf,
  type LoadedModel,
  type LoadRequest,
  type OnTheWire,
  type OpenRequest,
  type Reply,
  type Request,
  type Rows,
} from './messages.ts';
import { PortRows } from './rowPort.ts';
import { checkDevice } from './trial.ts';

/** Progress at most this often: a dense model takes thousands of steps a second. */
const PROGRESS_INTERVAL_MS = 50;

if (parentPort === null) throw new Error('this module runs in a worker thread');
const port = parentPort;
let engine: TrainingEngine | undefined;
/** A model that is run and not trained. */
let runner: Pick<GraphRunner, 'predict' | 'close'> | undefined;

function say(reply: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(reply, transfer);
}

async function open(request: OpenRequest): Promise<Calls['open']['result']> {
  const { model: given, compile: options, threads, device: choice, backends } = request;
  const model = given instanceof Uint8Array ? given : await readModelFile(given.file);
  if (isTfjsModel(model)) {
    // only here: TensorFlow.js takes a while to load
    const { TfjsEngine } = await import('../tfjs/engine.ts');
    const tfjs = await TfjsEngine.open(model, options, backends);
    engine = tfjs;
    return tfjs.program;
  }
  const { device, opened, fallbacks } = await openFirst(choice, async (candidate) => {
    const target = targetOf(candidate);
    const compileFor = (batchSize: number): CompiledModel => compile(model, { ...options, batchSize, target });
    const compiled = compileFor(options.batchSize);
    const made = new Engine(compiled, { threads, device: candidate, recompile: compileFor });
    if (candidate !== 'cpu') {
      await made.trial();
      await checkDevice(compileFor, options.batchSize, candidate, threads);
    }
    return { made, compiled };
  });
  engine = opened.made;
  return { ...programOf(opened.compiled), engine: 'onnx', device, fallbacks };
}

async function load(request: LoadRequest): Promise<LoadedModel> {
  const { model: given, source, batchSize, device: choice } = request;
  const model = given instanceof Uint8Array ? given : await readModelFile(given.file);
  if (isTfjsModel(model)) {
    const { TfjsEngine } = await import('../tfjs/engine.ts');
    // with this loss a model keeps the activation at its end
    const optimiser = { kind: 'sgd', learningRate: 0 } as const;
    const tfjs = await TfjsEngine.open(model, { source, batchSize, loss: 'mse', optimiser });
    const { engine: kind, device, fallbacks, initial, input, output } = tfjs.program;
    runner = {
      predict: (rows, checkpoint) => tfjs.predict({ ...rows, parameters: initial }, checkpoint),
      close: () => tfjs.close(),
    };
    return {
      ...{ engine: kind, device, fallbacks, inputWidth: input.width },
      scale: endsInProbabilities(unpackTfjs(model, source).topology, source) ? 'probabilities' : 'raw',
      output: { name: output.name, dims: output.dims.slice(1) },
    };
  }
  const { device, opened, fallbacks } = await openFirst(choice, (candidate) =>
    GraphRunner.open(model, request, candidate),
  );
  runner = opened;
  return { engine: 'onnx', device, fallbacks, ...opened.description };
}

/** Memory of the vectors in an ONNX engine's result, all made for it: the main thread takes them over. */
function buffersOf(result: unknown): ArrayBuffer[] {
  const values = result instanceof Float32Array ? [result] : Object.values(result ?? {});
  return values.flatMap((value) => (value instanceof Float32Array ? [value.buffer as ArrayBuffer] : []));
}

function checkpointOf(request: Request, wantsProgress: boolean): Checkpoint {
  let last = performance.now();
  return (done, total, loss) => {
    if (Atomics.load(request.cancel, 0) !== 0)
      throw new KonsilError('CANCELLED', `cancelled after ${done} of ${total}`);
    const now = performance.now();
    if (!wantsProgress || done === 0 || (done < total && now - last < PROGRESS_INTERVAL_MS)) return;
    last = now;
    say({ id: request.id, progress: [done, total, loss] });
  };
}

/** Calls with the rows of a request, wherever they are. */
async function withRows<B extends Rows, T>(wire: OnTheWire<B>, call: (body: B) => Promise<T>): Promise<T> {
  if (wire.x instanceof Float32Array) return call(wire as unknown as B);
  const x = new PortRows(wire.x);
  try {
    return await call({ ...wire, x } as unknown as B);
  } finally {
    x.close();
  }
}

async function answer(request: Request): Promise<unknown> {
  if (request.kind === 'open') return open(request.body as OpenRequest);
  if (request.kind === 'load') return load(request.body as LoadRequest);
  if (request.kind === 'run') {
    if (runner === undefined) throw new Error('no model is loaded');
    const loaded = runner;
    return withRows(request.body as Calls['run']['request'], (own) =>
      loaded.predict(own, checkpointOf(request, false)),
    );
  }
  if (engine === undefined) throw new Error('no model is open');
  const ready = engine;
  if (request.kind === 'train') {
    const body = request.body as Calls['train']['request'];
    return withRows(body, (own) => ready.train(own, checkpointOf(request, body.wantsProgress)));
  }
  const checkpoint = checkpointOf(request, false);
  if (request.kind === 'predict')
    return withRows(request.body as Calls['predict']['request'], (own) => ready.predict(own, checkpoint));
  if (request.kind === 'loss')
    return withRows(request.body as Calls['loss']['request'], (own) => ready.loss(own, checkpoint));
  return withRows(request.body as Calls['gradient']['request'], (own) => ready.gradient(own, checkpoint));
}

async function serve(request: Request): Promise<void> {
  try {
    if (request.kind === 'close') {
      await engine?.close();
      await runner?.close();
      say({ id: request.id, result: null });
      port.close();
      return;
    }
    const result = await answer(request);
    say({ id: request.id, result }, engine instanceof Engine || runner instanceof GraphRunner ? buffersOf(result) : []);
  } catch (error) {
    say({ id: request.id, failure: failureOf(error) });
  }
}

// one request at a time: the engine's buffers are shared between calls
let queue: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  queue = queue.then(() => serve(request));
});
