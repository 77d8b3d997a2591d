import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type PodName } from '../../sim/federation.ts';
import { HostileCoordinator } from '../../test/support/hostileCoordinator.ts';
import { until } from '../../test/support/world.ts';
import type { MessageOf } from '../wire/index.ts';

const ALL: readonly PodName[] = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'];
const A: PodName = 'hospital-a';
let federation: Federation;
let coordinator: HostileCoordinator;

/** Pods that have accepted the task of a run. */
async function admitted(pods: readonly PodName[], run = 'run-1'): Promise<HostileCoordinator> {
  federation = await Federation.open({ pods });
  coordinator = await HostileCoordinator.open(federation);
  const answers = await Promise.all(pods.map((pod) => coordinator.ask(pod, run)));
  expect(answers).toEqual(pods.map(() => ({ type: 'JOB_ACCEPT' })));
  return coordinator;
}

afterEach(async () => {
  // whatever was tried, nothing but masked vectors and the machines' own messages may ever have left
  const harmless = [
    'JOB_ACCEPT',
    'TRAINING_COMPLETE',
    'SECURE_SHARE',
    'PROGRESS',
    'EVALUATION_RESULTS',
    'RESULT_STATEMENT',
    'TASK_ABORT',
    'JOB_QUEUED',
  ];
  for (const { message } of coordinator.received)
    expect([...harmless, 'BLOB_GET', 'BLOB_CHUNK']).toContain(message.type);
  await coordinator.close();
  await federation.close();
});

const refusals = (pod: PodName): string[] => federation.noticesOf(pod, 'refused').map(({ code }) => code);
const refused = (pod: PodName, pattern: RegExp): Promise<void> =>
  until(() => refusals(pod).some((code) => pattern.test(code)), `a refusal like ${pattern}`);
const ready = (pod: PodName, count: number): Promise<void> =>
  until(() => coordinator.from(pod, 'TRAINING_COMPLETE').length === count, `work ${count} of ${pod}`);
const left = async (pod: PodName): Promise<string> => {
  await until(() => coordinator.from(pod, 'TASK_ABORT').length > 0, `${pod} leaves`);
  return coordinator.from(pod, 'TASK_ABORT')[0]!.message;
};

