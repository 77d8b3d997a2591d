/**
 * A site is asked for scores of its rows in every way that there is: they leave where its rules say so, and nowhere else.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { openDataset } from '../../datasources/index.ts';
import { type EvaluationAlgorithm, type EvaluationPolicy, parseAnalysis, parsePodConfig } from '../../tasks/index.ts';
import { Predictor, zooModel } from '../../training/index.ts';
import { EvaluationAnalysis } from './evaluationAnalysis.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-scores-'));
afterAll(() => rmSync(folder, { recursive: true }));

// scores rise or fall with the age, which is in no order in the file
const ROWS = Array.from({ length: 24 }, (_, i) => `${(7 * i) % 24},${i % 3 === 0 ? 'yes' : 'no'}`);
writeFileSync(join(folder, 'rows.csv'), `age,sick\n${ROWS.join('\n')}\n`);
const [dataset] = parsePodConfig(
  `name: hospital-a
broker: { url: 'mqtt://localhost' }
datasources: [{ name: d, datasource: CSVSource, datasource_args: { path: rows.csv } }]
`,
  join(folder, 'pod.yaml'),
).datasources;
const { algorithm } = parseAnalysis(
  `pods: { identifiers: [a/d, b/d, c/d] }
task:
  protocol: { name: ResultsOnly }
  algorithm:
    name: ModelEvaluation
    model: { konsil_model: { model_ref: ./m.onnx } }
    arguments: { site_figures: true, exact: true, split: all }
  aggregator: { secure: true }
  data_structure:
    select: { include: [age] }
    assign: { target: sick }
    categories: { sick: ['no', 'yes'] }
`,
  join(folder, 'task.yaml'),
);
const MODEL = zooModel('logistic_regression').build({ inputs: 1, outputs: 2, seed: 1 });
const RULES: EvaluationPolicy = {
  ...{ results: 'site', minimumRows: 10, minimumClassRows: 5, subgroups: [], maximumModelMb: 500 },
  exactScores: 'allow',
};
/** One for all tests: to start it takes longer than all of them. */
let predictor: Predictor | undefined;
afterAll(() => predictor?.close());

/** What leaves, and what the site has written down before. */
async function ask(
  rules: Partial<EvaluationPolicy> = {},
  asked: Partial<EvaluationAlgorithm> = {},
  tells = true,
  isSecure = true,
) {
  const recorded: [string, number][] = [];
  const { signal } = new AbortController();
  const source = await openDataset(dataset!, { signal });
  const analysis = await EvaluationAnalysis.open({ ...(algorithm as EvaluationAlgorithm), ...asked }, source, {
    ...{ policy: { ...RULES, ...rules }, keeps: false, tells, isSecure, device: 'cpu', threads: 1, signal },
    openPredictor: async (options) => {
      const running = (predictor ??= await Predictor.create(options));
      return { model: running.model, predict: (...call) => running.predict(...call), close: async () => undefined };
    },
    recordScores: (...entry) => recorded.push(entry),
    onProblem: () => undefined,
  });
  source.close();
  const { answer, scores } = await analysis.evaluates.evaluate(0, MODEL, signal);
  return { answer: JSON.parse(answer), scores, recorded };
}

it('leave sorted, with their hash in the answer, where task and site say so', async () => {
  const { answer, scores, recorded } = await ask();
  expect(answer.scores).toEqual({ sha256: toHex(sha256(utf8(scores!))), rows: 24 });
  const lines = scores!.trim().split('\n').slice(1);
  expect(lines.filter((line) => line.endsWith(',1'))).toHaveLength(8);
  expect(lines.map((line) => Number(line.split(',')[0]))).toEqual(
    lines.map((line) => Number(line.split(',')[0])).toSorted((a, b) => a - b),
  );
  expect(recorded).toEqual([[toHex(sha256(MODEL)), 24]]);
});

it.each<[string, Parameters<typeof ask>]>([
  ['the site refuses', [{ exactScores: 'refuse' }]],
  ['its rules say nothing of it', [{ exactScores: undefined as never }]],
  ['the site is only in sums with those that give theirs', [{ exactScores: 'summed' }]],
  ['the site gives no figures of its own', [{ results: 'summed' }]],
  ['the site gives no figures but in sums of sites that give none', [{ results: 'pooled' }]],
  ['the task asks for no figures of sites', [{}, { siteFigures: false }]],
  ['the task does not ask', [{}, { exact: false }]],
  ['results stay at the sites', [{}, {}, false]],
  ['there are too few rows', [{ minimumRows: 25 }]],
  ['there are too few rows of a class', [{ minimumClassRows: 9 }]],
])('do not leave where %s', async (_what, given) => {
  const { answer, scores, recorded } = await ask(...given);
  expect(scores).toBeUndefined();
  expect(JSON.stringify(answer)).not.toContain('sha256');
  expect(recorded).toEqual([]);
});
