import { describe, expect, it } from 'vitest';
import { textOf, unbalanced, unnamed, wrongIds } from '../../test/support/pageChecks.ts';
import type { Metrics } from '../metrics/index.ts';
import { type Comparison, type RunResult, renderReport, renderSummary } from './index.ts';

const PODS = ['north', 'south', 'east', 'west'];

const auc = (value: number | null): Metrics => ({ Accuracy: 0.9, 'ROC AUC': value });

const round = (index: number, dropped: RunResult['rounds'][number]['dropped'] = []): RunResult['rounds'][number] => ({
  round: index,
  survivors: PODS.filter((name) => !dropped.some(({ pod }) => pod === name)),
  dropped,
  attempts: 1,
  trainingRows: 300,
  trainingLoss: 1 / index,
  validationLoss: 1.1 / index,
  validationRows: 80,
  validationAccuracy: 0.8,
  clipped: index === 1 ? 7 : 0,
  seconds: 0.5,
  vectorBytes: 2268,
});

const COMPARISON: Comparison = {
  note: 'A real federation cannot make this comparison.',
  pooledTraining: { metrics: auc(0.993) },
  sitesAlone: PODS.map((name, i) => ({ name, ownTest: auc(0.9 + i / 100), allTest: auc(0.91 + i / 100) })),
  federatedAllTest: auc(0.991),
  federatedBySite: PODS.map((name) => ({ name, metrics: auc(0.98) })),
};

const SECURE: RunResult = {
  format: 'konsil-result-v1',
  run: 'run-1',
  title: 'breast',
  status: 'complete',
  startedAt: '2026-05-04T10:20:30.000Z',
  seconds: 72,
  mode: 'secure',
  secure: { threshold: 3, colluding: 1, minimum: 3, clip: 2, bound: 4.7e-9 },
  problem: { kind: 'binary', target: 'diagnosis', classes: ['benign', 'malignant'] },
  features: 30,
  model: { source: 'mlp', file: 'model.onnx', parameters: 513, float32Bytes: 2052, sha256: 'ab12' },
  training: { optimizer: 'adam', seed: 42 },
  cohort: PODS.map((name) => ({
    ...{ name, dataset: 'biopsies', fingerprint: `finger-${name}`, state: 'finished', sentBytes: 150_000 },
    receivedBytes: 200_000,
  })),
  rounds: [1, 2, 3].map((index) =>
    round(index, index === 2 ? [{ pod: 'east', phase: 'masked input', reason: 'connection lost' }] : []),
  ),
  pooled: { Accuracy: { value: 0.9, low: 0.85, high: 0.94 }, 'ROC AUC': { value: 0.991, low: 0.978, high: 0.999 } },
  sites: PODS.map((name, i) => ({ name, rows: 30 + i, metrics: auc(0.98) })),
  comparison: COMPARISON,
  privacy: { whatLeft: [{ what: 'Masked model update', to: 'coordinator', bytes: 2268, visibleTo: 'nobody alone' }] },
  machine: { cores: 4, node: 'v20.0.0', platform: 'linux x64' },
  konsil: '0.1.0',
};

const without = (result: RunResult, ...keys: ('comparison' | 'secure')[]): RunResult =>
  Object.fromEntries(
    Object.entries(result).filter(([key]) => !keys.some((left) => left === key)),
  ) as unknown as RunResult;

const PLAIN: RunResult = {
  ...without(SECURE, 'secure'),
  mode: 'plain',
  privacy: { whatLeft: [{ what: 'Model update', to: 'coordinator', bytes: 2268, visibleTo: 'the coordinator' }] },
};

const ABORTED: RunResult = {
  ...without(SECURE, 'secure', 'comparison'),
  status: 'aborted',
  reason: 'COHORT_TOO_SMALL: 2 pods left',
  rounds: [],
  pooled: null,
  sites: [],
  model: { source: '', file: null, parameters: 0, float32Bytes: 0, sha256: null },
  features: 0,
  cohort: SECURE.cohort.map((pod, i) => (i > 1 ? { ...pod, state: 'rejected', reason: 'policy', sentBytes: 0 } : pod)),
};

const REGRESSION: RunResult = {
  ...SECURE,
  problem: { kind: 'regression', target: 'los_days', classes: [] },
  pooled: {
    'Root Mean Squared Error': { value: 3.52, low: 3.03, high: 3.95 },
    'R2 Score': { value: 0.4, low: null, high: null, note: 'no interval from sums' },
    'Kolmogorov-Smirnov Test': { value: null, low: null, high: null, note: 'only for one site' },
  },
  sites: [{ name: 'north', rows: 30, metrics: { 'Root Mean Squared Error': 3.2, 'R2 Score': null } }],
  comparison: {
    ...COMPARISON,
    sitesAlone: [{ name: 'north', ownTest: { 'Root Mean Squared Error': 4.2 }, allTest: {} }],
    federatedBySite: [{ name: 'north', metrics: { 'Root Mean Squared Error': 3.2 } }],
  },
};

