/**
 * Random plans: several faults at once, of any kind, to anybody. Each run ends with the right model or says what was missing.
 *
 * One of them alone: `KONSIL_FAULT_SEEDS=17 npm run test:faults -- random`; more of them: `KONSIL_FAULT_SEEDS=201-400`.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { randomPlan } from './plans.ts';
import { closeThreads, playScenario } from './play.ts';
import { Tally } from './tally.ts';

const seeds = (process.env['KONSIL_FAULT_SEEDS'] ?? '1-200').split('-').map(Number);
const [first, last] = [seeds[0]!, seeds.at(-1)!];
const tally = new Tally(`random plans ${first} to ${last}`);
afterAll(async () => {
  tally.print();
  await closeThreads();
});

describe('a run with random faults', () => {
  it.each(Array.from({ length: last - first + 1 }, (_, i) => first + i))('ends well, seed %i', async (seed) => {
    const plan = randomPlan(seed);
    const verdict = await playScenario(plan);
    tally.add(`${(plan as { pods: number }).pods} pods`, verdict);
    const again = `alone: KONSIL_FAULT_SEEDS=${seed} npm run test:faults -- random; its plan: ${JSON.stringify(plan)}`;
    expect(verdict.problems, `${verdict.ending}, ${verdict.reason}; ${again}`).toEqual([]);
  });
});
