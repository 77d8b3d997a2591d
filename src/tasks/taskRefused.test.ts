/** Tasks that are refused, each with its place and what was expected. */
import { describe, expect, it } from 'vitest';
import { edit, GOOD, messageFor } from '../../test/support/taskText.ts';

describe('parseTask refuses', () => {
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
    [
      'two targets with classes of one',
      edit('target: outcome', 'target: [outcome, q]'),
      /categories\.outcome: expected two values/,
    ],
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
