/**
 * Pods that fall silent, any of them in any phase, with messages in any order and some of them twice: the coordinator gives
 * the sum of exactly those whose vector it took, or gives up for the reason that the specification says.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/base/index.ts';
import {
  failureOf,
  lengthOf,
  makeCohort,
  type PhaseHooks,
  plainSum,
  runPhases,
  sumOf,
  testSession,
} from '../support/secaggCohort.ts';
import type { Code } from './support/attack.ts';
import { Mutants } from './support/mutant.ts';
import * as surface from './support/surface.ts';

/** A pod says nothing from this phase on; 5: it never falls silent. */
const PHASES = [0, 1, 2, 3, 4, 5];

/** The sum, or why there is none, by the rules of section 10 of the specification for the complete graph. */
interface Expected {
  readonly survivors: readonly string[] | null;
  readonly code: ErrorCode | null;
  readonly spent: boolean;
}

const LENGTH = 5;
type Session = ReturnType<typeof testSession>;

function expectedOf(session: Session, silentFrom: readonly number[]): Expected {
  const { roster, minSurvivors, signatures, t } = session;
  const need = [minSurvivors, minSurvivors, minSurvivors, signatures, t];
  const failed = need.findIndex((least, phase) => silentFrom.filter((from) => from > phase).length < least);
  if (failed >= 0) return { survivors: null, code: 'AGG_TOO_FEW_SURVIVORS', spent: failed === 4 };
  const survivors = roster.map(({ name }) => name).filter((_, pod) => silentFrom[pod]! > 2);
  return { survivors, code: null, spent: false };
}

function outcomeOf(session: Session, silentFrom: readonly number[], code: Code, shuffle?: PhaseHooks['shuffle']) {
  const cohort = makeCohort(session, 'cohort', {}, code);
  const indexOf = new Map(session.roster.map(({ name }, i) => [name, i]));
  runPhases(cohort, {
    answers: (pod, phase) => phase < silentFrom[indexOf.get(pod)!]!,
    ...(shuffle ? { shuffle } : {}),
  });
  const [sum, failure] = [sumOf(cohort), failureOf(cohort)];
  if (sum) expect(sum.words).toEqual(plainSum(sum.survivors, lengthOf(session)));
  return { survivors: sum?.survivors ?? null, code: failure?.error.code ?? null, spent: failure?.spent ?? false };
}

/** Any order; some arrive twice. */
const shuffled =
  (draws: Iterator<number>): NonNullable<PhaseHooks['shuffle']> =>
  (events) => {
    const next = (): number => draws.next().value as number;
    return events
      .flatMap((event) => (next() % 3 === 0 ? [event, event] : [event]))
      .map((event) => [next(), event] as const)
      .sort(([a], [b]) => a - b)
      .map(([, event]) => event);
  };

/** Few pods lost, at any time; all pods at once would seldom get anywhere. */
const losses = (n: number, most: number): fc.Arbitrary<number[]> =>
  fc
    .uniqueArray(fc.tuple(fc.nat(n - 1), fc.nat(4)), { maxLength: most, selector: ([pod]) => pod, size: 'max' })
    .map((lost) => Array.from({ length: n }, (_, pod) => lost.find(([of]) => of === pod)?.[1] ?? 5));

function checkAny(session: Session, most: number, numRuns: number, code: Code = surface) {
  const isComplete = session.k === session.n - 1;
  const seen = { sums: 0, failures: 0 };
  const { failed } = fc.check(
    fc.property(losses(session.n, most), fc.infiniteStream(fc.nat()), (silentFrom, draws) => {
      const outcome = outcomeOf(session, silentFrom, code, shuffled(draws));
      if (isComplete) expect(outcome).toEqual(expectedOf(session, silentFrom));
      else if (outcome.survivors)
        expect(outcome.survivors).toEqual(session.roster.map(({ name }) => name).filter((_, i) => silentFrom[i]! > 2));
      else expect(outcome.code).toBe('AGG_TOO_FEW_SURVIVORS');
      if (outcome.survivors) seen.sums++;
      else seen.failures++;
    }),
    { numRuns, seed: 20_261_121, endOnFailure: true },
  );
  return { ...seen, holds: !failed };
}

const SPARSE = { assumptions: { colluding: 0.05, dropouts: 0.05 } };

describe('pods lost in any phase', () => {
  it('leave the sum of the others or none: every way there is for three pods', () => {
    const n = 3;
    const session = testSession(n, LENGTH);
    const ways = PHASES.reduce<number[][]>(
      (all) => (all[0]!.length === n ? all : all.flatMap((some) => PHASES.map((phase) => [...some, phase]))),
      [[]],
    );
    expect(ways.length).toBe(6 ** n);
    for (const silentFrom of ways)
      expect(outcomeOf(session, silentFrom, surface), silentFrom.join()).toEqual(expectedOf(session, silentFrom));
  });

  it.each([
    [4, 2, 60],
    [7, 4, 40],
    [10, 5, 20],
  ])('and of %i pods any %i, messages in any order and repeated', (n, most, numRuns) => {
    const { sums, failures, holds } = checkAny(testSession(n, LENGTH), most, numRuns);
    expect(holds).toBe(true);
    expect(sums).toBeGreaterThan(1);
    expect(failures).toBeGreaterThan(1);
  });

  it('and so in a neighbour graph', () => {
    const { sums, failures, holds } = checkAny(testSession(36, LENGTH, SPARSE), 4, 12);
    expect(holds).toBe(true);
    expect(sums).toBeGreaterThan(1);
    expect(failures).toBeGreaterThan(1);
  });
});

describe('the same losses find a coordinator that', () => {
  const mutants = new Mutants((url) => import(/* @vite-ignore */ url) as Promise<Code>);
  afterAll(() => mutants.close());
  const UNMASK = 'aggregation/secure/unmask.ts';
  const SERVER = 'aggregation/secure/server.ts';

  it.each([
    [
      'leaves on the masks of lost pods',
      {
        file: UNMASK,
        text: 'uploads.has(dealer) ? [selfMask(session, secret, -1)] : owedBy(dealer, secret)',
        becomes: 'uploads.has(dealer) ? [selfMask(session, secret, -1)] : (void owedBy, [])',
      },
    ],
    [
      'goes on with fewer signatures than make a list the only one',
      { file: SERVER, text: 'if (accepted.sign.size < session.signatures)', becomes: 'if (false)' },
    ],
  ])('%s', async (_name, defence) => {
    const code = await mutants.without([defence]);
    expect(checkAny(testSession(7, LENGTH), 4, 200, code).holds).toBe(false);
  });
});
