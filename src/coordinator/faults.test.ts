import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions, reasons, shortTask } from '../../test/support/federation.ts';
import { HostilePod } from '../../test/support/hostilePod.ts';
import { exportPublic, generateIdentity } from '../crypto/index.ts';
import { PeerBook } from '../keystore/index.ts';
import { Channel, systemClock } from '../transport/index.ts';
import { presenceTopic } from '../wire/index.ts';

let federation: Federation;
afterEach(() => federation.close());
const open = async (options?: FederationOptions): Promise<void> => {
  federation = await Federation.open(options);
};
const honest = ['hospital-a', 'hospital-b', 'hospital-c'] as const;
const plain: FederationOptions = {
  pods: honest,
  task: (yaml) => shortTask(yaml).replace('secure: true', 'secure: false'),
  pod: (_name, config) => ({ ...config, policy: { ...config.policy, requireSecureAggregation: false } }),
};

describe('a pod that lies', () => {
  it.each(['NaN', 'wrong length', 'negative weight', 'no blob'] as const)(
    'plain mode: %s in its update drops it with a reason, and the run goes on',
    async (lie) => {
      await open(plain);
      const liar = await HostilePod.join(federation, 'hospital-d', lie);
      const outcome = await federation.run();
      await liar.close();
      expect(outcome.status, outcome.reason).toBe('complete');
      expect(liar.lies).toBeGreaterThan(0);
      for (const { survivors, dropped } of outcome.rounds) {
        expect(survivors).toEqual([...honest]);
        expect(dropped.map(({ pod }) => pod)).toEqual(['hospital-d']);
      }
      expect(outcome.parameters!.every(Number.isFinite)).toBe(true);
    },
    120_000,
  );

  it.each(['garbage', 'wrong length'] as const)(
    'secure mode: %s instead of its messages loses it the round, and the others go on',
    async (lie) => {
      await open({ pods: honest });
      const liar = await HostilePod.join(federation, 'hospital-d', lie);
      const outcome = await federation.run();
      await liar.close();
      expect(outcome.status, outcome.reason).toBe('complete');
      expect(liar.lies).toBeGreaterThan(0);
      for (const { survivors } of outcome.rounds) expect(survivors).toEqual([...honest]);
    },
    120_000,
  );
});

describe('identities', () => {
  it('a pod whose key nobody pinned is as good as absent', async () => {
    await open({ pods: honest });
    const stranger = generateIdentity();
    const link = federation.broker.connect(presenceTopic(stranger.public.id));
    const peers = PeerBook.inMemory([
      { name: 'modeller', role: 'modeller', line: exportPublic(federation.world.modeller.identity) },
    ]);
    const channel = await Channel.open({ link, identity: stranger, peers, clock: systemClock });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(reasons(outcome)['hospital-d']).toMatch(/not online/);
    await channel.close();
  });

  it('two processes with one identity: the second is refused, pod or coordinator', async () => {
    await open();
    await expect(federation.startPod('hospital-a')).rejects.toMatchObject({ code: 'IDENTITY_IN_USE' });
    let second: Promise<unknown> | undefined;
    federation.onEvent = (event) => {
      if (event.type === 'round' && event.round === 1) second ??= federation.run().catch((error: unknown) => error);
    };
    const outcome = await federation.run();
    expect(await second).toMatchObject({ code: 'IDENTITY_IN_USE' });
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.length).toBe(3);
  });

  it('a pod named twice in a task', async () => {
    await open({
      task: (yaml) => shortTask(yaml).replace('hospital-b/breast-cancer', 'hospital-a/breast-cancer'),
    }).then(
      async () => {
        await expect(federation.run()).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('hospital-a'),
        });
      },
      (error: unknown) =>
        expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('hospital-a') }),
    );
  });

  it('a roster that gives a pod another key than the one it has pinned', async () => {
    await open();
    const { peers } = federation.world['hospital-a'];
    peers.unpin('hospital-b');
    peers.pin('hospital-b', 'pod', exportPublic(generateIdentity()));
    const outcome = await federation.run();
    expect(reasons(outcome)['hospital-a']).toMatch(/rejected: UNAUTHORISED: "hospital-b" is pinned to fingerprint/);
    expect(outcome.status, outcome.reason).toBe('complete');
  });
});

describe('machines', () => {
  it('a full disk in the run folder ends the run, names the file and frees the pods', async () => {
    await open();
    let folder = '';
    federation.onEvent = (event) => {
      if (event.type === 'started') folder = join(federation.task.local.runs, event.run);
      if (event.type !== 'round' || event.round !== 1) return;
      rmSync(join(folder, 'events.jsonl'));
      symlinkSync('/dev/full', join(folder, 'events.jsonl')); // every write fails with ENOSPC
    };
    const outcome = await federation.run();
    expect(outcome).toMatchObject({ status: 'aborted', error: { code: 'FILE_WRITE_FAILED' } });
    expect(outcome.reason).toMatch(/events\.jsonl: ENOSPC/);
    expect(federation.notices.filter(({ notice }) => notice.type === 'ended').length).toBe(4);
    expect(outcome.modelFile).not.toBeNull(); // what was learned is kept
  });

  it('a pod that cannot write its ledger does not run tasks', async () => {
    await open({ pods: honest });
    const file = join(federation.folder, 'not-a-folder');
    writeFileSync(file, '');
    await federation.close();
    await open({
      pod: (name, config) => (name === 'hospital-a' ? { ...config, state: join(file, 'x') } : config),
      pods: [],
    });
    await expect(federation.startPod('hospital-a')).rejects.toMatchObject({ code: 'FILE_WRITE_FAILED' });
  });

  it('clocks that are hours apart make no difference', async () => {
    const hours = { 'hospital-a': 5, 'hospital-b': -9, 'hospital-c': 0, 'hospital-d': 200 };
    await open({ clockSkewMs: (name) => hours[name] * 3_600_000 });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4]);
  });
});
