/**
 * A coordinator that is stopped and goes on with its run: what the pods keep, what they say again, and when they give up.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { allowPlain, Federation, type FederationOptions, type PodName, plainTask } from '../../sim/federation.ts';
import { HostileCoordinator } from '../../test/support/hostileCoordinator.ts';
import { until } from '../../test/support/world.ts';
import type { PodConfig } from '../tasks/index.ts';
import { inboxTopic, type Message, type MessageOf } from '../wire/index.ts';

const TRIO: readonly PodName[] = ['hospital-a', 'hospital-b', 'hospital-c'];
const A: PodName = 'hospital-a';
const run = 'run-1';
let federation: Federation;
let coordinator: HostileCoordinator;

async function open(pods: readonly PodName[], options: FederationOptions = {}): Promise<void> {
  federation = await Federation.open({ pods, ...options });
  coordinator = await HostileCoordinator.open(federation);
  for (const pod of pods) expect(await coordinator.ask(pod, run)).toEqual({ type: 'JOB_ACCEPT' });
}
/** The coordinator's process is gone, and another one has its key. */
async function restartCoordinator(): Promise<void> {
  await coordinator.close();
  coordinator = await HostileCoordinator.open(federation);
}
afterEach(async () => {
  await coordinator?.close();
  await federation.close();
});

const said = (pod: PodName, ...types: Message['type'][]): Message[] =>
  coordinator.received
    .filter(({ from, message }) => from === pod && types.includes(message.type))
    .map((r) => r.message);
const saidInRound = (pod: PodName): Message[] =>
  said(pod, 'TRAINING_COMPLETE', 'SECURE_SHARE', 'TRAINING_UPDATE', 'RESULT_STATEMENT', 'EVALUATION_RESULTS');
const trainings = (pod: PodName): number => federation.noticesOf(pod, 'round').length;
const limits =
  (change: Partial<PodConfig['limits']>): NonNullable<FederationOptions['pod']> =>
  (_name, config) => ({ ...config, limits: { ...config.limits, ...change } });

