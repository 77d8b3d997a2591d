/** `konsil train --local`: a task on data at hand, without broker and sites. @module */
import { existsSync, readdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { runLocally } from '../../coordinator/index.ts';
import { type DatasourceConfig, openDataset } from '../../datasources/index.ts';
import {
  type LocalTask,
  type PodConfig,
  readPodConfig,
  readTask,
  roundsOf,
  splitIdentifier,
} from '../../tasks/index.ts';
import { DEVICES, type DeviceChoice } from '../../training/index.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { LocalProgressView } from '../render/localProgress.ts';
import { resultOf } from '../result.ts';
import { reportResult } from '../resultFiles.ts';
import { addInputOptions, type InputFlags, taskInputs } from '../taskInputs.ts';
import { wholeNumber } from './shared.ts';

interface Flags extends InputFlags {
  readonly local?: boolean;
  readonly data: string;
  readonly dataset?: string;
  readonly device?: string;
  readonly threads?: string;
  readonly out?: string;
  readonly epochs?: string;
  readonly steps?: string;
  readonly seed?: string;
  readonly json?: boolean;
}

export function addTrainCommand(program: Command): void {
  addInputOptions(program.command('train'))
    .description('try a task on data you hold: trains here, on one dataset, without broker or network')
    .argument('<task.yaml>')
    .option('--local', 'required: training with sites is `konsil run`')
    .requiredOption('--data <file>', 'a pod file, or a CSV file')
    .option('--dataset <name>', 'dataset of the pod file (default: the one the task names, or the only one)')
    .option('--device <list>', `auto, or of ${DEVICES.join(', ')} some in order, with commas`)
    .option('--threads <count>', 'CPU threads that train (default 1)')
    .option('--out <folder>', 'new folder for the results (default: one in the task’s runs)')
    .option('--epochs <count>', 'passes over the data in all, whatever the task says')
    .option('--steps <count>', 'training steps in all, whatever the task says')
    .option('--seed <number>', 'seed of the training, whatever the task says')
    .option('--json', 'one JSON value a line')
    .action(train);
}

async function train(file: string, flags: Flags): Promise<void> {
  if (!flags.local) throw new KonsilError('USAGE', 'give --local to train on this machine; with sites: konsil run');
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const task = withOverrides(await readTask(file, await taskInputs(file, flags)), flags);
  const { site, config, pod } = await chooseData(flags, task);
  const device = flags.device === undefined ? (pod?.device ?? 'auto') : parseDevice(flags.device);
  const threads = flags.threads === undefined ? (pod?.threads ?? 1) : wholeNumber('--threads', flags.threads, 1, 1024);
  const out = flags.out === undefined ? undefined : newFolder(flags.out);
  const { unit, total } = task.training;
  const amount = Math.min(total, task.protocol.interval);
  const perRound = `${amount} ${amount === 1 ? unit.slice(0, -1) : unit}`;
  const view = output.json
    ? null
    : new LocalProgressView({ stream: process.stdout, now: () => performance.now(), perRound });
  const source = await openDataset(config);
  try {
    const outcome = await runLocally({
      ...{ task, source, site, dataset: config.name, device, threads, signal },
      ...(out !== undefined && { out }),
      onEvent: (event) => {
        output.value(event);
        view?.show(event);
      },
    });
    const result = resultOf(task, outcome, null);
    reportResult(output, outcome.folder, task, result);
    if (outcome.error) throw outcome.error;
  } finally {
    source.close();
  }
}

/** The task with another budget or seed; a round trains as large a part of the budget as before. */
function withOverrides(task: LocalTask, { epochs, steps, seed }: Flags): LocalTask {
  if (epochs !== undefined && steps !== undefined) throw new KonsilError('USAGE', 'give --epochs or --steps, not both');
  const training =
    seed === undefined ? task.training : { ...task.training, seed: wholeNumber('--seed', seed, 0, 0xffffffff) };
  const given = epochs ?? steps;
  if (given === undefined) return { ...task, training };
  const unit = epochs === undefined ? 'steps' : 'epochs';
  const total = wholeNumber(`--${unit}`, given, 1, 1_000_000);
  const isSame = unit === training.unit;
  const interval = isSame ? task.protocol.interval : Math.ceil(total / roundsOf(task));
  return { ...task, training: { ...training, unit, total }, protocol: { ...task.protocol, interval } };
}

interface ChosenData {
  readonly site: string;
  readonly config: DatasourceConfig;
  readonly pod?: PodConfig;
}

/** The dataset of a pod file, or a data file by itself. */
async function chooseData({ data, dataset }: Flags, task: LocalTask): Promise<ChosenData> {
  if (!existsSync(data)) throw new KonsilError('FILE_NOT_FOUND', `--data ${data}: no such file`, { file: data });
  if (!/\.ya?ml$/i.test(data)) {
    const name = basename(data);
    return { site: 'this machine', config: { name, datasource: 'CSVSource', path: resolve(data) } };
  }
  const pod = await readPodConfig(data);
  const named = task.pods.map(splitIdentifier).find((entry) => entry.pod === pod.name)?.dataset;
  const wanted = dataset ?? named ?? (pod.datasources.length === 1 ? pod.datasources[0]!.name : undefined);
  const config = pod.datasources.find(({ name }) => name === wanted);
  if (config !== undefined) return { site: pod.name, config, pod };
  const names = pod.datasources.map(({ name }) => name).join(', ');
  throw new KonsilError(
    'CONFIG_INVALID',
    `${data}: ${wanted === undefined ? 'several datasets; choose one with --dataset' : `no dataset "${wanted}"`}; there are ${names}`,
  );
}

function parseDevice(text: string): DeviceChoice {
  if (text === 'auto') return text;
  const names = text.split(',').map((name) => name.trim());
  const isDevice = (name: string): name is (typeof DEVICES)[number] => DEVICES.some((known) => known === name);
  if (!names.every(isDevice))
    throw new KonsilError('USAGE', `--device ${text}: expected auto, or of ${DEVICES.join(', ')} some, with commas`);
  return names;
}

/** Results of two runs must not mix. */
function newFolder(folder: string): string {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new KonsilError('USAGE', `--out ${folder}: is not empty, expected a new folder`);
  return resolve(folder);
}
