/**
 * Whole federations under differential privacy: noise that counts, budgets that hold, and what stays exact.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  allowPlain,
  Federation,
  type FederationOptions,
  plainTask,
  reasons,
  shortTask,
  soloTask,
} from '../../sim/federation.ts';

let federation: Federation;
const open = async (options: FederationOptions): Promise<Federation> => {
  federation = await Federation.open(options);
  return federation;
};
afterEach(() => federation.close());

const withPrivacy =
  (privacy: string, edit: (yaml: string) => string = shortTask) =>
  (yaml: string): string =>
    edit(yaml).replace('  aggregator:', `  aggregator:\n    privacy: { delta: 1.0e-5, ${privacy} }`);
/** What does not depend on the mode is cheapest with one pod. */
const solo = (privacy: string): FederationOptions => ({
  ...{ task: withPrivacy(privacy, soloTask), pods: ['hospital-a'], pod: allowPlain },
});
/** A site with a budget, as its pod file would give it. */
const withBudget =
  (epsilonBudget: number): NonNullable<FederationOptions['pod']> =>
  (_name, config) => ({
    ...config,
    policy: { ...config.policy, privacy: { required: true, epsilonBudget, delta: 1e-5 } },
  });

describe('a private federation', () => {
  it.each([
    ['skellam', withPrivacy('noise_multiplier: 0.02, clip_norm: 1'), undefined],
    // in words of 16 bits
    [
      'discrete_gaussian',
      withPrivacy('mechanism: discrete_gaussian, noise_multiplier: 0.02, clip_norm: 1', (yaml) =>
        shortTask(yaml).replace('secure: true', 'secure: true\n    bits: 16'),
      ),
      undefined,
    ],
    ['gaussian', withPrivacy('noise_multiplier: 0.02, clip_norm: 1', plainTask), allowPlain],
  ] as const)('trains with %s noise, and says what it cost', async (mechanism, task, pod) => {
    await open({ task, ...(pod && { pod }) });
    const outcome = await federation.run();
    expect(reasons(outcome)).toEqual(
      Object.fromEntries(['a', 'b', 'c', 'd'].map((x) => [`hospital-${x}`, 'finished'])),
    );
    expect(outcome.reason).toBe('all rounds done');
    const spent = outcome.rounds.map(({ privacy }) => privacy!.epsilon);
    expect(spent).toHaveLength(3);
    expect(spent).toEqual(spent.toSorted((a, b) => a - b));
    expect(outcome.privacy).toMatchObject({ mechanism, epsilon: spent.at(-1), rounds: 3, clipNorm: 1 });
    // little noise: it still learns
    expect(outcome.rounds.at(-1)!.trainingLoss!).toBeLessThan(outcome.rounds[0]!.trainingLoss!);
    // the pods' own accounts agree with the modeller's
    for (const { name } of outcome.members) {
      const charged = federation.noticesOf(name as 'hospital-a', 'privacy').map(({ epsilon }) => epsilon);
      expect(charged).toEqual(spent);
    }
  });

  it('is another one every time, by as much as the noise', async () => {
    const oneRound = (yaml: string): string => shortTask(yaml).replace(/epochs: 3/, 'epochs: 1');
    await open({ task: withPrivacy('noise_multiplier: 1, clip_norm: 0.5', oneRound) });
    const [a, b] = [await federation.run(), await federation.run()];
    expect([a.reason, b.reason]).toEqual(['all rounds done', 'all rounds done']);
    const differences = a.parameters!.map((value, i) => value - b.parameters![i]!);
    const variance = differences.reduce((sum, d) => sum + d * d, 0) / differences.length;
    // four pods add shares for (4 − 1) to be enough: (z·C/4)²·4/3 in each run, two runs; 5 standard errors
    const wanted = (2 * (0.5 / 4) ** 2 * 4) / 3;
    expect(Math.abs(variance / wanted - 1)).toBeLessThan(5 * Math.sqrt(2 / differences.length));
  });

  it('follows the updates with an adaptive clip', async () => {
    await open(solo('noise_multiplier: 0.02, clip_norm: 0.001, adaptive_clip: { rate: 1 }'));
    const outcome = await federation.run();
    const clips = outcome.rounds.map(({ privacy }) => privacy!.clipNorm);
    expect(clips[0]).toBe(0.001);
    // nobody is below: up by nearly e^0.5 a round
    for (let i = 1; i < clips.length; i++) {
      expect(clips[i]! / clips[i - 1]!).toBeGreaterThan(1.3);
      expect(clips[i]! / clips[i - 1]!).toBeLessThan(1.66);
    }
  });

  it('ends in time when the task’s own budget is spent, and evaluates what it has', async () => {
    await open(solo('noise_multiplier: 2, clip_norm: 1, epsilon_budget: 3.5'));
    const outcome = await federation.run();
    expect(outcome.status).toBe('complete');
    expect(outcome.rounds).toHaveLength(2);
    expect(outcome.reason).toBe('the privacy budget is spent after 2 of 3 rounds');
    expect(outcome.privacy!.epsilon).toBeLessThanOrEqual(3.5);
    expect(outcome.pooled).not.toBeNull();
    expect(existsSync(join(outcome.folder, 'model.onnx'))).toBe(true);
  });

  it('does not begin when not one round fits', async () => {
    await open(solo('noise_multiplier: 0.1, clip_norm: 1, epsilon_budget: 1'));
    const outcome = await federation.run();
    expect(outcome.error).toMatchObject({ code: 'PRIVACY_BUDGET', message: /one round costs ε = \d+/ });
  });
});

