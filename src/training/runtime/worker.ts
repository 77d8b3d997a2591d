/**
 * The training thread: opens the model in the engine that can train it, answers one request after another.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { KonsilError } from '../../base/index.ts';
import { compile } from '../compile.ts';
import { readModelFile } from '../modelFile.ts';
import { type CompiledModel, programOf } from '../program.ts';
import { isTfjsModel } from '../tfjs/container.ts';
import { openFirst, targetOf } from './devices.ts';
import { type Checkpoint, Engine } from './engine.ts';
import type { TrainingEngine } from './engineApi.ts';
import {
  type Calls,
  type Features,
  failureOf,
  type OnTheWire,
  type OpenRequest,
  type Reply,
  type Request,
} from './messages.ts';
import { PortRows } from './rowPort.ts';
import { checkDevice } from './trial.ts';

/** Progress at most this often: a dense model takes thousands of steps a second. */
const PROGRESS_INTERVAL_MS = 50;

if (parentPort === null) throw new Error('this module runs in a worker thread');
const port = parentPort;
let engine: TrainingEngine | undefined;

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
async function withRows<B extends Features, T>(wire: OnTheWire<B>, call: (body: B) => Promise<T>): Promise<T> {
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
      say({ id: request.id, result: null });
      port.close();
      return;
    }
    const result = await answer(request);
    say({ id: request.id, result }, engine instanceof Engine ? buffersOf(result) : []);
  } catch (error) {
    say({ id: request.id, failure: failureOf(error) });
  }
}

// one request at a time: the engine's buffers are shared between calls
let queue: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  queue = queue.then(() => serve(request));
});
