/**
 * What a task that trains and evaluates at each site may say.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { analysisToWire, anyFromWire, isAnalysis, localTrainingOf, parseAnalysis } from '../index.ts';

const yaml = ({
  hyper = 'epochs: 2',
  args = '{}',
  model = 'builtin:mlp',
  beside = '',
  protocol = '',
  structure = 'assign: { target: y }, categories: { y: [a, b] }',
} = {}): string => `pods: { identifiers: [one/x, two/x, two/y] }
task:
  protocol: { name: konsil.ResultsOnly${protocol} }
  algorithm:
    name: konsil.ModelTrainingAndEvaluation
    arguments: ${args}
    model: { konsil_model: { model_ref: "${model}" }, hyperparameters: { ${hyper} } }
    ${beside}
  data_structure: { ${structure} }
`;

const parse = (text: string) => parseAnalysis(text, '/tasks/train.yaml');

describe('ModelTrainingAndEvaluation', () => {
  it('is read with the defaults of a training, and comes whole to the pods', () => {
    const { local, ...task } = parse(
      yaml({ args: '{ cross_site: true }', hyper: 'steps: 7, momentum: 0.9, optimizer: sgd' }),
    );
    const { algorithm } = task;
    if (algorithm.name !== 'ModelTrainingAndEvaluation') throw new TypeError(algorithm.name);
    expect(algorithm).toMatchObject({ crossSite: true, siteFigures: true, split: 'test', batchSize: 32 });
    expect(algorithm.training).toMatchObject({ unit: 'steps', total: 7, loss: 'bce_with_logits' });
    // one for each pod, however many datasets of it are asked for
    expect(algorithm.models.map(({ label }) => label)).toEqual(['own model of each site', 'one', 'two']);
    const received = anyFromWire(JSON.parse(JSON.stringify(analysisToWire(task))));
    expect(received).toEqual(task);
    expect(isAnalysis(received)).toBe(true);
    expect(localTrainingOf(task, algorithm).protocol).toEqual({
      name: 'FederatedAveraging',
      interval: 7,
      autoEval: false,
    });
    expect(local.modelFiles).toBeUndefined();
  });

  it('takes the file that training begins with from beside the task', () => {
    expect(parse(yaml({ model: './net.onnx' })).local.modelFiles).toEqual(['/tasks/net.onnx']);
  });

  it.each([
    ['no length', { hyper: 'batch_size: 8' }, /hyperparameters: expected exactly one of steps and epochs, got neither/],
    ['a loss of another kind', { hyper: 'epochs: 1, loss: mse' }, /mse is for a numeric target/],
    ['parameters that stay', { hyper: 'epochs: 1, local_parameters: [a]' }, /here all parameters stay at the site/],
    ['a TensorFlow.js model', { model: './model.json' }, /expected an ONNX file/],
    ['no such built-in model', { model: 'builtin:big' }, /unknown built-in model "big"/],
    ['other weights', { beside: 'pretrained_file: ./other.onnx' }, /begins with the weights in the file of model_ref/],
    ['no target', { structure: 'select: { include: [x] }' }, /assign: is required/],
    [
      'the statistics of others',
      { structure: 'assign: { target: y }, statistics: ./s.json' },
      /standardises by its own rows/,
    ],
    [
      'rows that are not there',
      {
        args: '{ split: test }',
        structure:
          'assign: { target: y }, data_split: { data_splitter: percentage, args: { test_percentage: 0, validation_percentage: 20 } }',
      },
      /data_split leaves no test rows/,
    ],
    [
      'models that nobody gets',
      { args: '{ cross_site: true }', protocol: ', arguments: { save_location: [Worker] }' },
      /brings models to the modeller/,
    ],
    ['rows it was trained on', { args: '{ split: all }' }, /not on rows that it was trained on/],
    ['sums of nothing', { args: '{ site_figures: false }' }, /nothing but the figures of sites/],
  ])('is refused with %s', (_what, change, message) => {
    expect(() => parse(yaml(change))).toThrow(message);
  });

  it('names no file to the pods', () => {
    const { local: _machine, ...task } = parse(yaml({ model: './net.onnx' }));
    const sent = JSON.stringify(analysisToWire(task));
    expect(sent).toContain('attached:onnx');
    expect(sent).not.toContain('net.onnx');
    expect(() => anyFromWire(JSON.parse(sent.replace('attached:onnx', './net.onnx')))).toThrow(
      /a sent task names a built-in model or the model sent along/,
    );
  });
});
