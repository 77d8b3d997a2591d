/**
 * Records of evaluations for tests of what is made from them: figures of simulated rows, so that they fit together.
 * @module
 */
import { createHash } from 'node:crypto';
import { normal, type Rng, seededRng } from '../../src/base/index.ts';
import type { GroupEvaluation, MetaAnalysis, Withheld } from '../../src/metrics/groupEvaluation.ts';
import { aucInterval, f1Interval, meanInterval, rocAuc, wilsonInterval } from '../../src/metrics/index.ts';
import type { EvaluationResult } from '../../src/reports/evaluation/record.ts';
import { calibrationCurve, decisionCurve, precisionRecallCurve, rocCurve } from './evaluationCurves.ts';

/** Rows of a site: probabilities, truth and the value of a column. */
export interface ScoredRow {
  readonly p: number;
  readonly y: 0 | 1;
  readonly sex: string;
  readonly age: number;
}

type Found = GroupEvaluation | Withheld;
type ModelFindings = EvaluationResult['findings'][number];

const SITES = [
  'Charité Berlin',
  'Aarhus University Hospital',
  'UMC Utrecht',
  'Hospital Clínic Barcelona',
  'Kantonsspital Chur',
];
/** Rows, share of positives, and how far apart the classes are: the fourth scans with other settings, the fifth is small. */
const SHAPES = [
  [640, 0.31, 2.0],
  [410, 0.24, 1.9],
  [880, 0.35, 2.1],
  [520, 0.29, 1.05],
  [14, 0.3, 2.0],
] as const;
const MINIMUM = 20;
const WITHHELD: Withheld = { withheld: `fewer than ${MINIMUM} rows` };

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

function rowsOf(rng: Rng, count: number, prevalence: number, separation: number): ScoredRow[] {
  return Array.from({ length: count }, () => {
    const y = rng() < prevalence ? 1 : 0;
    const logit = separation * (y - 0.5) * 1.6 + Math.log(prevalence / (1 - prevalence)) + 1.4 * normal(rng);
    return {
      p: 1 / (1 + Math.exp(-logit)),
      y,
      sex: rng() < 0.48 ? 'female' : 'male',
      age: Math.round(62 + 14 * normal(rng)),
    };
  });
}

const share = (
  hits: number,
  all: number,
): { value: number | null; low: number | null; high: number | null; method: string } => {
  const [low, high] = all > 0 ? wilsonInterval(hits, all) : [null, null];
  return { value: all > 0 ? hits / all : null, low, high, method: 'Wilson' };
};

/** Figures of rows of a binary problem; withheld below the minimum. */
export function binaryFigures(rows: readonly ScoredRow[], hasCurves = true): Found {
  if (rows.length < MINIMUM) return WITHHELD;
  const count = (y: number, called: boolean): number =>
    rows.filter((row) => row.y === y && row.p >= 0.5 === called).length;
  const [tn, fp, fn, tp] = [count(0, false), count(0, true), count(1, false), count(1, true)];
  const auc = rocAuc(
    rows.map(({ p }) => p),
    rows.map(({ y }) => y),
  );
  const [low, high] = auc === null ? [null, null] : aucInterval(auc, tn + fp, fn + tp);
  const losses = rows.map(({ p, y }) => (p - y) ** 2);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const brier = meanInterval(sum(losses), sum(losses.map((loss) => loss * loss)), rows.length)!;
  const f1 = f1Interval(tp, fp + fn);
  return {
    rows: rows.length,
    classRows: [tn + fp, fn + tp],
    metrics: {
      'ROC AUC': { value: auc, low, high, method: 'Newcombe', bound: 0.0004 },
      Accuracy: share(tp + tn, rows.length),
      Precision: share(tp, tp + fp),
      Recall: share(tp, tp + fn),
      'F1 Score': {
        value: (2 * tp) / (2 * tp + fp + fn),
        low: f1?.[0] ?? null,
        high: f1?.[1] ?? null,
        method: 'Wilson',
      },
      'Brier Loss': { value: sum(losses) / rows.length, low: brier[0], high: brier[1], method: 'normal' },
      'Calibration Slope': { value: null, low: null, high: null, note: 'did not converge' },
    },
    confusion: [
      [tn, fp],
      [fn < 5 ? null : fn, tp],
    ],
    ...(hasCurves && {
      curves: {
        roc: rocCurve(rows),
        precisionRecall: precisionRecallCurve(rows),
        calibration: calibrationCurve(rows),
        decision: decisionCurve(rows),
      },
    }),
  };
}

