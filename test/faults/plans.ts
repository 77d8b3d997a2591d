/**
 * The federations that faults happen to: as small as they can be and still have every phase.
 * @module
 */

import { FAULTS, type FaultKind, PHASES } from '../../sim/scenario/schema.ts';
import { permutation, type Rng, seededRng } from '../../src/base/index.ts';

const ROUNDS = 3;
/** Simulated seconds after which the coordinator comes back from a crash: the pods have long given the run up by then. */
const GIVEN_UP_S = 1_200;

interface Federation {
  readonly seed: number;
  readonly pods: number;
  readonly secure: boolean;
  readonly minimum: number;
  /** What else a task says of its aggregator. */
  readonly aggregator?: object;
}

function scenario({ seed, pods, secure, minimum, aggregator = {} }: Federation): object {
  return {
    ...{ name: 'faults', seed, pods, rounds: ROUNDS, baselines: false },
    data: { kind: 'logistic', rows: 30 * pods, features: 4, strength: 3 },
    partition: { kind: 'quantity', alpha: 5 },
    task: {
      algorithm: {
        model: {
          konsil_model: { model_ref: 'builtin:logistic_regression' },
          // one model for all plans: every other one would be threads of its own, which stay until the last run
          hyperparameters: { seed: 1 },
        },
      },
      aggregator: { secure, minimum_cohort: minimum, ...aggregator },
      data_structure: { standardise: true },
      // what a hospital would wait, without its nights
      deadlines: { join: 60, train: 120, exchange: 60, evaluate: 120 },
    },
  };
}

// ── every role, phase and fault ────────────────────────────────────────────────────────────────────────────────

export const ROLES = ['pod', 'coordinator', 'broker'] as const;
export type Role = (typeof ROLES)[number];
const SINGLE_FAULTS = ['crash', 'restart', 'disconnect'] as const;

/** One fault of one party in one phase. */
export interface SingleFault {
  readonly secure: boolean;
  readonly role: Role;
  readonly phase: string;
  readonly fault: (typeof SINGLE_FAULTS)[number];
}

/** Where a phase is in a run: those of a secure sum in the second round, so that there is one to lose and one to come. */
function placeOf(phase: string): object {
  if (phase === 'statistics' || phase === 'evaluation') return { round: phase };
  return { round: 2, phase };
}

/** Every role, phase and fault there is. */
export function singleFaults(): SingleFault[] {
  return [true, false].flatMap((secure) => {
    const phases = ['statistics', ...(secure ? PHASES : ['training']), 'evaluation'];
    return ROLES.flatMap((role) =>
      phases.flatMap((phase) => SINGLE_FAULTS.map((fault) => ({ secure, role, phase, fault }))),
    );
  });
}

/** The run that a single fault happens to. */
export function scenarioOf({ secure, role, phase, fault }: SingleFault): object {
  const target = role === 'pod' ? { pod: 'site-02' } : { [role]: true };
  // nobody is left to look at a coordinator that never comes back, so it comes back when everybody has given up on it
  const how = role === 'coordinator' && fault === 'crash' ? { fault: 'restart', for: GIVEN_UP_S } : { fault, for: 20 };
  return {
    ...scenario({ seed: 5, pods: 4, secure, minimum: secure ? 3 : 2 }),
    faults: [{ at: placeOf(phase), ...target, ...how }],
  };
}

/** Whether a run must outlive the fault: any but the loss of the broker for good, without which nobody hears anybody. */
export const isSurvivable = ({ role, fault }: SingleFault): boolean => !(role === 'broker' && fault === 'crash');

// ── random plans ───────────────────────────────────────────────────────────────────────────────────────────────

const pick = <T>(rng: Rng, choices: readonly T[]): T => choices[Math.floor(rng() * choices.length)]!;
const between = (rng: Rng, least: number, most: number): number => least + Math.floor(rng() * (most - least + 1));

/** Everything that a random plan may do to a pod at a rate; losing it for good that way would end every run. */
const RATED = FAULTS.filter((fault) => fault !== 'crash' && fault !== 'corrupt');
const MODES = [{}, {}, { bits: 16 }, { bits: 12, scale: 'per_tensor' }];

interface RandomFault extends Readonly<Record<string, unknown>> {
  readonly coordinator?: true;
  readonly broker?: true;
  readonly fault: FaultKind;
}

function randomFault(rng: Rng, pods: number): RandomFault {
  const place = pick(rng, ['statistics', 1, 1, 2, 2, 2, 3, 3, 'evaluation'] as const);
  const role = pick(rng, ['pod', 'pod', 'pods', 'coordinator', 'coordinator', 'broker'] as const);
  const names = Array.from(permutation(pods, rng), (i) => `site-${String(i + 1).padStart(2, '0')}`);
  const target =
    role === 'pod'
      ? { pod: names[0] }
      : role === 'pods'
        ? { pod: names.slice(0, between(rng, 2, pods)) }
        : { [role]: true };
  // coming back is what most can go wrong with
  const kinds: readonly FaultKind[] = [
    ...FAULTS.filter((fault) => role !== 'coordinator' || fault !== 'crash'),
    'restart',
    'restart',
  ];
  return {
    at: { round: place, phase: pick(rng, PHASES) },
    ...target,
    fault: pick(rng, kinds),
    // from a blink to longer than any deadline, and now and then than anybody's patience
    for: rng() < 0.05 ? GIVEN_UP_S : Math.round(10 ** (2.3 * rng()) * 10) / 10,
    delay: Math.round(10 * (0.1 + 3 * rng())) / 10,
  };
}

/** A federation with up to five faults, and often some at a rate: the same for the same seed. */
export function randomPlan(seed: number): object {
  const rng = seededRng(seed, 'fault plan');
  const pods = between(rng, 4, 6);
  const secure = rng() < 0.8;
  const minimum = secure ? between(rng, 3, pods - 1) : between(rng, 1, pods - 1);
  const aggregator = secure ? pick(rng, MODES) : {};
  const faults = Array.from({ length: between(rng, 1, 5) }, () => randomFault(rng, pods));
  // without a broker a coordinator cannot even come back to say so: `konsil run` ends at once, and there is no run to look at
  const restarts = faults.some((fault) => fault.coordinator && fault.fault === 'restart');
  const suffered = faults.map((fault) =>
    restarts && fault.broker && fault.fault === 'crash' ? { ...fault, fault: 'restart' } : fault,
  );
  const rates = rng() < 0.4 ? { [pick(rng, RATED)]: 0.1, [pick(rng, RATED)]: 0.05 } : {};
  return { ...scenario({ seed, pods, secure, minimum, aggregator }), faults: suffered, rates };
}
