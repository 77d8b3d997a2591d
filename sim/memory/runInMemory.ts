/**
 * One variant in this process.
 * @module
 */
import { bytesOf, toHex } from '../../src/base/index.ts';
import type { RunEvent, RunOutcome } from '../../src/coordinator/index.ts';
import { sha256 } from '../../src/crypto/index.ts';
import { AverageWitness } from '../checks/average.ts';
import { checkExpectations } from '../checks/expectations.ts';
import { checkInvariants } from '../checks/invariants.ts';
import { FaultDriver } from '../faults/driver.ts';
import { planFaults } from '../faults/plan.ts';
import type { PreparedVariant, SimulationOptions } from '../options.ts';
import { PhaseTimes } from '../phaseTimes.ts';
import type { SimulatedRound, VariantResult } from '../result.ts';
import { MemoryWorld } from './world.ts';

/** Runs a prepared variant; what happens to it is in the result. */
export async function runInMemory(
  prepared: PreparedVariant,
  { signal, onEvent = () => undefined, jitter }: SimulationOptions,
): Promise<{ readonly result: VariantResult; readonly outcome: RunOutcome }> {
  const { scenario, variant, sites, task, folder } = prepared;
  const names = sites.map(({ name }) => name);
  const witness = variant.expect.equals_plain_average ? new AverageWitness() : null;
  const world = await MemoryWorld.open({
    ...{ scenario, variant, sites, task, folder },
    ...(witness && { onTrained: (pod, start, trained, rows) => witness.trained(pod, start, trained, rows) }),
    ...(jitter && { jitter }),
  });
  try {
    const started = { ms: world.clock.now(), wallMs: performance.now() };
    const plan = planFaults(variant, names, scenario.rounds, scenario.seed);
    const faults = new FaultDriver(plan, world, (entry) => onEvent({ type: 'fault', variant: variant.name, entry }));
    const phases = new PhaseTimes(() => world.clock.now());
    let roundsLost = 0;
    const see = (event: RunEvent): void => {
      phases.see(event);
      witness?.see(event);
      if (event.type === 'retry' && event.spent && event.purpose === 'update') roundsLost++;
      onEvent({ type: 'run', variant: variant.name, event });
      faults.see(event);
    };
    const outcome = await world.run(see, signal);
    const { parameters, members, error } = outcome;
    const metricsOf = new Map(outcome.sites.map(({ name, metrics }) => [name, metrics]));
    const partial = {
      ...{ name: variant.name, secure: task.aggregator.secure, status: outcome.status, reason: outcome.reason },
      code: error?.code ?? null,
      parameters: outcome.facts?.parameters ?? 0,
      parametersSha256: parameters && toHex(sha256(bytesOf(parameters))),
      roundsLost,
      rounds: outcome.rounds.map(roundOf),
      metrics: outcome.pooled ?? {},
      pods: members.map((member) => {
        const { sentBytes, receivedBytes } = outcome.trafficOf(member);
        return {
          ...{ name: member.name, state: member.state, reason: member.reason },
          rows: sites.find(({ name }) => name === member.name)?.table.rows ?? 0,
          // what the pod sent is what the coordinator received
          ...{ sentBytes: receivedBytes, receivedBytes: sentBytes, metrics: metricsOf.get(member.name) ?? null },
        };
      }),
      faults: faults.finish(),
      phases: phases.finish(),
      seconds: (world.clock.now() - started.ms) / 1_000,
      wallSeconds: (performance.now() - started.wallMs) / 1_000,
    } satisfies Partial<VariantResult>;
    const minimum = task.aggregator.secure ? Math.max(3, task.aggregator.minimumCohort) : task.aggregator.minimumCohort;
    const checks = [
      ...checkExpectations(variant.expect, partial),
      ...(witness ? [witness.check(outcome)] : []),
      ...checkInvariants(partial, { pods: names, minimum, rounds: scenario.rounds, parameters, folder }),
    ];
    return { outcome, result: { ...partial, checks, passed: checks.every(({ passed }) => passed) } };
  } finally {
    await world.close();
  }
}

function roundOf(round: RunOutcome['rounds'][number]): SimulatedRound {
  const { survivors, dropped, attempts, trainingLoss, validationLoss, validationAccuracy, clipped, seconds } = round;
  return {
    ...{ round: round.round, survivors, attempts, trainingLoss, validationLoss, validationAccuracy, clipped, seconds },
    // pods lost at one moment are told in the order the machine found them
    dropped: [...dropped].sort((a, b) => (a.pod < b.pod ? -1 : 1)),
  };
}
