import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../base/index.ts';
import { decodeModel, encodeModel } from './onnx/proto.ts';
import { assessTraining } from './trainability.ts';
import { builtinMlp } from './zoo/tabular.ts';

const mlp = (outputs: number): Uint8Array =>
  builtinMlp({ inputs: 4, hidden: [3, 3], outputs, activation: 'relu', seed: 1 });
const fixture = (name: string): Uint8Array =>
  bytesOf(readFileSync(join(import.meta.dirname, `../../test/fixtures/training/${name}/model.onnx`)));

describe('assessTraining', () => {
  it('finds a loss that fits the output', () => {
    expect(assessTraining(mlp(3), 'm', 8)).toMatchObject({ trains: true, loss: 'cross_entropy', trained: 39 });
    expect(assessTraining(mlp(1), 'm', 8)).toMatchObject({ trains: true, loss: 'bce_with_logits', batchSize: 8 });
    expect(assessTraining(fixture('resnet_tiny'), 'm', 8)).toMatchObject({ trains: true, runningStatistics: 336 });
  });

  it('lists every node in the way, with the reason', () => {
    const model = decodeModel(mlp(2), 'm');
    const [first, second] = model.graph.node.filter(({ opType }) => opType === 'Relu');
    Object.assign(first!, { opType: 'NonMaxSuppression', name: 'one' });
    Object.assign(second!, { opType: 'Gelu', name: 'two', domain: 'com.microsoft' });
    expect(assessTraining(encodeModel(model), 'm', 8)).toEqual({
      trains: false,
      obstacles: [
        { op: 'NonMaxSuppression', node: 'one', reason: 'not supported' },
        { op: 'com.microsoft::Gelu', node: 'two', reason: 'not an operator of the ONNX standard' },
      ],
    });
  });

  it('says what is wrong with nodes whose operator is known, and with the model as a whole', () => {
    // exported with a fixed batch of 8
    expect(assessTraining(fixture('lstm_tiny'), 'm', 16)).toMatchObject({
      trains: false,
      obstacles: [{ op: 'Expand', reason: expect.stringContaining('do not broadcast') }, { op: 'Expand' }],
    });
    const model = decodeModel(mlp(2), 'm');
    model.opsetImport[0]!.version = 9;
    expect(assessTraining(encodeModel(model), 'm', 8)).toEqual({
      trains: false,
      obstacles: [{ op: '', node: '', reason: 'opset 9, expected 13 to 21; export the model again with one of them' }],
    });
  });
});
