/**
 * Models evaluated at a whole federation: sums say what all rows in one place say, sites keep their rules, answers are signed.
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions } from '../../sim/federation.ts';
import { toHex, utf8 } from '../base/index.ts';
import { checkScores, writeScores } from '../cli/evaluationFiles.ts';
import { evaluationResultOf } from '../cli/evaluationResult.ts';
import { importPublic, sha256 } from '../crypto/index.ts';
import { problemOf } from '../datasources/index.ts';
import { evaluateGroup, type GroupEvaluation, pooledEvaluation, sigmoid } from '../metrics/index.ts';
import { isSignedEvaluation, writeExactScores } from '../protocols/index.ts';
import { type EvaluationPolicy, type LocalAnalysis, type PodPolicy, parseAnalysis } from '../tasks/index.ts';
import { compile, writeParameters, zooModel } from '../training/index.ts';
import type { AnalysisOutcome } from './analysisRun.ts';

let federation: Federation;
afterEach(() => federation.close());

const PODS = ['a', 'b', 'c', 'd'];
const WEIGHTS = { radius: 1.1, texture: 0.2, bias: -20 };
const RULES: EvaluationPolicy = {
  ...{ results: 'pooled', minimumRows: 10, minimumClassRows: 5, subgroups: ['mean_texture'], maximumModelMb: 500 },
};
const allowing =
  (rules: Partial<EvaluationPolicy> = {}, policy: Partial<PodPolicy> = {}): NonNullable<FederationOptions['pod']> =>
  (_name, config) => ({ ...config, policy: { ...config.policy, evaluation: { ...RULES, ...rules }, ...policy } });

/** Logistic regression on two columns with known weights. */
function model(scale = 1): Uint8Array {
  const bytes = zooModel('logistic_regression').build({ inputs: 2, outputs: 2, seed: 1 });
  const options = {
    source: 'm',
    loss: 'cross_entropy',
    batchSize: 4,
    optimiser: { kind: 'sgd', learningRate: 1 },
  } as const;
  const { layout } = compile(bytes, options);
  const parameters = new Float32Array(layout.length);
  const { radius, texture, bias } = WEIGHTS;
  for (const { dims, offset } of layout.entries) {
    // class 1 alone has weights: [2, 2] row by row of a class, or [2]
    if (dims.length === 2) parameters.set([0, 0, scale * radius, scale * texture], offset);
    else parameters.set([0, scale * bias], offset);
  }
  return writeParameters(bytes, layout, parameters, 'm');
}

function task({
  aggregator = 'aggregator: { secure: true }',
  args = '{}',
  pods = PODS,
  models = ['m.onnx'],
  protocol = '',
} = {}): LocalAnalysis {
  for (const [i, file] of models.entries()) writeFileSync(join(federation.folder, file), model(1 - 0.9 * i));
  const algorithm = models.map(
    (file) =>
      `{ name: bitfount.ModelEvaluation, model: { konsil_model: { model_ref: ./${file} } }, arguments: ${args} }`,
  );
  return parseAnalysis(
    `pods: { identifiers: [${pods.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: bitfount.ResultsOnly${protocol} }
  algorithm: [${algorithm.join(', ')}]
  ${aggregator}
  data_structure:
    select: { include: [mean_radius, mean_texture] }
    assign: { target: diagnosis }
    categories: { diagnosis: [benign, malignant] }
    data_split: { data_splitter: percentage, args: { test_percentage: 0, validation_percentage: 100 } }
`,
    join(federation.folder, 'evaluate.yaml'),
  );
}

interface Row {
  readonly p: number;
  readonly y: number;
  readonly texture: number;
}

/** Rows of the files, and what the model says to them. */
function rowsOf(pods = PODS, scale = 1): Row[] {
  return pods.flatMap((pod) => {
    const [head, ...lines] = readFileSync(join(federation.folder, `data/hospital-${pod}.csv`), 'utf8')
      .trim()
      .split('\n');
    const names = head!.split(',');
    return lines.map((line) => {
      const cells = line.split(',');
      const cell = (name: string): string => cells[names.indexOf(name)]!;
      const { radius, texture, bias } = WEIGHTS;
      const logit = radius * Number(cell('mean_radius')) + texture * Number(cell('mean_texture')) + bias;
      return {
        p: sigmoid(scale * logit),
        y: Number(cell('diagnosis') === 'malignant'),
        texture: Number(cell('mean_texture')),
      };
    });
  });
}

const direct = (rows: readonly Row[]): GroupEvaluation =>
  evaluateGroup(
    { kind: 'binary', classes: ['benign', 'malignant'] },
    rows.map(({ p }) => p),
    rows.map(({ y }) => y),
  );

function pooledOf({ answer }: AnalysisOutcome, asked: LocalAnalysis, m = 0): GroupEvaluation[] {
  if (answer?.kind !== 'evaluation' || asked.algorithm.name !== 'ModelEvaluation') throw new TypeError('no evaluation');
  const problem = problemOf(asked.algorithm.dataStructure);
  return answer.models[m]!.map(({ statistics }) => pooledEvaluation(problem, statistics));
}