/** Random effects of DerSimonian and Laird on the metric itself, from the widths of the intervals. */
function metaAnalysis(metric: string, sites: readonly { site: string; found: Found }[]): MetaAnalysis {
  const known = sites.flatMap(({ site, found }) => {
    const estimate = 'withheld' in found ? undefined : found.metrics[metric];
    return estimate?.value == null || estimate.low === null || estimate.high === null
      ? []
      : [{ site, value: estimate.value, variance: ((estimate.high - estimate.low) / 3.92) ** 2 }];
  });
  const combine = (studies: typeof known) => {
    const total = (weights: readonly number[]): number => weights.reduce((a, b) => a + b, 0);
    const mean = (weights: readonly number[]): number =>
      studies.reduce((sum, { value }, i) => sum + value * weights[i]!, 0) / total(weights);
    const fixed = studies.map(({ variance }) => 1 / variance);
    const q = studies.reduce((sum, { value }, i) => sum + fixed[i]! * (value - mean(fixed)) ** 2, 0);
    const freedom = studies.length - 1;
    const scale = total(fixed) - total(fixed.map((w) => w * w)) / total(fixed);
    const tau2 = Math.max(0, (q - freedom) / scale);
    const weights = studies.map(({ variance }) => 1 / (variance + tau2));
    const error = Math.sqrt(1 / total(weights));
    const value = mean(weights);
    return {
      q,
      freedom,
      tau2,
      error,
      weights: weights.map((w) => w / total(weights)),
      estimate: { value, low: value - 1.96 * error, high: value + 1.96 * error },
    };
  };
  const all = combine(known);
  const wide = 4.3 * Math.sqrt(all.tau2 + all.error ** 2);
  const { value } = all.estimate;
  return {
    ...{
      metric,
      method: 'DerSimonian-Laird',
      scale: 'identity',
      mean: { ...all.estimate, method: 'DerSimonian-Laird' },
    },
    prediction: known.length < 3 ? null : [Math.max(0, value - wide), Math.min(1, value + wide)],
    ...{ tau2: all.tau2, i2: Math.max(0, 1 - all.freedom / Math.max(all.q, 1e-9)), q: all.q },
    qPValue: chiSquareTail(all.q, all.freedom),
    sites: known.map(({ site }, i) => ({ site, weight: all.weights[i]! })),
    leftOut: [],
    leaveOneOut:
      known.length < 3
        ? []
        : known.map(({ site }) => ({ site, mean: combine(known.filter((study) => study.site !== site)).estimate })),
  };
}

/** Wilson and Hilferty's cube root, with the logistic for the normal: near enough for a page. */
function chiSquareTail(value: number, freedom: number): number {
  const spread = 2 / (9 * freedom);
  const z = (Math.cbrt(value / freedom) - (1 - spread)) / Math.sqrt(spread);
  return 1 / (1 + Math.exp(1.702 * z));
}

function findings(model: string, seed: number, loss: number): ModelFindings {
  const rng = seededRng(seed, 'records');
  const rows = SHAPES.map(([count, prevalence, separation]) => rowsOf(rng, count, prevalence, separation - loss));
  const of = (keep: (row: ScoredRow) => boolean, hasCurves: boolean) => ({
    pooled: binaryFigures(rows.flat().filter(keep), hasCurves),
    sites: rows.map((own, i) => ({ site: SITES[i]!, found: binaryFigures(own.filter(keep), hasCurves) })),
  });
  const all = of(() => true, true);
  const group = (value: string, keep: (row: ScoredRow) => boolean) => ({ value, ...of(keep, false) });
  return {
    model,
    ...all,
    subgroups: [
      { column: 'sex', groups: ['female', 'male'].map((sex) => group(sex, (row) => row.sex === sex)) },
      {
        column: 'age',
        groups: [
          group('below 50', ({ age }) => age < 50),
          group('50 to 70', ({ age }) => age >= 50 && age < 70),
          group('70 and above', ({ age }) => age >= 70),
          { value: 'above 110', pooled: WITHHELD, sites: [] },
        ],
      },
    ],
    metaAnalyses: ['ROC AUC', 'Accuracy', 'Recall', 'Brier Loss'].map((metric) => metaAnalysis(metric, all.sites)),
  };
}

