/**
 * The two machines under everything that can happen to messages and pods, in any order: the sum is exactly that of the
 * survivors or there is none, the coordinator never has t shares of both kinds of one pod, and what is over stays over.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failureOf, sumOf } from '../support/secaggCohort.ts';
import { WorldOfMessages } from './support/worldOfMessages.ts';

type Real = WorldOfMessages;
type Step = fc.Command<object, Real>;

const step = (name: string, run: (real: Real) => void): Step => ({
  check: () => true,
  run: (_model, real) => run(real),
  toString: () => name,
});
const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.with(at % bytes.length, bytes[at % bytes.length]! ^ 1);

function commands(n: number, maxCommands: number) {
  const i = fc.nat(99);
  const pod = fc.nat(n - 1);
  const pair = fc.tuple(fc.nat(99), fc.nat(4000));
  const advance = fc.constant(step('everything arrives, phase ends', (real) => real.advance()));
  return fc.commands(
    [
      // often enough that attempts come to their end
      ...[advance, advance, advance, advance],
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
      pod.map((at) => step(`pod ${at} is lost`, (real) => real.deliver({ type: 'gone', from: real.names[at]! }))),
      pod.map((at) => step(`pod ${at} starts anew`, (real) => real.restart(real.names[at]!))),
      fc.constant(step('phase ends', (real) => real.deliver({ type: 'close' }))),
      fc
        .tuple(pod, pod)
        .map(([to, without]) =>
          step(`pod ${to} is told a list without ${without}`, (real) =>
            real.tellOtherSurvivors(real.names[to]!, without),
          ),
        ),
      pod.map((at) => step(`pod ${at} is shown what signatures there are`, (real) => real.tellProof(real.names[at]!))),
    ],
    { maxCommands, size: 'max' },
  );
}

/** Outcomes seen, so that the test says when it never gets anywhere. */
function explore(
  n: number,
  maxCommands: number,
  numRuns: number,
  ...rest: unknown[]
): { sums: number; failures: number } {
  const seen = { sums: 0, failures: 0 };
  fc.assert(
    fc.property(commands(n, maxCommands), (steps) => {
      const real = new WorldOfMessages(n, 5, ...(rest as [object?]));
      fc.modelRun(() => ({ model: {}, real }), steps);
      for (let phase = 0; phase < 6; phase++) real.advance();
      expect(['done', 'failed']).toContain(real.cohort.server.phase);
      if (sumOf(real.cohort)) seen.sums++;
      if (failureOf(real.cohort)) seen.failures++;
    }),
    { numRuns, seed: 20_261_121 },
  );
  return seen;
}

describe('whatever happens, in whatever order', () => {
  it.each([3, 4, 5, 6])('a sum of %i pods is exact or does not come about, and nobody is exposed', (n) => {
    const { sums, failures } = explore(n, 30, 40);
    expect(sums).toBeGreaterThan(2);
    expect(failures).toBeGreaterThan(2);
  });

  it('and so in a neighbour graph', () => {
    const { sums } = explore(36, 12, 4, { assumptions: { colluding: 0.05, dropouts: 0.05 } });
    expect(sums).toBeGreaterThan(0);
  });
});
