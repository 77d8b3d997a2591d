/** Every role × every phase × crash, restart, disconnect: no single failure loses a run. `npm run test:faults` */
import { afterAll, describe, expect, it } from 'vitest';
import { isSurvivable, type SingleFault, scenarioOf, singleFaults } from './plans.ts';
import { closeThreads, playScenario } from './play.ts';
import { Tally } from './tally.ts';

const tally = new Tally('one fault: role and kind');
afterAll(async () => {
  tally.print();
  await closeThreads();
});

const nameOf = ({ secure, role, phase, fault }: SingleFault): string =>
  `${role} ${fault} in ${phase}, ${secure ? 'secure' : 'plain'}`;

describe('a run whose', () => {
  it.each(singleFaults().map((single) => [nameOf(single), single] as const))('%s', async (_name, single) => {
    const verdict = await playScenario(scenarioOf(single));
    tally.add(`${single.role} ${single.fault}`, verdict);
    expect(verdict.problems).toEqual([]);
    expect(verdict.faults, 'the fault happened').toBe(1);
    if (isSurvivable(single)) expect(verdict.ending, verdict.reason).toBe('complete');
    else expect(verdict.reason).toMatch(/broker/);
    if (single.role === 'coordinator' && single.fault !== 'disconnect') expect(verdict.resumed).toBe(1);
  });
});
