/**
 * A long run in which pods, coordinator and broker are killed every few seconds: it completes, and every round is what a
 * replay makes of its survivors. `npm run test:soak`; `KONSIL_SOAK_SEED` and `KONSIL_SOAK_ROUNDS` choose another one.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { seededRng } from '../../src/base/index.ts';
import { type AgreedTask, recallAgreed } from '../../src/coordinator/agreedTask.ts';
import { RunJournal } from '../../src/coordinator/journal/index.ts';
import { openDataset } from '../../src/datasources/index.ts';
import { trainerOptions, updateParameters } from '../../src/protocols/index.ts';
import type { RunResult } from '../../src/reports/index.ts';
import { Trainer } from '../../src/training/index.ts';
import { decodeModel } from '../../src/training/onnx/proto.ts';
import { decodeTensor } from '../../src/training/onnx/tensor.ts';
import { compareRound, ReferenceSite } from '../faults/reference.ts';
import { introduceParties, type PartyName, PODS } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';
import { Supervised } from './supervisor.ts';

const SEED = Number(process.env['KONSIL_SOAK_SEED'] ?? 1);
const ROUNDS = Number(process.env['KONSIL_SOAK_ROUNDS'] ?? 50);
/**
 * From a program's return to the next kill, at random between so many times what the return took: seconds on an idle machine,
 * and on a busy one enough that something happens in between.
 */
const KILL_AFTER = [1, 3] as const;
const LEAST_MS = 1_500;
/** How often somebody else is killed before the last one is back. */
const TWO_AT_ONCE = 0.15;
/** What programs say when they are up. */
const UP = ['listening', 'ready', 'resumed', 'started'];

let example: ReturnType<typeof exampleCopy>;
let all: Supervised[] = [];
afterEach(async () => {
  await Promise.all(all.map((one) => one.stop()));
  await killAll();
  example.remove();
});

