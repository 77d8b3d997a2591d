import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  allowPlain,
  Federation,
  type FederationOptions,
  hastyClock,
  type PodName,
  plainTask,
  reasons,
  shortTask,
  soloTask,
  withDeadlines,
} from '../../sim/federation.ts';
import { type Behaviour, HostilePod } from '../../test/support/hostilePod.ts';
import { isKonsilError } from '../base/index.ts';
import { randomBytes } from '../crypto/index.ts';
import { PeerBook } from '../keystore/index.ts';
import { NonceChain } from '../protocols/index.ts';
import { parseTask } from '../tasks/index.ts';
import { builtinMlp } from '../training/index.ts';
import { decodeModel, encodeModel } from '../training/onnx/proto.ts';
import { type Clock, connectMqtt } from '../transport/index.ts';
import { presenceTopic } from '../wire/index.ts';
import type { RunEvent, RunOutcome } from './index.ts';

let federation: Federation;
const hostile: HostilePod[] = [];
const open = async (options?: FederationOptions): Promise<Federation> => {
  federation = await Federation.open(options);
  return federation;
};
const turn = async (name: PodName, behaviour: Behaviour): Promise<HostilePod> => {
  hostile.push(await HostilePod.open(federation, name, behaviour));
  return hostile.at(-1)!;
};
afterEach(async () => {
  await Promise.all(hostile.splice(0).map((pod) => pod.close()));
  await federation?.close();
});

const droppedFrom = (pod: string): string[] =>
  federation.events.flatMap((event) =>
    event.type === 'dropped' && event.pod === pod ? [`${event.phase}: ${event.reason}`] : [],
  );
const survivors = (outcome: RunOutcome): string[] =>
  outcome.rounds.map((round) => round.survivors.map((name) => name.at(-1)).join(''));
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (isKonsilError(error) ? `${error.code}: ${error.message}` : String(error)),
  );

/** Commitments as any pod sends them. */
const commitments = new NonceChain(randomBytes).commitments();