describe('a coordinator that goes on after a restart', () => {
  it('finds the pods where they were, and hears what they had said, word for word', async () => {
    await open([A]);
    const ref = coordinator.parameters();
    const at = { run, round: 4, purpose: 'update' as const, parameters: () => ref };
    coordinator.start(A, at);
    await until(() => saidInRound(A).length === 1, 'trained');
    coordinator.openAttempt(A, at, 0, TRIO);
    await until(() => saidInRound(A).length === 2, 'its keys');
    const before = saidInRound(A);

    await restartCoordinator();
    expect(await coordinator.ask(A, run)).toEqual({ type: 'JOB_ACCEPT', continues: true });
    coordinator.start(A, at);
    await until(() => saidInRound(A).length === 2, 'the round again');
    expect(saidInRound(A)).toEqual(before);
    coordinator.openAttempt(A, at, 0, TRIO);
    await until(() => saidInRound(A).length === 3, 'the attempt again');
    expect(saidInRound(A)).toEqual([...before, before[1]]);
    // however often it asks: nothing is trained or masked anew
    for (let i = 0; i < 3; i++) coordinator.start(A, at);
    await until(() => saidInRound(A).length === 9, 'three times more');
    expect(saidInRound(A).slice(3)).toEqual([...before, ...before, ...before]);
    expect(trainings(A)).toBe(1);
    // another cohort under the same attempt is no repetition
    coordinator.openAttempt(A, at, 0, ['hospital-a', 'hospital-b', 'hospital-d']);
    await until(
      () => federation.noticesOf(A, 'refused').some(({ code }) => code.includes('attempt 0 is not new')),
      'a refusal',
    );
    expect(saidInRound(A).length).toBe(9);
  });

  it('can still pull a vector that was offered before, and gets the result signed once more', async () => {
    await open([A], { task: plainTask, pod: allowPlain });
    const ref = coordinator.parameters();
    const plain = ({ secure, ...message }: MessageOf<'ROUND_START'>): Message => (secure ? message : message);
    coordinator.start(A, { run, round: 0, purpose: 'update', parameters: () => ref }, plain);
    await until(() => saidInRound(A).length === 1, 'trained');
    const [update] = saidInRound(A) as MessageOf<'TRAINING_UPDATE'>[];
    await restartCoordinator();
    await coordinator.ask(A, run);
    coordinator.start(A, { run, round: 0, purpose: 'update', parameters: () => ref }, plain);
    await until(() => saidInRound(A).length === 1, 'the update again');
    expect(saidInRound(A)).toEqual([update]);
    expect((await coordinator.pull(A, update!.input)).length).toBe(update!.input.bytes);
    const evaluate = { run, round: 1, purpose: 'evaluation' as const, completed: 3, parameters: () => ref };
    coordinator.parameters();
    coordinator.start(A, evaluate, plain);
    await until(() => saidInRound(A).length === 4, 'evaluated');
    const evaluated = saidInRound(A).slice(1);
    coordinator.start(A, evaluate, plain);
    await until(() => saidInRound(A).length === 7, 'the evaluation again');
    expect(evaluated.map(({ type }) => type)).toEqual(['RESULT_STATEMENT', 'EVALUATION_RESULTS', 'TRAINING_UPDATE']);
    expect(saidInRound(A).slice(4)).toEqual(evaluated);
    await expect(coordinator.pull(A, update!.input)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
  });

  it('has a round whose parameters were on their way begun again', async () => {
    await open([A]);
    const ref = coordinator.parameters();
    const at = { run, round: 0, purpose: 'update' as const, parameters: () => ref };
    const mailbox = inboxTopic(federation.world.modeller.identity.public.id);
    federation.broker.intercept = (topic, payload) => (topic === mailbox ? [] : [payload]);
    coordinator.start(A, at);
    await until(() => trainings(A) === 1, 'the round has begun');
    await coordinator.close();
    federation.broker.intercept = (_topic, payload) => [payload];
    coordinator = await HostileCoordinator.open(federation);
    expect(await coordinator.ask(A, run)).toEqual({ type: 'JOB_ACCEPT', continues: true });
    coordinator.parameters();
    coordinator.start(A, at);
    await until(() => saidInRound(A).length === 1, 'trained after all');
    expect(federation.noticesOf(A, 'refused')).toEqual([]);
  });

  it('learns from a pod that was restarted too that it has to begin anew', async () => {
    await open([A]);
    await restartCoordinator();
    federation.kill(A);
    await federation.startPod(A);
    coordinator.start(A, { run, round: 0, purpose: 'statistics' });
    await until(() => coordinator.from(A, 'TASK_ABORT').length > 0, 'an answer');
    expect(coordinator.from(A, 'TASK_ABORT')).toMatchObject([{ reason: 'UNKNOWN_RUN' }]);
    expect(await coordinator.ask(A, run)).toEqual({ type: 'JOB_ACCEPT' });
  });
});

describe('a coordinator that does not go on', () => {
  it('loses the run after the grace time of the site', async () => {
    await open([A], { pod: limits({ coordinatorGraceMs: 2_000 }) });
    await restartCoordinator();
    coordinator.send(A, { run: '', round: 0, phase: 'online' }, { type: 'ONLINE_CHECK' });
    await until(() => federation.noticesOf(A, 'ended').length === 1, 'the run ends');
    expect(federation.noticesOf(A, 'ended')).toMatchObject([{ how: 'aborted', run }]);
    expect(await coordinator.ask(A, run)).toEqual({ type: 'JOB_ACCEPT' });
  });

  it('gives way to another run of the same modeller', async () => {
    await open([A]);
    await restartCoordinator();
    expect(await coordinator.ask(A, 'run-2')).toEqual({ type: 'JOB_ACCEPT' });
    expect(federation.noticesOf(A, 'ended')).toMatchObject([
      { run, reason: 'the coordinator restarted and asks for another run' },
    ]);
  });
});
