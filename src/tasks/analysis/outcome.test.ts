/** Targets of more than one class or number: read, checked, and the same after going over the wire. */
import { expect, it } from 'vitest';
import { parseTask } from '../task.ts';
import { analysisFromWire, parseAnalysis, questionToWire } from './analysis.ts';

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
  ['masks of names', task(MASKS, SEGMENTATION, 'categories: { mask: [no, yes] }'), 'expected grey values'],
  ['masks of nothing', task('{ target: mask }', SEGMENTATION, GREYS), 'needs image_cols'],
  [
    'transforms that masks do not follow',
    task(
      MASKS,
      SEGMENTATION,
      `${GREYS}\ntransform: { image: [{ albumentations: { step: test, transformations: [VerticalFlip] } }] }`,
    ),
    'has VerticalFlip, which masks do not follow',
  ],
])('%s is refused', (_what, text, message) => {
  expect(() => parseAnalysis(text, 'task.yaml')).toThrow(message);
});

it('several targets are not trained', () => {
  expect(() =>
    parseTask(
      `pods: { identifiers: [a/x, b/x, c/x] }
task:
  protocol: { name: FederatedAveraging, arguments: { epochs_between_parameter_updates: 1 } }
  algorithm:
    name: FederatedModelTraining
    model: { konsil_model: { model_ref: ./m.onnx }, hyperparameters: { epochs: 1 } }
  data_structure: { assign: { target: [p, q] } }
`,
      'task.yaml',
    ),
  ).toThrow('expected one column, got 2; several are for ModelEvaluation alone');
});