function expectSame(found: GroupEvaluation, expected: GroupEvaluation): void {
  expect(found.rows).toBe(expected.rows);
  expect(found.confusion).toEqual(expected.confusion);
  for (const [name, { value, bound = 0 }] of Object.entries(found.metrics)) {
    const exact = expected.metrics[name]!.value;
    if (value === null || exact === null) expect(value, name).toBe(exact);
    // model and sums are float32 and fixed point
    else expect(Math.abs(value - exact), name).toBeLessThanOrEqual(bound + 1e-5);
  }
}

describe('ModelEvaluation', () => {
  it('under masks finds what all rows in one place say, by subgroup and for two models', async () => {
    federation = await Federation.open({ pod: allowing() });
    const asked = task({
      args: '{ subgroups: { mean_texture: { edges: [18, 22] } } }',
      models: ['m.onnx', 'other.onnx'],
    });
    const outcome = await federation.ask(asked);
    expect(outcome.status, outcome.reason).toBe('complete');
    const rows = rowsOf();
    const [all, ...groups] = pooledOf(outcome, asked);
    expectSame(all!, direct(rows));
    const parts = [
      rows.filter(({ texture }) => texture < 18),
      rows.filter(({ texture }) => texture >= 18 && texture < 22),
      rows.filter(({ texture }) => texture >= 22),
    ];
    for (const [g, part] of parts.entries()) expectSame(groups[g]!, direct(part));
    expectSame(pooledOf(outcome, asked, 1)[0]!, direct(rowsOf(PODS, 0.1)));
    expect(all!.metrics['ROC AUC']!.value).toBeGreaterThan(0.9);
    // nobody's own figures
    const { answers } = outcome.evaluation!;
    expect(answers.map((list) => list.length)).toEqual([4, 4]);
    for (const { evaluation } of answers.flat()) {
      expect(evaluation.data).toBeUndefined();
      for (const group of evaluation.groups)
        expect(group).toEqual({ withheld: expect.stringContaining('sums over sites only') });
    }
  });

  it('gives a site’s own figures where it allows that, signed', async () => {
    federation = await Federation.open({
      pod: (name, config) =>
        allowing({ results: name === 'hospital-b' ? 'summed' : 'site', minimumRows: 20 })(name, config),
    });
    const outcome = await federation.ask(task({ args: '{ site_figures: true }' }));
    expect(outcome.status, outcome.reason).toBe('complete');
    const { answers, taskSha256, models } = outcome.evaluation!;
    expect(models[0]!.sha256).toBe(toHex(sha256(readFileSync(join(federation.folder, 'm.onnx')))));
    expect(
      toHex(sha256(utf8(JSON.stringify(JSON.parse(readFileSync(join(outcome.folder, 'task.json'), 'utf8')))))),
    ).toBe(taskSha256);
    for (const { pod, evaluation, text, signature, identity } of answers[0]!) {
      const own = rowsOf([pod.at(-1)!]);
      const [found] = evaluation.groups;
      if (pod === 'hospital-b') expect(found).toHaveProperty('withheld');
      else expect(found).toMatchObject({ rows: own.length, classRows: direct(own).classRows! });
      const { signing, id } = importPublic(identity);
      const view = { run: outcome.run, task: taskSha256, model: models[0]!.sha256, pod: id, answer: text };
      expect(isSignedEvaluation(view, signature, signing)).toBe(true);
      expect(isSignedEvaluation({ ...view, answer: text.replace('"rows":', '"rows":1') }, signature, signing)).toBe(
        pod === 'hospital-b' && !text.includes('"rows":'),
      );
    }
  });

  it('from scores of rows finds exactly what all rows in one place say, where each site of the sum gives them', async () => {
    federation = await Federation.open({
      pod: (name, config) => {
        const exactScores = name === 'hospital-b' ? 'summed' : 'allow';
        return allowing({ results: 'site', exactScores }, { cohortChange: 'allow' })(name, config);
      },
    });
    const args = '{ site_figures: true, exact: true, subgroups: { mean_texture: { edges: [20] } } }';
    const givers = ['a', 'c', 'd'];
    const asked = task({ args, pods: givers });
    const outcome = await federation.ask(asked);
    expect(outcome.status, outcome.reason).toBe('complete');
    const rows = rowsOf(givers);
    const [found] = evaluationResultOf(asked, outcome).findings;
    expect(found!.exact).toEqual({ pooled: true, sites: givers.map((pod) => `hospital-${pod}`) });
    const answers = outcome.evaluation!.answers[0]!;
    const together = answers.flatMap(({ exact }) =>
      Array.from(exact!.scores.scores, (p, i) => ({ p, y: exact!.scores.labels[i]!, texture: 0 })),
    );
    // the model's own scores are float32
    const sorted = (all: readonly Row[]): Row[] => all.toSorted((a, b) => a.p - b.p || a.y - b.y);
    for (const [i, { p, y }] of sorted(together).entries()) {
      expect(p).toBeCloseTo(sorted(rows)[i]!.p, 5);
      expect(y).toBe(sorted(rows)[i]!.y);
    }
    const pooled = found!.pooled as GroupEvaluation;
    const exact = direct(together);
    for (const name of ['ROC AUC', 'Average Precision', 'Expected Calibration Error', 'Brier Loss']) {
      const { value, bound } = pooled.metrics[name]!;
      expect(Math.abs(value! - exact.metrics[name]!.value!), name).toBeLessThan(1e-12);
      expect(bound, name).toBeUndefined();
    }
    const binned = pooledOf(outcome, asked)[0]!.metrics['ROC AUC']!;
    expect(binned.bound).toBeGreaterThan(0);
    expect(Math.abs(binned.value! - pooled.metrics['ROC AUC']!.value!)).toBeLessThanOrEqual(binned.bound!);
    for (const { pooled: group } of found!.subgroups[0]!.groups)
      expect((group as GroupEvaluation).metrics['ROC AUC']!.bound).toBeDefined();
    // what is kept is what was signed; the order of rows is that of scores, whatever that of the file
    writeScores(federation.folder, outcome.evaluation!.answers);
    const { pod, text, exact: given } = answers[0]!;
    expect(given!.text).toBe(writeExactScores(given!.scores.scores, given!.scores.labels));
    const signed = { pod, model: 0, answer: text };
    expect(checkScores(federation.folder, signed)).toEqual([]);
    writeFileSync(join(federation.folder, `scores/${pod}-model-1.csv`), given!.text.replace(',1', ',0'));
    expect(checkScores(federation.folder, signed)).toHaveLength(1);
    expect(readFileSync(join(federation.folder, `state/${pod}/ledger.jsonl`), 'utf8')).toContain('"event":"scores"');

    // with a site that gives none the figures are those of bins, and nothing of that site is beside them
    const mixed = task({ args });
    const second = await federation.ask(mixed);
    expect(second.status, second.reason).toBe('complete');
    const [other] = evaluationResultOf(mixed, second).findings;
    expect(other!.exact).toEqual({ pooled: false, sites: givers.map((name) => `hospital-${name}`) });
    expect(other!.pooled).toMatchObject({
      rows: rowsOf().length,
      metrics: { 'ROC AUC': { bound: expect.any(Number) } },
    });
    const silent = second.evaluation!.answers[0]!.find((answer) => answer.pod === 'hospital-b')!;
    expect(silent.exact).toBeUndefined();
    expect(silent.evaluation.scores).toEqual({ withheld: 'this site gives no scores of single rows' });
  });

  it('without an aggregator asks each site by itself, and those that do not allow that refuse', async () => {
    federation = await Federation.open({
      pod: (name, config) => allowing({ results: name === 'hospital-b' ? 'pooled' : 'site' })(name, config),
    });
    const outcome = await federation.ask(
      task({
        aggregator: '',
        models: ['m.onnx', 'other.onnx'],
        protocol: ', arguments: { save_location: [Worker, Modeller] }',
      }),
    );
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.survivors).toEqual(['hospital-a', 'hospital-c', 'hospital-d']);
    expect(outcome.evaluation!.answers.map((list) => list.length)).toEqual([3, 3]);
    const kept = join(federation.folder, 'state/hospital-a/results');
    const [first] = readdirSync(kept).filter((name) => name.endsWith('-model-1.json'));
    const { groups } = JSON.parse(readFileSync(join(kept, first!), 'utf8'));
    expect(groups).toMatchObject([{ value: 'all', found: { rows: rowsOf(['a']).length } }]);
    expect(outcome.members.find(({ name }) => name === 'hospital-b')!.reason).toMatch(/only in secure sums over pods/);
  });

  it.each([
    [
      'figures of others beside its sum',
      {},
      undefined,
      '{ site_figures: true }',
      /only where no site gives figures of its own/,
    ],
    [
      'scores of rows of others beside its sum',
      { results: 'site' as const },
      undefined,
      '{ site_figures: true, exact: true }',
      /only where no site gives scores of single rows/,
    ],
    [
      'no permission',
      {},
      undefined,
      '{}',
      /evaluates no models of others; its operator allows it with policy.evaluation/,
    ],
    [
      'a column it gives no figures by',
      { subgroups: [] },
      undefined,
      '{ subgroups: { mean_texture: { edges: [18] } } }',
      /gives no figures by mean_texture/,
    ],
    ['a model that is too large', { maximumModelMb: 1e-4 }, undefined, '{}', /BLOB/],
    ['another output', {}, undefined, '{ output: other }', /MODEL_MISMATCH: m: model has no output "other"/],
    ['logits as probabilities', {}, undefined, '{ outputs: probabilities }', /is no probability for some rows/],
  ])('ends with the reason for %s', async (what, rules, _, args, reason) => {
    const refused = what === 'no permission';
    federation = await Federation.open(refused ? {} : { pod: allowing(rules) });
    const outcome = await federation.ask(task({ args }));
    expect(outcome.status).toBe('aborted');
    expect(outcome.reason).toMatch(reason);
    expect(outcome.reason).not.toContain(federation.folder);
  });
});
