/**
 * What a known operator refuses is reported with the node, and all of it at once.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { modelOf, type NodeSpec } from '../../../test/fixtures/training/models.ts';
import { compile } from '../compile.ts';
import { floatTensor, intVector } from '../onnx/tensor.ts';

const weight = (...dims: number[]) => floatTensor(dims, new Float32Array(dims.reduce((n, d) => n * d, 1)).fill(0.1));

function compileNodes(nodes: readonly NodeSpec[], x: readonly number[]): unknown {
  const initializers = {
    w: weight(1, 4, 2),
    r: weight(1, 4, 1),
    p: weight(1, 3),
    lengths: intVector([2, 1]),
    scales: floatTensor([3], Float32Array.of(1, 1, 2)),
  };
  const model = modelOf(nodes, initializers, x, [2, 1]);
  return compile(model, {
    source: 'm.onnx',
    batchSize: x[0]!,
    loss: 'mse',
    optimiser: { kind: 'sgd', learningRate: 0.1 },
  });
}

describe('refusals', () => {
  it('of attributes and inputs name every node', () => {
    const lstm = (output: string, more: string[], attributes: NodeSpec[3] = {}): NodeSpec => [
      'LSTM',
      ['x', 'w', 'r', ...more],
      output,
      attributes,
    ];
    const nodes: NodeSpec[] = [
      lstm('a', [], { clip: { float: 3 } }),
      lstm('b', ['', 'lengths']),
      lstm('c', ['', '', '', '', 'p']),
      lstm('d', [], { activations: { texts: ['Sigmoid', 'Tanh', 'Cube'] } }),
      ['Resize', ['x', '', 'scales'], 'e', { mode: { text: 'linear' }, antialias: { int: 1 } }],
      ['Sum', ['a', 'b', 'c', 'd', 'e'], 'y'],
    ];
    const refused = expect(() => compileNodes(nodes, [2, 2, 2]));
    refused.toThrow(/n0.*clip.*n1.*sequence lengths \[2, 1\].*n2.*peephole.*n3.*activation "Cube".*n4.*antialias/s);
    expect(() => compileNodes(nodes, [2, 2, 2])).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  it('of long sequences say how long they may be', () => {
    expect(() => compileNodes([['LSTM', ['x', 'w', 'r'], 'y']], [2000, 2, 2])).toThrow(
      /n0.*2000 steps, expected 1 to 1024/,
    );
  });
});
