import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
  withDeadlines,
} from '../../sim/federation.ts';
import { HostileCoordinator } from '../../test/support/hostileCoordinator.ts';
import { acquainted, until } from '../../test/support/world.ts';
import { exportPublic, generateIdentity } from '../crypto/index.ts';
import { PeerBook } from '../keystore/index.ts';
import type { PodConfig } from '../tasks/index.ts';
import type { MessageOf } from '../wire/index.ts';

/** A value that no message may repeat. */
const SECRET = '4711.0815';

let federation: Federation;
let coordinator: HostileCoordinator | undefined;
const open = async (options?: FederationOptions, prepare?: (federation: Federation) => void): Promise<Federation> => {
  federation = await Federation.open(options, prepare);
  return federation;
};
afterEach(async () => {
  await coordinator?.close();
  coordinator = undefined;
  await federation.close();
});

/** Rewrites the rows (header first) of a pod's CSV file. */
const editCsv =
  (edit: (rows: string[][]) => string[][], pod: PodName = 'hospital-a') =>
  (at: Federation): void => {
    const file = join(at.folder, `data/${pod}.csv`);
    const rows = readFileSync(file, 'utf8').trim().split('\n');
    const edited = edit(rows.map((row) => row.split(',')));
    writeFileSync(file, edited.map((row) => `${row.join(',')}\n`).join(''));
  };
const cells = (column: string, edit: (cell: string, row: number) => string) =>
  editCsv(([header, ...rows]) => {
    const at = header!.indexOf(column);
    return [header!, ...rows.map((row, i) => row.map((cell, j) => (j === at ? edit(cell, i) : cell)))];
  });
const withoutColumn = (column: string, pod?: PodName) =>
  editCsv((rows) => {
    const at = rows[0]!.indexOf(column);
    return rows.map((row) => row.filter((_, j) => j !== at));
  }, pod);
const withPolicy =
  (policy: Partial<PodConfig['policy']>): FederationOptions['pod'] =>
  (_name, config) => ({ ...config, policy: { ...config.policy, ...policy } });

/** What pod a answers to the request of an approved modeller, changed by `edit`. */
async function answerOfA(
  edit?: (request: MessageOf<'JOB_REQUEST'>) => MessageOf<'JOB_REQUEST'>,
): Promise<{ response: string; reason: string }> {
  coordinator = await HostileCoordinator.open(federation);
  const answer = await coordinator.ask('hospital-a', 'run-1', edit);
  expect(answer.type).toBe('JOB_REJECT');
  const { response, reason } = answer as MessageOf<'JOB_REJECT'>;
  expect(reason).not.toContain(SECRET);
  expect(reason).not.toContain(federation.folder); // the site's paths are nobody else's business
  return { response, reason };
}

const predefined = (yaml: string): string =>
  shortTask(yaml).replace(
    /data_splitter: percentage[\s\S]*?seed: \d+\n/,
    'data_splitter: predefined\n      args: { column_name: part }\n',
  );
const splitColumn = (labels: (row: number) => string) =>
  editCsv((rows) => rows.map((row, i) => [...row, i === 0 ? 'part' : labels(i)]));

