import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { keysOf, pairParameters, runPair } from '../../test/support/intersections.ts';
import { BlindingPool } from './blindingPool/blindingPool.ts';
import { collectKeys, rowsOf } from './keySet.ts';

const pool = new BlindingPool({ threads: 2 });
afterAll(async () => pool.close());

const names = fc.uniqueArray(fc.integer({ min: 0, max: 14 }).map(String), { maxLength: 8 });

describe('an intersection of two', () => {
  it('is that of the sets, whatever they and their bounds are', async () => {
    await fc.assert(
      fc.asyncProperty(names, names, async (xs, ys) => {
        const expected = xs.filter((x) => ys.includes(x));
        const sets = [keysOf(xs), keysOf(ys)] as const;
        const { result } = await runPair(pool, pairParameters(), sets);
        if (result.kind !== 'intersection') throw new Error('wrong kind');
        expect(xs.filter((_, i) => result.matches[i] === 1)).toEqual(expected);
        expect(result.count).toBe(expected.length);
        const counted = await runPair(pool, pairParameters({ kind: 'cardinality' }), sets);
        expect(counted.result).toEqual({ kind: 'cardinality', count: expected.length });
      }),
      { numRuns: 12 },
    );
  });

  it('fills its lists exactly when the bound is the number of keys', async () => {
    const sizes = { receiverSize: 3, senderSize: 2 };
    const { result } = await runPair(pool, pairParameters(sizes), [keysOf(['a', 'b', 'c']), keysOf(['c', 'a'])]);
    expect(result).toEqual({ kind: 'intersection', count: 2, matches: Uint8Array.of(1, 0, 1) });
  });

  it('becomes a row filter: rows of one key together, rows without a key never', async () => {
    const rule = [{ case: 'fold' }, { digits: true }] as const;
    const rows = [
      ['Ada', '007'],
      ['Bob', 8],
      ['ada ', 7],
      ['Ada', null],
      ['', '7'],
      ['Eve', '9'],
    ] as const;
    const mine = collectKeys(rule, rows);
    const theirs = collectKeys(rule, [
      ['ADA', 7],
      ['eve', 'nr. 9'],
      [null, '7'],
    ]);
    const { result } = await runPair(pool, pairParameters({ rule }), [mine, theirs]);
    if (result.kind !== 'intersection') throw new Error('wrong kind');
    expect(rowsOf(mine, result.matches)).toEqual(Int32Array.of(0, 2, 5));
  });

  it('puts neither keys nor the order of rows on the wire', async () => {
    const xs = ['patient-number-17', 'patient-number-18'];
    const sets = [keysOf(xs), keysOf(xs)] as const;
    const runs = [await runPair(pool, pairParameters(), sets), await runPair(pool, pairParameters(), sets)];
    for (const { requests, answers } of runs)
      for (const chunk of [...requests, ...answers])
        for (const x of ['patient', ...xs]) expect(Buffer.from(chunk).includes(x)).toBe(false);
    // fresh scalars, order and padding every time: no item of one run comes again in the other
    const items = runs.map(
      ({ requests, answers }) =>
        new Set(
          [...requests, ...answers.slice(0, 1)].flatMap((chunk) =>
            Array.from({ length: (chunk.length - 36) / 32 }, (_, i) =>
              Buffer.from(chunk.subarray(36 + i * 32, 68 + i * 32)).toString('hex'),
            ),
          ),
        ),
    );
    expect(items[0]!.size).toBe(16);
    expect([...items[0]!].filter((item) => items[1]!.has(item))).toEqual([]);
  });
});
