import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../base/index.ts';
import {
  addStatistics,
  type EvaluationKind,
  type EvaluationProblem,
  evaluateGroup,
  groupStatistics,
  pooledEvaluation,
  statisticsLayout,
} from './index.ts';

const BINARY = { kind: 'binary', classes: ['no', 'yes'] } as const;
const BINNED = ['ROC AUC', 'Average Precision', 'Sensitivity at 95% specificity'];
const probability = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 0, max: 10 }).map((k) => k / 10),
);
const rows = fc.array(fc.tuple(probability, fc.nat(1)), { minLength: 1, maxLength: 60 });

describe('binary', () => {
  it('sums of sites give what all rows give, and ranking within its bound', () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 3 }), fc.constantFrom(2, 64, 1024), (sites, bins) => {
        const statistics = sites.map((site) =>
          groupStatistics(
            BINARY,
            site.map(([p]) => p),
            site.map(([, y]) => y),
            { bins },
          ),
        );
        const all = sites.flat();
        const pooled = pooledEvaluation(BINARY, addStatistics(statistics), { bins, resamples: 0 });
        const exact = evaluateGroup(
          BINARY,
          all.map(([p]) => p),
          all.map(([, y]) => y),
          { bins, resamples: 0 },
        );
        expect([pooled.rows, pooled.classRows, pooled.confusion]).toEqual([
          exact.rows,
          exact.classRows,
          exact.confusion,
        ]);
        for (const [name, { value, bound }] of Object.entries(pooled.metrics)) {
          const expected = exact.metrics[name]!.value;
          if (value === null || expected === null) expect([value, expected], name).toEqual([null, null]);
          else expect(Math.abs(value - expected), name).toBeLessThanOrEqual((bound ?? 0) + 1e-9);
          expect(bound !== undefined, name).toBe(value !== null && BINNED.includes(name));
        }
        expect(pooled.curves?.decision?.threshold).toEqual(exact.curves?.decision?.threshold);
        expect(pooled.curves?.decision?.netBenefit).toEqual(exact.curves?.decision?.netBenefit);
      }),
      { numRuns: 150 },
    );
  });

  it('points of the pooled ROC curve lie on the exact one', () => {
    const rng = seededRng(2);
    const y = Array.from({ length: 150 }, () => Number(rng() < 0.4));
    const p = y.map((label) => (rng() + 0.5 * label) / 1.5);
    const exact = evaluateGroup(BINARY, p, y).curves!.roc!;
    const pooled = pooledEvaluation(BINARY, groupStatistics(BINARY, p, y, { bins: 64 }), { bins: 64 }).curves!.roc!;
    const points = exact.sensitivity.map((tp, i) => `${tp} ${exact.falsePositiveRate[i]!}`);
    expect(pooled.sensitivity.length).toBeGreaterThan(10);
    pooled.sensitivity.forEach((tp, i) => expect(points).toContain(`${tp} ${pooled.falsePositiveRate[i]!}`));
  });
});

describe('several classes', () => {
  const rng = seededRng(5);
  const y = Array.from({ length: 300 }, () => Math.floor(3 * rng()));
  const p = y.flatMap((label) => {
    const e = [0, 1, 2].map((c) => Math.exp(3 * rng() + (c === label ? 1.5 : 0)));
    return e.map((value) => value / (e[0]! + e[1]! + e[2]!));
  });
  const truth = y.flatMap((label) => [Number(label === 0), Number(label > 0), Number(label === 2)]);
  const parts = [
    [0, 100],
    [100, 300],
  ] as const;

  it.each([
    ['multiclass', y, 1],
    ['multilabel', truth, 3],
  ] as const)('%s: sums of sites give what all rows give, and ranking within its bound', (kind, targets, width) => {
    const problem: EvaluationProblem<'multiclass' | 'multilabel'> = { kind, classes: ['a', 'b', 'c'] };
    const sites = parts.map(([from, to]) =>
      groupStatistics(problem, p.slice(3 * from, 3 * to), targets.slice(width * from, width * to)),
    );
    const pooled = pooledEvaluation(problem, addStatistics(sites), { resamples: 0 });
    const exact = evaluateGroup(problem, p, targets, { resamples: 0 });
    expect([pooled.rows, pooled.classRows, pooled.confusion]).toEqual([exact.rows, exact.classRows, exact.confusion]);
    const all = [pooled.metrics, ...Object.values(pooled.perClass!)];
    [exact.metrics, ...Object.values(exact.perClass!)].forEach((figures, i) => {
      for (const [name, { value }] of Object.entries(figures)) {
        const { value: got, bound = 0 } = all[i]![name]!;
        expect(Math.abs(got! - value!), name).toBeLessThanOrEqual(bound + 1e-9);
      }
    });
    expect(Object.keys(pooled.classCurves!)).toEqual(['a', 'b', 'c']);
  });
});

