/**
 * From a scenario's faults and rates to what happens to whom and when, all drawn before anything runs.
 * @module
 */
import { permutation, seededRng } from '../../src/base/index.ts';
import type { Variant } from '../scenario/scenario.ts';
import { type FaultKind, type FaultSettings, PHASES, type Phase } from '../scenario/schema.ts';

/** One fault of one party. */
export interface PlannedFault {
  readonly round: number | 'statistics' | 'evaluation';
  readonly phase: Phase;
  /** A pod's name, `coordinator` or `broker`. */
  readonly target: string;
  readonly fault: FaultKind;
  readonly forMs: number;
  readonly delayMs: number;
}

/** Lasts as long, and delays as much, where only a rate is given. */
const RATE_FOR_MS = 10_000;
const RATE_DELAY_MS = 1_000;

/** Every fault of a run; the same seed gives the same ones. */
export function planFaults(
  { faults, rates }: Pick<Variant, 'faults' | 'rates'>,
  pods: readonly string[],
  rounds: number,
  seed: number,
): PlannedFault[] {
  const planned = faults.flatMap((settings, i) =>
    targetsOf(settings, pods, seed, i).map((target) => ({
      ...{ round: settings.at.round, phase: settings.at.phase, target, fault: settings.fault },
      ...{ forMs: 1_000 * settings.for, delayMs: 1_000 * settings.delay },
    })),
  );
  const rng = seededRng(seed, 'fault rates');
  for (let round = 1; round <= rounds; round++)
    for (const target of pods)
      for (const [fault, rate] of Object.entries(rates)) {
        const phase = PHASES[Math.floor(rng() * PHASES.length)]!;
        if (rng() < rate)
          planned.push({
            ...{ round, phase, target, fault: fault as FaultKind },
            ...{ forMs: RATE_FOR_MS, delayMs: RATE_DELAY_MS },
          });
      }
  return planned;
}

function targetsOf(settings: FaultSettings, pods: readonly string[], seed: number, i: number): readonly string[] {
  if (settings.broker) return ['broker'];
  if (settings.coordinator) return ['coordinator'];
  if (settings.pod !== undefined) return [settings.pod].flat();
  const order = permutation(pods.length, seededRng(seed, `fault ${i}`));
  return Array.from(order.slice(0, settings.pods), (at) => pods[at]!).sort();
}
