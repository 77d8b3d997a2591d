/**
 * What pods promise about their updates: kept by honest pods, seen in the sum when a pod does not.
 * @module
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  allowPlain,
  Federation,
  type FederationOptions,
  initialOf,
  plainTask,
  shortTask,
} from '../../sim/federation.ts';
import { PodWork } from '../protocols/index.ts';

let federation: Federation;
const open = async (options: FederationOptions): Promise<Federation> => {
  federation = await Federation.open(options);
  return federation;
};
afterEach(async () => {
  vi.restoreAllMocks();
  await federation?.close();
});

const bounded =
  (clipNorm: number, edit: (yaml: string) => string = shortTask) =>
  (yaml: string): string =>
    edit(yaml).replace('  aggregator:', `  aggregator:\n    clip_norm: ${clipNorm}`);

/** Makes the pod that trains first in each round send an update of twenty times the length. */
function cheat(): void {
  const honest = PodWork.prototype.update;
  const rounds = new Set<number>();
  vi.spyOn(PodWork.prototype, 'update').mockImplementation(async function (this: PodWork, parameters, completed, how) {
    const isFirst = !rounds.has(completed);
    rounds.add(completed);
    const input = await honest.call(this, parameters, completed, how);
    return isFirst ? { ...input, update: input.update!.map((value) => 20 * value) } : input;
  });
}

/** L2 norm of what the rounds changed in all. */
const moved = (from: Float32Array, to: Float32Array): number => Math.hypot(...to.map((value, i) => value - from[i]!));

describe('clip_norm', () => {
  it.each([
    ['under masks', shortTask, undefined],
    ['in the open', plainTask, allowPlain],
  ] as const)('shortens longer updates %s and says how many', async (_how, edit, pod) => {
    const federation = await open({ task: bounded(0.05, edit), ...(pod && { pod }) });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.map(({ shortened }) => shortened)).toEqual([4, 4, 4]);
    const first = initialOf(outcome);
    expect(moved(first, outcome.parameters!)).toBeLessThanOrEqual(3 * 0.05 * 1.001);
    expect(moved(first, outcome.parameters!)).toBeGreaterThan(0.05);
  });

  it('leaves shorter updates as they are', async () => {
    const federation = await open({ task: bounded(100) });
    const outcome = await federation.run();
    expect(outcome.rounds.map(({ shortened }) => shortened)).toEqual([0, 0, 0]);
  });

  it('loses a round whose sum shows that a pod did not keep it, without saying which', async () => {
    cheat();
    const federation = await open({ task: bounded(0.05) });
    const outcome = await federation.run();
    expect(outcome.status).toBe('aborted');
    expect(
      federation.events
        .flatMap((event) => (event.type === 'retry' ? [event.reason] : []))
        .concat(outcome.reason)
        .join('\n'),
    ).toMatch(/sent garbage.*longer than the task's clip_norm 0\.05/);
  });

  it('drops the pod that did not keep it when updates are in the open', async () => {
    cheat();
    const federation = await open({ task: bounded(0.05, plainTask), pod: allowPlain });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    for (const { dropped, survivors } of outcome.rounds) {
      expect(survivors).toHaveLength(3);
      expect(dropped).toEqual([expect.objectContaining({ reason: expect.stringMatching(/longer than the task's/) })]);
    }
  });
});

describe('maximum_weight_share', () => {
  it('keeps a site from adding an update to a sum that is mostly its own', async () => {
    const federation = await open({
      pod: (name, config) => ({
        ...config,
        ...(name === 'hospital-a' && { policy: { ...config.policy, maximumWeightShare: 0.1 } }),
      }),
    });
    const outcome = await federation.run();
    expect(outcome.rounds.map(({ survivors }) => survivors)).toEqual(
      outcome.rounds.map(() => ['hospital-b', 'hospital-c', 'hospital-d']),
    );
    expect(federation.noticesOf('hospital-a', 'ended').at(-1)).toMatchObject({
      reason: expect.stringMatching(/COHORT_TOO_SMALL: this site has more than 0\.1 of all training rows/),
    });
  });
});
