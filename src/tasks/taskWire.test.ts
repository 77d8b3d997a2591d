import { describe, expect, it } from 'vitest';
import { edit, GOOD } from '../../test/support/taskText.ts';
import { fromWire, parseTask, toWire } from './index.ts';

describe('the wire form', () => {
  it.each([
    ['the example shape', GOOD],
    ['an ONNX model', edit('builtin:mlp', 'net.onnx')],
    ['a TensorFlow.js model', edit('builtin:mlp', './net/model.json')],
    ['a module that builds a model', edit('builtin:mlp', './net.mjs')],
    [
      'every quantisation key',
      edit(
        'secure: true',
        'secure: true\n    clip: 4\n    bits: 24\n    rounding: stochastic\n    scale: global\n    scale_quantile: 0.9\n    rotation: true',
      ),
    ],
    ['a share of the blocks', edit('secure: true', 'secure: true\n    sparse: 0.25')],
    ['logistic regression', edit('builtin:mlp', 'builtin:logistic_regression')],
    [
      'a predefined split',
      edit('    assign:', '    data_split: {data_splitter: predefined, args: {column_name: part}}\n    assign:'),
    ],
    [
      'everything else',
      edit('    secure: true', '    secure: false\n    clip: 2\n    weights: {a/x: 1, b/x: 2, c/x: 3}')
        .replace('epochs: 5', 'epochs: 5\n        optimizer: sgd\n        momentum: 0.5\n        gradient_clip_norm: 1')
        .replace('    assign:', '    select: {exclude: [id]}\n    compatible_datasources: [CSVSource]\n    assign:')
        .replace('task:', 'modeller: {username: r}\ntask:\n  deadlines: {join: 5}'),
    ],
    [
      'every hyperparameter',
      edit(
        'epochs: 5',
        `epochs: 5
        accumulate: 2
        optimizer: sgd
        momentum: 0.5
        nesterov: true
        schedule: {name: step, step_size: 3, gamma: 0.5, warmup_steps: 2, warmup_start: 0.1}
        loss: cross_entropy
        loss_options: {class_weights: [1, 0.5, 2], label_smoothing: 0.1}
        gradient_clip_value: 2
        gradient_clip_norm: 1
        proximal_mu: 0.1
        train: ['*.weight']
        freeze: ['layers.0.*']`,
      ),
    ],
    ['rmsprop', edit('epochs: 5', 'epochs: 5\n        optimizer: rmsprop\n        momentum: 0.5')],
    ['a cosine', edit('epochs: 5', 'epochs: 5\n        schedule: {name: cosine, total_steps: 9, minimum: 0.1}')],
  ])('comes back as it went: %s', (_, text) => {
    const { local, ...shared } = parseTask(text, '/home/r/task.yaml');
    const json = JSON.stringify(toWire(shared));
    expect(fromWire(JSON.parse(json))).toEqual(shared);
    expect(json).not.toContain('/home/r');
    expect(json).not.toContain(local.modelFile ?? '/home/r');
  });

  it('refuses a file of the pod as model, unknown keys and nonsense', () => {
    const wire = JSON.stringify(toWire(parseTask(GOOD, 't.yaml')));
    const refuse = (json: unknown, message: RegExp): void =>
      expect(() => fromWire(json)).toThrow(
        expect.objectContaining({ code: 'TASK_REJECTED', message: expect.stringMatching(message) }),
      );
    refuse(
      JSON.parse(wire.replace('builtin:mlp', '/etc/secret.onnx')),
      /names a built-in model or the model sent along, never a file/,
    );
    refuse(
      JSON.parse(wire.replace('builtin:mlp', './model.mjs')),
      /names a built-in model or the model sent along, never a file/,
    );
    refuse(JSON.parse(wire.replace('"secure":true', '"secure":true,"secureish":1')), /secureish: unknown key/);
    refuse(JSON.parse(wire.replace('"epochs":5', '"epochs":1e9')), /expected at most 1000000/);
    refuse('task', /expected a map/);
    refuse(null, /expected a map/);
  });
});