describe("a pod's data", () => {
  it.each([
    {
      fault: 'a missing file',
      prepare: () => undefined,
      later: () => rmSync(join(federation.folder, 'data/hospital-a.csv')),
      expected: ['NO_DATA', /^dataset "breast-cancer" cannot be read \(FILE_NOT_FOUND\)$/],
      atThePod: /no file .*data\/hospital-a\.csv; expected a CSV file/,
    },
    {
      fault: 'a missing column',
      prepare: withoutColumn('worst_area'),
      expected: ['INCOMPATIBLE_DATASOURCE', /dataset "breast-cancer" does not fit: no column "worst_area"/],
    },
    {
      fault: 'a column without any value',
      prepare: cells('worst_area', () => ''),
      expected: ['INCOMPATIBLE_DATASOURCE', /dataset "breast-cancer": column "worst_area" has no value in any row/],
      atThePod: /data\/hospital-a\.csv: column "worst_area"/,
    },
    {
      fault: 'text among the numbers of a column',
      prepare: cells('worst_area', (cell, row) => (row === 7 ? `${SECRET} mg` : cell)),
      expected: [
        'INCOMPATIBLE_DATASOURCE',
        /dataset "breast-cancer": column "worst_area", line 9: expected a number, or a null value/,
      ],
      atThePod: /data\/hospital-a\.csv: column "worst_area", line 9/,
    },
    {
      fault: 'a class that the task does not know',
      prepare: cells('diagnosis', (cell, row) => (row === 3 ? SECRET : cell)),
      expected: ['INCOMPATIBLE_DATASOURCE', /column "diagnosis" has a value in 1 row .* expected benign, malignant/],
    },
    {
      fault: 'too few rows to train on',
      prepare: editCsv((rows) => rows.slice(0, 2)),
      expected: ['NO_DATA', /no rows are left to train on: 1 rows, 25 % test, 10 % validation/],
    },
    {
      fault: 'no row',
      prepare: editCsv((rows) => rows.slice(0, 1)),
      expected: ['NO_DATA', /^dataset "breast-cancer" cannot be read \(DATA_EMPTY\)$/],
      atThePod: /column names but no rows/,
    },
    {
      fault: 'an empty training split',
      task: predefined,
      prepare: splitColumn(() => 'TEST'),
      expected: ['NO_DATA', /no rows to train on: no row has "TRAIN" in column "part"/],
    },
    {
      fault: 'an unknown label in the split column',
      task: predefined,
      prepare: splitColumn((row) => (row === 5 ? SECRET : 'TRAIN')),
      expected: [
        'INCOMPATIBLE_DATASOURCE',
        /column "part" has another label in 1 row; expected TRAIN, VALIDATION, TEST/,
      ],
    },
  ])('with $fault is refused with what is wrong, and without a value', async ({ expected, task, ...given }) => {
    await open({ pods: ['hospital-a'], ...(task ? { task } : {}) }, given.prepare);
    given.later?.();
    const { response, reason } = await answerOfA();
    expect(response).toBe(expected[0]);
    expect(reason).toMatch(expected[1]!);
    const [told] = federation.noticesOf('hospital-a', 'rejected');
    expect(told).toMatchObject({ run: 'run-1', response });
    expect(told!.reason).toMatch(given.atThePod ?? expected[1]!);
    expect(told!.reason).not.toContain(SECRET);
  });

  it('in a database of several tables is refused for training, before anything connects to it', async () => {
    await open({
      pods: ['hospital-a'],
      pod: (_name, config) => ({
        ...config,
        datasources: [
          {
            ...{ name: 'breast-cancer', datasource: 'OMOPSource', version: 'v5.4' },
            connection: { string: `postgresql://konsil:${SECRET}@127.0.0.1:1/ehr` },
          },
        ],
      }),
    });
    expect(await answerOfA()).toEqual({
      response: 'INCOMPATIBLE_DATASOURCE',
      reason: 'dataset "breast-cancer" is an OMOPSource, a database of several tables; a model trains on one table',
    });
  });

  it('with one class is taken with a warning; its own ROC AUC is undefined, that of all sites is not', async () => {
    await open(
      {},
      editCsv((rows) => rows.filter((row, i) => i === 0 || row.at(-1) === 'benign'), 'hospital-b'),
    );
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.every(({ survivors }) => survivors.length === 4)).toBe(true);
    const site = outcome.sites.find(({ name }) => name === 'hospital-b')!;
    expect(site.metrics['ROC AUC']).toBeNull();
    expect(site.metrics['Accuracy']).toBeGreaterThan(0);
    expect(outcome.pooled!['ROC AUC']!.value).toBeGreaterThan(0.9);
    expect(federation.noticesOf('hospital-b', 'problem').map(({ reason }) => reason)).toContain(
      'dataset "breast-cancer": all rows have the same class of "diagnosis"; this site alone cannot tell classes apart',
    );
  });

  it('broken at one pod, even the first, keeps the other three from nothing', async () => {
    await open();
    writeFileSync(join(federation.folder, 'data/hospital-a.csv'), 'this,is\nnot,the\ntable,that\nwas,here\n');
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(reasons(outcome)).toMatchObject({ 'hospital-b': 'finished', 'hospital-d': 'finished' });
    expect(reasons(outcome)['hospital-a']).toMatch(/^rejected: INCOMPATIBLE_DATASOURCE: .*no column "diagnosis"/);
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([3, 3, 3]);
  });

  it('unreadable, a modeller not approved and a key not pinned: each is named, and the rest runs', async () => {
    const stranger = acquainted(['modeller', 'hospital-d']);
    await open({
      task: withDeadlines('join: 30', plainTask),
      pods: ['hospital-a', 'hospital-b', 'hospital-c'],
      pod: (name, config) => ({
        ...allowPlain(name, config),
        ...(name === 'hospital-c' ? { approvedModellers: [] } : {}),
      }),
    });
    federation.world['hospital-d'] = stranger['hospital-d']; // not the key that the modeller has pinned
    await federation.startPod('hospital-d');
    rmSync(join(federation.folder, 'data/hospital-b.csv'));
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(reasons(outcome)).toEqual({
      'hospital-a': 'finished',
      'hospital-b': 'rejected: NO_DATA: dataset "breast-cancer" cannot be read (FILE_NOT_FOUND)',
      'hospital-c':
        'rejected: NO_ACCESS: this site has not approved modeller "modeller"; its operator adds it to approved_modellers',
      'hospital-d': 'invited: not online: no answer in time',
    });
    expect(outcome.rounds.every(({ survivors }) => survivors.join() === 'hospital-a')).toBe(true);
  });
});

