/** Targets of more than one class or number: read, checked, and the same after going over the wire. */
import { expect, it } from 'vitest';
import { analysisFromWire, parseAnalysis, questionToWire } from '../analysis/analysis.ts';
import { fromWire, parseTask, toWire } from '../task.ts';
import { withoutOutcome } from './outcome.ts';

const task = (assign: string, args = '{}', more = ''): string => `pods: { identifiers: [a/x, b/x, c/x] }
task:
  protocol: { name: konsil.ResultsOnly }
  algorithm: { name: konsil.ModelEvaluation, model: { konsil_model: { model_ref: ./m.onnx } }, arguments: ${args} }
  aggregator: { secure: true }
  data_structure:
    assign: ${assign}
${more.replace(/^(?=.)/gm, '    ')}
`;

const MASKS = '{ target: mask, image_cols: [scan] }';
const SEGMENTATION = '{ problem: segmentation }';
const GREYS = 'categories: { mask: [0, 255] }';

it.each([
  ['multilabel', task('{ target: [p, q] }')],
  ['survival', task('{ target: [days, event] }', '{ problem: survival, times: [30, 60] }')],
  ['segmentation', task(MASKS, SEGMENTATION, GREYS)],
])('%s is the same for who receives it', (kind, text) => {
  const { local: _, ...analysis } = parseAnalysis(text, 'task.yaml');
  expect(analysis.algorithm).toMatchObject({ dataStructure: { outcome: { kind } } });
  const { algorithm } = analysis;
  if (algorithm.name !== 'ModelEvaluation') throw new TypeError('no evaluation');
  expect(analysisFromWire(questionToWire({ ...analysis, algorithm }))).toEqual(analysis);
});

it.each([
  ['one label', task('{ target: [p] }', '{ problem: multilabel }'), 'expected 2 to 64 columns of labels, got 1'],
  ['a label twice', task('{ target: [p, p] }'), 'lists a column twice'],
  ['three values of a label', task('{ target: [p, q] }', '{}', 'categories: { q: [a, b, c] }'), 'expected two values'],
  ['a time alone', task('{ target: days }', '{ problem: survival }'), 'expected two columns, time and event, got 1'],
  ['times that fall', task('{ target: [t, e] }', '{ problem: survival, times: [2, 1] }'), 'expected ascending times'],
  ['times of a number', task('{ target: p }', '{ times: [1] }'), 'times: only for problem: survival'],
  ['masks of unknown values', task(MASKS, SEGMENTATION), 'needs the grey values of the masks in mask'],
  ['masks of names', task(MASKS, SEGMENTATION, 'categories: { mask: [no, yes] }'), 'grey values from 0 to 255'],
  ['masks of nothing', task('{ target: mask }', SEGMENTATION, GREYS), 'needs image_cols'],
  [
    'classes of several labels alike',
    task('{ target: [p, q] }', '{}', 'data_split: { data_splitter: percentage, args: { stratify: true } }'),
    'needs one column of classes; there is none with problem multilabel',
  ],
])('%s is refused', (_what, text, message) => {
  expect(() => parseAnalysis(text, 'task.yaml')).toThrow(message);
});

/** A task that trains. */
const training = (
  assign: string,
  { args = '{}', hyper = '', more = '', ref = './m.onnx' } = {},
): string => `pods: { identifiers: [a/x, b/x, c/x] }
task:
  protocol: { name: FederatedAveraging, arguments: { epochs_between_parameter_updates: 1 } }
  algorithm:
    name: FederatedModelTraining
    arguments: ${args}
    model: { konsil_model: { model_ref: "${ref}" }, hyperparameters: { epochs: 1${hyper} } }
  data_structure:
    assign: ${assign}
${more.replace(/^(?=.)/gm, '    ')}
`;
const SURVIVAL = '{ problem: survival }';

it.each([
  ['several labels', training('{ target: [p, q] }'), 'multilabel', 'bce_with_logits'],
  ['times', training('{ target: [days, event] }', { args: SURVIVAL }), 'survival', 'cox'],
  ['masks', training(MASKS, { args: SEGMENTATION, more: GREYS }), 'segmentation', 'cross_entropy'],
  [
    'masks by their overlap',
    training(MASKS, { args: SEGMENTATION, more: GREYS, hyper: ', loss: bce_dice, loss_options: { smooth: 2 }' }),
    ...(['segmentation', 'bce_dice'] as const),
  ],
])('%s are trained for, and the same for who receives it', (_what, text, kind, loss) => {
  const { local: _, ...received } = parseTask(text, 'task.yaml');
  expect(received).toMatchObject({ dataStructure: { outcome: { kind } }, training: { loss } });
  expect(fromWire(toWire(received))).toEqual(received);
});

it.each([
  [
    'one loss for another outcome',
    training('{ target: [p, q] }', { hyper: ', loss: mse' }),
    'loss: mse is not for problem multilabel; expected bce_with_logits',
  ],
  [
    'times of a class',
    training('{ target: p }', { hyper: ', loss: cox' }),
    'loss: cox is not for problem regression; expected mse, mae, huber, smooth_l1',
  ],
  [
    'overlap of three classes',
    training(MASKS, { args: SEGMENTATION, more: 'categories: { mask: [0, 1, 2] }', hyper: ', loss: dice' }),
    'loss: dice is not for problem segmentation; expected cross_entropy',
  ],
  [
    'weights of two classes of three',
    training(MASKS, {
      args: SEGMENTATION,
      more: 'categories: { mask: [0, 1, 2] }',
      hyper: ', loss_options: { class_weights: [1, 2] }',
    }),
    'class_weights: expected one for each of the 3 classes, got 2',
  ],
  [
    'times by logistic regression',
    training('{ target: [days, event] }', { args: SURVIVAL, ref: 'builtin:logistic_regression' }),
    'builtin:logistic_regression is for classes; use builtin:mlp with hidden_layers: [] for a number',
  ],
  [
    'an option of another loss',
    training('{ target: p }', { hyper: ', loss_options: { beta: 2 }' }),
    'beta: only for loss smooth_l1, but loss is mse',
  ],
])('%s is refused by a training', (_what, text, message) => {
  expect(() => parseTask(text, 'task.yaml')).toThrow(message);
});

it('statistics are of one target', () => {
  const text = task('{ target: [p, q] }')
    .replace('ModelEvaluation', 'FederatedStatistics')
    .replace(/ model: .*?,(?= arg)/, '');
  expect(() => parseAnalysis(text, 'task.yaml')).toThrow('expected one column, got 2; several are for models alone');
});

it('figures of columns are of all that is predicted, the last as the target; of masks there are none', () => {
  const of = (text: string) => withoutOutcome(parseTask(text, 'task.yaml').dataStructure);
  const named = training('{ target: [days, event] }', { args: SURVIVAL, more: 'select: { include: [age] }' });
  expect(of(named)).toMatchObject({ target: 'event', select: { include: ['age', 'days'] } });
  const implied = of(training('{ target: [p, q] }'));
  expect(implied).toMatchObject({ target: 'q', select: {} });
  expect(implied).not.toHaveProperty('outcome');
  expect(of(training('{ target: p }'))).toEqual(parseTask(training('{ target: p }'), 'task.yaml').dataStructure);
  expect(of(training(MASKS, { args: SEGMENTATION, more: GREYS }))).toBeUndefined();
});
