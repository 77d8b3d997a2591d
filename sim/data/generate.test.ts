import { describe, expect, it } from 'vitest';
import { textOf } from '../../src/datasources/index.ts';
import type { DataSettings } from '../scenario/schema.ts';
import { generate } from './generate.ts';
import { type Table, toCsv } from './table.ts';

type Synthetic = Exclude<DataSettings, { kind: 'csv' | 'images' }>;
const CASES: readonly [Synthetic, width: number, classes: number][] = [
  [{ kind: 'blobs', rows: 90, features: 4, classes: 3, separation: 4 }, 4, 3],
  [{ kind: 'logistic', rows: 90, features: 2, strength: 2 }, 2, 2],
  [{ kind: 'linear', rows: 90, features: 5, noise: 0.1 }, 5, 0],
  [{ kind: 'bars', rows: 90, size: 5, noise: 0.2 }, 25, 3],
];
const column = ({ columns }: Table, name: string): number[] => columns[name] as number[];

/** Rows and columns that a line touches in an image of 6 × 6. */
const SPANS: Readonly<Record<string, readonly [number, number]>> = {
  horizontal: [1, 6],
  vertical: [6, 1],
  diagonal: [6, 6],
};

describe('generated data', () => {
  it.each(CASES)(
    '%o has the columns and classes it should, and is the same for the same seed',
    (settings, width, classes) => {
      const table = generate(settings, 7);
      expect(Object.keys(table.columns)).toEqual([...Array.from({ length: width }, (_, i) => `x${i}`), 'y']);
      expect(table.classes).toHaveLength(classes);
      for (const cells of Object.values(table.columns)) expect(cells).toHaveLength(90);
      if (classes > 0) expect(new Set(table.columns['y'])).toEqual(new Set(table.classes));
      expect(generate(settings, 7)).toEqual(table);
      expect(generate(settings, 8)).not.toEqual(table);
    },
  );

  it('of a linear function is explained by it but for the noise', () => {
    const table = generate({ kind: 'linear', rows: 2_000, features: 1, noise: 0.5 }, 1);
    const [x, y] = [column(table, 'x0'), column(table, 'y')];
    const slope =
      x.reduce((sum, value, i) => sum + value * y[i]!, 0) / x.reduce((sum, value) => sum + value * value, 0);
    const residual = Math.sqrt(y.reduce((sum, value, i) => sum + (value - slope * x[i]!) ** 2, 0) / y.length);
    expect(Math.abs(slope)).toBeCloseTo(1, 1);
    expect(residual).toBeCloseTo(0.5, 1);
  });

  it('of blobs has centres as far apart as asked', () => {
    const table = generate({ kind: 'blobs', rows: 4_000, features: 40, classes: 2, separation: 6 }, 1);
    const centre = (label: string): number[] =>
      Array.from({ length: 40 }, (_, i) => {
        const own = column(table, `x${i}`).filter((_cell, row) => table.columns['y']![row] === label);
        return own.reduce((a, b) => a + b, 0) / own.length;
      });
    const [a, b] = [centre('c0'), centre('c1')];
    // random directions of 40 dimensions are nearly at right angles
    expect(Math.hypot(...a.map((value, i) => value - b[i]!))).toBeGreaterThan(4.5);
    expect(Math.hypot(...a.map((value, i) => value - b[i]!))).toBeLessThan(7.5);
  });

  it('of bars has one bright line', () => {
    const table = generate({ kind: 'bars', rows: 30, size: 6, noise: 0 }, 1);
    for (let row = 0; row < 30; row++) {
      const lit = Array.from({ length: 36 }, (_, i) => column(table, `x${i}`)[row]!).flatMap((value, i) =>
        value === 1 ? [i] : [],
      );
      expect(lit).toHaveLength(6);
      const [rows, columns] = [new Set(lit.map((i) => Math.floor(i / 6))), new Set(lit.map((i) => i % 6))];
      const [across, down] = SPANS[textOf(table.columns['y']![row])]!;
      expect([rows.size, columns.size]).toEqual([across, down]);
    }
  });
});

it('a table is a CSV file with quotes where they are needed', () => {
  const table: Table = { rows: 2, target: 'y', classes: [], columns: { 'a,b': ['say "no"', null], y: [0.1, -2e-7] } };
  expect(toCsv(table)).toBe('"a,b",y\n"say ""no""",0.1\n,-2e-7\n');
});
