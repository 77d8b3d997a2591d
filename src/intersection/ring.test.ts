import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { keysOf, ringSession, runRing } from '../../test/support/intersections.ts';
import { BlindingPool } from './blindingPool/blindingPool.ts';

const pool = new BlindingPool({ threads: 2 });
afterAll(async () => pool.close());

const names = fc.uniqueArray(fc.integer({ min: 0, max: 9 }).map(String), { maxLength: 6 });

describe('an intersection of a ring', () => {
  it('is that of all sets, and every pod learns which of its own keys are in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(names, { minLength: 2, maxLength: 4 }), async (sets) => {
        const common = sets[0]!.filter((key) => sets.every((set) => set.includes(key)));
        const session = ringSession(sets.map((_, i) => 6 + i));
        const { result, pods } = await runRing(
          pool,
          session,
          sets.map((set) => keysOf(set)),
        );
        expect(result.count).toBe(common.length);
        for (const [i, pod] of pods.entries()) {
          const own = await pod.finish(result.places.get(`pod-${i}`)!);
          if (own.kind !== 'intersection') throw new Error('wrong kind');
          expect(sets[i]!.filter((_, key) => own.matches[key] === 1)).toEqual(
            sets[i]!.filter((k) => common.includes(k)),
          );
          expect(own.count).toBe(common.length);
        }
      }),
      { numRuns: 8 },
    );
  });

  it('tells pods nothing when only the number may be learnt', async () => {
    const session = ringSession([3, 3, 3], 'cardinality');
    const sets = [keysOf(['a', 'b', 'c']), keysOf(['c', 'b']), keysOf(['b', 'x', 'c'])];
    const { result, pods } = await runRing(pool, session, sets);
    expect(result).toEqual({ count: 2, places: new Map() });
    await expect(pods[0]!.finish(new Uint8Array(37))).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  });

  it('shows no pod a key, nor two lists with an element in common, whatever pods put together', async () => {
    const sets = [keysOf(['shared-key', 'only-0']), keysOf(['shared-key', 'only-1']), keysOf(['shared-key', 'only-2'])];
    const { seen } = await runRing(pool, ringSession([2, 2, 2]), sets);
    const items: string[] = [];
    for (const chunk of [...seen.values()].flat()) {
      expect(Buffer.from(chunk).includes('shared-key')).toBe(false);
      items.push(...[36, 68].map((at) => Buffer.from(chunk.subarray(at, at + 32)).toString('hex')));
    }
    // all lists at all hops, pods colluding: without openings nothing is the same as anything
    expect(items).toHaveLength(18);
    expect(new Set(items).size).toBe(18);
  });

  it('ends when the comparator marks padding, places beyond the list, or answers another pod', async () => {
    const violation = { code: 'PROTOCOL_VIOLATION' };
    const run = async (): Promise<Awaited<ReturnType<typeof runRing>>> =>
      runRing(pool, ringSession([3, 3]), [keysOf(['a']), keysOf(['a', 'b'])]);
    for (const bits of [0b111, 0b1000]) {
      const { result, pods } = await run();
      const places = result.places.get('pod-0')!.slice();
      places[36] = bits;
      await expect(pods[0]!.finish(places)).rejects.toMatchObject(violation);
      await expect(pods[0]!.finish(result.places.get('pod-0')!)).rejects.toMatchObject(violation);
    }
    const { result, pods } = await run();
    await expect(pods[0]!.finish(result.places.get('pod-1')!)).rejects.toMatchObject(violation);
  });
});
