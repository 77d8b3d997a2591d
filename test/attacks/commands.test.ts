/**
 * The two machines under everything that can happen to messages and pods, in any order: the sum is exactly that of the
 * survivors or there is none, the coordinator never has t shares of both kinds of one pod, and what is over stays over.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { failureOf, sumOf, testSession } from '../support/secaggCohort.ts';
import type { Code, Edit } from './support/attack.ts';
import { Mutants } from './support/mutant.ts';
import * as surface from './support/surface.ts';
import { WorldOfMessages } from './support/worldOfMessages.ts';

type Real = WorldOfMessages;
type Step = fc.Command<object, Real>;

const step = (name: string, run: (real: Real) => void): Step => ({
  check: () => true,
  run: (_model, real) => run(real),
  toString: () => name,
});
const ADVANCE = fc.constant(step('everything arrives, phase ends', (real) => real.advance()));
const REQUESTS = fc.constant(step('all requests arrive', (real) => real.advancePods()));
const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.with(at % bytes.length, bytes[at % bytes.length]! ^ 1);

/** Everything that can happen to pods and messages. */
function anything(n: number): fc.Arbitrary<Step>[] {
  const i = fc.nat(99);
  const pod = fc.nat(n - 1);
  const pair = fc.tuple(fc.nat(99), fc.nat(4000));
  return [
    // often enough that attempts come to their end
    ...[ADVANCE, ADVANCE, ADVANCE, ADVANCE, ADVANCE, REQUESTS, REQUESTS],
    ...askingTwice(n),
    i.map((at) => step(`answer ${at} arrives`, (real) => real.toServer(at))),
    i.map((at) => step(`answer ${at} arrives twice`, (real) => real.toServer(at, true))),
    i.map((at) => step(`answer ${at} is lost`, (real) => real.toServer(at, false, () => null))),
    pair.map(([at, byte]) =>
      step(`answer ${at} arrives with byte ${byte} changed`, (real) =>
        real.toServer(at, true, (event) => {
          if (event.type === 'message') return { ...event, bytes: flip(event.bytes, byte) };
          return event.type === 'upload' ? { ...event, manifest: flip(event.manifest, byte) } : event;
        }),
      ),
    ),
    i.map((at) => step(`request ${at} arrives`, (real) => real.toPod(at))),
    i.map((at) => step(`request ${at} arrives twice`, (real) => real.toPod(at, true))),
    i.map((at) => step(`request ${at} is lost`, (real) => real.toPod(at, false, () => null))),
    pair.map(([at, byte]) =>
      step(`request ${at} arrives with byte ${byte} changed`, (real) =>
        real.toPod(at, true, (bytes) => flip(bytes, byte)),
      ),
    ),
    i.map((at) => step(`vector ${at} is masked`, (real) => real.mask(at))),
    pod.map((at) => step(`pod ${at} is lost`, (real) => real.deliver({ type: 'gone', from: real.names[at]! }))),
    pod.map((at) => step(`pod ${at} starts anew`, (real) => real.restart(real.names[at]!))),
    fc.constant(step('phase ends', (real) => real.deliver({ type: 'close' }))),
  ];
}

/** What a coordinator does that wants two answers. */
function askingTwice(n: number): fc.Arbitrary<Step>[] {
  const pod = fc.nat(n - 1);
  const some = fc.uniqueArray(pod, { minLength: 1, maxLength: n, size: 'max' });
  const namesOf = (real: Real, pods: readonly number[]): string[] => pods.map((at) => real.names[at]!);
  return [
    fc
      .tuple(some, pod)
      .map(([to, without]) =>
        step(`pods ${to.join()} are told a list without ${without}`, (real) =>
          real.tellOtherSurvivors(namesOf(real, to), without),
        ),
      ),
    fc
      .tuple(some, pod)
      .map(([to, without]) =>
        step(`pods ${to.join()} see a list without ${without}, the others one with it`, (real) =>
          real.split(namesOf(real, to), without),
        ),
      ),
    some.map((to) =>
      step(`pods ${to.join()} are shown what signatures there are`, (real) => real.tellProof(namesOf(real, to))),
    ),
  ];
}

interface Exploration {
  /** Pods; above 32 a neighbour graph. */
  readonly n: number;
  readonly commands: fc.Arbitrary<Step>[];
  /** Phases that go well before the first command. @default 0 */
  readonly after?: number;
  readonly maxCommands: number;
  readonly numRuns: number;
}

