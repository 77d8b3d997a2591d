/**
 * What a pod still knows after it was stopped and started again, and what it makes of a run's end.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type PodName } from '../../sim/federation.ts';
import { HostileCoordinator } from '../../test/support/hostileCoordinator.ts';
import { until } from '../../test/support/world.ts';
import { signResult } from '../protocols/index.ts';

const ALL: readonly PodName[] = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'];
const TRIO = ALL.slice(0, 3);
const A: PodName = 'hospital-a';
let federation: Federation;
let coordinator: HostileCoordinator;

async function open(options: Parameters<typeof Federation.open>[0] = {}): Promise<void> {
  federation = await Federation.open(options);
  coordinator = await HostileCoordinator.open(federation);
}
async function admit(pods: readonly PodName[], run: string): Promise<void> {
  for (const pod of pods) expect(await coordinator.ask(pod, run)).toEqual({ type: 'JOB_ACCEPT' });
}
afterEach(async () => {
  await coordinator?.close();
  await federation.close();
});
const refusals = (pod: PodName): string[] => federation.noticesOf(pod, 'refused').map(({ code }) => code);
async function restart(pods: readonly PodName[]): Promise<void> {
  for (const pod of pods) await federation.running.get(pod)!.pod.stop('restart');
  for (const pod of pods) await federation.startPod(pod);
}

describe('a pod that was started again', () => {
  it('refuses the rounds and sums it took part in before', async () => {
    await open();
    await admit(ALL, 'run-1');
    await coordinator.sum({ run: 'run-1', round: 2, purpose: 'statistics', cohort: ALL });
    await restart(ALL);
    await admit(ALL, 'run-1');
    coordinator.start(A, { run: 'run-1', round: 2, purpose: 'statistics' });
    await until(() => refusals(A).some((code) => code.includes('round 2 is over')), 'the round is over');
    coordinator.start(A, { run: 'run-1', round: 3, purpose: 'statistics' });
    await until(() => refusals(A).some((code) => code.includes('statistics 0 was already summed')), 'the sum is spent');
  });

  it('adds the same numbers to no sum that differs in one pod, whatever the run is called', async () => {
    await open();
    await admit(ALL, 'run-1');
    const at = { round: 0, purpose: 'statistics' as const };
    const four = await coordinator.sum({ ...at, run: 'run-1', cohort: ALL });
    expect(four!.totalWeight).toBeGreaterThan(300);
    await restart(ALL);
    await admit(TRIO, 'run-2');
    for (const pod of TRIO) coordinator.start(pod, { ...at, run: 'run-2' });
    for (const pod of TRIO)
      await until(() => coordinator.from(pod, 'TRAINING_COMPLETE', 'run-2').length > 0, `${pod} is ready`);
    for (const pod of TRIO) coordinator.openAttempt(pod, { ...at, run: 'run-2' }, 0, TRIO);
    for (const pod of TRIO) await until(() => coordinator.from(pod, 'TASK_ABORT', 'run-2').length > 0, `${pod} leaves`);
    expect(coordinator.from(A, 'TASK_ABORT', 'run-2')[0]!.message).toMatch(
      /^COHORT_TOO_CLOSE: .*hospital-d is in one of the two only/,
    );
    expect(
      coordinator.received.some(({ context, message }) => context.run === 'run-2' && message.type === 'SECURE_SHARE'),
    ).toBe(false);
    // over the same four it says nothing new
    await admit(ALL, 'run-3');
    expect(await coordinator.sum({ ...at, run: 'run-3', cohort: ALL })).toEqual(four);
  });

  it('does where its site allows it', async () => {
    await open({
      pod: (_name, config) => ({
        ...config,
        policy: { ...config.policy, cohortChange: 'allow' },
        limits: { ...config.limits, parallelRuns: 2 },
      }),
    });
    await admit(ALL, 'run-1');
    const at = { round: 0, purpose: 'statistics' as const };
    const four = await coordinator.sum({ ...at, run: 'run-1', cohort: ALL });
    await admit(TRIO, 'run-2');
    const three = await coordinator.sum({ ...at, run: 'run-2', cohort: TRIO });
    // this is the attack: the rows of hospital-d alone
    expect(four!.totalWeight - three!.totalWeight).toBeGreaterThan(0);
  });
});

describe('the end of a run', () => {
  it('is confirmed by all pods when they were given one result', async () => {
    federation = await Federation.open();
    const outcome = await federation.run();
    expect(outcome.result).toEqual({ parameters: expect.stringMatching(/^[0-9a-f]{64}$/), confirmedBy: [...ALL] });
    for (const pod of ALL) {
      expect(federation.noticesOf(pod, 'result')).toMatchObject([
        { agreed: true, parameters: outcome.result!.parameters, confirmedBy: [...ALL] },
      ]);
      const ledger = readFileSync(join(federation.folder, 'state', pod, 'ledger.jsonl'), 'utf8');
      expect(ledger).toContain('4 of 4 pods confirm one result');
    }
  });

  it('shows a pod that the others were given another result, and that their signatures were left out or made up', async () => {
    await open();
    await admit(ALL, 'run-1');
    const [one, other] = [coordinator.parameters(0.01), coordinator.parameters(0.02)];
    const run = 'run-1';
    const at = { run, round: 0, purpose: 'evaluation' as const, completed: 3 };
    for (const pod of ALL) coordinator.start(pod, { ...at, parameters: () => (pod === A ? one : other) });
    for (const pod of ALL)
      await until(() => coordinator.from(pod, 'TRAINING_COMPLETE').length > 0, `${pod} has evaluated`);
    const statements = ALL.map((name) => ({
      name,
      signature: coordinator.from(name, 'RESULT_STATEMENT')[0]!.signature,
    }));
    const forged = ALL.slice(1).map((name) => ({
      name,
      signature: signResult(federation.world.modeller.identity.signing, {
        run,
        modelId: coordinator.request.model!.id,
        parametersId: one.id,
      }),
    }));
    const context = { run, round: 0, phase: 'end' };
    // to A: its own result, with what the others signed for another one, and with forgeries
    coordinator.send(A, context, {
      type: 'TASK_COMPLETE',
      result: { parameters: one.id, statements: [...statements, ...forged] },
    });
    coordinator.send('hospital-b', context, { type: 'TASK_COMPLETE', result: { parameters: other.id, statements } });
    coordinator.send('hospital-c', context, { type: 'TASK_COMPLETE', result: { parameters: one.id, statements } });
    coordinator.send('hospital-d', context, { type: 'TASK_COMPLETE' });
    for (const pod of ALL) await until(() => federation.noticesOf(pod, 'ended').length > 0, `${pod} ends`);
    const seen = ALL.map((pod) => federation.noticesOf(pod, 'result')[0]!);
    expect(seen.map(({ agreed }) => agreed)).toEqual([false, true, false, false]);
    expect(seen.map(({ confirmedBy }) => confirmedBy.length)).toEqual([1, 3, 3, 0]);
    expect(federation.noticesOf('hospital-c', 'ended')[0]!.reason).toContain('announced another result');
  });
});
