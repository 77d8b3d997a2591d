/** `konsil run`: the modeller's side of a task, from invitation to report. @module */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { abortControllerForMany, KonsilError } from '../../base/index.ts';
import { ControlServer } from '../../control/index.ts';
import {
  interruptedRun,
  newRunId,
  RunBoard,
  RunControl,
  type RunEvent,
  readRun,
  runFederated,
  serveRun,
} from '../../coordinator/index.ts';
import { PeerBook } from '../../keystore/index.ts';
import type { RunResult } from '../../reports/index.ts';
import {
  isAnalysis,
  type LocalAnalysis,
  type LocalTask,
  type PodConfig,
  readAnyTask,
  readPodConfig,
} from '../../tasks/index.ts';
import { Channel, systemClock } from '../../transport/index.ts';
import { askQuestion } from '../ask.ts';
import { blobStoreOptions } from '../blobStore.ts';
import { compareWithAlternatives } from '../comparison.ts';
import { type BrokerFlags, brokerAddress, connectAs, openIdentity } from '../environment.ts';
import { cancelOnSignals, cancelOrHaltOnSignals, Output } from '../output.ts';
import { ProgressView } from '../render/progress.ts';
import { resultOf } from '../result.ts';
import { reportResult } from '../resultFiles.ts';
import { addInputOptions, type InputFlags, taskInputs } from '../taskInputs.ts';
import { addBrokerOptions } from './shared.ts';

type Flags = BrokerFlags &
  InputFlags & {
    readonly json?: boolean;
    readonly compare?: string[];
    readonly plain?: boolean;
    readonly transcript?: boolean;
    readonly resume?: string;
    readonly fresh?: boolean;
    readonly onLoss?: string;
  };

export function addRunCommand(program: Command): void {
  addInputOptions(addBrokerOptions(program.command('run')))
    .description(
      'run a task: invite its pods, train, evaluate, write model and report; goes on with a run that was interrupted',
    )
    .argument('[task.yaml]', 'not needed with --resume')
    .option('--resume <run>', 'go on with this run: its folder, or its name below the runs of the task')
    .option('--fresh', 'start a new run even when one of this task was interrupted')
    .option('--on-loss <pause|abort>', 'what to do when too few pods are left', 'pause')
    .option('--plain', 'sum without masks, whatever the task says (pods may refuse)')
    .option(
      '--compare <pod.yaml...>',
      'studies on data you hold yourself: also train on each site alone and on all rows',
    )
    .option(
      '--transcript',
      "keep what is public of each secure sum, for `konsil verify transcript`, in the run's folder",
    )
    .option('--json', 'one JSON value a line')
    .action(async (file: string | undefined, flags: Flags) => {
      const onLoss = flags.onLoss ?? 'pause';
      if (onLoss !== 'pause' && onLoss !== 'abort')
        throw new KonsilError('USAGE', `--on-loss ${onLoss}: expected pause or abort`);
      if (file === undefined && (flags.set || flags.values !== undefined || flags.ask))
        throw new KonsilError('USAGE', '--set, --values and --ask are for a task file; a run goes on with its values');
      const question = file === undefined ? undefined : await readAnyTask(file, await taskInputs(file, flags));
      if (question && isAnalysis(question)) return ask(question, flags);
      const { task, resume } = await taskAndRun(question, flags);
      const { cancel, halt } = cancelOrHaltOnSignals();
      const compare = await Promise.all((flags.compare ?? []).map((pod) => readPodConfig(pod)));
      const output = new Output(flags.json ?? false);
      const options = { flags, compare, signal: cancel, halt, output, onLoss } as const;
      await runTask(task, resume === undefined ? options : { ...options, resume });
    });
}

/** A task that trains nothing: it has no run to go on with, and nothing to compare. */
async function ask(task: LocalAnalysis, flags: Flags): Promise<void> {
  const training = ['resume', 'fresh', 'compare', 'plain', 'onLoss'] as const;
  const given = training.find((name) => flags[name] !== undefined && !(name === 'onLoss' && flags.onLoss === 'pause'));
  if (given !== undefined)
    throw new KonsilError(
      'USAGE',
      `--${given === 'onLoss' ? 'on-loss' : given} is for tasks that train; this one asks`,
    );
  await askQuestion(task, { flags, output: new Output(flags.json ?? false), signal: cancelOnSignals() });
}

