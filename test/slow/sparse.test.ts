/**
 * Whole federations whose pods vote for the blocks that are sent.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions, reasons, shortTask } from '../../sim/federation.ts';
import { blocksToSend } from '../../src/aggregation/index.ts';
import type { RunOutcome } from '../../src/coordinator/runOutcome.ts';

let federation: Federation | undefined;
afterEach(async () => {
  await federation?.close();
  federation = undefined;
});

type Edit = NonNullable<FederationOptions['task']>;
const withLines =
  (lines: readonly string[], edit: Edit): Edit =>
  (yaml) =>
    edit(yaml).replace('secure: true', ['secure: true', ...lines.map((line) => `    ${line}`)].join('\n'));
const wide: Edit = (yaml) => shortTask(yaml).replace('[16]', '[512, 256]');
const whole: Edit = (yaml) => yaml;

async function run(lines: readonly string[], edit: Edit = shortTask): Promise<RunOutcome> {
  federation = await Federation.open({ task: withLines(lines, edit) });
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  return outcome;
}

/** Mean bytes that a pod sent in a round, receipts and all. */
function sentPerRound(outcome: RunOutcome): number {
  const sent = outcome.members.reduce((sum, member) => sum + outcome.trafficOf(member).receivedBytes, 0);
  return sent / outcome.members.length / outcome.rounds.length;
}

/** Bytes of the masked vector beside the update: weight, two wide sums, two counts, clipped. */
const TAIL = 4 * (1 + 2 * 8 + 2 + 1);
const PARAMETERS = 31 * 16 + 17;

describe('a run that sends a quarter of its blocks', () => {
  it('with 16 bits learns as well as one that sends all', async () => {
    const dense = await run(['bits: 16'], whole);
    await federation!.close();
    const sparse = await run(['bits: 16', 'sparse: 0.25'], whole);
    const auc = ({ pooled }: RunOutcome): number => pooled!['ROC AUC']!.value!;
    expect(auc(sparse)).toBeGreaterThan(auc(dense) - 0.01);
    // 3 of 9 blocks, the last of which has one parameter
    for (const { vectorBytes } of sparse.rounds) expect([2 * 192 + TAIL, 2 * 129 + TAIL]).toContain(vectorBytes);
    const first = sparse.rounds[0]!.validationLoss!;
    expect(sparse.rounds.at(-1)!.validationLoss!).toBeLessThan(first / 2);
  });

  it('sends about a quarter of the bytes where the model is large, votes and their sum included', async () => {
    const dense = await run(['bits: 16'], wide);
    await federation!.close();
    const sparse = await run(['bits: 16', 'sparse: 0.25'], wide);
    const { parameters } = sparse.facts!;
    expect(sparse.rounds[0]!.vectorBytes).toBeLessThan(0.252 * dense.rounds[0]!.vectorBytes);
    expect(sparse.rounds[0]!.vectorBytes).toBeGreaterThan(2 * 64 * (blocksToSend(parameters, 0.25) - 1));
    expect(sentPerRound(sparse)).toBeLessThan(0.36 * sentPerRound(dense));
  });

  it('with a fixed scale votes all the same, before the update and in a sum of its own', async () => {
    const outcome = await run(['sparse: 0.25']);
    const purposes = federation!.noticesOf('hospital-a', 'round').map(({ purpose }) => purpose);
    expect(purposes.slice(0, 3)).toEqual(['statistics', 'range', 'update']);
    const choices = federation!.events.filter((event) => event.type === 'blocks');
    expect(choices).toEqual([0, 1, 2].map((completed) => ({ type: 'blocks', completed, chosen: 3, of: 9 })));
    expect(federation!.events.some(({ type }) => type === 'scale')).toBe(false);
    expect(outcome.rounds[0]!.clipped).toBe(0);
    expect(outcome.facts).toMatchObject({ parameters: PARAMETERS, share: 0.25 });
  });

  it('moves only the chosen blocks in a round', async () => {
    const starts: Float32Array[] = [];
    const edit: Edit = (yaml) => shortTask(yaml).replace('epochs: 3', 'epochs: 1');
    starts.push((await run(['sparse: 0.25'], (yaml) => edit(yaml).replace('0.005', '1.0e-12'))).parameters!);
    await federation!.close();
    const outcome = await run(['sparse: 0.25'], edit);
    const moved = outcome.parameters!.map((value, i) => Number(Math.abs(value - starts[0]![i]!) > 1e-9));
    const blocks = Array.from({ length: 9 }, (_, block) => moved.slice(64 * block, 64 * (block + 1)).includes(1));
    expect(blocks.filter((isMoved) => isMoved)).toHaveLength(3);
  });

  it('goes on without a pod that is lost between votes and update', async () => {
    federation = await Federation.open({ task: withLines(['bits: 16', 'sparse: 0.25'], shortTask) });
    federation.onEvent = (event) => {
      if (event.type === 'blocks' && event.completed === 1) federation!.kill('hospital-c');
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 3, 3]);
    expect(reasons(outcome)['hospital-c']).toContain('lost');
    expect(outcome.rounds.at(-1)!.validationLoss!).toBeLessThan(outcome.rounds[0]!.validationLoss!);
  });
});
