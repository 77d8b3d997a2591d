/**
 * Models trained and evaluated at each site of a whole federation: whose figures they are, who gets the models, and a coordinator
 * that wants more than it is given.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Federation } from '../../sim/federation.ts';
import { toHex } from '../base/index.ts';
import { evaluationResultOf } from '../cli/evaluationResult.ts';
import { sha256, sign } from '../crypto/index.ts';
import { applyStandardiser, featureStatistics, openDataset, problemOf, standardiser } from '../datasources/index.ts';
import { evaluateGroup, type GroupEvaluation, guardGroup, pooledEvaluation, sigmoid } from '../metrics/index.ts';
import {
  checkEvaluationAnswer,
  loadSiteData,
  packLocalModel,
  trainerOptions,
  unpackLocalModel,
} from '../protocols/index.ts';
import { renderEvaluation } from '../reports/index.ts';
import {
  analysisToWire,
  anyFromWire,
  type LocalAnalysis,
  localTrainingOf,
  parseAnalysis,
  type TrainedEvaluationAlgorithm,
} from '../tasks/index.ts';
import { Trainer } from '../training/index.ts';
import { Blobs } from '../transport/index.ts';
import { Evaluation } from './evaluation.ts';

const RULES = { minimumRows: 10, minimumClassRows: 2 };
let federation: Federation;
beforeAll(async () => {
  federation = await Federation.open({
    pod: (name, config) => {
      const evaluation = { ...RULES, subgroups: [], maximumModelMb: 1 };
      const gives = name === 'hospital-a' || name === 'hospital-c';
      const results = name === 'hospital-d' ? 'summed' : 'site';
      return {
        ...config,
        policy: {
          ...config.policy,
          evaluation: { ...evaluation, results, givesLocalModel: gives },
          recordPrivacy: { required: false, epsilonBudget: 100, delta: 1e-4 },
        },
      };
    },
  });
});
afterAll(() => federation.close());
afterEach(() => {
  vi.restoreAllMocks();
});

const OWN = 'own model of each site';
const algorithmOf = ({ algorithm }: LocalAnalysis): TrainedEvaluationAlgorithm => {
  if (algorithm.name !== 'ModelTrainingAndEvaluation') throw new TypeError(`the task is ${algorithm.name}`);
  return algorithm;
};

const task = (aggregator: string, places: string, hyper = ''): LocalAnalysis =>
  parseAnalysis(
    `pods: { identifiers: [${['a', 'b', 'c', 'd'].map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: bitfount.ResultsOnly, arguments: { save_location: ${places} } }
  algorithm:
    name: bitfount.ModelTrainingAndEvaluation
    model:
      konsil_model: { model_ref: builtin:logistic_regression }
      hyperparameters: { epochs: 5, batch_size: 16, optimizer: sgd, learning_rate: 0.2, seed: 3${hyper} }
    arguments: { site_figures: true, cross_site: true }
${aggregator}  deadlines: { join: 600, train: 6000, exchange: 600, evaluate: 6000 }
  data_structure:
    select: { include: [mean_texture, mean_smoothness] }
    assign: { target: diagnosis }
    categories: { diagnosis: [benign, malignant] }
    data_split: { data_splitter: percentage, args: { test_percentage: 40, validation_percentage: 0, seed: 7 } }
`,
    join(federation.folder, 'train.yaml'),
  );

/** What the training engine makes of a site's rows, with nothing of pods, coordinator or exported files. */
async function direct(asked: LocalAnalysis, trainer: Trainer, pod: string): Promise<GroupEvaluation> {
  const local = localTrainingOf(asked, algorithmOf(asked));
  const path = join(federation.folder, `data/${pod}.csv`);
  const source = await openDataset({ name: 'breast-cancer', datasource: 'CSVSource', path });
  try {
    const { train, test, features } = await loadSiteData(source, local);
    const width = features.length;
    const { mean, scale } = standardiser(featureStatistics(train.x, width));
    const { parameters } = await trainer.train({
      parameters: trainer.program.initial.slice(),
      x: applyStandardiser(train.x, width, mean, scale),
      y: Float32Array.from(train.y),
      rows: train.rows,
      budget: { epochs: 5 },
      seed: 3,
    });
    const x = applyStandardiser(test.x, width, mean, scale);
    const logits = await trainer.predict({ parameters, x, rows: test.rows });
    const problem = problemOf(algorithmOf(asked).dataStructure);
    return evaluateGroup(problem, Array.from(logits, sigmoid), Array.from(test.y));
  } finally {
    source.close();
  }
}

