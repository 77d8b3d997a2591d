/**
 * A coordinator that is killed at any moment and goes on with its run: the same model, and no pod says more than it would have.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allowPlain, Federation, type FederationOptions, plainTask, shortTask } from '../../sim/federation.ts';
import { until } from '../../test/support/world.ts';
import { isKonsilError } from '../base/index.ts';
import { RunControl, type RunEvent, type RunOutcome } from './index.ts';
import { RunJournal } from './journal/index.ts';

let federation: Federation;
afterEach(() => federation.close());

type Moment = (event: RunEvent) => boolean;
const inPhase =
  (phase: string, purpose: 'statistics' | 'update' | 'evaluation' = 'update', awaiting = 4): Moment =>
  (event) =>
    event.type === 'phase' &&
    event.phase === phase &&
    event.purpose === purpose &&
    (purpose !== 'update' || event.completed === 1) &&
    event.awaiting.length <= awaiting;

/** Runs until `moment`, when the coordinator's process is gone; then goes on, as often as there are moments. */
async function killedAt(moments: readonly Moment[], options: FederationOptions = {}): Promise<RunOutcome> {
  federation = await Federation.open(options);
  let resume: { resume?: string } = {};
  for (const moment of moments) {
    const halt = new AbortController();
    federation.onEvent = (event) => {
      if (!halt.signal.aborted && moment(event)) halt.abort();
    };
    await expect(federation.run(undefined, { halt: halt.signal, ...resume })).rejects.toMatchObject({
      code: 'RUN_INTERRUPTED',
    });
    const started = federation.events.find((event) => event.type === 'started');
    resume = { resume: started!.run };
  }
  federation.onEvent = () => undefined;
  return federation.run(undefined, resume);
}

/** What each pod's journal of sums says it released, by round: the survivor sets. */
function released(): Map<string, Set<string>> {
  const sets = new Map<string, Set<string>>();
  for (const pod of federation.running.keys())
    for (const line of readFileSync(join(federation.folder, 'state', pod, 'sums.jsonl'), 'utf8')
      .trim()
      .split('\n')) {
      const fact = JSON.parse(line) as { fact: string; stage?: string; round: number; survivors: string[] };
      if (fact.stage !== 'released') continue;
      const key = `${pod} ${fact.round}`;
      sets.set(key, (sets.get(key) ?? new Set()).add(fact.survivors.join()));
    }
  return sets;
}

let undisturbed: RunOutcome;
beforeAll(async () => {
  federation = await Federation.open();
  undisturbed = await federation.run();
  expect(undisturbed.status).toBe('complete');
  await federation.close();
});

function expectUndisturbed(outcome: RunOutcome): void {
  expect(outcome.reason).toBe('all rounds done');
  expect(outcome.parameters).toEqual(undisturbed.parameters);
  expect(outcome.rounds.map(({ round, survivors, trainingLoss }) => [round, survivors, trainingLoss])).toEqual(
    undisturbed.rounds.map(({ round, survivors, trainingLoss }) => [round, survivors, trainingLoss]),
  );
  expect(outcome.pooled).toEqual(undisturbed.pooled);
  expect(outcome.sites).toEqual(undisturbed.sites);
  expect(outcome.result).toEqual(undisturbed.result);
}

