import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  allowPlain,
  Federation,
  type FederationOptions,
  type PodName,
  plainTask,
  reasons,
  shortTask,
} from '../../sim/federation.ts';

let federation: Federation;
const open = async (options?: FederationOptions): Promise<Federation> => {
  federation = await Federation.open(options);
  return federation;
};
afterEach(() => federation.close());

describe('a federated run', () => {
  it('trains, evaluates and writes everything needed to audit it', async () => {
    await open();
    const outcome = await federation.run();
    expect(reasons(outcome)).toEqual(
      Object.fromEntries(['a', 'b', 'c', 'd'].map((x) => [`hospital-${x}`, 'finished'])),
    );
    expect(outcome.status).toBe('complete');
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
    expect(outcome.rounds.at(-1)!.trainingLoss!).toBeLessThan(outcome.rounds[0]!.trainingLoss!);
    expect(outcome.pooled!['ROC AUC']!.value).toBeGreaterThan(0.9);
    expect(outcome.sites.map(({ name }) => name)).toEqual(['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d']);
    for (const file of ['model.onnx', 'task.json', 'events.jsonl', 'checkpoints/best.onnx', 'checkpoints/last.onnx'])
      expect(existsSync(join(outcome.folder, file)), file).toBe(true);
    const events = readFileSync(join(outcome.folder, 'events.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.at(0).type).toBe('started');
    expect(events.at(-1)).toMatchObject({ type: 'finished', status: 'complete' });
  });

  it('trains a built-in logistic regression', async () => {
    await open({
      task: (yaml) =>
        shortTask(yaml)
          .replace('builtin:mlp', 'builtin:logistic_regression')
          .replace(/ *(hidden_layers|activation): .*\n/g, ''),
    });
    const outcome = await federation.run();
    expect(outcome.status).toBe('complete');
    expect(outcome.parameters).toHaveLength(31);
    expect(outcome.rounds.at(-1)!.trainingLoss!).toBeLessThan(outcome.rounds[0]!.trainingLoss!);
  });

  it('gives the same model to the bit when it is repeated', async () => {
    await open();
    const first = await federation.run();
    const second = await federation.run();
    expect(second.run).not.toBe(first.run);
    expect(second.parameters).toEqual(first.parameters);
  });

  it('averages securely within the stated bound of the plain average', async () => {
    const oneRound = (yaml: string): string => yaml.replace(/epochs: 3/, 'epochs: 1');
    await open({ task: (yaml) => oneRound(shortTask(yaml)) });
    const secure = await federation.run();
    await federation.close();
    await open({ task: (yaml) => oneRound(plainTask(yaml)), pod: allowPlain });
    const plain = await federation.run();
    expect(plain.status).toBe('complete');
    // float32 parameters near 1 have a half step of 6e-8 of their own, twice
    const bound = secure.secure!.bound + 2 * 6e-8;
    let worst = 0;
    secure.parameters!.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - plain.parameters![i]!))));
    expect(worst).toBeLessThanOrEqual(bound);
    expect(worst).toBeGreaterThan(0); // two ways of summing: equal to the bit would mean one of them did not run
  });

  // before, with and after its input; test/faults has every phase
  it.each(['shares', 'masked input', 'consistency'])(
    'goes on with the right sum when a pod is lost in %s',
    async (phase) => {
      await open();
      federation.onEvent = (event) => {
        if (event.type === 'phase' && event.purpose === 'update' && event.completed === 1 && event.phase === phase)
          federation.kill('hospital-d');
      };
      const outcome = await federation.run();
      expect(outcome.status, outcome.reason).toBe('complete');
      const [, second, third] = outcome.rounds;
      expect(second!.dropped.map(({ pod }) => pod)).toEqual(['hospital-d']);
      expect(third!.survivors).toEqual(['hospital-a', 'hospital-b', 'hospital-c']);
      // its input counts exactly when it had been uploaded before the pod was lost
      const uploaded = phase === 'consistency';
      expect(second!.survivors.length).toBe(uploaded ? 4 : 3);
      expect(second!.trainingRows).toBe(uploaded ? outcome.rounds[0]!.trainingRows : third!.trainingRows);
      expect(reasons(outcome)['hospital-d']).toContain('lost');
    },
  );

  it('takes a pod back at the next round after it was killed and restarted', async () => {
    await open({ task: (yaml) => shortTask(yaml).replace('epochs: 3', 'epochs: 600') });
    const isBack = new AbortController(); // the rounds after that show nothing more
    let restarted: Promise<void> | undefined;
    federation.onEvent = (event) => {
      if (event.type === 'phase' && event.purpose === 'update' && event.completed === 1 && event.phase === 'keys')
        federation.kill('hospital-b');
      if (event.type !== 'round') return;
      if (event.round === 2) restarted = federation.startPod('hospital-b');
      else if (event.round > 2 && event.survivors.includes('hospital-b')) isBack.abort();
    };
    const outcome = await federation.run(isBack.signal);
    await restarted;
    expect(outcome.rounds.map(({ survivors }) => survivors.length).slice(0, 2)).toEqual([4, 3]);
    expect(outcome.rounds.at(-1)!.survivors, outcome.reason).toContain('hospital-b');
  });

  it('ends with a reason, and tells the pods, when too few are left', async () => {
    await open();
    const lost: PodName[] = ['hospital-c', 'hospital-d'];
    federation.onEvent = (event) => {
      if (event.type === 'round' && event.round === 1) for (const name of lost) federation.kill(name);
    };
    const outcome = await federation.run();
    expect(outcome.status).toBe('aborted');
    expect(outcome.error?.code).toBe('COHORT_TOO_SMALL');
    expect(outcome.reason).toContain('hospital-c lost');
    expect(existsSync(join(outcome.folder, 'model.onnx'))).toBe(true); // what round 1 learned is kept
    const ended = federation.notices.filter(({ notice }) => notice.type === 'ended').map(({ pod }) => pod);
    expect(ended.sort()).toEqual(['hospital-a', 'hospital-b']);
  });

  it('survives a broker that restarts in the middle of a round', async () => {
    await open();
    let restarts = 0;
    federation.onEvent = (event) => {
      if (event.type !== 'phase' || event.purpose !== 'update' || event.phase !== 'shares' || restarts > 0) return;
      restarts++;
      federation.broker.stop();
      setTimeout(() => federation.broker.start(), 50);
    };
    const outcome = await federation.run();
    expect(restarts).toBe(1);
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
  });

  it('lets a pod leave whenever its site says so', async () => {
    await open();
    let stopped: Promise<void> | undefined;
    federation.onEvent = (event) => {
      if (event.type === 'round' && event.round === 1)
        stopped = federation.running.get('hospital-a')!.pod.stop('maintenance');
    };
    const outcome = await federation.run();
    await stopped;
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(reasons(outcome)['hospital-a']).toBe('left: CANCELLED: maintenance');
    expect(outcome.rounds.at(-1)!.survivors).toEqual(['hospital-b', 'hospital-c', 'hospital-d']);
  });

  it('stops when the modeller cancels, with what it has on disk and the pods free again', async () => {
    await open({ task: (yaml) => shortTask(yaml).replace('epochs: 3', 'epochs: 500') });
    const cancel = new AbortController();
    federation.onEvent = (event) => {
      if (event.type === 'round' && event.round === 2) cancel.abort();
    };
    const outcome = await federation.run(cancel.signal);
    expect(outcome).toMatchObject({ status: 'aborted', error: { code: 'CANCELLED' } });
    expect(existsSync(join(outcome.folder, 'model.onnx'))).toBe(true);
    expect(federation.notices.filter(({ notice }) => notice.type === 'ended').length).toBe(4);
  });

  it('shows the broker nothing: no name, no value, no label, in any message of a whole run', async () => {
    await open();
    const outcome = await federation.run();
    const needles = [
      'hospital',
      'modeller',
      'breast-cancer',
      'malignant',
      'diagnosis',
      'mean_radius',
      'ROUND_START',
      'SECURE_SHARE',
      outcome.run,
    ];
    expect(federation.broker.log.length).toBeGreaterThan(200);
    for (const { topic, payload } of federation.broker.log) {
      const text = `${topic} ${Buffer.from(payload).toString('latin1')}`;
      for (const needle of needles) expect(text.includes(needle), needle).toBe(false);
      expect(topic).toMatch(/^konsil\/1\/(in|up)\/[\w-]{22}$/);
    }
  });
});
