import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edit, GOOD, messageFor } from '../../test/support/taskText.ts';
import { parseTask, readTask, roundsOf, splitIdentifier, toWire } from './index.ts';

const FIXTURES = new URL('../../test/fixtures/tasks/', import.meta.url);
const fixture = (name: string): string => new URL(name, FIXTURES).pathname;

describe('parseTask', () => {
  it('fills in defaults', () => {
    const task = parseTask(GOOD, 'folder/task.yaml');
    expect(task).toMatchObject({
      pods: ['a/x', 'b/x', 'c/x'],
      protocol: { name: 'FederatedAveraging', interval: 2, autoEval: true },
      algorithm: { modellerCheckpointing: true, checkpointEveryRound: false },
      model: { kind: 'builtin', name: 'mlp', hiddenLayers: [16], activation: 'relu' },
      training: {
        unit: 'epochs',
        total: 5,
        batchSize: 32,
        optimizer: 'adam',
        learningRate: 0.001,
        loss: 'cross_entropy',
        seed: 0,
      },
      aggregator: { secure: true, minimumCohort: 3 },
      dataStructure: {
        categories: { outcome: ['no', 'yes', '3'] },
        standardise: true,
        split: { splitter: 'percentage', testPercentage: 10, validationPercentage: 10, shuffle: true, seed: 0 },
      },
      local: { identity: resolve('folder/keys/modeller'), runs: resolve('folder/runs') },
    });
  });

  it('rounds up a last, shorter round', () => {
    expect(roundsOf(parseTask(GOOD, 't.yaml'))).toBe(3);
    expect(roundsOf(parseTask(edit('epochs: 5', 'epochs: 4'), 't.yaml'))).toBe(2);
  });

  it('is secure unless told otherwise', () => {
    expect(parseTask(edit('  aggregator:\n    secure: true\n', ''), 't.yaml').aggregator).toEqual({
      secure: true,
      minimumCohort: 3,
    });
    const plain = parseTask(edit('secure: true', 'secure: false\n    weights: {a/x: 1, b/x: 2, c/x: 1}'), 't.yaml');
    expect(plain.aggregator).toEqual({ secure: false, minimumCohort: 1, weights: { 'a/x': 1, 'b/x': 2, 'c/x': 1 } });
  });

  it.each([
    ['no prefix', edit('konsil.FederatedAveraging', 'FederatedAveraging')],
    ['bitfount prefix', edit('konsil.FederatedModel', 'bitfount.FederatedModel')],
    ['bitfount_model', edit('konsil_model', 'bitfount_model')],
    [
      'a list of one algorithm',
      edit('    name: konsil.FederatedModelTraining', '  - name: konsil.FederatedModelTraining'),
    ],
    ['datastructure', edit('data_structure', 'datastructure')],
    ['target as a list', edit('target: outcome', 'target: [outcome]')],
    ['keys without a value', edit('secure: true', 'secure: true\n    weights:\n    clip: null')],
    [
      'documented no-ops',
      `${GOOD}batched_execution: false\ntest_run: false\nforce_rerun_failed_files: true\nversion: "1.0.0"\n`,
    ],
    [
      'no-ops of the data structure',
      edit('    assign:', '    table_config: {table: x}\n    schema_requirements: {partial: [CSVSource]}\n    assign:'),
    ],
  ])('accepts the other form: %s', (_, text) => {
    expect(toWire(parseTask(text, 't.yaml'))).toEqual(toWire(parseTask(GOOD, 't.yaml')));
  });

  it('accepts the model nested in arguments, and in its older place', () => {
    const [head, rest] = GOOD.split('    model:\n') as [string, string];
    const [modelLines, tail] = rest.split('  aggregator:') as [string, string];
    const nested = `${head}    arguments:\n      model:\n${modelLines.replace(/^/gm, '  ').trimEnd()}\n  aggregator:${tail}`;
    const older = `${head}  model:\n${modelLines.replace(/^ {2}/gm, '').trimEnd()}\n  aggregator:${tail}`;
    const wanted = toWire(parseTask(GOOD, 't.yaml'));
    expect(toWire(parseTask(nested, 't.yaml'))).toEqual(wanted);
    expect(toWire(parseTask(older, 't.yaml'))).toEqual(wanted);
    expect(
      messageFor(GOOD.replace('  aggregator:', '  model: {konsil_model: {model_ref: builtin:mlp}}\n  aggregator:')),
    ).toContain('task.model: already given as task.algorithm.model; keep one of the two');
  });

  it('resolves paths against the folder of the file, and ~', () => {
    const text = `${edit('builtin:mlp', './net.onnx').replace('    model:\n', '    pretrained_file: ~/start.onnx\n    model:\n')}konsil:\n  broker: {url: mqtts://b.example:8883, ca_file: ca.pem, password_file: /run/pw}\n`;
    expect(parseTask(text, '/srv/site/task.yaml').local).toEqual({
      file: '/srv/site/task.yaml',
      modelFile: '/srv/site/net.onnx',
      pretrainedFile: `${homedir()}/start.onnx`,
      broker: { url: 'mqtts://b.example:8883', caFile: '/srv/site/ca.pem', passwordFile: '/run/pw' },
      identity: '/srv/site/keys/modeller',
      runs: '/srv/site/runs',
    });
  });
});

describe('readTask', () => {
  it('reads the example', async () => {
    const task = await readTask(new URL('../../examples/breast-cancer/task.yaml', import.meta.url).pathname);
    expect(roundsOf(task)).toBe(20);
    expect(task.pods).toHaveLength(4);
    expect(task.training.loss).toBe('bce_with_logits');
  });

  it('says which file is missing', async () => {
    await expect(readTask('/nowhere/task.yaml')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'cannot read /nowhere/task.yaml; expected a YAML file',
    });
    await expect(readTask(fixture('missingModel.yaml'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/model_ref: no file .*absent\.onnx$/),
    });
  });
});

describe('splitIdentifier', () => {
  it('takes a pod, or a pod and its dataset', () => {
    expect(splitIdentifier('a')).toEqual({ pod: 'a' });
    expect(splitIdentifier('a/x')).toEqual({ pod: 'a', dataset: 'x' });
  });
});