describe('other kinds', () => {
  it('segmentation: sums of sites give what all images give', () => {
    const rng = seededRng(6);
    const map = (): number[] => Array.from({ length: 30 }, () => Math.floor(3 * rng()));
    const [predictions, targets] = [Array.from({ length: 6 }, map), Array.from({ length: 6 }, map)];
    const problem = { kind: 'segmentation', classes: ['background', 'a', 'b'] } as const;
    const sites = [
      groupStatistics(problem, predictions.slice(0, 2), targets.slice(0, 2)),
      groupStatistics(problem, predictions.slice(2), targets.slice(2)),
    ];
    const pooled = pooledEvaluation(problem, addStatistics(sites));
    const exact = evaluateGroup(problem, predictions, targets);
    expect(pooled.rows).toBe(6);
    for (const [name, { value }] of Object.entries(exact.metrics))
      expect(pooled.metrics[name]!.value, name).toBeCloseTo(value!, 12);
  });

  it('survival: concordance of the pairs within each site, with the error of strata', () => {
    const problem = { kind: 'survival', classes: [] } as const;
    const rng = seededRng(4, 'survival');
    const sites = [40, 25, 3].map((rows) =>
      Array.from({ length: rows }, () => ({
        risk: Math.floor(8 * rng()),
        time: Math.floor(10 * rng()),
        event: Number(rng() < 0.6),
      })),
    );
    // pair by pair: how often each row was compared, and was right
    const seen = sites.flatMap((site) =>
      site.map((row) => {
        const pairs = site.flatMap((other) => {
          if (other === row) return [];
          const [early, late] =
            row.time < other.time || (row.time === other.time && row.event === 1) ? [row, other] : [other, row];
          const isKnown = early.event === 1 && (early.time < late.time || late.event === 0);
          if (!isKnown) return [];
          return [early.risk > late.risk ? 1 : early.risk === late.risk ? 0.5 : 0];
        });
        return { compared: pairs.length, right: pairs.reduce((a: number, b) => a + b, 0) };
      }),
    );
    const pairs = seen.reduce((sum, { compared }) => sum + compared, 0);
    const value = seen.reduce((sum, { right }) => sum + right, 0) / pairs;
    const squares = seen.reduce((sum, { compared, right }) => sum + (right - value * compared) ** 2, 0);
    const pooled = pooledEvaluation(
      problem,
      addStatistics(
        sites.map((rows) =>
          groupStatistics(
            problem,
            { risk: rows.map(({ risk }) => risk) },
            { times: rows.map(({ time }) => time), events: rows.map(({ event }) => event) },
          ),
        ),
      ),
    );
    expect(pooled.rows).toBe(68);
    const index = pooled.metrics['Concordance Index']!;
    expect(index.value).toBeCloseTo(value, 12);
    expect(index.standardError).toBeCloseTo((2 * Math.sqrt(squares)) / pairs, 12);
    expect(index.low).toBeLessThan(value);
    expect(pooled.metrics['Integrated Brier Score']).toMatchObject({
      value: null,
      note: expect.stringContaining('only for each site') as string,
    });
  });

  it.each<[EvaluationKind, number, number | undefined]>([
    ['binary', 2, undefined],
    ['binary', 2, 64],
    ['multiclass', 4, 32],
    ['multilabel', 3, undefined],
    ['segmentation', 3, undefined],
    ['survival', 0, undefined],
    ['regression', 0, undefined],
  ])('%s of %i classes with %s bins fills its layout without rows', (kind, classes, bins) => {
    const problem: EvaluationProblem = { kind, classes: Array.from({ length: classes }, (_, c) => `class ${c}`) };
    const layout = statisticsLayout(kind, classes, bins);
    const empty = kind === 'survival' ? [{ risk: [] }, { times: [], events: [] }] : [[], []];
    const none = groupStatistics(
      problem,
      empty[0] as number[],
      empty[1] as number[],
      bins === undefined ? {} : { bins },
    );
    expect(none.counts).toHaveLength(layout.counts.length);
    expect(Object.keys(none.sums)).toEqual(layout.sums);
    expect(new Set([...layout.counts, ...layout.sums]).size).toBe(layout.counts.length + layout.sums.length);
    const group = pooledEvaluation(problem, none, { bins });
    expect(group.rows).toBe(0);
    for (const [name, { value }] of Object.entries(group.metrics)) expect(value, name).toBeNull();
  });

  it('a binary layout stays near two words a bin', () => {
    const { counts, sums } = statisticsLayout('binary', 2);
    expect(counts.length + 8 * sums.length).toBeLessThan(1.1 * 2048);
  });
});