it(`completes ${ROUNDS} rounds, and each is right`, async () => {
  example = exampleCopy(ROUNDS);
  const { folder } = example;
  const file = join(folder, 'task.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/( +)checkpoint_filename/, '$1checkpoint_every_round: true\n$1checkpoint_filename'));
  const parties = introduceParties(folder);
  const konsil = (who: PartyName, ...args: string[]): Konsil =>
    new Konsil([...args, '--json'], { cwd: folder, env: { KONSIL_BROKER_PASSWORD: parties[who].password } });

  let port = '0';
  const broker = new Supervised('broker', () =>
    konsil('researcher', 'broker', '--port', port, '--users', 'users.json'),
  );
  all = [broker];
  const url = String((await broker.present!.until({ type: 'listening' }))['url']);
  port = new URL(url).port; // the one that everybody knows from now on
  const pods = PODS.map((name) => new Supervised(name, () => konsil(name, 'pod', `${name}.yaml`, '--broker', url)));
  all.push(...pods);
  await Promise.all(pods.map(({ present }) => present!.until({ type: 'ready' })));
  const coordinator = new Supervised(
    'coordinator',
    () => konsil('researcher', 'run', 'task.yaml', '--broker', url),
    (code) => code === 0,
  );
  all.push(coordinator);
  await coordinator.present!.until({ type: 'started' });

  let returnMs = LEAST_MS;
  const rng = seededRng(SEED, 'soak');
  while (!coordinator.isDone) {
    const [least, most] = KILL_AFTER;
    await Promise.race([sleep(returnMs * (least + rng() * (most - least))), coordinator.done]);
    const victim = all[Math.floor(rng() * all.length)]!;
    if (coordinator.isDone) break;
    const { length } = victim.lives;
    const killedAt = performance.now();
    victim.kill();
    if (rng() < TWO_AT_ONCE) continue;
    await victim.isBack(length, UP);
    returnMs = Math.max(LEAST_MS, performance.now() - killedAt);
    // a run that waits for somebody to look at it is looked at
    if (!coordinator.isDone && coordinator.present?.values.at(-1)?.['type'] === 'paused') coordinator.kill();
  }
  const [run] = readdirSync(join(folder, 'runs')) as [string];
  const verdict = await replay(folder, join(folder, 'runs', run));
  const kills = all.map(({ name, kills }) => `${name} ${kills}`).join(', ');
  process.stdout.write(
    `\nsoak, seed ${SEED}: ${verdict.rounds} of ${ROUNDS} rounds, ${verdict.lost} lost; killed: ${kills}\n`,
  );
  process.stdout.write(
    `largest difference ${verdict.worst.toPrecision(3)} of its bound; survivors ${verdict.survivors}\n`,
  );
  expect(readdirSync(join(folder, 'runs'))).toEqual([run]);
  expect(verdict.rounds + verdict.lost).toBe(ROUNDS);
  expect(verdict.worst).toBeLessThanOrEqual(1);
});

interface Replayed {
  readonly rounds: number;
  readonly lost: number;
  /** Largest difference of any round as a share of what it may be. */
  readonly worst: number;
  /** How many rounds had how many. */
  readonly survivors: string;
}

/** Trains every round again, each from the checkpoint before it. */
async function replay(folder: string, runFolder: string): Promise<Replayed> {
  const result = JSON.parse(readFileSync(join(runFolder, 'result.json'), 'utf8')) as RunResult;
  expect(result.status, result.reason ?? '').toBe('complete');
  const journal = RunJournal.open(runFolder);
  const agreed = (await recallAgreed(journal, Trainer.create, new AbortController().signal))!;
  const { standardiser, known, completed } = journal.state() as {
    readonly completed: number;
    readonly known: Parameters<typeof updateParameters>[1];
    readonly standardiser: { readonly mean: Uint8Array; readonly scale: Uint8Array };
  };
  journal.close();
  const { resolved, facts } = agreed;
  const { task } = resolved;
  const trainer = await Trainer.create(trainerOptions(task, resolved.model, resolved.source));
  const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
  const scaling = { mean: floats(standardiser.mean), scale: floats(standardiser.scale) };
  const sites = new Map<string, ReferenceSite>();
  for (const pod of PODS) {
    const path = join(folder, 'data', `${pod}.csv`);
    const source = await openDataset({ name: 'breast-cancer', datasource: 'CSVSource', path });
    sites.set(pod, await ReferenceSite.open(source, { task, facts, trainer, standardiser: scaling }));
    source.close();
  }
  const secure = updateParameters(task, known);
  let start = agreed.parameters;
  let worst = 0;
  const sizes = new Map<number, number>();
  for (const { round, survivors } of result.rounds) {
    const end = checkpointOf(runFolder, round, agreed);
    const updates = await Promise.all(survivors.map((pod) => sites.get(pod)!.train(start, round - 1)));
    const share = compareRound({ start, end, updates, secure, clip: secure.clip });
    if (!(share <= worst)) worst = share;
    sizes.set(survivors.length, (sizes.get(survivors.length) ?? 0) + 1);
    start = end;
  }
  await trainer.close();
  const survivors = [...sizes].map(([size, times]) => `${size}: ${times}`).join(', ');
  return { rounds: result.rounds.length, lost: completed - result.rounds.length, worst, survivors };
}

/** The parameters in the model file of a round. */
function checkpointOf(runFolder: string, round: number, { layout }: AgreedTask): Float32Array {
  const name = `round-${String(round).padStart(4, '0')}.onnx`;
  const { graph } = decodeModel(readFileSync(join(runFolder, 'checkpoints', name)), name);
  const parameters = new Float32Array(layout.length);
  for (const entry of layout.entries) {
    const proto = graph.initializer.find((one) => one.name === entry.name)!;
    parameters.set(decodeTensor(proto, name).data as Float32Array, entry.offset);
  }
  return parameters;
}