/** The task to run, and the run to go on with when one is named. */
async function taskAndRun(
  read: LocalTask | undefined,
  { resume, plain, fresh }: Flags,
): Promise<{ readonly task: LocalTask; readonly resume?: string }> {
  if (resume !== undefined && (fresh || plain))
    throw new KonsilError('USAGE', '--resume goes on with a run as it was begun; --fresh and --plain are for new ones');
  if (read === undefined && resume === undefined)
    throw new KonsilError('USAGE', 'expected a task file, or --resume with a run');
  const task = read && plain ? { ...read, aggregator: { ...read.aggregator, secure: false } } : read;
  if (resume === undefined) return { task: task! };
  const folder = task && !existsSync(resume) ? join(task.local.runs, resume) : resolve(resume);
  const known = readRun(folder);
  // where a run is now is where it is gone on with, whoever has moved it
  return { task: { ...known.task, local: { ...known.task.local, runs: dirname(folder) } }, resume: basename(folder) };
}

/** What a run on the command line needs beyond the task. */
export interface RunTaskOptions {
  readonly flags: Flags;
  readonly compare: readonly PodConfig[];
  readonly signal: AbortSignal;
  /** Stops the run where it is, to be gone on with. */
  readonly halt?: AbortSignal;
  /** The run to go on with. @default the latest of this task that was interrupted, or else a new one */
  readonly resume?: string;
  /** @default 'abort' */
  readonly onLoss?: 'pause' | 'abort';
  readonly output: Output;
  readonly onEvent?: (event: RunEvent) => void;
}

/**
 * Runs a task and writes its results.
 * @throws KonsilError the run's own error when it did not complete; whatever it produced is on disk by then.
 */
export async function runTask(task: LocalTask, options: RunTaskOptions): Promise<RunResult> {
  const { flags, compare, signal, output } = options;
  if (flags.transcript && !task.aggregator.secure)
    throw new KonsilError('USAGE', '--transcript: this run sums without masks, and there is nothing to keep');
  const identity = await openIdentity(task.local.identity);
  const peers = PeerBook.read(task.local.identity);
  const link = await connectAs(identity, brokerAddress(task.local.broker, flags, identity), signal);
  const channel = await Channel.open({ link, identity, peers, clock: systemClock });
  let control: ControlServer | null = null;
  try {
    const traffic = (): number =>
      peers
        .all()
        .reduce(
          (n, { public: { id } }) => n + channel.trafficWith(id).sentBytes + channel.trafficWith(id).receivedBytes,
          0,
        );
    const board = new RunBoard(() => performance.now());
    const view = output.json
      ? null
      : new ProgressView({ stream: process.stdout, traffic, now: () => performance.now() });
    // no other process has this identity, or the channel would not be open: what is not over was interrupted
    const resume = options.resume ?? (flags.fresh ? undefined : interruptedRun(task, identity.public.id)?.run);
    if (resume !== undefined && options.resume === undefined)
      output.line(`run ${resume} of this task was interrupted and goes on; --fresh starts a new one`);
    const run = resume ?? newRunId();
    control = await ControlServer.open(join(task.local.runs, run));
    const cancelled = abortControllerForMany();
    const steering = new RunControl();
    serveRun(control, { board, control: steering, cancel: () => cancelled.abort() });
    const outcome = await runFederated({
      ...{ task, identity, peers, channel, clock: systemClock, control: steering },
      ...(task.local.blobStore && { store: blobStoreOptions(task.local.blobStore) }),
      signal: AbortSignal.any([signal, cancelled.signal]),
      ...(options.halt && { halt: options.halt }),
      ...(resume === undefined ? { run } : { resume }),
      onLoss: options.onLoss ?? 'abort',
      transcript: flags.transcript ?? false,
      onEvent: (event) => {
        board.see(event);
        output.value(event);
        view?.show(event);
        options.onEvent?.(event);
      },
    });
    const comparison =
      compare.length > 0 && outcome.status === 'complete'
        ? await compareWithAlternatives(outcome, compare, signal)
        : null;
    const result = resultOf(task, outcome, comparison);
    reportResult(output, outcome.folder, task, result);
    if (outcome.status !== 'complete') throw outcome.error ?? new KonsilError('RUN_ABORTED', outcome.reason);
    return result;
  } finally {
    await control?.close();
    await channel.close();
  }
}