const NULLS: RunResult = {
  ...without(SECURE, 'comparison'),
  startedAt: 'some day',
  rounds: [{ ...round(1), trainingLoss: null, validationLoss: null, validationAccuracy: null }],
  pooled: { 'ROC AUC': { value: null, low: null, high: null, note: 'needs rows of both classes' } },
  sites: [],
};

const VARIANTS = Object.entries({ SECURE, PLAIN, ABORTED, REGRESSION, NULLS });

/** Every string of a record replaced by something hostile, but those that the code decides by. */
function hostile(value: unknown, key = ''): unknown {
  if (typeof value === 'string')
    return ['status', 'mode', 'kind', 'state', 'format'].includes(key)
      ? value
      : `"><script>alert(1)</script><img onerror='x' \`${value}\u202e\u001b[2J`;
  if (Array.isArray(value)) return value.map((item) => hostile(item, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const isFreeKey = key === 'training' || key === 'metrics' || key === 'pooled';
      const made = hostile(inner, name);
      return isFreeKey ? [[name, made] as const, [`${name}<script>`, made] as const] : [[name, made] as const];
    }),
  );
}

describe.each(VARIANTS)('the page of a run: %s', (_name, result) => {
  const page = renderReport(result);

  it('has every section with a heading', () => {
    const headings = [...page.matchAll(/<h2[^>]*>([^<]*)</g)].map(([, text]) => text);
    expect(headings).toEqual([
      'How good the model is',
      'Hospital by hospital',
      'How training went',
      'What left each hospital',
      'Who dropped out',
      'How it was protected',
      'Settings and reproducibility',
    ]);
    expect(page.match(/<h1>/g)).toHaveLength(1);
  });

  it('is balanced, its ids are unique, its tables have captions, its drawings have names', () => {
    expect(unbalanced(page)).toEqual([]);
    expect(wrongIds(page)).toEqual([]);
    expect(unnamed(page)).toEqual([]);
  });

  it('refers to nothing outside', () => {
    expect(page.replace('http-equiv', '')).not.toMatch(/http|src=|href=|url\(|@import|<link|<script/i);
  });

  it('shows nothing that a computer would say', () => {
    expect(textOf(page)).not.toMatch(/NaN|undefined|null|Infinity|\[object/);
    expect(page).not.toMatch(/NaN|Infinity|="undefined"/);
  });

  it('escapes every text of the record', () => {
    const attacked = renderReport(hostile(result) as RunResult);
    expect(attacked).not.toMatch(/<script|<img|onerror='/);
    for (const unseen of ['\u202e', '\u001b']) expect(attacked).not.toContain(unseen);
    expect(unbalanced(attacked)).toEqual([]);
    expect(attacked).toContain('&#60;script&#62;');
  });
});

describe('the verdict', () => {
  it('says what happened in plain words', () => {
    const text = textOf(renderReport(SECURE));
    expect(text).toContain('Four hospitals trained one model together without sharing a row.');
    expect(text).toContain('On 126 held-out records it reaches a ROC AUC of 0.991 (95 % interval 0.978 to 0.999)');
    expect(text).toContain(
      'a hospital training alone would have reached 0.910 to 0.940, and all data in one place 0.993',
    );
    expect(text).toContain('One hospital, east, dropped out on the way');
  });

  it('gives no number of records unless every hospital gave its own', () => {
    const text = textOf(renderReport({ ...SECURE, sites: SECURE.sites.slice(1) }));
    expect(text).toContain('On records that were kept out of training it reaches');
    expect(text).toContain('Not shared by north.');
  });

  it('says that a run stopped, why, and that there is nothing to judge', () => {
    const text = textOf(renderReport(ABORTED));
    expect(text).toContain('The run stopped before a model was trained.');
    expect(text).toContain('Reason given: COHORT_TOO_SMALL: 2 pods left');
    expect(text).not.toContain('trained one model');
    expect(text).not.toContain('trained by');
  });

  it('warns of a model that was never tested', () => {
    const text = textOf(renderReport({ ...SECURE, status: 'aborted', pooled: null, sites: [] }));
    expect(text).toContain('stopped early, after 3 rounds');
    expect(text).toContain('should not be relied on');
  });

  it('knows that a smaller error is better', () => {
    const text = textOf(renderReport(REGRESSION));
    expect(text).toContain('Root Mean Squared Error of 3.520');
    expect(text).toContain('lower is better');
    expect(text).toContain('1.000 better');
    expect(text).toContain('← better');
  });
});

describe('what protected the run', () => {
  it('says of a local run that it is no federation, and nothing of hospitals or masks', () => {
    const [site] = SECURE.cohort;
    const local = { ...SECURE, mode: 'local' as const, cohort: [{ ...site!, sentBytes: 0, receivedBytes: 0 }] };
    const { secure: _none, comparison: _neither, ...record } = local;
    const rest = { ...record, rounds: record.rounds.map((round) => ({ ...round, dropped: [] })) };
    const text = textOf(renderReport(rest));
    expect(text).toContain('A local run of one site, not a federated one.');
    expect(text).toContain('One site trained the model by itself');
    expect(text).not.toMatch(/hospitals|coordinator|broker|masked|fingerprint/i);
    expect(renderSummary(rest)).toContain('a local run of one site');
  });

  it('in plain mode says that the coordinator saw each update, and claims no masking', () => {
    const text = textOf(renderReport(PLAIN));
    expect(text).toContain('The coordinator could see the update of each hospital.');
    expect(text).not.toMatch(/mask(?!ed input)|secure aggregation|Nobody but|nobody alone/i);
  });

  it('in secure mode gives threshold, cohort, clip, bound and what was clipped', () => {
    const text = textOf(renderReport(SECURE));
    expect(text).toContain('3 with all 4 hospitals');
    expect(text).toContain('7 values were clipped, of 5,643 sent');
    expect(text).toContain('4.7 × 10⁻⁹');
  });

  it('in secure mode says how parameters became whole numbers, and that clips were agreed on', () => {
    const few = { ...SECURE.secure!, bits: 16, rounding: 'stochastic', rotation: true, scale: 'global' } as const;
    const text = textOf(renderReport({ ...SECURE, secure: few }));
    expect(text).toContain('here of 16 bits, after a random rotation, rounded up or down at random.');
    expect(text).toContain('for each parameter and round at most, agreed on before every round.');
    expect(textOf(renderReport(SECURE))).toContain('whole numbers, here of 32 bits.');
  });

  it('in secure mode says which part of an update was sent, and nothing of it where all was', () => {
    const text = textOf(renderReport({ ...SECURE, secure: { ...SECURE.secure!, sparse: 0.25 } }));
    expect(text).toContain(
      'In each round 25 % of the blocks of 64 parameters: those that most hospitals had changed most',
    );
    expect(text).toContain('7 values were clipped.');
    expect(textOf(renderReport(SECURE))).not.toContain('blocks of 64');
  });

  it('claims no numbers when a secure run ended before it had any', () => {
    expect(textOf(renderReport({ ...ABORTED, mode: 'secure' }))).toContain('None was opened: no round was completed');
  });
});

describe('drop-outs', () => {
  it('says nobody when nobody did', () => {
    expect(textOf(renderReport({ ...SECURE, rounds: [round(1)] }))).toContain(
      'Nobody. Every hospital was in every round.',
    );
  });

  it('puts rounds of one reason together and tells whether an update counted', () => {
    const away = { pod: 'east', phase: 'training', reason: 'offline' };
    const late = { ...round(4), dropped: [{ pod: 'west', phase: 'unmasking', reason: 'gone' }] };
    const text = textOf(renderReport({ ...SECURE, rounds: [round(1, [away]), round(2, [away]), round(3), late] }));
    expect(text).toContain('east 1–2 training left out offline');
    expect(text).toContain('west 4 opening the sum counted gone');
  });
});

describe('the summary', () => {
  it.each(VARIANTS)('of %s cannot steer a terminal and has at most 25 lines', (_name, result) => {
    const summary = renderSummary(hostile(result) as RunResult);
    for (const unseen of ['\u202e', '\u001b']) expect(summary).not.toContain(unseen);
    expect(summary.split('\n').length).toBeLessThanOrEqual(25);
  });
});

describe('a model of several labels or masks', () => {
  const none = { value: null, low: null, high: null };
  const labels = (more: Partial<RunResult>): string =>
    renderReport({
      ...SECURE,
      problem: { kind: 'multilabel', target: 'pain, fever', classes: ['pain', 'fever'] },
      evaluated: {
        rows: 40,
        metrics: { Accuracy: none },
        perClass: { pain: { Recall: { value: 0.5, low: 0.4, high: 0.6 } }, fever: { Recall: none } },
        classCurves: { pain: { roc: { falsePositiveRate: [0, 0.5, 1], sensitivity: [0, 0.75, 1] } } },
      },
      ...more,
    });

  it('has a table and curves class by class, and names no label twice', () => {
    const page = labels({});
    for (const id of ['classes', 'curves']) expect(page).toContain(`id="${id}"`);
    const text = textOf(page);
    expect(text).toContain('predicts pain, fever from 30 features');
    expect(text).toContain('Class by class');
    // tables are of evaluations
    expect(text).not.toContain('curves.csv');
  });

  it('has neither without classes', () => {
    const page = labels({ evaluated: { rows: 40, metrics: { 'Concordance Index': none } } });
    for (const id of ['classes', 'curves', 'confusion']) expect(page).not.toContain(`id="${id}"`);
  });
});