/** Two models at five sites, of which one is too small to show and one differs. */
export const BINARY: EvaluationResult = {
  format: 'konsil-evaluation-v1',
  run: 'run-7f3a90',
  title: 'Pneumonia on chest radiographs, external validation',
  status: 'complete',
  startedAt: '2026-05-04T10:20:30.000Z',
  seconds: 417,
  mode: 'secure',
  problem: { kind: 'binary', target: 'pneumonia', classes: ['absent', 'present'], split: 'test' },
  models: ['resnet-18', 'densenet-121'].map((name, i) => ({
    ...{ name, reference: `models/${name}.onnx`, kind: 'onnx' as const, bytes: 44_700_000 - 13_000_000 * i },
    sha256: hash(name),
  })),
  taskSha256: hash('task'),
  cohort: [
    ...SITES.map((name, i) => ({
      ...{ name, dataset: 'chest-xray', fingerprint: `k1-${hash(name).slice(0, 24)}`, state: 'finished' as const },
      ...{ sentBytes: 182_400 + i, receivedBytes: 76_500_000 },
      policy: { results: 'site' as const, minimumRows: MINIMUM, minimumClassRows: 5 },
    })),
    {
      ...{
        name: 'Hôpital de Genève',
        dataset: 'radios',
        fingerprint: `k1-${hash('g').slice(0, 24)}`,
        state: 'rejected',
      },
      ...{ reason: 'its policy allows no evaluation of this modeller', sentBytes: 0, receivedBytes: 0 },
    },
    {
      ...{ name: 'Klinikum Ost', dataset: 'thorax', fingerprint: `k1-${hash('o').slice(0, 24)}`, state: 'lost' },
      ...{ reason: 'connection lost while it evaluated', sentBytes: 900, receivedBytes: 31_000_000 },
    },
  ],
  data: SITES.map((site, i) => ({
    site,
    ...(i < 4 && { splits: { train: SHAPES[i]![0] * 6, validation: SHAPES[i]![0], test: SHAPES[i]![0] } }),
    missingTarget: i === 4 ? null : i * 3,
    ...(i < 3 && { missing: i === 0 ? {} : { smoker: 12 * i, bmi: null } }),
  })),
  findings: [findings('resnet-18', 7, 0), findings('densenet-121', 8, 0.35)],
  answers: SITES.map((pod, i) => ({
    ...{
      pod,
      identity: `konsil1-${hash(pod)}`,
      model: 0,
      statement: `konsil-answer-v1 run-7f3a90 ${hash(`answer${i}`)}`,
    },
    signature: 'c2lnbmF0dXJl',
    ...(i < 4 && { answer: '{"rows":1}' }),
  })),
  whatLeft: [
    { what: 'Masked counts by score', to: 'coordinator', bytes: 38_400, visibleTo: 'nobody alone' },
    { what: 'Its own figures, signed', to: 'coordinator', bytes: 6_100, visibleTo: 'the modeller' },
  ],
  machine: { cores: 8, node: 'v20.20.2', platform: 'linux x64' },
  konsil: '0.1.0',
};

const estimate = (value: number, half: number, method = 'bootstrap') => ({
  value,
  low: value - half,
  high: value + half,
  method,
});

const CLASSES = ['normal', 'bacterial pneumonia', 'viral pneumonia', 'tuberculosis'];