function expectSame(found: GroupEvaluation, expected: GroupEvaluation): void {
  expect(found.rows).toBe(expected.rows);
  for (const [name, { value, bound = 0 }] of Object.entries(found.metrics)) {
    const exact = expected.metrics[name]!.value;
    if (value === null || exact === null) expect(value, name).toBe(exact);
    // float32, and standardisation inside the exported file instead of before it
    else expect(Math.abs(value - exact), name).toBeLessThanOrEqual(bound + 1e-4);
  }
}

const keptBy = (pod: string): string[] => {
  const folder = join(federation.folder, 'state', pod, 'results');
  return readdirSync(folder).flatMap((name) => (name.endsWith('.onnx') ? [join(folder, name)] : []));
};
const hashOf = (file: string): string => toHex(sha256(readFileSync(file)));
const ledgerOf = (pod: string): string => readFileSync(join(federation.folder, 'state', pod, 'ledger.jsonl'), 'utf8');

describe('ModelTrainingAndEvaluation', () => {
  it('finds what training and evaluating at the site itself finds, and every given model at every site', async () => {
    const asked = task('  aggregator: { secure: true }\n', '[Worker, Modeller]');
    expect(anyFromWire(JSON.parse(JSON.stringify(analysisToWire(asked))))).toEqual({ ...asked, local: undefined });
    const offered = vi.spyOn(Blobs.prototype, 'offer');
    const built: Uint8Array[] = [];
    const honest = Evaluation.ofTraining.bind(Evaluation);
    vi.spyOn(Evaluation, 'ofTraining').mockImplementation((run, algorithm, start, write) => {
      built.push(start.model);
      return honest(run, algorithm, start, write);
    });
    const outcome = await federation.ask(asked);
    expect(outcome.status, outcome.reason).toBe('complete');
    const { models, answers, given } = outcome.evaluation!;
    expect(models.map(({ label }) => label)).toEqual([OWN, 'hospital-a', 'hospital-c']);
    expect(answers.map((all) => all.length)).toEqual([4, 4, 4]);
    const at = (model: number, pod: string) =>
      answers[model]!.find((answer) => answer.pod === pod)!.evaluation.groups[0] as GroupEvaluation;
    // a site's own figures: of its own model on its own test rows
    const pods = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'];
    const options = trainerOptions(localTrainingOf(asked, algorithmOf(asked)), built[0]!, 'm');
    const trainer = await Trainer.create({ ...options, device: 'cpu', threads: 1 });
    const expected: GroupEvaluation[] = [];
    for (const pod of pods) expected.push(await direct(asked, trainer, pod));
    await trainer.close();
    for (const [i, pod] of pods.slice(0, 3).entries())
      expectSame(at(0, pod), guardGroup(expected[i]!, RULES) as GroupEvaluation);
    expect(guardGroup(expected[0]!, RULES)).not.toEqual(expected[0]); // there is something that the guards hide
    expect(at(0, 'hospital-d')).toHaveProperty('withheld');
    // training did something: the models are none of them alike
    expect(new Set(pods.map((pod) => hashOf(keptBy(pod)[0]!))).size).toBe(4);
    // the diagonal is the own model, and the rest is not
    expect(at(1, 'hospital-a')).toEqual(at(0, 'hospital-a'));
    expect(at(2, 'hospital-c')).toEqual(at(0, 'hospital-c'));
    expect(at(1, 'hospital-b')).not.toEqual(at(0, 'hospital-b'));
    // under masks: the rows of all, each under its own model
    if (outcome.answer?.kind !== 'evaluation') throw new TypeError('no sums');
    const [own] = outcome.answer.models[0]!;
    expect(own!.pods).toBe(4);
    const pooled = pooledEvaluation(problemOf(algorithmOf(asked).dataStructure), own!.statistics);
    expect(pooled.rows).toBe(expected.reduce((rows, site) => rows + site.rows, 0));
    const hits = expected.reduce((sum, { rows, metrics }) => sum + rows * metrics['Accuracy']!.value!, 0);
    expect(Math.abs(pooled.metrics['Accuracy']!.value! * pooled.rows - hits)).toBeLessThan(1e-3);
    // what a site gave is what it has, and is written down there; others gave nothing to anybody
    expect([...given.keys()]).toEqual(['hospital-a', 'hospital-c']);
    for (const [pod, file] of given) {
      expect(hashOf(file)).toBe(hashOf(keptBy(pod)[0]!));
      expect(ledgerOf(pod)).toContain(`"model","run":"${outcome.run}"`);
      expect(ledgerOf(pod)).toContain(hashOf(file));
    }
    // the report: models named after the sites, each answer as it was signed
    const record = evaluationResultOf(asked, outcome);
    expect(record.models.map(({ trainedAt }) => trainedAt)).toEqual(['each', 'hospital-a', 'hospital-c']);
    expect(record.findings.map(({ model }) => model)).toEqual([OWN, 'hospital-a', 'hospital-c']);
    expect(record.answers).toHaveLength(12);
    for (const { model, ...signed } of record.answers) {
      const modelSha256 = record.models[model]!.sha256;
      const shown = record.findings[model]!.sites.find(({ site }) => site === signed.pod)!.found;
      const view = { ...signed, run: record.run, task: record.taskSha256, modelSha256 };
      expect(checkEvaluationAnswer(view, shown, [])).toEqual([]);
    }
    expect(renderEvaluation(record)).toContain('trained at the hospitals');
    const left = new Set(offered.mock.calls.map(([bytes]) => toHex(sha256(bytes))));
    expect(left).toContain(hashOf(given.get('hospital-a')!));
    for (const pod of ['hospital-b', 'hospital-d']) {
      expect(left).not.toContain(hashOf(keptBy(pod)[0]!));
      expect(ledgerOf(pod)).not.toContain('"model","run"');
    }
  });

  it('has nothing evaluated that a site of the run has not trained and signed', async () => {
    const steps = { clip_norm: 1, noise_multiplier: 1, delta: 1e-5 };
    const asked = task('', '[Modeller]', `, private_steps: ${JSON.stringify(steps)}`);
    const model = Evaluation.prototype.model;
    const { identity } = federation.world.modeller;
    vi.spyOn(Evaluation.prototype, 'model').mockImplementation(function (this: Evaluation, step) {
      const packed = model.call(this, step);
      if (packed === undefined) return undefined;
      const other = Uint8Array.from([...unpackLocalModel(packed).model, 0]);
      return packLocalModel(sign(identity.signing, other), other);
    });
    const outcome = await federation.ask(asked);
    const refused = outcome.members.filter(({ name }) => name !== 'hospital-d');
    expect(refused).toHaveLength(3);
    for (const { reason } of refused) expect(reason).toMatch(/step 1 is not what hospital-a has trained in this run/);
    expect(outcome.evaluation!.answers.map((all) => all.length)).toEqual([3, 0, 0]);
    // what the training has cost is on each site's account of its rows
    for (const pod of ['hospital-a', 'hospital-b', 'hospital-c'])
      expect(ledgerOf(pod)).toMatch(new RegExp(`"privacy","run":"${outcome.run}".*"unit":"record"`));
  });
});