describe('a hostile pod', () => {
  it('in a secure run is dropped for each thing it does, and the others go on', async () => {
    await open({ pods: ['hospital-a', 'hospital-b', 'hospital-c'], task: withDeadlines('train: 30', shortTask) });
    let sum: ReturnType<HostilePod['joinStatistics']>;
    const pod = await turn('hospital-d', {
      onRound: (context, { purpose, completed }) => {
        if (purpose === 'update' && completed === 1) {
          // all but what it was asked for
          for (let done = 0; done < 500; done++) pod.send(context, { type: 'PROGRESS', done, total: 2 });
          pod.send(context, { type: 'TRAINING_COMPLETE', purpose: 'evaluation', commitments });
          pod.send({ ...context, round: context.round + 1 }, { type: 'TRAINING_COMPLETE', purpose, commitments });
          pod.send({ ...context, run: 'another' }, { type: 'TRAINING_COMPLETE', purpose, commitments });
        } else if (purpose === 'update' && completed === 2)
          pod.send(context, { type: 'JOB_REJECT', response: 'NO_ACCESS', reason: 'changed \u001b[2J my mind' });
        else pod.send(context, { type: 'TRAINING_COMPLETE', purpose, commitments });
      },
      onOpen: (context, { purpose, attempt, cohort }) => {
        const body = new Uint8Array(200).fill(9);
        if (purpose === 'statistics') {
          sum = pod.joinStatistics(context, 4);
          sum.open(attempt, cohort);
        } else {
          pod.send(context, { type: 'SECURE_SHARE', purpose, attempt: attempt + 1, body });
          pod.send(context, { type: 'SECURE_SHARE', purpose, attempt, body });
        }
      },
      onShare: (_context, { purpose, attempt, body }) => {
        if (purpose === 'statistics') sum.receive(attempt, body);
      },
    });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(survivors(outcome)).toEqual(['abc', 'abc', 'abc']);
    // on a busy machine the others may be late too, and the round is then repeated: each reason counts once
    expect([...new Set(droppedFrom('hospital-d'))]).toEqual([
      expect.stringMatching(/^masked input: rejected: masked vector of 4 bytes, its manifest promises \d+$/),
      'keys: rejected: not a message of this protocol version',
      'training: no answer in time',
      'training: NO_ACCESS: changed  [2J my mind', // what would have cleared the terminal is gone
    ]);
    expect(reasons(outcome)['hospital-d']).toBe('rejected: NO_ACCESS: changed  [2J my mind');
  });

  it('in a plain run is dropped for each thing it sends, and the others go on', async () => {
    await open({
      task: withDeadlines('train: 30, exchange: 5', plainTask),
      ...{ pods: ['hospital-a', 'hospital-b'], pod: allowPlain },
    });
    const numbers = (count: number, value: number): Uint8Array =>
      new Uint8Array(new Float64Array(count).fill(value).buffer);
    const inputBytes = 4 * 513 + 8 * 5;
    const filled = (update: number, weight: number, extra: number): Uint8Array => {
      const bytes = new Uint8Array(inputBytes);
      bytes.set(new Uint8Array(new Float32Array(513).fill(update).buffer));
      bytes.set(new Uint8Array(Float64Array.of(weight, extra, 1, 1, 1).buffer), 4 * 513);
      return bytes;
    };
    const script = (
      pod: () => HostilePod,
      inputs: Record<string, () => ReturnType<HostilePod['offer']>>,
    ): Behaviour => ({
      onRound: (context, { purpose, completed }) => {
        if (purpose === 'evaluation')
          pod().send(context, {
            type: 'EVALUATION_RESULTS',
            rows: 9e15,
            metrics: { Accuracy: 1e308, '\u001b[31mBest': 1 },
          });
        const input = inputs[purpose === 'update' ? `update ${completed}` : purpose]!();
        pod().send(context, { type: 'TRAINING_UPDATE', purpose, input });
      },
    });
    const c: HostilePod = await turn(
      'hospital-c',
      script(() => c, {
        statistics: () => c.offer(numbers(91, Number.NaN)),
        'update 0': () => c.offer(new Uint8Array(inputBytes), 'nothing'),
        'update 1': () => c.offer(filled(Number.POSITIVE_INFINITY, 10, 1)),
        'update 2': () => c.offer(filled(0, 10, 1e300)),
        evaluation: () => ({ id: '0'.repeat(64), bytes: 2 ** 50 }),
      }),
    );
    const d: HostilePod = await turn(
      'hospital-d',
      script(() => d, {
        statistics: () => d.offer(numbers(90, 1)),
        'update 0': () => d.offer(new Uint8Array(inputBytes), new Uint8Array(inputBytes).fill(1)),
        'update 1': () => d.offer(filled(0, -3, 1)),
        'update 2': () => d.offer(filled(0, 2.5, 1)),
        evaluation: () => d.offer(new Uint8Array(8)),
      }),
    );
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(survivors(outcome)).toEqual(['ab', 'ab', 'ab']);
    const notShown = 'site metrics: its own metrics are none that a site can have, and are not shown';
    expect(droppedFrom('hospital-c')).toEqual([
      'update: pod hospital-c: a metric is not a number below 2^64',
      expect.stringMatching(/^update: chunk 0 of a blob did not come within \d+ ms$/),
      'update: pod hospital-c: update contains a number that is not finite',
      'update: pod hospital-c: a metric is not a number below 2^64',
      notShown,
      expect.stringMatching(/^update: blob of 1125899906842624 bytes announced, at most \d+ expected$/),
    ]);
    expect(droppedFrom('hospital-d')).toEqual([
      'update: pod hospital-d: input has 720 bytes, expected 728',
      'update: blob does not hash to its reference',
      expect.stringMatching(/pod hospital-d: weight -3 is not a whole number/),
      expect.stringMatching(/pod hospital-d: weight 2.5 is not a whole number/),
      notShown,
      expect.stringMatching(/^update: pod hospital-d: input has 8 bytes, expected \d+$/),
    ]);
    expect(outcome.sites.map(({ name }) => name)).toEqual(['hospital-a', 'hospital-b']);
    expect(outcome.pooled!['ROC AUC']!.value).toBeGreaterThan(0.9);
  });

  it('whose schema is garbage, though it is the first, is left out and named', async () => {
    await open({
      pods: ['hospital-b'],
      task: (yaml) => plainTask(yaml).replace(/ {4}- hospital-[cd]\/.*\n/g, ''),
      pod: allowPlain,
    });
    await turn('hospital-a', { schema: '{"columns": [{"name": 7}], "rowCount": "many"}' });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(reasons(outcome)).toEqual({
      'hospital-a': 'rejected: PROTOCOL_VIOLATION: not a schema of a dataset',
      'hospital-b': 'finished',
    });
  });
});