describe('private steps', () => {
  const privateSteps = (yaml: string): string =>
    shortTask(yaml)
      .replace('epochs: 3', 'epochs: 2')
      .replace(
        /batch_size: \d+/,
        'batch_size: 32\n        private_steps: { clip_norm: 1, noise_multiplier: 1, delta: 1.0e-4 }',
      );
  const rowBudget =
    (epsilonBudget: number): NonNullable<FederationOptions['pod']> =>
    (_name, config) => ({
      ...config,
      policy: { ...config.policy, recordPrivacy: { required: true, epsilonBudget, delta: 1e-4 } },
    });

  it('are reckoned by each site over its own rows', async () => {
    await open({ task: privateSteps, pod: rowBudget(10) });
    const outcome = await federation.run();
    expect(outcome.status).toBe('complete');
    expect(outcome.privacy).toBeUndefined();
    const spent = federation.noticesOf('hospital-a', 'privacy');
    expect(spent.map(({ unit }) => unit)).toEqual(['record', 'record']);
    expect(spent[1]!.epsilon).toBeGreaterThan(spent[0]!.epsilon);
    // sites of other sizes draw rows with other chances
    const last = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'] as const;
    expect(new Set(last.map((pod) => federation.noticesOf(pod, 'privacy').at(-1)!.epsilon)).size).toBeGreaterThan(1);
  });

  it('are refused when they cost too much, or where they are missing', async () => {
    await open({ task: privateSteps, pod: rowBudget(0.5) });
    const outcome = await federation.run();
    expect(reasons(outcome)['hospital-a']).toMatch(
      /ε = 0\.5 at δ = 0\.0001 a row for dataset "breast-cancer": .* noise_multiplier [\d.]+ would make all of them fit/,
    );
    await federation.close();
    await open({ pod: rowBudget(10) });
    expect(reasons(await federation.run())['hospital-a']).toMatch(/tasks that protect each row/);
  });
});

describe('a site’s budget', () => {
  it('counts over runs and restarts, and refuses with what would fit', async () => {
    await open({ task: withPrivacy('noise_multiplier: 2, clip_norm: 1'), pod: withBudget(6) });
    const first = await federation.run();
    expect(first.status).toBe('complete');
    const spent = first.privacy!.epsilon;
    expect(spent).toBeLessThan(6);
    await federation.running.get('hospital-a')!.pod.stop('maintenance');
    await federation.startPod('hospital-a');
    const second = await federation.run();
    expect(second.error).toMatchObject({ code: 'COHORT_TOO_SMALL' });
    for (const reason of Object.values(reasons(second)))
      expect(reason).toMatch(
        /rejected: .*privacy budget of ε = 6 at δ = 0\.00001 for dataset "breast-cancer": 2 of its 3 rounds still fit; noise_multiplier [\d.]+ would make all of them fit/,
      );
    const ledger = readFileSync(join(federation.folder, 'state/hospital-a/ledger.jsonl'), 'utf8').trim().split('\n');
    const charged = ledger.map((line) => JSON.parse(line)).filter(({ event }) => event === 'privacy');
    expect(charged.map(({ detail }) => detail)).toEqual(['update 1', 'update 2', 'update 3']);
    // and what it says would fit does
    const enough = /noise_multiplier ([\d.]+) would/.exec(reasons(second)['hospital-a']!)![1]!;
    await federation.close();
    expect(Number(enough)).toBeGreaterThan(2);
  });

  it('admits no task without noise', async () => {
    await open({ task: shortTask, pod: withBudget(6) });
    const outcome = await federation.run();
    expect(reasons(outcome)['hospital-a']).toMatch(/only in tasks with differential privacy/);
  });
});
