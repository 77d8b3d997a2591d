/**
 * One variant from its first message to its verdict, in whatever world it is played.
 * @module
 */
import { bytesOf, toHex } from '../src/base/index.ts';
import type { RunEvent, RunOutcome } from '../src/coordinator/index.ts';
import { sha256 } from '../src/crypto/index.ts';
import type { AverageWitness } from './checks/average.ts';
import { checkExpectations } from './checks/expectations.ts';
import { checkInvariants } from './checks/invariants.ts';
import { FaultDriver, type FaultyWorld } from './faults/driver.ts';
import { planFaults } from './faults/plan.ts';
import type { PreparedVariant, SimulationOptions } from './options.ts';
import { PhaseTimes } from './phaseTimes.ts';
import type { SimulatedRound, VariantResult } from './result.ts';

/** Where a variant is played: everybody's programs, running. */
export interface World extends FaultyWorld {
  /** Runs the task to its end. */
  run(onEvent: (event: RunEvent) => void, signal?: AbortSignal): Promise<RunOutcome>;
  /** Ends everybody's programs. */
  close(): Promise<void>;
}

/** What came of a variant. */
export interface Played {
  readonly result: VariantResult;
  readonly outcome: RunOutcome;
}

/** Plays a variant and closes its world. What happens to it is in the result. */
export async function play(
  { scenario, variant, sites, task, folder }: PreparedVariant,
  world: World,
  { signal, onEvent = () => undefined }: SimulationOptions,
  witness: AverageWitness | null = null,
): Promise<Played> {
  const names = sites.map(({ name }) => name);
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