const roster = (request: MessageOf<'JOB_REQUEST'>, pod: string, line: string): MessageOf<'JOB_REQUEST'> => ({
  ...request,
  roster: request.roster.map((entry) => (entry.name === pod ? { ...entry, public: line } : entry)),
});

describe("a site's policy", () => {
  it.each([
    {
      fault: 'a modeller it has not approved',
      pod: (_name: PodName, config: PodConfig) => ({ ...config, approvedModellers: ['somebody-else'] }),
      expected: ['NO_ACCESS', /has not approved modeller "modeller"/],
    },
    {
      fault: 'a task without secure aggregation',
      task: plainTask,
      expected: ['UNAUTHORISED', /only with secure aggregation \(task\.aggregator\.secure: true\)/],
    },
    {
      fault: 'a task of too few pods',
      pod: withPolicy({ minimumCohort: 5 }),
      expected: ['UNAUTHORISED', /task names 4 pods; this site takes part only with 5 or more/],
    },
    {
      fault: 'a task whose sums may get too small',
      pod: withPolicy({ minimumCohort: 4 }),
      expected: ['UNAUTHORISED', /minimum_cohort is 3; this site takes part only in sums of 4 or more/],
    },
    {
      fault: 'a protocol it does not allow',
      pod: withPolicy({ allowedProtocols: ['ResultsOnly'] }),
      expected: ['UNAUTHORISED', /protocol FederatedAveraging is not allowed here; allowed: ResultsOnly/],
    },
    {
      fault: 'a pod it has not approved',
      pod: (_name: PodName, config: PodConfig) => ({ ...config, approvedPods: ['hospital-b', 'hospital-c'] }),
      expected: ['UNAUTHORISED', /has not approved pod "hospital-d"/],
    },
    {
      fault: 'a dataset it does not have',
      edit: (request: MessageOf<'JOB_REQUEST'>) => ({ ...request, dataset: 'x-rays' }),
      expected: ['NO_DATA', /this pod has no dataset "x-rays"/],
    },
    {
      fault: 'a task that is none',
      edit: (request: MessageOf<'JOB_REQUEST'>) => ({ ...request, task: '{"pods":' }),
      expected: ['TASK_SETUP_ERROR', /task does not validate here/],
    },
    {
      fault: 'another key under the name of a pod it knows',
      edit: (request: MessageOf<'JOB_REQUEST'>) => roster(request, 'hospital-c', exportPublic(generateIdentity())),
      expected: ['UNAUTHORISED', /"hospital-c" is pinned to fingerprint .*; this key has/],
    },
    {
      fault: 'another key under its own name',
      edit: (request: MessageOf<'JOB_REQUEST'>) => roster(request, 'hospital-a', exportPublic(generateIdentity())),
      expected: ['UNAUTHORISED', /roster has another key under this pod's name/],
    },
    {
      fault: 'the coordinator itself as a pod',
      edit: (request: MessageOf<'JOB_REQUEST'>) =>
        roster(request, 'hospital-c', exportPublic(federation.world.modeller.identity)),
      expected: ['UNAUTHORISED', /roster names "hospital-c" as a pod; here it is pinned as a modeller/],
    },
    {
      fault: 'a roster without the pod',
      edit: (request: MessageOf<'JOB_REQUEST'>) => ({ ...request, roster: request.roster.slice(1) }),
      expected: ['UNAUTHORISED', /roster does not contain this pod \("hospital-a"\)/],
    },
    {
      fault: 'a pod twice in the roster',
      edit: (request: MessageOf<'JOB_REQUEST'>) => ({ ...request, roster: [...request.roster, request.roster[1]!] }),
      expected: ['UNAUTHORISED', /roster names "hospital-b" twice/],
    },
    {
      fault: 'garbage for a model',
      edit: (request: MessageOf<'JOB_REQUEST'>) => ({ ...request, model: coordinator!.offer(new Uint8Array(99)) }),
      expected: ['TASK_SETUP_ERROR', /model of hospital-a's task/],
    },
  ])('refuses $fault', async ({ expected, edit, pod, task }) => {
    await open({ pods: ['hospital-a'], ...(pod ? { pod } : {}), ...(task ? { task } : {}) });
    const { response, reason } = await answerOfA(edit);
    expect(response).toBe(expected[0]);
    expect(reason).toMatch(expected[1]!);
    const ledger = readFileSync(join(federation.folder, 'state/hospital-a/ledger.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(ledger.at(-1)!)).toMatchObject({ event: 'rejected', modeller: 'modeller' });
  });

  it('refuses a task from a peer that is pinned as a pod', async () => {
    await open({ pods: [] });
    const { identity, peers } = federation.world['hospital-a'];
    const rows = peers.all().map(({ name, line }) => ({ name, role: 'pod' as const, line }));
    federation.world['hospital-a'] = { identity, peers: PeerBook.inMemory(rows) };
    await federation.startPod('hospital-a');
    const { response, reason } = await answerOfA();
    expect([response, reason]).toEqual([
      'INVALID_PROOF_OF_IDENTITY',
      '"modeller" is pinned here as a pod, not as a modeller',
    ]);
  });
});

describe("a pod's own folder", () => {
  it('that cannot be written keeps the pod from starting, and names the file', async () => {
    await open({ pods: [] });
    mkdirSync(join(federation.folder, 'state'));
    writeFileSync(join(federation.folder, 'state/hospital-a'), 'a file where the folder should be');
    await expect(federation.startPod('hospital-a')).rejects.toMatchObject({
      code: 'FILE_WRITE_FAILED',
      message: expect.stringMatching(/state\/hospital-a\/ledger\.jsonl: .*EEXIST|ENOTDIR/),
    });
  });

  it('on a full disk makes it refuse the task, tell both sides and stay up', async () => {
    await open({ pods: [] });
    mkdirSync(join(federation.folder, 'state/hospital-a'), { recursive: true });
    symlinkSync('/dev/full', join(federation.folder, 'state/hospital-a/ledger.jsonl'));
    await federation.startPod('hospital-a');
    const { response, reason } = await answerOfA();
    expect([response, reason]).toEqual(['TASK_SETUP_ERROR', 'the pod could not set the task up']);
    const [told] = federation.noticesOf('hospital-a', 'rejected');
    expect(told!.reason).toMatch(/ledger\.jsonl: ENOSPC.*does not run it/);
    await until(() => federation.noticesOf('hospital-a', 'problem').length > 0, 'a word about the ledger');
    const again = await coordinator!.ask('hospital-a', 'run-2');
    expect(again.type).toBe('JOB_REJECT');
  });
});
