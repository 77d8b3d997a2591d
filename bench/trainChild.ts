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

/** When runs of graphs began and ended, in ms, and the process's CPU time at the first and last beginning, in us. */
const runs = { starts: [] as number[], ends: [] as number[], cpu: [0, 0] as [number, number] };
let sessionMs = 0;

/** Times every session the engine makes, and every run of it. */
function listen(): void {
  const create = ort.InferenceSession.create.bind(ort.InferenceSession) as (
    graph: Uint8Array,
    options: ort.InferenceSession.SessionOptions,
  ) => Promise<ort.InferenceSession>;
  const timed = async (graph: Uint8Array, options: ort.InferenceSession.SessionOptions) => {
    const from = performance.now();
    const session = await create(graph, options);
    sessionMs = performance.now() - from;
    const run = session.run.bind(session) as (...args: unknown[]) => ReturnType<typeof session.run>;
    session.run = async (...args: unknown[]) => {
      const { user, system } = process.cpuUsage();
      runs.cpu[runs.starts.length === 0 ? 0 : 1] = user + system;
      runs.starts.push(performance.now());
      const result = await run(...args);
      runs.ends.push(performance.now());
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

async function train(steps: number): Promise<number> {
  for (const list of [runs.starts, runs.ends]) list.length = 0;
  return (await engine.train({ ...call, budget: { steps } }, () => undefined)).meanLoss;
}

async function open(job: Job, firstSteps: number): Promise<Opened> {
  const frozen = new Set(job.frozen);
  const { loss, batch, folder, name } = job;
  const model = new Uint8Array(readFileSync(join(folder, 'model.onnx')));
  const options = { loss, batchSize: batch, optimiser: { kind: 'sgd', learningRate: 1e-3, momentum: 0.9 } } as const;
  const from = performance.now();
  const program = compile(model, {
    ...options,
    source: name,
    ...(frozen.size > 0 && { trainable: (parameter: string) => !frozen.has(parameter) }),
  });
  const compileMs = performance.now() - from;
  engine = new Engine(program, { threads: job.threads });
  const y = floats(folder, 'y.bin');
  const parameters = program.initial;
  call = {
    ...{ parameters, x: floats(folder, 'x.bin'), rows: batch, seed: 1 },
    y: loss === 'cross_entropy' ? Int32Array.from(y) : y,
  };
  const first = await train(firstSteps);
  const trainSessionMs = sessionMs;
  const initial = program.masks.length === 0 ? first : await engine.loss(call, () => undefined);
  return { parameters: trainedCount(program), loss: initial, compileMs, sessionMs: trainSessionMs };
}

function trainedCount({ layout }: TrainingProgram): number {
  return layout.entries.filter(({ kind }) => kind === 'trainable').reduce((n, { count }) => n + count, 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** From the first run's start to the last one's: whole steps, without the set-up of a call. */
async function burst(steps: number): Promise<Burst> {
  await train(steps);
  const { starts, ends, cpu } = runs;
  const gaps = starts.slice(1).map((start, i) => start - ends[i]!);
  return {
    wallMs: (starts.at(-1)! - starts[0]!) / (steps - 1),
    cpuMs: (cpu[1] - cpu[0]) / 1000 / (steps - 1),
    jsUs: 1000 * median(gaps),
  };
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
