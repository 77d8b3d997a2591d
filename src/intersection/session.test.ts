import { describe, expect, it } from 'vitest';
import { keysOf, pairParameters, ringSession } from '../../test/support/intersections.ts';
import { randomBytes } from '../crypto/index.ts';
import { BlindingPool } from './blindingPool/blindingPool.ts';
import { PairReceiver } from './pairReceiver.ts';
import { MAX_LIST, openPair, openRing, tagBytes } from './session.ts';

describe('the length of tags', () => {
  it('is what 2^-40 over all pairs needs, in whole bytes', () => {
    for (const total of [2, 100, 200_000, 1 << 21]) {
      const bits = 8 * tagBytes(total);
      const pairs = Math.log2(total) + Math.log2(total - 1) - 1;
      expect(pairs - bits).toBeLessThanOrEqual(-40);
      expect(pairs - (bits - 8)).toBeGreaterThan(-40.6);
    }
    expect(tagBytes(200_000)).toBe(10);
  });
});

describe('what a session is opened with', () => {
  const invalid = expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error;

  it('is refused out of range', () => {
    for (const change of [
      { receiverSize: 0 },
      { senderSize: MAX_LIST + 1 },
      { senderSize: 1.5 },
      { sender: 'modeller' },
      { sender: '' },
      { runId: '' },
      { rule: [] },
    ])
      expect(() => openPair(pairParameters(change)), JSON.stringify(change)).toThrow(invalid);
    expect(() => ringSession([1])).toThrow(invalid);
    expect(() => ringSession(Array.from({ length: 65 }, () => 1))).toThrow(invalid);
    const { pods, ...rest } = ringSession([1, 1]);
    expect(() => openRing({ ...rest, pods: [pods[0]!, pods[0]!] })).toThrow(invalid);
    expect(() => openRing({ ...rest, pods, comparator: 'pod-1' })).toThrow(invalid);
  });

  it('is refused when the site has more keys than agreed, without naming any', () => {
    const pool = new BlindingPool({ threads: 1 }); // starts no thread
    const options = { keys: keysOf(['secret-a', 'secret-b']), pool, random: randomBytes };
    const attempt = (): unknown => new PairReceiver(openPair(pairParameters({ receiverSize: 1 })), options);
    expect(attempt).toThrow(invalid);
    expect(attempt).not.toThrow(/secret-/);
  });
});
