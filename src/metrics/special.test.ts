import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { chiSquareAbove, digamma, incompleteBeta, lnGamma, studentQuantile } from './special.ts';

const { special } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/metrics/evaluation.json', import.meta.url), 'utf8'),
) as { special: Record<string, number[][]> };

it.each<[string, (...args: number[]) => number]>([
  ['chiSquareAbove', (x, degrees) => chiSquareAbove(x!, degrees!)],
  ['studentQuantile', (p, degrees) => studentQuantile(p!, degrees!)],
  ['digamma', (x) => digamma(x!)],
  ['lnGamma', (x) => lnGamma(x!)],
  ['incompleteBeta', (x, a, b) => incompleteBeta(x!, a!, b!)],
])('%s agrees with scipy', (name, of) => {
  expect(special[name]!.length).toBeGreaterThan(8);
  for (const row of special[name]!) {
    const expected = row.at(-1)!;
    // of the value, or of 1 near the zeros of the logarithm and of digamma
    const close = 1e-9 * Math.max(Math.abs(expected), name === 'chiSquareAbove' ? 0 : 1e-3);
    expect(Math.abs(of(...row.slice(0, -1)) - expected), `${name}(${row.slice(0, -1).join(', ')})`).toBeLessThanOrEqual(
      close,
    );
  }
});
