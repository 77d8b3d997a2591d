/**
 * The training thread: opens the model in the engine that can train it, answers one request after another.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { KonsilError } from '../../base/index.ts';
import { compile } from '../compile.ts';
import type { OpenProgram } from '../program.ts';
import { isTfjsModel } from '../tfjs/container.ts';
import { type Checkpoint, Engine } from './engine.ts';
import type { TrainingEngine } from './engineApi.ts';
import { type Calls, failureOf, type OpenRequest, type Reply, type Request } from './messages.ts';

/** Progress at most this often: a dense model takes thousands of steps a second. */
const PROGRESS_INTERVAL_MS = 50;

if (parentPort === null) throw new Error('this module runs in a worker thread');
const port = parentPort;
let engine: TrainingEngine | undefined;

function say(reply: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(reply, transfer);
}

/** Whether `frozen` (exact names, or prefixes ending in `*`) covers `name`. */
function isFrozen(name: string, frozen: readonly string[]): boolean {
  return frozen.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry));
}

async function open(request: OpenRequest): Promise<OpenProgram> {
  const { model, compile: options, frozen, threads, backends } = request;
  const trainable = frozen.length === 0 ? {} : { trainable: (name: string) => !isFrozen(name, frozen) };
  if (isTfjsModel(model)) {
    // only here: TensorFlow.js takes a while to load
    const { TfjsEngine } = await import('../tfjs/engine.ts');
    const opened = await TfjsEngine.open(model, { ...options, ...trainable }, backends);
    engine = opened;
    return opened.program;
  }
  const program = compile(model, { ...options, ...trainable });
  engine = new Engine(program, threads);
  return { ...program, engine: 'onnx', backend: 'onnxruntime-cpu', fallbacks: [] };
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

async function answer(request: Request): Promise<unknown> {
  if (request.kind === 'open') return open(request.body as OpenRequest);
  if (engine === undefined) throw new Error('no model is open');
  if (request.kind === 'train') {
    const body = request.body as Calls['train']['request'];
    return engine.train(body, checkpointOf(request, body.wantsProgress));
  }
  const checkpoint = checkpointOf(request, false);
  if (request.kind === 'predict') return engine.predict(request.body as Calls['predict']['request'], checkpoint);
  if (request.kind === 'loss') return engine.loss(request.body as Calls['loss']['request'], checkpoint);
  return engine.gradient(request.body as Calls['gradient']['request'], checkpoint);
}

async function serve(request: Request): Promise<void> {
  try {
    if (request.kind === 'close') {
      await engine?.close();
      say({ id: request.id, result: null });
      port.close();
      return;
    }
    say({ id: request.id, result: await answer(request) });
  } catch (error) {
    say({ id: request.id, failure: failureOf(error) });
  }
}

// one request at a time: the engine's buffers are shared between calls
let queue: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  queue = queue.then(() => serve(request));
});