describe("a modeller's mistakes", () => {
  const withModel = (bytes: Uint8Array): Promise<RunOutcome> => {
    writeFileSync(join(federation.folder, 'model.onnx'), bytes);
    const yaml = readFileSync(join(federation.folder, 'task.yaml'), 'utf8');
    const file = join(federation.folder, 'task.yaml');
    const text = soloTask(yaml)
      .replace('builtin:mlp', './model.onnx')
      .replace(/\n +(hidden_layers|activation):.*/g, '');
    federation.task = parseTask(text, file);
    return federation.run();
  };
  const mlp = (inputs: number): Uint8Array =>
    builtinMlp({ inputs, hidden: [4], outputs: 1, activation: 'relu', seed: 1 });

  it('in the model are found before any pod is asked, and say which input or operator', async () => {
    await open({ pods: ['hospital-a'], pod: allowPlain });
    const narrow = await withModel(mlp(7));
    expect(narrow.error?.code).toBe('MODEL_MISMATCH');
    expect(narrow.reason).toMatch(
      /model\.onnx: model expects \[batch, 7\] on input "x", the task's columns make 30 values a row/,
    );
    const model = decodeModel(mlp(30), 'mlp');
    const relu = model.graph.node.find(({ opType }) => opType === 'Relu')!;
    relu.opType = 'NonMaxSuppression';
    relu.name = 'odd one';
    const unsupported = await withModel(encodeModel(model));
    expect(unsupported.error?.code).toBe('MODEL_UNSUPPORTED');
    expect(unsupported.reason).toMatch(
      /model\.onnx: operators the trainer does not support: NonMaxSuppression \(node "odd one"\)/,
    );
    const torn = await withModel(mlp(30).subarray(0, 100));
    expect(torn.reason).toMatch(/^MODEL_INVALID: .*model\.onnx/);
    expect(federation.noticesOf('hospital-a', 'request')).toEqual([]);
  });

  it('in the list of pods are found before anything starts', async () => {
    await open({ pods: [] });
    const file = join(federation.folder, 'task.yaml');
    const yaml = shortTask(readFileSync(file, 'utf8'));
    expect(() => parseTask(yaml.replace('hospital-b/', 'hospital-a/'), file)).toThrow(
      /hospital-a\/breast-cancer is listed twice/,
    );
    federation.task = parseTask(yaml.replace('hospital-b/breast-cancer', 'hospital-a/other'), file);
    expect(await codeOf(federation.run())).toBe(
      'CONFIG_INVALID: pods.identifiers names pod "hospital-a" twice; one dataset of a pod takes part in a run',
    );
    federation.task = parseTask(yaml.replace('hospital-b/', 'clinic-x/'), file);
    expect(await codeOf(federation.run())).toMatch(/^PEER_UNKNOWN: no pinned key for pod clinic-x; join them first/);
    const { identity, peers } = federation.world.modeller;
    const rows = peers.all().map(({ name, line }) => ({
      name,
      line,
      role: name === 'hospital-b' ? ('modeller' as const) : ('pod' as const),
    }));
    federation.world.modeller = { identity, peers: PeerBook.inMemory(rows) };
    federation.task = parseTask(yaml, file);
    expect(await codeOf(federation.run())).toMatch(/^PEER_UNKNOWN: hospital-b is pinned as a modeller, not as a pod/);
  });
});

describe('a second process with an identity that is in use', () => {
  it('is turned away, whether pod or coordinator, and the run does not notice', async () => {
    await open({ task: (yaml) => shortTask(yaml).replace('epochs: 3', 'epochs: 10') });
    const twins: Promise<string>[] = [];
    const presence: number[] = [];
    const { id } = federation.world['hospital-b'].identity.public;
    const watcher = federation.broker.connect('watcher');
    await watcher.subscribe(presenceTopic(id), (bytes) => presence.push(bytes[0]!));
    federation.onEvent = (event) => {
      if (event.type !== 'round' || event.round !== 1) return;
      const own = federation.running.get('hospital-b')!;
      twins.push(codeOf(federation.startPod('hospital-b').finally(() => federation.running.set('hospital-b', own))));
      twins.push(codeOf(federation.run()));
    };
    const outcome = await federation.run();
    const inUse = /^IDENTITY_IN_USE: another running process uses this identity; one identity is one process$/;
    for (const twin of await Promise.all(twins)) expect(twin).toMatch(inUse);
    expect(twins.length).toBe(2);
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(new Set(survivors(outcome))).toEqual(new Set(['abcd']));
    // the twin came and said goodbye; the pod said at once that it is still there
    expect(presence.slice(0, 4)).toEqual([1, 1, 0, 1]);
    const lost = federation.events.filter((event) => event.type === 'member' && event.state === 'lost');
    expect(lost).toEqual([]);
  });
});

