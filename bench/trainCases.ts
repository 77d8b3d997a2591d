/**
 * What bench/train.ts measures: which models, with which data, and the figures they should reach.
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { normal, seededRng } from '../src/base/index.ts';
import { decodeModel } from '../src/training/onnx/proto.ts';
import { decodeTensor } from '../src/training/onnx/tensor.ts';
import { GENERATED, type Loss } from './models.ts';

/** One model at one batch size and number of threads, as both sides get it; arrays lie in files of `folder`. */
export interface Job {
  readonly name: string;
  readonly kind: 'fixture' | 'generated';
  readonly folder: string;
  readonly batch: number;
  readonly threads: number;
  readonly loss: Loss;
  readonly x: { readonly dtype: 'float32' | 'int64'; readonly dims: readonly number[] };
  readonly y: { readonly dims: readonly number[] };
  /** Not trained. */
  readonly frozen: readonly string[];
  /** Modules that stay in eval mode. */
  readonly evalModules: readonly string[];
}

/** A model to measure; `batches` limits the batch sizes where the file fixes one. */
export interface Subject {
  readonly name: string;
  readonly kind: Job['kind'];
  prepare(folder: string, batch: number, threads: number): Job;
}

interface Stored {
  readonly dtype: 'float32' | 'int64';
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

/** The keys of a fixture's case.json that are needed here. */
interface FixtureCase {
  readonly loss: { readonly kind: string };
  readonly files: { readonly model_dynamic_batch?: string };
  readonly frozen_parameters?: readonly (string | { readonly name: string })[];
  readonly eval_mode_modules?: readonly string[];
  readonly batches: readonly Readonly<Record<'x' | 'target', Stored>>[];
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, dim) => n * dim, 1);
}

/** Writes the model, its weights by name for PyTorch, and the data; all arrays as float32. */
function write(folder: string, model: Uint8Array, x: Float32Array, y: Float32Array): void {
  mkdirSync(folder, { recursive: true });
  const weights = decodeModel(model, 'model').graph.initializer.filter(({ dataType }) => dataType === 1);
  const arrays = weights.map((proto) => decodeTensor(proto, 'model').data as Float32Array);
  const index = weights.map(({ name, dims }) => ({ name, dims }));
  writeFileSync(join(folder, 'model.onnx'), model);
  writeFileSync(join(folder, 'weights.json'), JSON.stringify(index));
  writeFileSync(
    join(folder, 'weights.bin'),
    Buffer.concat(arrays.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength))),
  );
  writeFileSync(join(folder, 'x.bin'), Buffer.from(x.buffer));
  writeFileSync(join(folder, 'y.bin'), Buffer.from(y.buffer));
}

function generated(name: string): Subject {
  return {
    name,
    kind: 'generated',
    prepare(folder, batch, threads) {
      const { make, loss } = GENERATED[name]!;
      const model = make();
      const { input, output } = decodeModel(model, name).graph;
      const [rowX, rowY] = [input[0]!, output[0]!].map((port) =>
        port.type!.tensorType!.shape!.dim.slice(1).map((dim) => dim.dimValue!),
      ) as [number[], number[]];
      const rng = seededRng(1, 'bench data');
      const x = Float32Array.from({ length: batch * sizeOf(rowX) }, () => normal(rng));
      const dims = loss === 'cross_entropy' ? [batch] : [batch, ...rowY];
      const classes = loss === 'cross_entropy' ? rowY[0]! : 2;
      const y = Float32Array.from({ length: sizeOf(dims) }, () => Math.floor(rng() * classes));
      write(folder, model, x, y);
      const port = { dtype: 'float32', dims: [batch, ...rowX] } as const;
      return {
        name,
        kind: 'generated',
        folder,
        batch,
        threads,
        loss,
        x: port,
        y: { dims },
        frozen: [],
        evalModules: [],
      };
    },
  };
}

function fixture(root: string, name: string): Subject {
  const read = (file: string): Buffer => readFileSync(join(root, name, file));
  return {
    name,
    kind: 'fixture',
    prepare(folder, batch, threads) {
      const spec = JSON.parse(read('case.json').toString()) as FixtureCase;
      const kind = spec.loss.kind === 'bce_dice' ? 'bce_with_logits' : spec.loss.kind;
      const model = new Uint8Array(read(spec.files.model_dynamic_batch ?? 'model.onnx'));
      const stored = read('batches.bin');
      const rowsOf = (key: 'x' | 'target'): { values: Float32Array; row: readonly number[] } => {
        const row = spec.batches[0]![key].shape.slice(1);
        const all = spec.batches.flatMap((entry) => numbersOf(stored, entry[key]));
        const width = sizeOf(row);
        // a batch larger than what is stored repeats it
        const values = Float32Array.from({ length: batch * width }, (_, i) => all[i % all.length]!);
        return { values, row };
      };
      const [x, y] = [rowsOf('x'), rowsOf('target')];
      write(folder, model, x.values, y.values);
      return {
        ...{ name, kind: 'fixture', folder, batch, threads },
        loss: kind as Loss,
        x: { dtype: spec.batches[0]!.x.dtype, dims: [batch, ...x.row] },
        y: { dims: [batch, ...y.row] },
        frozen: (spec.frozen_parameters ?? []).map((entry) => (typeof entry === 'string' ? entry : entry.name)),
        evalModules: spec.eval_mode_modules ?? [],
      };
    },
  };
}

function numbersOf(file: Buffer, { dtype, offset, bytes }: Stored): number[] {
  const own = file.buffer.slice(file.byteOffset + offset, file.byteOffset + offset + bytes) as ArrayBuffer;
  return dtype === 'int64' ? Array.from(new BigInt64Array(own), Number) : Array.from(new Float32Array(own));
}

/** The fixtures in folder `root`, then the generated models; only those in `wanted` unless it is empty. */
export function subjectsOf(root: string, wanted: readonly string[]): Subject[] {
  const fixtures = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => fixture(root, name));
  const all = [...fixtures, ...Object.keys(GENERATED).map(generated)];
  const unknown = wanted.filter((name) => !all.some((subject) => subject.name === name));
  if (unknown.length > 0)
    throw new Error(`no model ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`);
  return wanted.length === 0 ? all : all.filter(({ name }) => wanted.includes(name));
}

/** Largest time of a step, as a share of PyTorch's. */
export const RATIO_TARGETS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(['logreg', 'mlp', 'mlp_reg', 'lstm_tiny', 'gru_tiny', 'lstm'].map((name) => [name, 0.6])),
  ...Object.fromEntries(['cnn', 'digits_cnn'].map((name) => [name, 0.6])),
  ...Object.fromEntries(['vit_tiny', 'text_tiny', 'vit_small'].map((name) => [name, 0.9])),
  resnet18: 1.0,
  unet_tiny: 1.0,
  unet: 1.0,
  mobilenet_tiny: 1.2,
  mobilenet_v2: 1.2,
};
/** A step shorter than this makes a model tiny: then the time in JavaScript counts. */
export const TINY_STEP_MS = 2;
export const MAX_JS_US = 20;
/** Of ResNet-18, as a share of PyTorch's. */
export const MAX_MEMORY_RATIO = 1.3;
/** Of ResNet-18. */
export const MAX_COMPILE_MS = 1000;
