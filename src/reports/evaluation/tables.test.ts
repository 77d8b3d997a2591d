import { describe, expect, it } from 'vitest';
import { ABORTED, BINARY, hostile, MULTICLASS } from '../../../test/support/evaluationRecords.ts';
import { shown } from './figures.ts';
import { type EvaluationResult, evaluationSummary, evaluationTables } from './index.ts';

/** Cells of RFC 4180 text. */
function parse(csv: Uint8Array): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of new TextDecoder()
    .decode(csv)
    .matchAll(/(?:"((?:[^"]|"")*)"|([^,\r"]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

const tableOf = (result: EvaluationResult, name: string): Record<string, string>[] => {
  const [head, ...rows] = parse(evaluationTables(result).find((table) => table.name === name)!.csv);
  return rows.map((row) => Object.fromEntries(head!.map((column, i) => [column, row[i]!])));
};

describe('tables', () => {
  it('have every figure, exact, with its place', () => {
    const rows = tableOf(BINARY, 'metrics.csv');
    const auc = rows.filter(
      ({ metric, model, subgroup_column }) => metric === 'ROC AUC' && model === 'resnet-18' && subgroup_column === '',
    );
    expect(auc.map(({ site }) => site)).toEqual([
      '',
      'Charité Berlin',
      'Aarhus University Hospital',
      'UMC Utrecht',
      'Hospital Clínic Barcelona',
    ]);
    const { pooled } = BINARY.findings[0]!;
    expect(Number(auc[0]!['value'])).toBe(pooled && 'metrics' in pooled ? pooled.metrics['ROC AUC']!.value : null);
    expect(rows.filter(({ withheld }) => withheld !== '').length).toBeGreaterThan(2);
    expect(tableOf(MULTICLASS, 'metrics.csv').filter((row) => row['class'] === 'tuberculosis')).not.toHaveLength(0);
  });

  it('have a line a hospital of a mean, a cell of a matrix, a point of a curve', () => {
    expect(
      tableOf(BINARY, 'meta.csv').filter(({ model, metric }) => model === 'resnet-18' && metric === 'ROC AUC'),
    ).toHaveLength(5);
    const confusion = tableOf(BINARY, 'confusion.csv');
    for (const row of confusion) expect(row['rows'] === '').toBe(row['withheld'] !== '');
    expect(new Set(tableOf(BINARY, 'curves.csv').map(({ curve }) => curve))).toEqual(
      new Set(['roc', 'precision_recall', 'calibration', 'decision']),
    );
  });

  it('have headings alone when nothing was found', () => {
    for (const { csv } of evaluationTables(ABORTED)) expect(parse(csv)).toHaveLength(1);
  });

  it('run as no formula and steer nothing', () => {
    for (const { csv } of evaluationTables(hostile(BINARY) as EvaluationResult)) {
      const text = new TextDecoder().decode(csv);
      for (const unseen of ['\u202e', '\u001b', '\u0000']) expect(text).not.toContain(unseen);
      for (const row of parse(csv).slice(1)) for (const cell of row) expect(cell).not.toMatch(/^[=+@\t]|^-(?!\d)/);
    }
  });
});

describe('the summary', () => {
  it('has a line a hospital, withheld ones with the reason, and those that did not answer', () => {
    const text = evaluationSummary(BINARY);
    expect(text).toMatch(/Charité Berlin {2,}640 {2}0\.\d{3} \(0\.\d{3} to 0\.\d{3}\) +\d+ %/);
    expect(text).toMatch(/Kantonsspital Chur +– {2}withheld: fewer than 20 rows/);
    expect(text).toContain('Klinikum Ost: lost, connection lost while it evaluated');
  });
});

describe('rounding', () => {
  it.each([
    [0.89123, 0.861, 0.915, '0.891', '0.861 to 0.915'],
    [0.7512, 0.602, 0.899, '0.75', '0.60 to 0.90'],
    [0.98765, 0.9868, 0.9885, '0.9877', '0.9868 to 0.9885'],
    [-0.0004, -0.01, 0.01, '0.000', '−0.010 to 0.010'],
    [35.27, 31.2, 39.4, '35.3', '31.2 to 39.4'],
    [352.7, 312.1, 394.4, '353', '312 to 394'],
    [15_352.7, 12_312, 18_394, '15,353', '12,312 to 18,394'],
    [0.5, null, null, '0.500', ''],
    [1, 1, 1, '1.000', '1.000 to 1.000'],
  ])('of %d (%d, %d) tells what its interval bears', (value, low, high, text, interval) => {
    expect(shown('ROC AUC', { value, low, high })).toMatchObject({ value: text, interval });
  });

  it('tells no digit behind the bound', () => {
    expect(shown('ROC AUC', { value: 0.87654, low: null, high: null, bound: 0.02 }).value).toBe('0.877');
    expect(shown('ROC AUC', { value: null, low: null, high: null }).value).toBe('–');
  });
});
