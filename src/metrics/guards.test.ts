import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../base/index.ts';
import { hideCells } from './hiddenCells.ts';
import { type EvaluationProblem, evaluateGroup, type GroupEvaluation, guardGroup } from './index.ts';

const BINARY = { kind: 'binary', classes: ['no', 'yes'] } as const;
const GUARD = { minimumRows: 10, minimumClassRows: 5 };

/** Rows that give this confusion matrix. */
function withCounts(tn: number, fp: number, fn: number, tp: number): GroupEvaluation {
  const rng = seededRng(1);
  const draw = (rows: number, label: number, from: number): [number, number][] =>
    Array.from({ length: rows }, () => [from + 0.49 * rng(), label]);
  const rows = [...draw(tn, 0, 0), ...draw(fp, 0, 0.5), ...draw(fn, 1, 0), ...draw(tp, 1, 0.5)];
  return evaluateGroup(
    BINARY,
    rows.map(([p]) => p),
    rows.map(([, y]) => y),
    { resamples: 50 },
  );
}

function shown(group: GroupEvaluation): GroupEvaluation {
  const guarded = guardGroup(group, GUARD);
  if ('withheld' in guarded) throw new Error(guarded.withheld);
  return guarded;
}

describe('guardGroup', () => {
  it('withholds a group with too few rows, or too few of a class, without the number', () => {
    expect(guardGroup(withCounts(3, 1, 1, 4), GUARD)).toEqual({ withheld: 'fewer rows than the minimum of 10' });
    const reason = { withheld: 'a class has fewer rows than the minimum of 5' };
    expect(guardGroup(withCounts(90, 10, 0, 4), GUARD)).toEqual(reason);
    expect(guardGroup(withCounts(90, 10, 0, 0), GUARD)).toEqual(reason);
    expect(guardGroup(withCounts(0, 4, 50, 40), GUARD)).toEqual(reason);
  });

  it('leaves large counts and their figures alone', () => {
    const group = withCounts(80, 20, 10, 40);
    const guarded = shown(group);
    expect(guarded.confusion).toEqual([
      [80, 20],
      [10, 40],
    ]);
    expect(guarded.metrics).toEqual({
      ...group.metrics,
      'Sensitivity at 95% specificity': guarded.metrics['Sensitivity at 95% specificity'],
    });
  });

  it('hides a small count with the rest of its row, and says of figures no more than the minimum does', () => {
    for (const missed of [0, 1, 4]) {
      const group = withCounts(80, 20, missed, 50 - missed);
      const { confusion, metrics } = shown(group);
      expect(confusion).toEqual([
        [80, 20],
        [null, null],
      ]);
      // missed is 0 to 4 of 50, whatever it is
      expect(metrics['Recall']).toMatchObject({
        value: expect.closeTo(0.96, 12) as number,
        bound: expect.closeTo(0.04, 12) as number,
      });
      expect(metrics['Precision']!.value! + metrics['Precision']!.bound!).toBeCloseTo(50 / 70, 12);
      expect(metrics['Precision']!.value! - metrics['Precision']!.bound!).toBeCloseTo(46 / 66, 12);
      expect(metrics['Accuracy']!.value! + metrics['Accuracy']!.bound!).toBeCloseTo(130 / 150, 12);
      expect(metrics['Specificity']).toEqual(group.metrics['Specificity']);
      for (const name of ['Matthews Correlation Coefficient', "Cohen's Kappa"]) expect(metrics[name]!.value).toBeNull();
    }
  });

  it('says the same of figures of all cells that are hidden alike', () => {
    const figures = [0, 1, 4].map((missed) => {
      const { metrics, confusion } = shown(withCounts(80, 20, missed, 50 - missed));
      return [confusion, ...['Accuracy', 'Precision', 'Recall', 'F1 Score'].map((name) => metrics[name])];
    });
    expect(figures[1]).toEqual(figures[0]);
    expect(figures[2]).toEqual(figures[0]);
  });

  it('figures stay within their bound of the exact ones', () => {
    const count = fc.nat(30);
    fc.assert(
      fc.property(count, count, count, count, (tn, fp, fn, tp) => {
        const group = withCounts(tn, fp, fn, tp);
        const guarded = guardGroup(group, GUARD);
        if ('withheld' in guarded) return;
        for (const name of ['Accuracy', 'Precision', 'Recall', 'Specificity', 'F1 Score']) {
          const { value, bound = 0, low, high } = guarded.metrics[name]!;
          const exact = group.metrics[name]!;
          if (exact.value === null || value === null) continue;
          expect(Math.abs(value - exact.value), name).toBeLessThanOrEqual(bound + 1e-12);
          expect(low!, name).toBeLessThanOrEqual(exact.low! + 1e-12);
          expect(high!, name).toBeGreaterThanOrEqual(exact.high! - 1e-12);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('thins curves until no step, and no difference to the matrix, is a small count', () => {
    const rng = seededRng(9);
    const y = Array.from({ length: 400 }, () => Number(rng() < 0.3));
    const p = y.map((label) => 1 / (1 + Math.exp(-(4 * rng() - 2.5 + label))));
    const group = evaluateGroup(BINARY, p, y, { resamples: 50 });
    const { curves, confusion, metrics } = shown(group);
    const [negatives, positives] = group.classRows as [number, number];
    const points = curves!.roc!.sensitivity.map(
      (tp, i) => [tp * positives, curves!.roc!.falsePositiveRate[i]! * negatives] as const,
    );
    expect(points.length).toBeGreaterThan(8);
    const { observed, rows } = curves!.calibration!;
    let [tp, fp] = [0, 0];
    const borders = rows
      .map((_, i) => rows.length - 1 - i)
      .map((b) => [(tp += observed[b]! * rows[b]!), (fp += (1 - observed[b]!) * rows[b]!)] as const);
    const all = [...points, ...borders, [confusion![1]![1]!, confusion![0]![1]!] as const].sort(
      (a, b) => a[0] - b[0] || a[1] - b[1],
    );
    all.slice(1).forEach(([tpAt, fpAt], i) => {
      const [dtp, dfp] = [Math.round(tpAt - all[i]![0]), Math.round(fpAt - all[i]![1])];
      if (dtp === 0 && dfp === 0) return;
      expect(dtp).toBeGreaterThanOrEqual(5);
      expect(dfp).toBeGreaterThanOrEqual(5);
    });
    expect(rows.reduce((a, b) => a + b, 0)).toBe(400);
    const missed = positives * (1 - (metrics['Sensitivity at 95% specificity']!.value ?? 0.5));
    expect(Math.round(missed)).toBeGreaterThanOrEqual(5);
    const steps = curves!.decision!.netBenefit.map((benefit, i) => {
      const t = curves!.decision!.threshold[i]!;
      return benefit / ((10 / 400) * Math.max(1, t / (1 - t)));
    });
    for (const step of steps) expect(step).toBeCloseTo(Math.round(step), 9);
  });

  it('hides cells of several classes so that rows do not give them back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(14), { minLength: 3, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
        (matrix) => {
          const { shown: cells, low, high } = hideCells(matrix, 5);
          matrix.forEach((row, truth) => {
            const hidden = row.map((_, c) => c).filter((c) => cells[truth]![c] === null);
            for (const [c, cell] of row.entries()) {
              expect(low[truth]![c]!).toBeLessThanOrEqual(cell);
              expect(high[truth]![c]!).toBeGreaterThanOrEqual(cell);
              if (cell < 5) expect(cells[truth]![c]).toBeNull();
            }
            expect(hidden).not.toHaveLength(1);
            // any small cell could be anything that is small, given the row's sum and the ranges of the others
            const sum = hidden.reduce((all, c) => all + row[c]!, 0);
            for (const c of hidden.filter((at) => row[at]! < 5)) {
              const others = hidden.filter((other) => other !== c);
              const [least, most] = [
                others.reduce((all, o) => all + low[truth]![o]!, 0),
                others.reduce((all, o) => all + high[truth]![o]!, 0),
              ];
              expect(Math.max(low[truth]![c]!, sum - most)).toBe(0);
              expect(Math.min(high[truth]![c]!, sum - least)).toBeGreaterThanOrEqual(Math.min(4, sum));
            }
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('guards classes and labels one by one', () => {
    const rng = seededRng(3);
    const y = Array.from({ length: 200 }, () => Math.floor(3 * rng()));
    const p = y.flatMap((label) => [0, 1, 2].map((c) => (c === label ? 0.8 : 0.1)));
    p.splice(0, 3, 0.4, 0.35, 0.25);
    const classes = ['a', 'b', 'c'];
    const multiclass = shown(evaluateGroup({ kind: 'multiclass', classes }, p, y, { resamples: 20 }));
    expect(multiclass.confusion!.flat()).toContain(null);
    expect(multiclass.metrics['Accuracy']!.bound).toBeGreaterThan(0);
    expect(multiclass.curves).toEqual({});
    expect(multiclass.metrics["Cohen's Kappa"]!.value).toBeNull();
    const problem: EvaluationProblem<'multilabel'> = { kind: 'multilabel', classes };
    const truth = y.flatMap((label) => [0, 1, 2].map((c) => Number(c === label)));
    const labels = shown(evaluateGroup(problem, p, truth, { resamples: 20 }));
    for (const name of ['Accuracy', 'Recall', 'F1 Score']) expect(labels.metrics[name]!.bound, name).toBeGreaterThan(0);
    expect(labels.metrics['Micro F1 Score']!.value).toBeNull();
    expect(labels.perClass!['a']!['Recall']!.bound).toBeGreaterThan(0);
  });
});
