import { describe, expect, it } from 'vitest';
import { decodeUfloat16, greyOfE2e, greyOfVol, greyTable, ufloat16Table, volValue } from './grey.ts';

describe('reflectivity of 16 bits', () => {
  it('has the exponent above the mantissa, with the bits of both in order', () => {
    expect(decodeUfloat16(0)).toBe(0);
    expect(decodeUfloat16(0xfc00)).toBe(1);
    expect(decodeUfloat16(0xf800)).toBe(0.5);
    expect(decodeUfloat16(0xfa00)).toBe(0.75);
    // a reader that turns the mantissa around gives 0.5 + 2^-11 for 0xFA00 and 0.75 here
    expect(decodeUfloat16(0xf801)).toBe(0.5 * (1 + 1 / 1024));
    expect(decodeUfloat16(0x0400)).toBe(2 ** -62);
    expect(decodeUfloat16(0x0200)).toBe(2 ** -63);
  });

  it('grows with its code', () => {
    const table = ufloat16Table();
    expect(table.findIndex((x, code) => code > 0 && !(x > table[code - 1]!))).toBe(-1);
  });
});

describe('grey of HEYEX', () => {
  it('never falls, from black to white', () => {
    const greys = greyTable();
    expect(greys[0]).toBe(0);
    expect(greys[0xfc00]).toBe(255);
    expect(greys[0xffff]).toBe(255);
    expect(greys.findIndex((grey, code) => code > 0 && grey < greys[code - 1]!)).toBe(-1);
    expect(new Set(greys).size).toBe(256);
  });

  it('lies where the thresholds measured from exports of HEYEX lie: 281.93 + 30.72·ln(x + 1e-4), within 0.42 and rounding', () => {
    const [reflectivities, greys] = [ufloat16Table(), greyTable()];
    let [compared, worst] = [0, 0];
    for (let code = 0; code < greys.length; code++) {
      const fitted = 281.93 + 30.72 * Math.log(reflectivities[code]! + 1e-4);
      if (fitted < 1 || fitted > 254) continue;
      compared++;
      worst = Math.max(worst, Math.abs(greys[code]! - fitted));
    }
    // 0.12 of the formula, 0.42 of the fit, 0.5 of rounding
    expect(worst).toBeLessThan(1.04);
    expect(compared).toBeGreaterThan(10_000);
  });

  it('of a .vol has no factor, and no value is black', () => {
    expect([0, 1, 0.1, 0.001, 3.4e38].map(greyOfVol)).toEqual([0, 255, 185, 50, 0]);
    expect(greyOfVol(2.37 * 0.05)).toBe(greyOfE2e(0.05));
    expect([-1, Number.NaN].map(greyOfVol)).toEqual([0, 0]);
    expect(volValue(3.4e38)).toBeNaN();
    expect(volValue(0.25)).toBe(0.25);
  });
});
