/**
 * Finished models as they are: outputs of onnxruntime itself, models that could not be trained, and models that are refused.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { FIXTURES, readBatch, readFixture } from '../../../test/fixtures/training/fixtures.ts';
import { decodeModel, encodeModel } from '../onnx/proto.ts';
import { zooModel } from '../zoo/zoo.ts';
import { graphPorts } from './graphPorts.ts';
import { GraphRunner } from './graphRunner.ts';
import { Predictor } from './predictor.ts';

const logistic = (): Uint8Array => zooModel('logistic_regression').build({ inputs: 4, outputs: 2, seed: 1 });

/** The model with one node more at its end. */
function ending(model: Uint8Array, op: string, domain = ''): Uint8Array {
  const proto = decodeModel(model, 'm');
  const name = proto.graph.output[0]!.name!;
  const { graph } = proto;
  return encodeModel({
    ...proto,
    graph: {
      ...graph,
      node: [
        ...graph.node,
        { ...graph.node[0]!, name: `end${op}`, opType: op, domain, input: [name], output: [`end${op}`], attribute: [] },
      ],
      output: [{ ...graph.output[0]!, name: `end${op}` }],
    },
  });
}

describe('Predictor', () => {
  it.each(FIXTURES)('%s gives what the reference says, in batches that do not divide the rows', async (name) => {
    const batch = readBatch(name, 0);
    const expected = new Float64Array(readFixture(name, 'eval_y.bin'));
    let model: ArrayBuffer;
    try {
      model = readFixture(name, 'model_eval.onnx');
    } catch {
      model = readFixture(name, 'model_dyn.onnx');
    }
    const request = { model: new Uint8Array(model), source: name, batchSize: 3, threads: 1, device: 'cpu' } as const;
    const runner = await GraphRunner.open(request.model, request, 'cpu');
    const said = await runner.predict({ x: batch.x, rows: batch.rows }, () => undefined);
    await runner.close();
    expect(said.length).toBe(expected.length);
    const size = Math.max(...expected.map(Math.abs));
    for (const [i, value] of expected.entries()) expect(Math.abs(said[i]! - value)).toBeLessThan(1e-4 * (1 + size));
  });

  it('says what the values are', async () => {
    for (const [op, scale] of [
      ['Softmax', 'probabilities'],
      ['Sigmoid', 'probabilities'],
      ['Exp', 'raw'],
    ] as const) {
      const predictor = await Predictor.create({ model: ending(logistic(), op), source: 'm' });
      expect(predictor.model).toMatchObject({
        engine: 'onnx',
        device: 'cpu',
        inputWidth: 4,
        scale,
        output: { dims: [2] },
      });
      await predictor.close();
    }
    expect(graphPorts(ending(ending(logistic(), 'Softmax'), 'Identity'), 'm').scale).toBe('probabilities');
    expect(graphPorts(ending(logistic(), 'TreeEnsembleClassifier', 'ai.onnx.ml'), 'm').scale).toBe('probabilities');
  });

  it('runs operators that cannot be trained', async () => {
    const model = ending(logistic(), 'Round');
    const predictor = await Predictor.create({ model, source: 'm' });
    const said = await predictor.predict({ x: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), rows: 2 });
    expect(said.every(Number.isInteger)).toBe(true);
    await predictor.close();
  });

  it('refuses rows of another width, outputs that are not there and weights elsewhere', async () => {
    const predictor = await Predictor.create({ model: logistic(), source: 'm.onnx' });
    await expect(predictor.predict({ x: new Float32Array(6), rows: 2 })).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: expect.stringContaining('takes 4 values a row'),
    });
    await predictor.close();
    await expect(Predictor.create({ model: logistic(), source: 'm.onnx', output: 'other' })).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
    });
    const proto = decodeModel(logistic(), 'm');
    const initializer = proto.graph.initializer.map((tensor) => ({
      ...tensor,
      rawData: undefined,
      floatData: [],
      dataLocation: 1,
      externalData: [{ key: 'location', value: '/etc/hostname', unknown: [] }],
    }));
    const outside = encodeModel({ ...proto, graph: { ...proto.graph, initializer } } as unknown as typeof proto);
    expect(Buffer.from(outside).includes('/etc/hostname')).toBe(true);
    await expect(Predictor.create({ model: outside, source: 'm.onnx' })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('weights in other files'),
    });
    await expect(Predictor.create({ model: new Uint8Array(40), source: 'm.onnx' })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
    });
  });

  it('stops when it is told to', async () => {
    const predictor = await Predictor.create({ model: logistic(), source: 'm', batchSize: 1 });
    const controller = new AbortController();
    const going = predictor.predict({ x: new Float32Array(4 * 200_000), rows: 200_000 }, controller.signal);
    controller.abort();
    await expect(going).rejects.toMatchObject({ code: 'CANCELLED' });
    await predictor.close();
  });
});