describe('a coordinator that is killed', () => {
  it.each(['training', 'keys', 'shares', 'masked input', 'consistency', 'unmasking'])(
    'as %s begins goes on to the same model, bit for bit',
    async (phase) => {
      const outcome = await killedAt([inPhase(phase)]);
      expectUndisturbed(outcome);
      expect(outcome.interruptions).toBe(1);
      expect([...released().values()].every((sets) => sets.size === 1)).toBe(true);
      // five sums of four pods, each released once
      expect(released().size).toBe(20);
    },
  );

  it('when half of the pods have answered in a phase goes on with their answers', async () => {
    expectUndisturbed(
      await killedAt(
        ['training', 'keys', 'shares', 'masked input', 'consistency', 'unmasking'].map((p) => inPhase(p, 'update', 2)),
      ),
    );
    expect([...released().values()].every((sets) => sets.size === 1)).toBe(true);
    const resumed = federation.events.filter((event) => event.type === 'resumed');
    expect(resumed.map(({ completed, within }) => [completed, within])).toEqual(
      Array.from({ length: 6 }, () => [1, 'update']),
    );
  });

  it('before the first round, and in the evaluation, goes on all the same', async () => {
    expectUndisturbed(await killedAt([inPhase('shares', 'statistics'), inPhase('consistency', 'evaluation')]));
  });

  it('as a pod dies goes on with the survivors that were decided', async () => {
    federation = await Federation.open({
      task: (yaml) =>
        shortTask(yaml).replace(
          '  aggregator:',
          '  deadlines: { join: 600, train: 60, exchange: 20, evaluate: 60 }\n  aggregator:',
        ),
    });
    const halt = new AbortController();
    let isDead = false;
    federation.onEvent = (event) => {
      if (inPhase('masked input')(event) && !isDead) {
        isDead = true;
        federation.kill('hospital-d');
      }
      if (inPhase('consistency')(event)) halt.abort();
    };
    await expect(federation.run(undefined, { halt: halt.signal })).rejects.toMatchObject({ code: 'RUN_INTERRUPTED' });
    const { run } = federation.events.find((event) => event.type === 'started')!;
    const outcome = await federation.run(undefined, { resume: run });
    expect(outcome.reason).toBe('all rounds done');
    const second = outcome.rounds[1]!;
    expect(second.survivors.length + second.dropped.length).toBe(4);
    expect([...released().values()].every((sets) => sets.size === 1)).toBe(true);
  });

  it('in a plain round goes on with the updates it has, and with what its strategy remembers', async () => {
    const task = (yaml: string): string =>
      plainTask(yaml).replace('secure: false', 'secure: false\n    strategy: { name: FedAdam }');
    federation = await Federation.open({ task, pod: allowPlain });
    const whole = await federation.run();
    await federation.close();
    const outcome = await killedAt([inPhase('training', 'update', 4), inPhase('training', 'update', 2)], {
      ...{ task, pod: allowPlain },
    });
    expect(outcome.parameters).toEqual(whole.parameters);
    expect(outcome.rounds.map(({ survivors }) => survivors)).toEqual(whole.rounds.map(({ survivors }) => survivors));
  });
});

describe('a run', () => {
  it('that is over is not gone on with, nor is another task under its name', async () => {
    federation = await Federation.open();
    const { run } = await federation.run();
    await expect(federation.run(undefined, { resume: run })).rejects.toMatchObject({ code: 'RUN_FINISHED' });
    await expect(federation.run(undefined, { resume: 'none' })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    const journal = RunJournal.open(join(federation.task.local.runs, run));
    journal.setStatus('running', '');
    journal.close();
    federation.task = { ...federation.task, protocol: { ...federation.task.protocol, interval: 2 } };
    await expect(federation.run(undefined, { resume: run })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('leaves no vector behind that its state does not need', async () => {
    await killedAt([inPhase('consistency')]);
    const [run] = readdirSync(federation.task.local.runs);
    const files = readdirSync(join(federation.task.local.runs, run!, 'journal')).filter((name) =>
      name.endsWith('.bin'),
    );
    expect(files.length).toBe(2); // model and parameters
  });

  it('pauses when too few pods are left, and goes on when it is told to', async () => {
    federation = await Federation.open({ pods: ['hospital-a', 'hospital-b', 'hospital-c'] });
    const control = new RunControl();
    let isDead = false;
    federation.onEvent = (event) => {
      if (inPhase('keys')(event) && !isDead) {
        isDead = true;
        federation.kill('hospital-c');
      }
    };
    const running = federation.run(undefined, { control, onLoss: 'pause' });
    await until(() => federation.events.some(({ type }) => type === 'paused'), 'a pause', 60_000);
    const paused = federation.events.find((event) => event.type === 'paused')!;
    expect(paused.reason).toContain('only 2 pods are left, 3 are needed');
    const [run] = readdirSync(federation.task.local.runs);
    const journal = RunJournal.open(join(federation.task.local.runs, run!));
    expect(journal.status).toEqual({ status: 'paused', reason: paused.reason });
    journal.close();
    await federation.startPod('hospital-d');
    federation.running.get('hospital-c')!.link.setConnected(true);
    control.resume();
    const outcome = await running;
    expect(outcome.reason).toBe('all rounds done');
    expect(outcome.rounds.length).toBe(3);
  });

  it('pauses between two rounds when it is asked to, and can be cancelled while it does', async () => {
    federation = await Federation.open();
    const control = new RunControl();
    const abort = new AbortController();
    federation.onEvent = (event) => {
      if (event.type === 'round') control.pause('the modeller asked for it');
      if (event.type === 'paused') abort.abort();
    };
    const outcome = await federation.run(abort.signal, { control });
    expect(outcome.error && isKonsilError(outcome.error, 'CANCELLED')).toBe(true);
    expect(outcome.rounds.length).toBe(1);
    expect(outcome.modelFile).not.toBeNull();
    // what was cancelled can be taken up again, by name
    federation.onEvent = () => undefined;
    const [run] = readdirSync(federation.task.local.runs);
    const rest = await federation.run(undefined, { resume: run! });
    expect(rest.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
    expect(rest.parameters).toEqual(undisturbed.parameters);
  });
});
