/**
 * Rows a second of models that are run for inference: the predictor that pods use, in its own thread, beside onnxruntime called
 * plainly with the same batches, in turns. A device that is not here is left out.
 * @module
 */
import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import { DEVICES, Predictor, zooModel } from '../src/training/index.ts';

const SECONDS = 2;
const TURNS = 5;
const CASES = [
  {
    name: 'MLP 30-64-32-2',
    dims: [30],
    batch: 1_024,
    model: zooModel('mlp').build({ inputs: 30, hidden: [64, 32], outputs: 2 }),
  },
  { name: 'CNN 28×28, 1.7 M', dims: [1, 28, 28], batch: 64, model: zooModel('cnn').build({}) },
] as const;

/** Provider names of onnxruntime where they are not the device's own. */
const PROVIDERS: Readonly<Record<string, string>> = { directml: 'dml' };

/** Rows a second of the middle turn. */
function median(turns: readonly number[]): number {
  return turns.toSorted((a, b) => a - b)[Math.floor(turns.length / 2)]!;
}

/** Rows a second while `run` is called for a while. */
async function rateOf(rows: number, run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let done = 0;
  while (performance.now() - started < (1_000 * SECONDS) / TURNS) {
    await run();
    done += rows;
  }
  return (1_000 * done) / (performance.now() - started);
}

const rows: string[] = [];
for (const { name, dims, batch, model } of CASES)
  for (const device of DEVICES) {
    const width = dims.reduce<number>((product, dim) => product * dim, 1);
    const x = Float32Array.from({ length: batch * width }, (_, i) => Math.sin(i));
    let predictor: Predictor;
    let session: ort.InferenceSession;
    try {
      predictor = await Predictor.create({ model, source: name, batchSize: batch, device: [device], threads: 1 });
      const executionProviders = [PROVIDERS[device] ?? device];
      session = await ort.InferenceSession.create(model, {
        ...{ executionProviders, intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
      });
    } catch {
      continue; // not on this machine
    }
    const input = session.inputNames[0]!;
    const plain = () => session.run({ [input]: new ort.Tensor('float32', x, [batch, ...dims]) });
    const ours = () => predictor.predict({ x, rows: batch });
    await plain();
    await ours();
    const [plainRates, ourRates]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn++) {
      plainRates.push(await rateOf(batch, plain));
      ourRates.push(await rateOf(batch, ours));
    }
    await predictor.close();
    await session.release();
    const [fast, slow] = [median(plainRates), median(ourRates)];
    rows.push(
      `| ${name} | ${device} | ${batch} | ${Math.round(fast)} | ${Math.round(slow)} | ${(slow / fast).toFixed(2)} |`,
    );
  }
process.stdout.write(
  `${availableParallelism()} cores, Node ${process.version}, one thread computes\n
| model | device | rows a batch | onnxruntime, rows/s | Predictor, rows/s | ratio |
|---|---|---|---|---|---|
${rows.join('\n')}\n`,
);
process.exit(0);
