import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isKonsilError } from '../base/index.ts';
import { fromWire, parseTask, readTask, roundsOf, splitIdentifier, toWire } from './index.ts';

const FIXTURES = new URL('../../test/fixtures/tasks/', import.meta.url);
const fixture = (name: string): string => new URL(name, FIXTURES).pathname;

/** A valid task, changed by replacing text, so that every case shows the one thing that is different. */
const GOOD = `pods:
  identifiers: [a/x, b/x, c/x]
task:
  protocol:
    name: konsil.FederatedAveraging
    arguments:
      epochs_between_parameter_updates: 2
  algorithm:
    name: konsil.FederatedModelTraining
    model:
      konsil_model:
        model_ref: builtin:mlp
      hyperparameters:
        epochs: 5
  aggregator:
    secure: true
  data_structure:
    assign:
      target: outcome
    categories:
      outcome: [no, yes, 3]
`;

const edit = (from: string, to: string): string => {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
};

const messageFor = (text: string): string => {
  try {
    parseTask(text, 'task.yaml');
  } catch (error) {
    if (isKonsilError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  return 'accepted';
};

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
    expect(parseTask(text, '/srv/work/task.yaml').local).toEqual({
      file: '/srv/work/task.yaml',
      modelFile: '/srv/work/net.onnx',
      pretrainedFile: `${homedir()}/start.onnx`,
      broker: { url: 'mqtts://b.example:8883', caFile: '/srv/work/ca.pem', passwordFile: '/run/pw' },
      identity: '/srv/work/keys/modeller',
      runs: '/srv/work/runs',
    });
  });

  it.each([
    [
      'unknown key',
      edit('epochs: 5', 'epochs: 5\n        lerning_rate: 1'),
      /^task\.yaml:15:9 task\.algorithm\.model\.hyperparameters\.lerning_rate: unknown key; did you mean "learning_rate"\? allowed: steps, epochs, /,
    ],
    [
      'refused keys are not offered',
      `${GOOD}tepmlate: {}\n`,
      /^task\.yaml:22:1 tepmlate: unknown key; allowed: (?!.*template)/,
    ],
    [
      'unknown protocol',
      edit('konsil.FederatedAveraging', 'bitfount.FederatedAverging'),
      'task.yaml:5:11 task.protocol.name: unknown protocol "bitfount.FederatedAverging"; expected one of FederatedAveraging, ResultsOnly, InferenceAndCSVReport, InferenceAndReturnCSVReport, InstrumentedInferenceAndCSVReport, InferenceAndImageOutput (also with prefix bitfount. or konsil.); did you mean "FederatedAveraging"?',
    ],
    [
      'protocol of a later version',
      edit('konsil.FederatedAveraging', 'bitfount.GAScreeningProtocolJade'),
      /protocol GAScreeningProtocolJade is not supported by this version; expected one of FederatedAveraging, ResultsOnly/,
    ],
    [
      'unknown algorithm',
      edit('konsil.FederatedModelTraining', 'Training'),
      /^task\.yaml:9:11 task\.algorithm\.name: unknown algorithm "Training"; expected one of FederatedModelTraining/,
    ],
    [
      'wrong type',
      edit('epochs: 5', 'epochs: "5"'),
      'task.yaml:14:17 task.algorithm.model.hyperparameters.epochs: expected a number, got "5"',
    ],
    [
      'not whole',
      edit('epochs: 5', 'epochs: 5.5'),
      'task.yaml:14:17 task.algorithm.model.hyperparameters.epochs: expected a whole number, got 5.5',
    ],
    [
      'out of range',
      edit('epochs: 5', 'epochs: 0'),
      'task.yaml:14:17 task.algorithm.model.hyperparameters.epochs: expected at least 1, got 0',
    ],
    [
      'wrong choice',
      edit('epochs: 5', 'epochs: 5\n        optimizer: adamm'),
      /expected one of sgd, adam, adamw, rmsprop, adagrad, got "adamm"; did you mean "adam"\?/,
    ],
    [
      'a map where a list is due',
      edit('[a/x, b/x, c/x]', '{a: 1}'),
      'task.yaml:2:16 pods.identifiers: expected a list, got a map',
    ],
    [
      'missing key',
      edit('    assign:\n      target: outcome\n', ''),
      'task.yaml:17:3 task.data_structure.assign: is required; expected a map',
    ],
    [
      'steps against epochs',
      edit('epochs_between', 'steps_between'),
      'task.yaml:7:7 task.protocol.arguments.steps_between_parameter_updates: counts steps, but task.algorithm.model.hyperparameters.epochs counts epochs; expected epochs_between_parameter_updates',
    ],
    [
      'no interval',
      edit('      epochs_between_parameter_updates: 2', '      auto_eval: false'),
      /task\.protocol\.arguments: expected exactly one of steps_between_parameter_updates and epochs_between_parameter_updates, got neither/,
    ],
    ['both intervals', edit('updates: 2', 'updates: 2\n      steps_between_parameter_updates: 2'), /got both/],
    [
      'steps and epochs',
      edit('epochs: 5', 'epochs: 5\n        steps: 5'),
      /hyperparameters: expected exactly one of steps and epochs, got both/,
    ],
    [
      'interval above the total',
      edit('updates: 2', 'updates: 6'),
      /epochs_between_parameter_updates: 6 is more than task\.algorithm\.model\.hyperparameters\.epochs, which is 5/,
    ],
    [
      'secure with weights',
      edit('secure: true', 'secure: true\n    weights: {a/x: 1, b/x: 1, c/x: 1}'),
      'task.yaml:17:5 task.aggregator.weights: not possible with secure aggregation; remove weights or set task.aggregator.secure to false',
    ],
    [
      'weights with secure by default',
      edit('secure: true', 'weights: {a/x: 1, b/x: 1, c/x: 1}'),
      /which is on unless secure: false is written/,
    ],
    [
      'weights of strangers',
      edit('secure: true', 'secure: false\n    weights: {a/x: 1, b/x: 1, d/x: 1}'),
      /weights\.d\/x: is not in pods\.identifiers.*\n.*no weight for c\/x/,
    ],
    [
      'secure said twice',
      edit('updates: 2', 'updates: 2\n      secure_aggregation: false'),
      /secure_aggregation: is false, but task\.aggregator\.secure is true; keep one of the two/,
    ],
    [
      'too few pods for secrecy',
      edit('[a/x, b/x, c/x]', '[a/x, b/x]'),
      /pods\.identifiers: secure aggregation needs at least 3 pods, got 2/,
    ],
    [
      'a secure sum of one',
      edit('secure: true', 'minimum_cohort: 1'),
      /minimum_cohort: a sum of one update is that update/,
    ],
    [
      'masked precision in the open',
      edit('secure: true', 'secure: false\n    bits: 16\n    rotation: false'),
      /bits: only masked updates are rounded.*\n.*rotation: only masked/,
    ],
    [
      'a clip a tensor after tensors are mixed',
      edit('secure: true', 'rotation: true\n    scale: per_tensor'),
      /scale: not possible with rotation: true, which mixes tensors; expected fixed or global/,
    ],
    [
      'a quantile of nothing',
      edit('secure: true', 'scale_quantile: 0.5'),
      /scale_quantile: only with scale: global or per_tensor/,
    ],
    [
      'parts of an update in the open',
      edit('secure: true', 'secure: false\n    sparse: 0.25'),
      /sparse: only masked updates are sent in part; remove it, or set secure to true/,
    ],
    [
      'blocks of a rotated update',
      edit('secure: true', 'rotation: true\n    sparse: 0.25'),
      /sparse: not possible with rotation: true, which spreads every change over all blocks/,
    ],
    [
      'votes beside noise',
      edit(
        'secure: true',
        'secure: true\n    sparse: 0.25\n    privacy: {noise_multiplier: 1, clip_norm: 1, delta: 1.0e-5}',
      ),
      /sparse: not with privacy: no noise would cover the votes/,
    ],
    ['all of it as a part', edit('secure: true', 'sparse: 1'), /aggregator\.sparse: expected/],
    ['nothing as a part', edit('secure: true', 'sparse: 0'), /aggregator\.sparse: expected/],
    ['seven bits', edit('secure: true', 'bits: 7'), /aggregator\.bits: expected at least 8/],
    [
      'a cohort never reached',
      edit('secure: true', 'minimum_cohort: 9'),
      /3 pods can never reach task\.aggregator\.minimum_cohort, which is 9/,
    ],
    ['a pod twice', edit('c/x]', 'a/x]'), 'task.yaml:2:27 pods.identifiers.2: a/x is listed twice'],
    [
      'include with exclude',
      edit('    assign:', '    select: {include: [p], exclude: [q]}\n    assign:'),
      /select\.exclude: not possible together with task\.data_structure\.select\.include;/,
    ],
    [
      'target excluded',
      edit('    assign:', '    select: {exclude: [outcome]}\n    assign:'),
      /leaves out outcome, but task\.data_structure\.assign\.target needs it/,
    ],
    ['two targets', edit('target: outcome', 'target: [p, q]'), /assign\.target: expected one column, got 2/],
    ['a class twice', edit('[no, yes, 3]', '[no, yes, no]'), /categories\.outcome: "no" is listed twice/],
    [
      'mse on classes',
      edit('epochs: 5', 'epochs: 5\n        loss: mse'),
      /loss: mse is for a numeric target, but task\.data_structure\.categories\.outcome makes it classes/,
    ],
    [
      'cross entropy on numbers',
      edit('outcome: [', 'other: [').replace('epochs: 5', 'epochs: 5\n        loss: cross_entropy'),
      /loss: cross_entropy is for classes; list them in task\.data_structure\.categories\.outcome/,
    ],
    [
      'two-class loss on three',
      edit('epochs: 5', 'epochs: 5\n        loss: bce_with_logits'),
      /bce_with_logits is for two classes, but .* has 3; expected cross_entropy/,
    ],
    [
      'momentum with adam',
      edit('epochs: 5', 'epochs: 5\n        momentum: 0.9'),
      /momentum: only for optimizer sgd or rmsprop, but optimizer is adam/,
    ],
    [
      'nesterov without momentum',
      edit('epochs: 5', 'epochs: 5\n        optimizer: sgd\n        nesterov: true'),
      /nesterov: needs momentum above 0/,
    ],
    [
      'a numeric loss on classes',
      edit('epochs: 5', 'epochs: 5\n        loss: huber'),
      /loss: huber is for a numeric target/,
    ],
    [
      'an option of another loss',
      edit('epochs: 5', 'epochs: 5\n        loss_options: {delta: 2}'),
      /loss_options\.delta: only for loss huber, but loss is cross_entropy/,
    ],
    [
      'class weights for other classes',
      edit('epochs: 5', 'epochs: 5\n        loss_options: {class_weights: [1, 2]}'),
      /class_weights: expected one for each of the 3 classes, got 2/,
    ],
    [
      'class weights of nothing',
      edit('epochs: 5', 'epochs: 5\n        loss_options: {class_weights: [0, 0, 0]}'),
      /class_weights: expected one above 0/,
    ],
    [
      'a key of another schedule',
      edit('epochs: 5', 'epochs: 5\n        schedule: {name: cosine, step_size: 3}'),
      /schedule\.step_size: only for schedule step, but schedule is cosine/,
    ],
    [
      'a schedule in steps without their size',
      edit('epochs: 5', 'epochs: 5\n        schedule: {name: step}'),
      /schedule: schedule step needs step_size/,
    ],
    ['a negative pull', edit('epochs: 5', 'epochs: 5\n        proximal_mu: -1'), /proximal_mu: expected at least 0/],
    [
      'layers of an ONNX file',
      edit('builtin:mlp', 'net.onnx').replace('epochs: 5', 'epochs: 5\n        hidden_layers: [3]'),
      /hidden_layers: only for builtin:mlp/,
    ],
    [
      'unknown built-in',
      edit('builtin:mlp', 'builtin:cnn'),
      /unknown built-in model "cnn"; expected builtin:mlp, builtin:logistic_regression/,
    ],
    [
      'layers of a linear model',
      edit('builtin:mlp', 'builtin:logistic_regression').replace('epochs: 5', 'epochs: 5\n        hidden_layers: [3]'),
      /hidden_layers: only for builtin:mlp, not for builtin:logistic_regression/,
    ],
    [
      'logistic regression of a number',
      edit('builtin:mlp', 'builtin:logistic_regression').replace('outcome: [', 'other: ['),
      /model_ref: builtin:logistic_regression is for classes; list them in task\.data_structure\.categories\.outcome/,
    ],
    [
      'a model without its owner',
      edit('builtin:mlp', 'Net'),
      /model_ref: expected a file that ends in \.onnx, .*or a model of the store: owner\/name, or a name with username, got "Net"/,
    ],
    ['what only the wire says', edit('builtin:mlp', 'attached:onnx'), /expected a file that ends in \.onnx/],
    ['the same of TensorFlow.js', edit('builtin:mlp', 'attached:tfjs'), /expected a file that ends in \.onnx/],
    [
      'nothing left to train on',
      edit('    assign:', '    data_split: {args: {test_percentage: 60, validation_percentage: 40}}\n    assign:'),
      /take 100 % and leave nothing to train on/,
    ],
    [
      'an argument of the other splitter',
      edit('    assign:', '    data_split: {data_splitter: predefined, args: {seed: 1}}\n    assign:'),
      /args\.seed: only for data_splitter percentage, but it is predefined/,
    ],
    [
      'stratify without classes',
      edit('outcome: [', 'other: [').replace('    assign:', '    data_split: {args: {stratify: true}}\n    assign:'),
      /stratify: needs classes; list them in data_structure\.categories\.outcome/,
    ],
    [
      'no data source there is',
      edit('    assign:', '    compatible_datasources: [DICOMSorce]\n    assign:'),
      /compatible_datasources: expected some of CSVSource, ImageSource, .*; did you mean "DICOMSource"/,
    ],
    [
      'batched execution',
      `${GOOD}batched_execution: true\n`,
      'task.yaml:22:20 batched_execution: training needs all rows; only false is possible',
    ],
    [
      'privacy that would not be kept',
      edit('    model:\n', '    model:\n      dp_config: {epsilon: 1}\n'),
      /dp_config: use hyperparameters\.private_steps/,
    ],
    ['secrets', `${GOOD}secrets: {}\n`, /secrets do not belong in a task file/],
    [
      'a password',
      `${GOOD}konsil: {broker: {url: mqtt://h, password: x}}\n`,
      /write the password to a file and name it in password_file/,
    ],
    [
      'two algorithms',
      edit(
        '  algorithm:\n    name: konsil.FederatedModelTraining',
        '  algorithm:\n  - {name: FederatedModelTraining}\n  - name: FederatedModelTraining',
      ),
      /task\.algorithm: FederatedAveraging runs exactly one algorithm, got a list of 2/,
    ],
    [
      'a key twice',
      edit('    secure: true', '    secure: true\n    secure: false'),
      'task.yaml:17:5 this key stands twice in the same map; keep one of them',
    ],
    ['a tab', edit('  protocol:', '\tprotocol:'), 'indent with spaces, YAML does not allow tabs'],
    ['broken YAML', 'pods: [a, b\ntask: 1\n', /^task\.yaml:\d+:\d+ not valid YAML: /],
    [
      'a skeleton from the documentation',
      edit('    arguments:\n      epochs_between_parameter_updates: 2', '    arguments: { ... }'),
      'task.yaml:6:16 task.protocol.arguments: "..." is a placeholder of the documentation; write the settings here or remove the key',
    ],
    ['an empty file', '', 'task.yaml:1:1 expected a map, got nothing'],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`,
      /too many or unresolved YAML aliases/,
    ],
  ])('explains: %s', (_, text, expected) => {
    if (typeof expected === 'string') expect(messageFor(text)).toContain(expected);
    else expect(messageFor(text)).toMatch(expected);
  });

  it('lists all problems at once, one a line', () => {
    const lines = messageFor(
      edit('epochs: 5', 'epochs: 0\n        batch_size: x').replace('[a/x, b/x, c/x]', 'a/x'),
    ).split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['task.yaml:2:16', 'task.yaml:14:17', 'task.yaml:15:21']);
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

describe('splitIdentifier', () => {
  it('takes a pod, or a pod and its dataset', () => {
    expect(splitIdentifier('a')).toEqual({ pod: 'a' });
    expect(splitIdentifier('a/x')).toEqual({ pod: 'a', dataset: 'x' });
  });
});