/** Outcomes seen, so that a test can say when it never got anywhere, and the first violation. */
function explore({ n, commands, after = 0, maxCommands, numRuns }: Exploration, code: Code = surface) {
  const seen = { sums: 0, failures: 0, violation: null as string | null };
  // the neighbour graph assumes fewer that collude and are lost, so that it stays sparse in a small cohort
  const assumptions = n > surface.COMPLETE_UP_TO ? { colluding: 0.05, dropouts: 0.05 } : {};
  const session = code.openSession(testSession(n, 5, { assumptions }));
  const { failed, counterexample, errorInstance } = fc.check(
    fc.property(fc.commands(commands, { maxCommands, size: 'max' }), (steps) => {
      const real = new WorldOfMessages(session, code);
      for (let phase = 0; phase < after; phase++) real.advance();
      fc.modelRun(() => ({ model: {}, real }), steps);
      for (let phase = 0; phase < 6; phase++) real.advance();
      expect(['done', 'failed']).toContain(real.cohort.server.phase);
      if (sumOf(real.cohort)) seen.sums++;
      if (failureOf(real.cohort)) seen.failures++;
    }),
    { numRuns, seed: 20_261_121, endOnFailure: true },
  );
  if (failed) seen.violation = `${String(errorInstance)}\nafter: ${fc.stringify(counterexample)}`;
  return seen;
}

const SIZES = { complete: [3, 4, 5, 7], neighbours: [36] } as const;
const everything = (n: number): Exploration => ({
  ...{ n, commands: anything(n), maxCommands: 30, numRuns: n > 32 ? 12 : 30 },
});
const lists = (n: number): Exploration => ({
  ...{ n, commands: [ADVANCE, ...askingTwice(n)], after: 3, maxCommands: 6, numRuns: n > 32 ? 6 : 30 },
});

describe('whatever happens, in whatever order', () => {
  it.each([...SIZES.complete, ...SIZES.neighbours])('a sum of %i pods is exact or none, and nobody exposed', (n) => {
    const { sums, failures, violation } = explore(everything(n));
    expect(violation).toBe(null);
    expect(sums).toBeGreaterThan(2);
    expect(failures).toBeGreaterThan(2);
  });

  it.each([3, 5, 7, ...SIZES.neighbours])('lists of survivors expose nobody of %i pods', (n) => {
    expect(explore(lists(n)).violation).toBe(null);
  });
});

const CLIENT = 'aggregation/secure/client.ts';
const SERVER = 'aggregation/secure/server.ts';
const PARAMETERS = 'aggregation/secure/parameters.ts';
const gone = (file: string, text: string, becomes = ''): Edit => ({ file, text, becomes });

const ONE_ANSWER = [
  gone(CLIENT, 'if (answered !== undefined) {', 'if (false) {'),
  gone(CLIENT, 'if (EXPECTS[state.phase] !== type)', 'if (false)'),
];
const LOW_THRESHOLD = gone(
  PARAMETERS,
  'const t = Math.floor((n + colluding) / 2) + 1;\n  if (t > n',
  'const t = Math.floor(n / 2) + 1;\n  if (t > n',
);
const FEW_SIGNATURES = gone(CLIENT, 'if (quoted.length < session.signatures)', 'if (false)');
/** Secrecy in a neighbour graph: 2t > k + 1 + a. */
const LOW_NEIGHBOURS = gone(PARAMETERS, 'const t = Math.floor((k + 1 + a) / 2) + 1;', 'const t = Math.floor(k / 3);');

/** Defences whose loss shows under arbitrary commands alone, without an attack made for it. */
const NEEDED: readonly (readonly [string, readonly Edit[], readonly Exploration[]])[] = [
  ['a pod answers a request once', ONE_ANSWER, [lists(5), lists(36)]],
  [
    'masks are handed out once',
    [gone(CLIENT, "outputs.filter((output) => output.type !== 'mask')", 'outputs')],
    [everything(5)],
  ],
  [
    'a pod that gave up is silent',
    [gone(CLIENT, "if (state.phase === 'aborted') return { state, outputs: [] };")],
    [everything(5), everything(36)],
  ],
  ['a vector counts once', [gone(SERVER, 'return taken !== undefined;', 'return false;')], [everything(5)]],
  [
    'what is over stays over',
    [gone(SERVER, "if (phase === 'done' || phase === 'failed') return { state, outputs: [] };")],
    [everything(5), everything(36)],
  ],
  ['one list has enough signatures, and t is above half', [LOW_THRESHOLD, FEW_SIGNATURES], [lists(5), lists(7)]],
  ['the same among neighbours', [LOW_NEIGHBOURS, FEW_SIGNATURES], [lists(36)]],
];

describe('the same commands find the code without', () => {
  const mutants = new Mutants((url) => import(/* @vite-ignore */ url) as Promise<Code>);
  afterAll(() => mutants.close());

  it.each(NEEDED)('%s', async (_name, edits, explorations) => {
    const code = await mutants.without(edits);
    for (const exploration of explorations) {
      const { violation } = explore({ ...exploration, numRuns: 5 * exploration.numRuns }, code);
      expect(violation).not.toBe(null);
    }
  });
});
