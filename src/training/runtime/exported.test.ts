/**
 * The exported file in plain onnxruntime against what the trainer predicts.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { FIXTURES, readBatch, readCase, readFixture } from '../../../test/fixtures/training/fixtures.ts';
import { compile } from '../compile.ts';
import { exportModel } from '../export.ts';
import { Engine } from './engine.ts';

describe('the exported model', () => {
  it.each(FIXTURES)('%s gives the outputs of the trainer, bit for bit', async (name) => {
    const spec = readCase(name);
    const model = new Uint8Array(readFixture(name, 'model_dyn.onnx'));
    const batch = readBatch(name, 0);
    const options = {
      ...{ source: name, loss: spec.loss.kind, batchSize: batch.rows },
      optimiser: { kind: 'adam', learningRate: 0.01 },
    } as const;
    const program = compile(model, options);
    const engine = new Engine(program, { threads: 1 });
    const y = batch.y instanceof Float32Array ? batch.y : Int32Array.from(batch.y as Iterable<bigint>, Number);
    const call = { x: batch.x, y, rows: batch.rows, parameters: program.initial, seed: 1 };
    const { parameters } = await engine.train({ ...call, budget: { steps: 2 } }, () => {});
    expect(parameters).not.toEqual(program.initial);
    const predicted = await engine.predict({ x: batch.x, rows: batch.rows, parameters }, () => {});
    const file = exportModel(model, program.layout, parameters, { source: name, head: 'none', metadata: {} });
    const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const { dims, width } = program.input;
    const isTokens = spec.inputs[0]!.dtype === 'int64';
    const feed = isTokens
      ? new ort.Tensor('int64', BigInt64Array.from(batch.x, BigInt), dims)
      : new ort.Tensor('float32', batch.x, dims);
    const { y: output } = await session.run({ [program.input.name]: feed });
    expect(Buffer.from((output!.data as Float32Array).buffer).equals(Buffer.from(predicted.buffer))).toBe(true);
    expect(batch.x.length).toBe(batch.rows * width);
    await session.release();
    await engine.close();
  });
});
