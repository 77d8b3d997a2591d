import { describe, expect, it } from 'vitest';
import { referenceAttempt } from '../support/secaggReference.ts';
import { replay } from '../support/secaggReplay.ts';
import { attemptInputs } from '../support/secaggVectors.ts';

describe('both implementations', () => {
  it('say the same in a cohort of 60 with neighbours, pods lost in every phase after sharing', () => {
    const inputs = attemptInputs('slow', 60, { shape: [{ bits: 16, length: 100 }] }, { 1: 2, 17: 3, 40: 4, 59: 2 });
    const record = referenceAttempt(inputs);
    expect(record.thresholds).toMatchObject({ k: 20, t: 14 });
    expect(record.outcome).toHaveProperty('sum');
    expect(replay(inputs)).toEqual(record);
  });

  it('say the same in a complete graph of 24', () => {
    const inputs = attemptInputs(
      'slow',
      24,
      { shape: [{ bits: 32, length: 1_000 }] },
      { 0: 0, 3: 1, 7: 2, 11: 3, 23: 4 },
    );
    expect(replay(inputs)).toEqual(referenceAttempt(inputs));
  });
});
