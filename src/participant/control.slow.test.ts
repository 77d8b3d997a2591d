/**
 * What a site can do with its running pod: pause, cancel, drain, pull the plug; and several runs at once.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions, type PodName, reasons, shortTask } from '../../sim/federation.ts';
import { HostileCoordinator } from '../../test/support/hostileCoordinator.ts';
import { until } from '../../test/support/world.ts';
import type { RunEvent } from '../coordinator/index.ts';
import type { PodConfig } from '../tasks/index.ts';
import { inboxTopic, type MessageOf } from '../wire/index.ts';
import { auditLedger } from './audit.ts';

const A: PodName = 'hospital-a';
const D: PodName = 'hospital-d';
let federation: Federation;
let coordinator: HostileCoordinator | null = null;
const pod = (name: PodName) => federation.running.get(name)!.pod;
const ledgerOf = (name: PodName): string => join(federation.folder, 'state', name, 'ledger.jsonl');

async function openAlone(limits: Partial<PodConfig['limits']> = {}): Promise<HostileCoordinator> {
  federation = await Federation.open({
    pods: [A],
    pod: (_name, config) => ({ ...config, limits: { ...config.limits, ...limits } }),
  });
  coordinator = await HostileCoordinator.open(federation);
  return coordinator;
}
afterEach(async () => {
  await coordinator?.close();
  coordinator = null;
  await federation.close();
});

/** Calls `then` once, when the run emits an event like this. */
function once(matches: (event: RunEvent) => boolean, then: () => void): void {
  let isDone = false;
  federation.onEvent = (event) => {
    if (isDone || !matches(event)) return;
    isDone = true;
    then();
  };
}
const roundIs = (round: number) => (event: RunEvent) => event.type === 'round' && event.round === round;
const survivorsOf = (round: number): readonly string[] =>
  federation.events.flatMap((event) => (event.type === 'round' && event.round === round ? event.survivors : []));
const longer = (yaml: string): string => shortTask(yaml).replace(/\n( +)epochs: \d+/, '\n$1epochs: 6');
const openAll = async (options: FederationOptions = {}): Promise<void> => {
  // nothing here waits for time to pass, and nobody is to be late on a busy machine
  federation = await Federation.open({ task: longer, ...options });
};

