import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { lstmClassifier, mobilenetV2, visionTransformer } from '../../bench/models.ts';
import { exportModel, inspectModel, Trainer, zooModel } from '../../src/training/index.ts';
import { build } from '../../src/training/zoo/architecture.ts';

const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };

function python(command: string, args: readonly string[], cwd?: string): string {
  return execFileSync(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 170_000 }).toString();
}

/** A python that has PyTorch and onnx. */
const found = ['python3', '/usr/bin/python3'].find((command) => {
  try {
    python(command, ['-c', 'import torch, torchvision, onnx']);
    return true;
  } catch {
    return false;
  }
});

async function forward(bytes: Uint8Array, x: Float32Array, dims: readonly number[]): Promise<ort.Tensor> {
  // onnxruntime 1.30 from level basic on takes a train-mode BatchNormalization of 8 channels or fewer for an inference one
  const options = { logSeverityLevel: 3, graphOptimizationLevel: 'disabled' } as const;
  const session = await ort.InferenceSession.create(bytes, options);
  const { y } = await session.run({ x: new ort.Tensor('float32', x, dims) });
  await session.release();
  return y!;
}

if (found === undefined) {
  it.skip('PyTorch is not tested: no python3 that imports torch, torchvision and onnx', () => undefined);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-pytorch-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe('the built-in architectures', () => {
    it('compute what PyTorch computes from the same weights', async () => {
      const models: Record<string, [model: Uint8Array, dims: readonly number[]]> = {
        cnn: [zooModel('cnn').build({ size: 8 }), [1, 8, 8]],
        resnet18: [zooModel('resnet18').build({ size: 64, outputs: 10 }), [3, 64, 64]],
        unet: [zooModel('unet').build({ channels: 2, outputs: 3, size: 16, width: 8, depth: 2 }), [2, 16, 16]],
        ecg_resnet: [
          zooModel('ecg_resnet').build({ leads: 2, length: 128, widths: [8, 8, 12, 16], kernel: 5, dropout: 0 }),
          [2, 128],
        ],
        vit_small: [build(visionTransformer, { size: 32, width: 48, layers: 2, heads: 3 }), [3, 32, 32]],
        mobilenet_v2: [build(mobilenetV2, { dropout: 0 }), [3, 64, 64]],
        lstm: [build(lstmClassifier, {}), [48, 32]],
      };
      const cases: Record<string, { x: readonly number[]; y: readonly number[] }> = {};
      for (const [name, [model, row]] of Object.entries(models)) {
        const dims = [4, ...row];
        const x = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(1.7 * i));
        const y = await forward(model, x, dims);
        cases[name] = { x: dims, y: y.dims };
        writeFileSync(join(folder, `${name}.onnx`), model);
        writeFileSync(join(folder, `${name}.x`), Buffer.from(x.buffer));
        writeFileSync(join(folder, `${name}.y`), Buffer.from((y.data as Float32Array).slice().buffer));
      }
      writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases));
      const results = JSON.parse(python(found, [join(import.meta.dirname, 'zooForward.py'), folder])) as Record<
        string,
        { parameters: number; error: number }
      >;
      expect(Object.keys(results)).toEqual(Object.keys(models));
      // measured: 1e-7 for the shallow ones, 4e-6 for ResNet-18, 6e-5 for MobileNetV2, whose 52 normalisations amplify
      for (const [name, { error }] of Object.entries(results)) expect(error, name).toBeLessThan(3e-4);
    });
  });

  describe('docs/guides/from-pytorch.md', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/from-pytorch.md'), 'utf8');
    const [exporting, loading] = [...guide.matchAll(/```python\n(.*?)```/gs)].map(([, code]) => code!);

    it('exports a model that trains, and takes the result back into PyTorch', async () => {
      const work = join(folder, 'guide');
      mkdirSync(join(work, 'runs/<run>'), { recursive: true });
      python(found, ['-c', exporting!], work);
      const model = new Uint8Array(readFileSync(join(work, 'model.onnx')));
      const seen = inspectModel(model, 'model.onnx');
      expect(seen.unsupported).toEqual([]);
      expect(seen.inputs).toEqual([{ name: 'x', dtype: 'float32', dims: ['batch', 30] }]);
      const trainer = await Trainer.create({
        ...{ model, source: 'model.onnx', loss: 'bce_with_logits', batchSize: 8 },
        optimiser: { kind: 'adam', learningRate: 0.01 },
      });
      const { layout, initial } = trainer.program;
      const statistics = layout.entries.filter(({ kind }) => kind === 'buffer');
      expect(statistics.map(({ name }) => name)).toEqual(['1.running_mean', '1.running_var']);
      for (const { name, offset, count } of statistics)
        expect(new Set(initial.subarray(offset, offset + count)), name).toEqual(
          new Set([name.endsWith('var') ? 1 : 0]),
        );
      const x = Float32Array.from({ length: 64 * 30 }, (_, i) => 3 + 2 * Math.sin(1.7 * i));
      const y = Float32Array.from({ length: 64 }, (_, row) => Number(x[30 * row]! > 3));
      const { parameters } = await trainer.train({
        x,
        y,
        rows: 64,
        seed: 1,
        parameters: initial,
        budget: { epochs: 5 },
      });
      await trainer.close();
      const preprocess = { mean: new Float32Array(30).fill(3), scale: new Float32Array(30).fill(2) };
      const options = { source: 'model.onnx', head: 'sigmoid', metadata: {}, preprocess } as const;
      const finished = exportModel(model, layout, parameters, options);
      writeFileSync(join(work, 'runs/<run>/model.onnx'), finished);
      const expected = [...((await forward(finished, x.subarray(0, 90), [3, 30])).data as Float32Array)];
      writeFileSync(join(work, 'x.json'), JSON.stringify([...x.subarray(0, 90)]));
      const predict = `
import json
raw = torch.tensor(json.load(open('x.json'))).reshape(3, 30)
ready = (raw - weights['preprocess/mean']) / weights['preprocess/scale']
print(json.dumps(model.eval()(ready).flatten().tolist()))
`;
      const given = JSON.parse(python(found, ['-c', exporting! + loading! + predict], work)) as number[];
      for (const [i, value] of expected.entries()) expect(given[i]).toBeCloseTo(value, 4);
    });
  });
}
