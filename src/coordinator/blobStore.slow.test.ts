/** Whole runs whose parameters and masked vectors go through a blob store. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Federation, shortTask } from '../../sim/federation.ts';
import { S3_KEY, S3Server } from '../../test/support/s3Server.ts';
import { S3Store, type StoreOptions } from '../transport/index.ts';

/** 82 000 parameters: vectors of 0.3 MB. */
const wide = (yaml: string): string => shortTask(yaml).replace('[16]', '[512, 128]');
const LARGE = 200_000;

describe('a federation with a blob store', () => {
  let s3: S3Server;
  let federation: Federation | undefined;
  beforeEach(async () => {
    s3 = await S3Server.start();
  });
  afterEach(async () => {
    await federation?.close();
    federation = undefined;
    await s3.close();
  });

  const store = (): StoreOptions => ({
    store: new S3Store({ endpoint: s3.endpoint, bucket: 'bucket', region: 'us-east-1', prefix: 'k/', ...S3_KEY }),
    minimumBytes: LARGE,
  });
  const run = async (withStore: boolean) => {
    federation = await Federation.open({ task: wide, ...(withStore && { store }) });
    const outcome = await federation.run();
    const through = federation.broker.log.reduce((sum, { payload }) => sum + payload.length, 0);
    const problems = federation.events.filter(({ type }) => type === 'problem').length;
    const told = federation.notices.filter(({ notice }) => notice.type === 'problem').length;
    await federation.close();
    return { outcome, through, problems: problems + told };
  };

  it('comes to the same model, with a fifth of the bytes at the broker, and leaves nothing in the store', async () => {
    const [without, within] = [await run(false), await run(true)];
    expect(within.outcome.status, within.outcome.reason).toBe('complete');
    expect(within.outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
    // the masks' noise-free sums are exact, so the way of the bytes changes none of them
    expect(within.outcome.parameters).toEqual(without.outcome.parameters);
    expect(within.through).toBeLessThan(without.through / 5);
    expect(within.problems).toBe(0);
    // each round: the parameters once for all pods, and a masked vector from each
    expect([...s3.versions.keys()].length).toBeGreaterThanOrEqual(3 * (1 + 4));
    expect(s3.objects.size).toBe(0);
  });

  it('completes, and says what it does without, when the store breaks in the middle of it', async () => {
    let puts = 0;
    s3.fault = (method) => {
      if (method === 'PUT') puts++;
      return puts > 6 ? 'unavailable' : 'none';
    };
    const { outcome, problems } = await run(true);
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
    expect(problems).toBeGreaterThan(0);
  });
});
