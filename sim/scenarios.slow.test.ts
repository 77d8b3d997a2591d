/**
 * Whole scenarios in memory.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { type Rng, seededRng } from '../src/base/index.ts';
import {
  parseScenario,
  renderJUnit,
  renderSimulation,
  runScenario,
  type VariantResult,
  verdictLines,
} from './index.ts';

const FAULTY = `name: faulty
seed: 11
pods: 6
rounds: 4
baselines: false
data: { kind: logistic, rows: 600, features: 5, strength: 3 }
partition: { kind: quantity, alpha: 2 }
task:
  algorithm: { model: { konsil_model: { model_ref: builtin:logistic_regression } } }
  aggregator: { minimum_cohort: 3 }
faults:
  - { at: { round: 1, phase: keys }, pod: site-01, fault: restart, for: 20 }
  - { at: { round: 2, phase: masked input }, pod: site-02, fault: crash }
  - { at: { round: 2, phase: training }, pod: site-03, fault: reorder, for: 30 }
  - { at: { round: 2, phase: training }, pod: site-04, fault: duplicate, for: 30 }
  - { at: { round: 3, phase: consistency }, pod: site-05, fault: hang, for: 90 }
  - { at: { round: 3, phase: training }, coordinator: true, fault: restart, for: 15 }
  - { at: { round: 4, phase: training }, broker: true, fault: restart, for: 10 }
rates: { disconnect: 0.05 }
expect: { equals_plain_average: true, rounds_lost_at_most: 0 }
`;

/** What must be the same whenever the scenario is run. */
const essence = ({ parametersSha256, rounds, faults, seconds, pods }: VariantResult): unknown => ({
  ...{ parametersSha256, rounds, seconds },
  faults: faults.map((entry) => JSON.stringify(entry)).sort(),
  states: pods.map(({ name, state }) => [name, state]),
});
/** A machine that makes messages wait for up to so many turns of the event loop. */
const busy = (rng: Rng, turns: number) => (): number => Math.floor(rng() * turns);

describe('a faulty scenario', () => {
  it('gives the same bits however the machine schedules it', async () => {
    const scenario = parseScenario(FAULTY, 'faulty.yaml');
    const {
      variants: [calm],
      passed,
    } = await runScenario(scenario);
    expect(passed, JSON.stringify(calm!.checks.filter((check) => !check.passed))).toBe(true);
    const {
      variants: [hurried],
    } = await runScenario(scenario, { jitter: busy(seededRng(1, 'jitter'), 9) });
    expect(essence(hurried!)).toEqual(essence(calm!));
    // pods were lost, and came back
    expect(calm!.rounds.map(({ survivors }) => survivors.length)).toSatisfy(
      (sizes: number[]) => new Set(sizes).size > 1,
    );
  });
});

const ATTACKED = `name: attacked
pods: 4
rounds: 2
baselines: false
data: { kind: blobs, rows: 200, features: 4 }
task:
  algorithm: { model: { konsil_model: { model_ref: builtin:logistic_regression } } }
  aggregator: { minimum_cohort: 3 }
variants:
  - { name: honest }
  - { name: replayed, malicious: [{ role: replaying_broker, every: 1, after: 1 }] }
  - { name: another model, malicious: [{ role: different_models, pod: site-02, round: 2 }] }
  - { name: survivors, malicious: [{ role: survivor_lie, pod: site-02, round: 2 }], expect: { status: aborted, code: AGG_TOO_FEW_SURVIVORS } }
  - { name: labels, malicious: [{ role: label_flipping, pod: site-02 }] }
  - { name: scaled, malicious: [{ role: scaled_updates, pod: site-02, factor: -5 }] }
`;

describe('attackers', () => {
  it('change what they can, and nothing else', async () => {
    const { variants, passed } = await runScenario(parseScenario(ATTACKED, 'attacked.yaml'));
    expect(
      passed,
      JSON.stringify(variants.map(({ name, checks }) => [name, checks.filter((one) => !one.passed)])),
    ).toBe(true);
    const [honest, replayed, model, survivors, labels, scaled] = variants;
    expect(replayed!.parametersSha256).toBe(honest!.parametersSha256);
    // the pod that is shown another model is left out, and the others sum without it
    expect(model!.rounds.map((round) => round.survivors.includes('site-02'))).toEqual([true, false]);
    expect(survivors!.rounds).toHaveLength(1);
    // what pods do to themselves shows in nothing but the model
    for (const poisoned of [labels!, scaled!]) {
      expect(poisoned.rounds.map((round) => round.survivors.length)).toEqual([4, 4]);
      expect(poisoned.rounds[1]!.trainingLoss!).toBeGreaterThan(honest!.rounds[1]!.trainingLoss!);
    }
  });

  it('that are expected to be harmless and are not fail the scenario', async () => {
    const text = ATTACKED.replace(
      'name: scaled,',
      'name: scaled, expect: { metrics: { Accuracy: { at_least: 0.99 } } },',
    );
    const { variants, passed } = await runScenario(parseScenario(text, 'attacked.yaml'), { variants: ['scaled'] });
    expect(variants.map(({ name }) => name)).toEqual(['scaled']);
    expect(passed).toBe(false);
  });
});

const ATTACKED_BY_THE_CURIOUS = `name: curious
seed: 4
pods: 4
rounds: 1
baselines: false
data: { kind: blobs, rows: 200, features: 20 }
task:
  algorithm: { model: { konsil_model: { model_ref: builtin:logistic_regression } } }
privacy:
  games: { games: 45, inversions: 12, rows: 3 }
  expect: { distinguishing: 0.8, membership: 0.6 }
`;

describe('privacy tests', () => {
  it('attack what is seen of a whole run and of games with its model, and report intervals', async () => {
    const result = await runScenario(parseScenario(ATTACKED_BY_THE_CURIOUS, 'curious.yaml'));
    const { privacy, passed } = result;
    expect(passed, JSON.stringify(privacy?.checks.filter((one) => !one.passed))).toBe(true);
    // 3 attacks by 6 pairs of eyes; 5 tests of 5 kinds of bytes in games and 2 in the run
    expect(privacy!.attacks).toHaveLength(18);
    expect(privacy!.uniformity.map(({ sight }) => sight)).toEqual([
      ...['coordinator', 'coordinator', 'coordinator', 'colluding', 'broker', 'run', 'run'],
    ]);
    expect(privacy!.checks).toHaveLength(18 + 35);
    expect(privacy!.traffic).toMatchObject({ apart: [] });
    // the run's four pods sent one update each
    expect(privacy!.uniformity.at(-2)).toMatchObject({ vectors: 4 });
    const junit = renderJUnit(result);
    expect(junit).toMatch(
      /name="membership, coordinator: no better than chance" time="0"><system-out>area under ROC 0\.\d+ \[/,
    );
    expect(junit).toContain('<testsuite name="privacy" tests="53" failures="0"');
    expect(verdictLines(result).join('\n')).toMatch(
      /distinguishing +plain update +\d\.\d+ \[\d\.\d+, 1\.000\] accuracy/,
    );
    const page = renderSimulation(result);
    for (const text of [
      'What attackers can tell',
      'What masks do not protect',
      'Would have shown',
      'privacy-membership-title',
    ])
      expect(page).toContain(text);
  });
});
