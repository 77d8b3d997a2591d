import { describe, expect, it } from 'vitest';
import type { ColumnSchema } from '../../schema.ts';
import { gridOf, onGrid } from './grid.ts';

const column = (dataType: ColumnSchema['dataType']): ColumnSchema => ({
  name: 'x',
  dataType,
  semanticType: 'continuous',
});

describe('a grid', () => {
  it.each([
    [16, 80, { step: 2 ** -10, low: 16_384, high: 81_920 }],
    [0, 1, { step: 2 ** -16, low: 0, high: 65_536 }],
    [-3, 5, { step: 2 ** -13, low: -24_576, high: 40_960 }],
    [0, 65_537, { step: 2, low: 0, high: 32_769 }],
    [0, 1e100, { step: 2 ** 317 }],
  ])('of [%d, %d] has the finest power of two with at most 2^16 steps', (lower, upper, expected) => {
    const grid = gridOf(column('number'), { lower, upper });
    expect(grid).toMatchObject({ ...expected, isDate: false });
    expect(grid.high - grid.low).toBeLessThanOrEqual(2 ** 16);
    expect(grid.high - grid.low).toBeGreaterThan(2 ** 15 - 2);
  });

  it('of dates counts days', () => {
    const grid = gridOf(column('date'), { lower: '1970-01-01', upper: '1970-01-09' });
    expect(grid).toEqual({ step: 2 ** -13, low: 0, high: 65_536, isDate: true });
    expect(onGrid(8_192, grid)).toBe('1970-01-02');
    expect(onGrid(16_383, grid)).toBe('1970-01-02');
    expect(onGrid(-1, { ...grid, low: -8_192 })).toBe('1969-12-31');
    for (const lower of ['1970-1-1', '1970-02-31', '1970-01-01T00:00', 0, 'today'])
      expect(() => gridOf(column('date'), { lower, upper: '1971-01-01' })).toThrow('YYYY-MM-DD');
  });

  it('is refused for what has none', () => {
    for (const [lower, upper] of [
      [1, 1],
      [2, 1],
      [0, Number.POSITIVE_INFINITY],
      [Number.NaN, 1],
      ['0', '1'],
      [-1e101, 0],
    ] as const)
      expect(() => gridOf(column('number'), { lower, upper })).toThrow('the lower one first');
    expect(() => gridOf(column('number'), { lower: 1e9, upper: 1e9 + 1e-3 })).toThrow('too narrow');
    expect(() => gridOf(column('number'), { lower: 0, upper: 1e-300 })).toThrow('too narrow');
    for (const kind of ['text', 'boolean', 'image'] as const)
      expect(() => gridOf(column(kind), { lower: 0, upper: 1 })).toThrow('holds no numbers');
  });
});