describe('a disk that is full', () => {
  const atRound =
    (round: number, action: (folder: string) => void) =>
    (event: RunEvent): void => {
      if (event.type !== 'round' || event.round !== round) return;
      const run = federation.events.find(({ type }) => type === 'started') as Extract<RunEvent, { type: 'started' }>;
      action(join(federation.folder, 'runs', run.run));
    };

  it('ends the run with the name of the file, tells the pods and keeps what was written', async () => {
    await open({ task: soloTask, pod: allowPlain, pods: ['hospital-a'] });
    let before = '';
    federation.onEvent = atRound(1, (folder) => {
      before = readFileSync(join(folder, 'events.jsonl'), 'utf8');
      writeFileSync(join(folder, 'events.before'), before);
      rmSync(join(folder, 'events.jsonl'));
      symlinkSync('/dev/full', join(folder, 'events.jsonl'));
    });
    const outcome = await federation.run();
    expect(outcome).toMatchObject({ status: 'aborted', error: { code: 'FILE_WRITE_FAILED' } });
    expect(outcome.reason).toMatch(/^FILE_WRITE_FAILED: .*events\.jsonl: ENOSPC.*nothing written before is lost$/);
    expect(federation.noticesOf('hospital-a', 'ended')).toMatchObject([
      { how: 'aborted', reason: 'PROTOCOL: the coordinator ended the run: FILE_WRITE_FAILED' },
    ]);
    expect(before).toContain('"started"');
    for (const file of ['task.json', 'model.onnx', 'checkpoints/last.onnx', 'checkpoints/best.onnx'])
      expect(existsSync(join(outcome.folder, file)), file).toBe(true);
    expect(outcome.rounds.length).toBeLessThan(3);
  });

  it('or a folder that goes away in the last moment is the reason that is reported', async () => {
    await open({ task: soloTask, pod: allowPlain, pods: ['hospital-a'] });
    federation.onEvent = atRound(3, (folder) => {
      rmSync(folder, { recursive: true });
      writeFileSync(folder, 'a file where the folder was');
    });
    const outcome = await federation.run();
    expect(outcome.status).toBe('aborted');
    expect(outcome.reason).toMatch(/^FILE_WRITE_FAILED: .*(events\.jsonl|checkpoints|model\.onnx).*: E/);
    expect(outcome.modelFile).toBeNull();
    expect(outcome.parameters).not.toBeNull(); // the caller still has what was learned
  });
});

describe('clocks', () => {
  it('that are hours apart and jump do not matter', async () => {
    const hour = 3_600_000;
    let jumps = 0;
    const clock = (name: PodName | 'modeller'): Clock => ({
      now: () =>
        hastyClock.now() +
        ('modeller abcd'.indexOf(name.at(-1)!) - 5) * hour +
        (jumps % 2 === 0 ? -1 : 1) * jumps * hour,
      after: hastyClock.after,
    });
    await open({ clock });
    federation.onEvent = (event) => {
      if (event.type === 'phase') jumps++;
    };
    const outcome = await federation.run();
    expect(jumps).toBeGreaterThan(20);
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(survivors(outcome)).toEqual(['abcd', 'abcd', 'abcd']);
  });
});

describe('a broker that is down', () => {
  it('is named when it does not answer', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    await new Promise((resolve) => server.close(resolve)); // a port that was free a moment ago
    expect(await codeOf(connectMqtt({ url: `mqtt://user:pass@127.0.0.1:${port}` }, 'konsil/1/up/x'))).toMatch(
      new RegExp(`^BROKER_UNREACHABLE: broker mqtt://127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*is it running\\?$`),
    );
  });
});