describe('a pod and a malicious coordinator', () => {
  it('takes part in no second sum of the same rows over another cohort, even after the task is sent anew', async () => {
    await admitted(ALL);
    const first = await coordinator.sum({ run: 'run-1', round: 0, purpose: 'statistics', cohort: ALL });
    expect(first!.totalWeight).toBeGreaterThan(300);
    // had pod d been left out of a second sum, the difference of the two would be its own rows
    for (const pod of ALL) coordinator.start(pod, { run: 'run-1', round: 1, purpose: 'statistics' });
    for (const pod of ALL) await refused(pod, /PROTOCOL_VIOLATION: statistics 0 was already summed/);
    // the same request finds the run as it was, another one under its name begins it anew
    for (const pod of ALL) expect(await coordinator.ask(pod, 'run-1')).toEqual({ type: 'JOB_ACCEPT', continues: true });
    const anew = (request: MessageOf<'JOB_REQUEST'>) => ({ ...request, roster: request.roster.toReversed() });
    for (const pod of ALL) expect(await coordinator.ask(pod, 'run-1', anew)).toEqual({ type: 'JOB_ACCEPT' });
    for (const pod of ALL) {
      const before = refusals(pod).length;
      coordinator.start(pod, { run: 'run-1', round: 2, purpose: 'statistics' });
      await until(() => refusals(pod).length > before, `${pod} refuses after being admitted again`);
      expect(refusals(pod).at(-1)).toContain('already summed');
    }
    expect(coordinator.from(A, 'TRAINING_COMPLETE').length).toBe(1);
  });

  it('gives no sum when pods are shown different parameters', async () => {
    const trio = ALL.slice(0, 3);
    await admitted(trio);
    const [one, other] = [coordinator.parameters(0.01), coordinator.parameters(0.02)];
    const attempt = { run: 'run-1', round: 0, purpose: 'update' as const, cohort: trio };
    const parameters = (pod: PodName) => (pod === 'hospital-c' ? other : one);
    expect(await coordinator.sum({ ...attempt, parameters })).toBeNull();
    // the same with one set of parameters does come out: it was the difference that kept it
    const honest = await coordinator.sum({ ...attempt, round: 1, parameters: () => one });
    expect(honest!.mean.length).toBe(coordinator.facts.parameters);
  });

  it('refuses a round a second time with another content, and one from before', async () => {
    await admitted([A]);
    const at = { run: 'run-1', purpose: 'statistics' as const };
    coordinator.start(A, { ...at, round: 3 });
    await ready(A, 1);
    coordinator.start(A, { ...at, round: 3, completed: 1 });
    await refused(A, /PROTOCOL_VIOLATION: round 3 is over/);
    coordinator.start(A, { ...at, round: 2 });
    await refused(A, /PROTOCOL_VIOLATION: round 2 is over/);
    expect(coordinator.from(A, 'TRAINING_COMPLETE').length).toBe(1);
  });

  it('refuses a cohort below its minimum, with a stranger, with a pod twice, or without itself', async () => {
    await admitted([A]);
    const at = { run: 'run-1', round: 0, purpose: 'statistics' as const };
    coordinator.start(A, at);
    await ready(A, 1);
    coordinator.openAttempt(A, at, 0, [A, 'hospital-b']);
    await refused(A, /COHORT_TOO_SMALL: cohort of 2 is below the minimum of 3/);
    const violation =
      /PROTOCOL_VIOLATION: cohort repeats a pod, leaves this pod out or names one that is not in the task/;
    for (const cohort of [
      [A, 'hospital-b', 'mallory'],
      [A, 'hospital-b', 'hospital-b'],
      ['hospital-b', 'hospital-c', 'hospital-d'],
    ]) {
      const before = refusals(A).length;
      coordinator.openAttempt(A, at, 0, cohort);
      await until(() => refusals(A).length > before, `cohort ${cohort.join()} is refused`);
      expect(refusals(A).at(-1)).toMatch(violation);
    }
    expect(coordinator.from(A, 'SECURE_SHARE')).toEqual([]); // no key, no share, no vector
    coordinator.openAttempt(A, at, 0, [A, 'hospital-b', 'hospital-c']);
    await until(() => coordinator.from(A, 'SECURE_SHARE').length === 1, 'a cohort the pod agreed to');
    coordinator.openAttempt(A, at, 0, ALL);
    await refused(A, /attempt 0 is not new/);
    expect(coordinator.from(A, 'SECURE_SHARE').length).toBe(1);
  });

  it('leaves the run rather than send its update when the round skips secure aggregation', async () => {
    await admitted([A]);
    const ref = coordinator.parameters();
    coordinator.start(
      A,
      { run: 'run-1', round: 0, purpose: 'update', parameters: () => ref },
      ({ secure, ...plain }) => {
        expect(secure).toBeDefined();
        return plain;
      },
    );
    expect(await left(A)).toBe('PROTOCOL_VIOLATION: round start and task disagree on secure aggregation');
    expect(federation.noticesOf(A, 'ended')).toMatchObject([{ how: 'aborted', run: 'run-1' }]);
  });

  it.each([
    [
      'too many parameters',
      () => coordinator.parameters(0.01, 10_000),
      /BLOB_UNAVAILABLE: blob of 40000 bytes announced/,
    ],
    [
      'too few parameters',
      () => coordinator.parameters(0.01, 7),
      /MODEL_MISMATCH: parameters of 28 bytes, the model has \d+ float32/,
    ],
    ['parameters that are no numbers', () => coordinator.parameters(Number.NaN), /not finite/],
    [
      'parameters that do not hash to their name',
      () => ({ ...coordinator.parameters(), id: '0'.repeat(64) }),
      /BLOB_UNAVAILABLE/,
    ],
  ])('leaves the run when it is sent %s', async (_what, make, expected) => {
    await admitted([A]);
    const ref = make();
    coordinator.start(A, { run: 'run-1', round: 0, purpose: 'update', parameters: () => ref });
    expect(await left(A)).toMatch(expected);
    expect(coordinator.from(A, 'TRAINING_COMPLETE')).toEqual([]);
  });

  it('leaves the run when the standardiser is no number, or another one than before', async () => {
    await admitted([A]);
    const ref = coordinator.parameters();
    const { features } = coordinator.facts;
    const bytes = (value: number) => new Uint8Array(new Float32Array(features).fill(value).buffer);
    const start = (run: string, round: number, mean: number, scale: number) =>
      coordinator.start(A, { run, round, purpose: 'update', parameters: () => ref }, (message) => ({
        ...message,
        standardiser: { mean: bytes(mean), scale: bytes(scale) },
      }));
    start('run-1', 0, 100, 50);
    await ready(A, 1);
    start('run-1', 1, 100, 51); // the hash of a sum would cover 51, the pod would use 50
    expect(await left(A)).toBe('PROTOCOL_VIOLATION: standardiser differs from the one sent before');
    await coordinator.ask(A, 'run-2');
    start('run-2', 0, 100, 0);
    await until(() => coordinator.from(A, 'TASK_ABORT').length === 2, 'a scale of 0 is refused');
    expect(coordinator.from(A, 'TASK_ABORT')[1]!.message).toContain('standardiser has a mean that is not finite');
  });

  it('trains no more rounds than the task has', async () => {
    await admitted([A]);
    const ref = coordinator.parameters();
    coordinator.start(A, { run: 'run-1', round: 0, purpose: 'update', completed: 3, parameters: () => ref });
    expect(await left(A)).toBe('PROTOCOL_VIOLATION: round 4 was asked for; the task has 3');
  });

  it('shows its own metrics once a run, not for every model it is sent', async () => {
    await admitted([A]);
    for (const round of [0, 1, 2]) {
      const ref = coordinator.parameters(0.01 * round);
      coordinator.start(A, { run: 'run-1', round, purpose: 'evaluation', completed: 3, parameters: () => ref });
      await ready(A, round + 1);
    }
    expect(coordinator.from(A, 'EVALUATION_RESULTS').length).toBe(1);
  });

  it('drops messages for another purpose, round, attempt or run, and answers none of them', async () => {
    await admitted([A]);
    const at = { run: 'run-1', round: 0, purpose: 'statistics' as const };
    coordinator.start(A, at);
    await ready(A, 1);
    const cohort = ALL.slice(0, 3);
    coordinator.openAttempt(A, { ...at, purpose: 'update' }, 0, cohort);
    coordinator.openAttempt(A, { ...at, round: 1 }, 0, cohort);
    coordinator.openAttempt(A, { ...at, run: 'run-7' }, 0, cohort);
    await until(() => refusals(A).length === 2, 'two refusals');
    expect(refusals(A)).toEqual(Array(2).fill('PROTOCOL_VIOLATION: no such sum is open'));
    const garbage = { type: 'SECURE_SHARE' as const, purpose: at.purpose, attempt: 0, body: new Uint8Array(300) };
    coordinator.send(A, { run: 'run-1', round: 0, phase: 'statistics' }, garbage);
    await until(() => federation.noticesOf(A, 'sum').length === 1, 'a message before the attempt is open');
    coordinator.openAttempt(A, at, 0, cohort);
    coordinator.send(A, { run: 'run-1', round: 0, phase: 'statistics' }, garbage);
    await until(() => federation.noticesOf(A, 'sum').length === 2, 'garbage in the attempt');
    expect(federation.noticesOf(A, 'sum').map(({ what }) => what)).toEqual([
      'refused: no open attempt 0',
      'refused: not a message of this protocol version',
    ]);
    expect(coordinator.from(A, 'SECURE_SHARE').length).toBe(1); // its keys for the attempt
  });
});
