import { expect, it } from 'vitest';
import { parseAnalysis } from '../../tasks/index.ts';
import { questionOf } from './question.ts';

const task = (algorithm: string, split = 'seed: 1'): ReturnType<typeof questionOf> =>
  questionOf(
    parseAnalysis(
      `pods: { identifiers: [a/d, b/d, c/d] }
modeller: { username: me }
task:
  protocol: { name: konsil.ResultsOnly }
  algorithm:
${algorithm}
  aggregator: { secure: true }
  data_structure:
    select: { include: [x] }
    assign: { target: y }
    categories: { y: ['0', '1'] }
    data_split: { data_splitter: percentage, args: { test_percentage: 50, validation_percentage: 0, ${split} } }
konsil: { broker: { url: 'mqtt://127.0.0.1' }, identity: ./k, runs: ./r }
`,
      '/site/task.yaml',
    ).algorithm,
  );
const model = (args: string, file = 'a.onnx'): string =>
  `    - { name: konsil.ModelEvaluation, model: { konsil_model: { model_ref: ./${file} } }, arguments: { ${args} } }\n`;

it('stays the same when models have other names, come with others, or groups are looked at besides', () => {
  const asked = task(model('label: one'));
  for (const again of [
    model('label: two'),
    model('label: one, site_figures: true'),
    model('label: one, subgroups: { g: [m, f] }'),
    model('label: one') + model('label: two', 'b.onnx'),
  ])
    expect(task(again), again).toBe(asked);
  for (const other of [model('split: all'), model('outputs: logits')]) expect(task(other), other).not.toBe(asked);
  expect(task(model('label: one'), 'seed: 2')).not.toBe(asked);
});
