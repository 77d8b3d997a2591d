/**
 * Parameters that stay at the sites: what is sent, what is kept, and that it is kept over restarts.
 * @module
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Federation, initialOf, shortTask } from '../../../sim/federation.ts';
import type { PodInput } from '../../aggregation/index.ts';
import { float32Of } from '../../base/index.ts';
import { PodWork } from '../../protocols/index.ts';
import { Trainer } from '../../training/index.ts';
import { PersonalModel } from './personalModel.ts';

let federation: Federation | undefined;
const folders: string[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await federation?.close();
  federation = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-personal-'));
  folders.push(folder);
  return folder;
};

describe('the file of local parameters', () => {
  const values = Float32Array.of(1, -2.5, 3e-9);

  it('is the owner’s, and read by the next start', () => {
    const state = newFolder();
    expect(new PersonalModel(state, 'key', 'run-1').load()).toBeNull();
    new PersonalModel(state, 'key', 'run-1').save(values);
    expect(new PersonalModel(state, 'key', 'run-1').load()).toEqual(values);
    expect(new PersonalModel(state, 'other coordinator', 'run-1').load()).toBeNull();
    const [file, ...others] = readdirSync(join(state, 'personal'));
    expect(others).toEqual([]);
    expect(statSync(join(state, 'personal', file!)).mode & 0o777).toBe(0o600);
  });

  it('stays in its folder, whatever the coordinator calls the run', () => {
    const state = newFolder();
    new PersonalModel(state, 'key', '../../../escaped/\u0000run').save(values);
    expect(readdirSync(join(state, 'personal'))).toHaveLength(1);
    expect(readdirSync(state)).toEqual(['personal']);
  });

  it('is refused when it is broken', () => {
    const state = newFolder();
    const model = new PersonalModel(state, 'key', 'run');
    model.save(values);
    const file = join(state, 'personal', readdirSync(join(state, 'personal'))[0]!);
    for (const broken of [readFileSync(file).subarray(0, 5), Buffer.from(Float32Array.of(Number.NaN).buffer)]) {
      writeFileSync(file, broken);
      expect(() => model.load()).toThrow(expect.objectContaining({ code: 'DATA_INVALID' }));
    }
  });
});

describe('a federation with local parameters', () => {
  it('never sends them, keeps each site’s own over a restart, and leaves the site its model', async () => {
    const task = (yaml: string): string =>
      shortTask(yaml).replace(/activation: relu/, "activation: relu\n        local_parameters: ['layers.0.*']");
    const sent: (PodInput & { completed: number })[] = [];
    let restarted: Promise<void> | undefined;
    const honest = PodWork.prototype.update;
    vi.spyOn(PodWork.prototype, 'update').mockImplementation(async function (this: PodWork, given, completed, how) {
      if (completed > 0) await restarted; // it has rounds left to come back in
      const input = await honest.call(this, given, completed, how);
      sent.push({ ...input, completed });
      return input;
    });
    const starts: Float32Array[] = [];
    const train = Trainer.prototype.train;
    vi.spyOn(Trainer.prototype, 'train').mockImplementation(function (this: Trainer, call) {
      starts.push(call.parameters.slice());
      return train.call(this, call);
    });
    federation = await Federation.open({
      task: (yaml) => task(yaml).replace('epochs: 3', 'epochs: 15'),
    });
    const { folder } = federation;
    const filesOf = (pod: string): string[] => {
      const at = join(folder, 'state', pod, 'personal');
      return existsSync(at) ? readdirSync(at).map((name) => join(at, name)) : [];
    };
    let before: Float32Array | undefined;
    federation.onEvent = (event) => {
      if (event.type !== 'round' || event.round !== 1) return;
      federation!.kill('hospital-b');
      before = float32Of(new Uint8Array(readFileSync(filesOf('hospital-b')[0]!)));
      starts.length = 0;
      restarted = federation!.startPod('hospital-b');
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.rounds.at(-1)!.survivors).toContain('hospital-b');
    const first = initialOf(outcome);
    const shared = 16 + 1; // layers.2: from 16 units to one output
    for (const { update } of sent) expect(update).toHaveLength(shared);
    const { stretches } = outcome.facts!.shared!;
    const isShared = (i: number): boolean => stretches.some(({ from, to }) => from <= i && i < to);
    expect(first.filter((_, i) => isShared(i))).toHaveLength(shared);
    // the modeller's model: trained where it is shared, as it began elsewhere
    const moved = [...first.keys()].filter((i) => outcome.parameters![i] !== first[i]);
    expect(moved.every(isShared)).toBe(true);
    expect(moved.length).toBeGreaterThan(shared / 2);
    // the pod that was started again went on from what it had
    const local = starts.map((start) => start.filter((_, i) => !isShared(i)));
    expect(local).toContainEqual(before);
    expect(before).not.toEqual(first.filter((_, i) => !isShared(i)));
    for (const pod of ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'] as const) {
      const [notice] = federation.noticesOf(pod, 'personal');
      expect(filesOf(pod)).toContain(notice!.file);
      expect(notice!.file).toMatch(/\.onnx$/);
    }
  });
});
