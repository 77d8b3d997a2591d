/**
 * The Konsil side of bench/train.ts: compiles and trains one model in the main thread, see trainProtocol.ts.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as ort from 'onnxruntime-node';
import { messageOf } from '../src/base/index.ts';
import { compile } from '../src/training/compile.ts';
import type { TrainingProgram } from '../src/training/program.ts';
import { Engine } from '../src/training/runtime/engine.ts';
import type { TrainRequest } from '../src/training/runtime/messages.ts';
import type { Job } from './trainCases.ts';
import type { Burst, Ended, Opened, Request } from './trainProtocol.ts';

/** Where a training call stood: steps done, and times so far of wall clock, process and ORT, in ms. */
interface Mark {
  readonly done: number;
  readonly wall: number;
  readonly cpu: number;
  readonly inRuns: number;
}

let inRuns = 0;
const sessionMs: number[] = [];

/** Times every session the engine makes, and every run of it. */
function listen(): void {
  const create = ort.InferenceSession.create.bind(ort.InferenceSession) as (
    graph: Uint8Array,
    options: ort.InferenceSession.SessionOptions,
  ) => Promise<ort.InferenceSession>;
  const timed = async (graph: Uint8Array, options: ort.InferenceSession.SessionOptions) => {
    const from = performance.now();
    const session = await create(graph, options);
    sessionMs.push(performance.now() - from);
    const run = session.run.bind(session) as (...args: unknown[]) => ReturnType<typeof session.run>;
    session.run = async (...args: unknown[]) => {
      const from = performance.now();
      const result = await run(...args);
      inRuns += performance.now() - from;
      return result;
    };
    return session;
  };
  ort.InferenceSession.create = timed as typeof ort.InferenceSession.create;
}

let engine: Engine;
let call: Omit<TrainRequest, 'budget'>;

function floats(folder: string, file: string): Float32Array {
  const bytes = readFileSync(join(folder, file));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Mean loss of `steps` steps from the initial weights, and a mark at every pause between them. */
async function train(steps: number): Promise<{ readonly loss: number; readonly marks: Mark[] }> {
  const marks: Mark[] = [];
  const { meanLoss } = await engine.train({ ...call, budget: { steps } }, (done) => {
    const { user, system } = process.cpuUsage();
    marks.push({ done, wall: performance.now(), cpu: (user + system) / 1000, inRuns });
  });
  return { loss: meanLoss, marks };
}

async function open(job: Job, firstSteps: number): Promise<Opened> {
  const frozen = new Set(job.frozen);
  const { loss, batch, folder, name } = job;
  const model = new Uint8Array(readFileSync(join(folder, 'model.onnx')));
  const options = { loss, batchSize: batch, optimiser: { kind: 'sgd', learningRate: 1e-3, momentum: 0.9 } } as const;
  const [from, cpuFrom] = [performance.now(), process.cpuUsage()];
  const program = compile(model, {
    ...options,
    source: name,
    ...(frozen.size > 0 && { trainable: (parameter: string) => !frozen.has(parameter) }),
  });
  const { user, system } = process.cpuUsage(cpuFrom);
  // neither waiting for a core nor the helper threads of the JavaScript engine count
  const compileMs = Math.min(performance.now() - from, (user + system) / 1000);
  engine = new Engine(program, { threads: job.threads });
  const y = floats(folder, 'y.bin');
  const parameters = program.initial;
  call = {
    ...{ parameters, x: floats(folder, 'x.bin'), rows: batch, seed: 1 },
    y: loss === 'cross_entropy' ? Int32Array.from(y) : y,
  };
  const first = await train(firstSteps);
  const initial = program.masks.length === 0 ? first.loss : await engine.loss(call, () => undefined);
  return { parameters: trainedCount(program), loss: initial, compileMs, sessionMs: sessionMs[0]! };
}

function trainedCount({ layout }: TrainingProgram): number {
  return layout.entries.filter(({ kind }) => kind === 'trainable').reduce((n, { count }) => n + count, 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** The last three quarters of a call, without its set-up and while it finds its pace. */
async function burst(steps: number): Promise<Burst> {
  const { marks } = await train(steps);
  const found = marks.findIndex(({ done }) => done >= Math.max(1, steps / 4) && done < steps);
  const counted = marks.slice(found < 0 ? -2 : found);
  const [start, end] = [counted[0]!, counted.at(-1)!];
  const perStep = (key: 'wall' | 'cpu', a: Mark, b: Mark): number => (b[key] - a[key]) / (b.done - a.done);
  // the median: a pause of the process between two runs is not JavaScript's time
  const outside = counted.slice(1).map((mark, i) => {
    const before = counted[i]!;
    return perStep('wall', before, mark) - (mark.inRuns - before.inRuns) / (mark.done - before.done);
  });
  return { wallMs: perStep('wall', start, end), cpuMs: perStep('cpu', start, end), jsUs: 1000 * median(outside) };
}

async function answer(request: Request): Promise<Opened | Burst | Ended> {
  if (request.do === 'open') return open(request.job, request.firstSteps);
  if (request.do === 'burst') return burst(request.steps);
  return { peakMb: process.resourceUsage().maxRSS / 1024 };
}

listen();
for await (const line of createInterface({ input: process.stdin })) {
  let reply: object;
  try {
    reply = await answer(JSON.parse(line) as Request);
  } catch (error) {
    reply = { error: messageOf(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