function multiclassFigures(rows: number, quality: number): GroupEvaluation {
  const confusion = CLASSES.map((_, truth) =>
    CLASSES.map((_, called) => Math.round((rows / 4) * (truth === called ? quality : (1 - quality) / 3))),
  );
  return {
    ...{ rows, classRows: confusion.map((row) => row.reduce((a, b) => a + b, 0)), confusion },
    metrics: {
      'ROC AUC': estimate(quality + 0.09, 0.02),
      Accuracy: estimate(quality, 0.03),
      'F1 Score': estimate(quality - 0.01, 0.03),
    },
    perClass: Object.fromEntries(
      CLASSES.map((name, i) => [
        name,
        { Precision: estimate(quality - i / 40, 0.04), Recall: estimate(quality - i / 50, 0.05) },
      ]),
    ),
  };
}

/** Sums in the open, no figure of a single site but one. */
export const MULTICLASS: EvaluationResult = {
  ...BINARY,
  ...{ title: 'Kinds of pneumonia', mode: 'plain', models: BINARY.models.slice(0, 1), answers: [] },
  problem: { kind: 'multiclass', target: 'diagnosis', classes: CLASSES, split: 'all' },
  findings: [
    {
      ...{ model: 'resnet-18', pooled: multiclassFigures(2400, 0.82), subgroups: [], metaAnalyses: [] },
      sites: SITES.map((site, i) => ({
        site,
        found: i === 1 ? multiclassFigures(410, 0.79) : { withheld: 'its policy allows sums over sites alone' },
      })),
    },
  ],
};

const lengthOfStay = (rows: number, error: number): GroupEvaluation => ({
  rows,
  metrics: {
    'Root Mean Squared Error': estimate(error, error / 14),
    'Mean Absolute Error': estimate(error * 0.7, error / 20),
    'R2 Score': { value: 0.41, low: null, high: null, note: 'no interval from sums' },
  },
});

const REGRESSION_SITES = SITES.slice(0, 3).map((site, i) => ({
  site,
  found: lengthOfStay(300 + 100 * i, 3.1 + i / 5),
}));

/** Each site for itself: nothing is pooled. */
export const REGRESSION: EvaluationResult = {
  ...BINARY,
  ...{ title: 'Length of stay', mode: 'separate', models: BINARY.models.slice(0, 1) },
  problem: { kind: 'regression', target: 'days', classes: [], split: 'test' },
  findings: [
    {
      ...{ model: 'resnet-18', pooled: null, sites: REGRESSION_SITES, subgroups: [] },
      metaAnalyses: [metaAnalysis('Root Mean Squared Error', REGRESSION_SITES)],
    },
  ],
};

/** Ended before anything was found. */
export const ABORTED: EvaluationResult = {
  ...BINARY,
  ...{ status: 'aborted', reason: 'COHORT_TOO_SMALL: 2 pods left', data: [], findings: [], answers: [], whatLeft: [] },
  cohort: BINARY.cohort.map((pod, i) =>
    i > 1 ? { ...pod, state: 'rejected' as const, reason: 'not today', sentBytes: 0, receivedBytes: 0 } : pod,
  ),
};

export const RECORDS = { BINARY, MULTICLASS, REGRESSION, ABORTED } as const;

const DECIDING = new Set([
  'format',
  'status',
  'mode',
  'kind',
  'split',
  'state',
  'results',
  'method',
  'scale',
  'sha256',
  'taskSha256',
]);

/** Every string of a record, and every name of a metric or column, replaced by something hostile and long. */
export function hostile(value: unknown, key = ''): unknown {
  const attack = (text: string): string =>
    `=cmd|"'><script>alert(1)</script></script><img src=http://x onerror='x' \`${text}\u202e\u001b[2J\u0000${'long'.repeat(40)}`;
  if (typeof value === 'string') return DECIDING.has(key) ? value : attack(value);
  if (Array.isArray(value)) return value.map((item) => hostile(item, key));
  if (typeof value !== 'object' || value === null) return value;
  const isFree = ['metrics', 'perClass', 'missing'].includes(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [isFree ? attack(name) : name, hostile(inner, isFree ? '' : name)]),
  );
}