describe('a pod that is paused', () => {
  it('is not waited for, stays a member, and is back at the round after it is resumed', async () => {
    await openAll();
    let [pausedAt, resumedAt] = [0, 0];
    federation.onEvent = (event) => {
      if (event.type !== 'round') return;
      if (event.round === 1) pod(D).pause();
      if (event.survivors.length === 3 && pausedAt === 0) {
        pausedAt = event.round;
        expect(pod(D).status()).toMatchObject({ state: 'paused', runs: [{ state: 'paused', rounds: 6 }] });
        pod(D).resume();
      }
      if (event.survivors.length === 4 && pausedAt > 0 && resumedAt === 0) resumedAt = event.round;
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(pausedAt).toBeGreaterThan(1);
    expect(resumedAt).toBeGreaterThan(pausedAt);
    expect(reasons(outcome)[D]).toBe('finished');
    const seen = federation.events.flatMap((event) =>
      event.type === 'member' && event.pod === D ? [`${event.state} ${event.reason}`.trim()] : [],
    );
    expect(seen).toContain('invited paused by its site');
    expect(seen.at(-1)).toBe('finished');
  });

  it('brings an open sum to its end first, stops training at once, and answers nothing until it is resumed', async () => {
    const lead = await openAlone();
    await lead.ask(A, 'run-1');
    const ref = lead.parameters();
    const at = { run: 'run-1', round: 0, purpose: 'update' as const, parameters: () => ref };
    lead.start(A, at);
    await until(() => lead.from(A, 'TRAINING_COMPLETE').length === 1, 'trained');
    lead.openAttempt(A, at, 0, ['hospital-a', 'hospital-b', 'hospital-c']);
    await until(() => lead.from(A, 'SECURE_SHARE').length === 1, 'its keys');
    pod(A).pause();
    expect(pod(A).status().runs).toMatchObject([{ state: 'pausing', phase: 'summing', round: 0, purpose: 'update' }]);
    expect(lead.from(A, 'JOB_QUEUED')).toEqual([]);
    lead.start(A, { ...at, round: 1 }); // the sum is over
    await until(() => lead.from(A, 'JOB_QUEUED').length === 1, 'it says that it is away');
    expect(lead.from(A, 'JOB_QUEUED')).toEqual([{ type: 'JOB_QUEUED', position: 0, paused: true }]);
    expect(await lead.ask(A, 'run-1')).toEqual({ type: 'JOB_QUEUED', position: 0, paused: true });
    expect(await lead.ask(A, 'run-2')).toEqual({ type: 'JOB_QUEUED', position: 1, paused: true });
    lead.start(A, { ...at, round: 2 });
    pod(A).resume();
    await until(() => lead.from(A, 'JOB_ACCEPT', 'run-1').length === 2, 'it is back');
    expect(lead.from(A, 'TRAINING_COMPLETE').length).toBe(1);
    lead.start(A, { ...at, round: 3 });
    await until(() => federation.noticesOf(A, 'progress').length > 0, 'training');
    pod(A).pause();
    expect(pod(A).status().runs).toMatchObject([{ state: 'paused', round: null }]);
    expect(lead.from(A, 'TRAINING_COMPLETE').length).toBeLessThan(3);
  });
});

describe('a run that its site cancels', () => {
  it('is left for good; the ledger keeps what was done, and the others go on', async () => {
    await openAll();
    let run = '';
    once(roundIs(2), () => {
      run = pod(D).status().runs[0]!.run;
      pod(D).cancel(run);
    });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(reasons(outcome)[D]).toBe('left: CANCELLED: cancelled by the site');
    expect(survivorsOf(6)).toEqual(['hospital-a', 'hospital-b', 'hospital-c']);
    expect(auditLedger(ledgerOf(D)).runs).toMatchObject([
      { run, rounds: 2, sums: 3, end: 'aborted: cancelled by the site' },
    ]);
    expect(auditLedger(ledgerOf(A)).runs).toMatchObject([
      { rounds: 6, sums: 8, end: expect.stringContaining('completed') },
    ]);
    expect(() => pod(D).cancel(run)).toThrow(expect.objectContaining({ code: 'RUN_UNKNOWN' }));
  });

  it('stays left after a restart of the pod', async () => {
    const lead = await openAlone();
    await lead.ask(A, 'run-1');
    pod(A).cancel('run-1');
    await until(() => lead.from(A, 'TASK_ABORT').length === 1, 'it leaves');
    await pod(A).stop('restart');
    await federation.startPod(A);
    expect(await lead.ask(A, 'run-1')).toMatchObject({ type: 'JOB_REJECT', response: 'UNAUTHORISED' });
    expect(await lead.ask(A, 'run-2')).toEqual({ type: 'JOB_ACCEPT' });
  });
});

describe('a pod that is drained', () => {
  it('finishes what it has, takes nothing new, and says when it is done', async () => {
    await openAll({ task: shortTask, pods: [A, 'hospital-b', 'hospital-c'] });
    const drained: Promise<void>[] = [];
    once(roundIs(1), () => {
      drained.push(pod(A).drain());
    });
    const outcome = await federation.run();
    expect(reasons(outcome)[A]).toBe('finished');
    await Promise.all(drained);
    expect(pod(A).status()).toMatchObject({ state: 'draining', runs: [], queue: [] });
    coordinator = await HostileCoordinator.open(federation);
    expect(await coordinator.ask(A, 'run-2')).toMatchObject({
      ...{ type: 'JOB_REJECT', reason: 'this pod is about to stop and takes no more runs' },
    });
  });
});

describe('a pod that loses its power', () => {
  it.each(['training', 'summing'] as const)('while %s, says and writes nothing more', async (when) => {
    const lead = await openAlone();
    await lead.ask(A, 'run-1');
    const ref = lead.parameters();
    const at = { run: 'run-1', round: 0, purpose: 'update' as const, parameters: () => ref };
    lead.start(A, at);
    if (when === 'training') await until(() => federation.noticesOf(A, 'progress').length > 0, 'training');
    else {
      await until(() => lead.from(A, 'TRAINING_COMPLETE').length === 1, 'trained');
      lead.openAttempt(A, at, 0, ['hospital-a', 'hospital-b', 'hospital-c']);
      await until(() => lead.from(A, 'SECURE_SHARE').length === 1, 'its keys');
    }
    const state = join(federation.folder, 'state', A);
    const written = (): string[] => readdirSync(state).map((name) => readFileSync(join(state, name), 'utf8'));
    const before = [written(), federation.broker.log.length, federation.notices.length];
    const halted = pod(A).halt();
    const mailbox = federation.broker.log.slice(before[1] as number);
    expect(mailbox.length).toBe(1); // the will, which is the broker's
    await halted;
    expect([written(), federation.broker.log.length - 1, federation.notices.length]).toEqual(before);
    // and it comes up again from what it had written
    await federation.startPod(A);
    expect(await lead.ask(A, 'run-1')).toEqual({ type: 'JOB_ACCEPT' });
    lead.start(A, at);
    await until(() => federation.noticesOf(A, 'refused').some(({ code }) => code.includes('is over')), 'the journal');
  });
});

describe('a pod that is stopped', () => {
  it('while it is setting a run up does not wait for the model', async () => {
    const lead = await openAlone();
    const mailbox = inboxTopic(federation.world.modeller.identity.public.id);
    await lead.ask(A, 'run-0', (request) => ({ ...request, dataset: 'none' })); // they know each other
    federation.broker.intercept = (topic, payload) => (topic === mailbox ? [] : [payload]);
    const context = { run: 'run-1', round: 0, phase: 'admission' };
    lead.send(A, context, lead.request);
    await until(() => pod(A).status().runs.length === 1, 'the request');
    await pod(A).stop('maintenance');
    expect(pod(A).status().runs).toEqual([]);
    expect(auditLedger(ledgerOf(A)).runs).toMatchObject([{ run: 'run-0' }]);
    await federation.startPod(A); // for the end of the test
  });
});

describe('several runs at a pod', () => {
  it('wait for their turn in order, are told their place, and leave when their modeller does', async () => {
    const lead = await openAlone({ queue: 2 });
    expect(await lead.ask(A, 'run-1')).toEqual({ type: 'JOB_ACCEPT' });
    expect(await lead.ask(A, 'run-2')).toEqual({ type: 'JOB_QUEUED', position: 1 });
    expect(await lead.ask(A, 'run-3')).toEqual({ type: 'JOB_QUEUED', position: 2 });
    expect(await lead.ask(A, 'run-4')).toMatchObject({
      type: 'JOB_REJECT',
      reason: expect.stringContaining('queue of 2'),
    });
    expect(pod(A).status()).toMatchObject({ runs: [{ run: 'run-1' }], queue: [{ run: 'run-2' }, { run: 'run-3' }] });
    lead.send(A, { run: 'run-2', round: 0, phase: 'end' }, { type: 'TASK_ABORT', reason: 'CANCELLED', message: 'no' });
    await until(() => lead.from(A, 'JOB_QUEUED', 'run-3').length === 2, 'a better place');
    expect(lead.from(A, 'JOB_QUEUED', 'run-3')).toMatchObject([{ position: 2 }, { position: 1 }]);
    lead.send(A, { run: 'run-1', round: 0, phase: 'end' }, { type: 'TASK_COMPLETE' });
    await until(() => lead.from(A, 'JOB_ACCEPT', 'run-3').length === 1, 'its turn');
    expect(pod(A).status()).toMatchObject({ runs: [{ run: 'run-3' }], queue: [] });
    expect(federation.noticesOf(A, 'ended')).toMatchObject([{ run: 'run-1', how: 'completed' }]);
  });

  it('train side by side up to the limit, each in its own rounds', async () => {
    const lead = await openAlone({ parallelRuns: 2 });
    const ref = lead.parameters();
    const runs = ['run-1', 'run-2'];
    for (const run of runs) expect(await lead.ask(A, run)).toEqual({ type: 'JOB_ACCEPT' });
    expect(await lead.ask(A, 'run-3')).toMatchObject({ type: 'JOB_QUEUED' });
    for (const run of runs) lead.start(A, { run, round: 0, purpose: 'update', parameters: () => ref });
    for (const run of runs) await until(() => lead.from(A, 'TRAINING_COMPLETE', run).length === 1, `${run} is trained`);
    const [one, two] = runs.map((run) => lead.from(A, 'TRAINING_COMPLETE', run)[0] as MessageOf<'TRAINING_COMPLETE'>);
    expect(one!.commitments).not.toEqual(two!.commitments);
    lead.send(A, { run: 'run-1', round: 0, phase: 'end' }, { type: 'TASK_ABORT', reason: 'CANCELLED', message: 'no' });
    await until(() => lead.from(A, 'JOB_ACCEPT', 'run-3').length === 1, 'the third has its place');
    lead.start(A, { run: 'run-2', round: 1, purpose: 'statistics' });
    await until(() => lead.from(A, 'TRAINING_COMPLETE', 'run-2').length === 2, 'the second goes on');
  });
});
